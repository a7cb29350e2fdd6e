#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The face of mxcctl: its help, its manual and both completions say the same, and it exits as the manual says.

usage: mxcctl.py SOURCE MXCCTL MXCCTL-VERBS

Beside each comparison stand small changes that somebody could make by mistake: it must complain of every one of them. TAP on
standard output.
"""

import contextlib
import functools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE, FRONT, WHOLE = Path(sys.argv[1]), os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3])
MAN, BASH, ZSH = "client/mxcctl.1", "client/completions/mxcctl.bash", "client/completions/_mxcctl"
NOUNS = ("agent", "policy")


class Tree:
    def __init__(self, changes=()):
        self.changes = dict(changes)

    def __getitem__(self, path):
        return self.changes.get(path) or (SOURCE / path).read_text()

    def changed(self, path, old, new):
        text = self[path]
        if old not in text:
            raise SystemExit(f"{path} has no {old!r} to change; mend the test")
        return Tree({path: text.replace(old, new, 1)})


def run(*words, program=WHOLE, **how):
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "SYSTEMD_COLORS")}
    environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
    return subprocess.run([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, env=environment, **how)


@functools.lru_cache(None)
def help_of(verb):
    answer = run(*verb.split(), "--help")
    return answer.stdout if answer.returncode == 0 and not answer.stderr else ""


def verbs_in(text):
    return [v for v in re.findall(r"^  ([a-z][a-z-]*)(?: |$)", text, re.M)]


def all_verbs():
    return verbs_in(help_of("")) + [f"{n} {v}" for n in NOUNS for v in verbs_in(help_of(n))]


def options_of(verb):
    return set(re.findall(r"^  (?:-\w,|   ) --([a-z-]+)", help_of(verb), re.M))


def valued_options_of(verb):
    """Whose value may be the next word: as they are typed."""
    return [o for pair in re.findall(r"^  (?:(-\w),|   ) (--[a-z-]+)=", help_of(verb), re.M) for o in pair if o]


def differences(what, got, wanted):
    got, wanted = set(got), set(wanted)
    if got - wanted:
        yield f"{what}: too much: {' '.join(sorted(got - wanted))}"
    if wanted - got:
        yield f"{what}: missing: {' '.join(sorted(wanted - got))}"


def check_help(_):
    if len(all_verbs()) < 25:
        yield f"only {len(all_verbs())} verbs"
    for verb in all_verbs():
        text = help_of(verb)
        if not text.startswith(f"mxcctl {verb} [OPTION"):
            yield f"mxcctl {verb} --help begins with {text[:40]!r}"
        if verb in ("run", "exec") and run(verb, "--help", program=FRONT).stdout != text:
            yield f"mxcctl {verb} --help is not the same in both programs"
        if any(len(line) > 109 for line in text.splitlines()):
            yield f"mxcctl {verb} --help is wide"


def check_manual(tree):
    page = re.sub(r'^\.\\".*$', "", tree[MAN], flags=re.M)
    told = set(re.findall(r"^\.It Cm ((?:agent |policy )?[a-z-]+)", page, re.M))
    yield from differences("verbs in the manual", told, [v for v in all_verbs() if v not in NOUNS])
    wanted = set().union(*(options_of(v) for v in ["", *all_verbs()]))
    yield from differences("options in the manual", re.findall(r"^\.It.*Fl Fl ([a-z-]+)", page, re.M), wanted)
    for verb in all_verbs():
        if verb in NOUNS:
            continue
        rest = page[page.index(f".It Cm {verb}"):] if f".It Cm {verb}" in page else ""
        section = re.split(r"^\.(?:Ss|Sh) ", rest, maxsplit=1, flags=re.M)[0]
        common = page[page.index(".Sh OPTIONS"):page.index(".Sh ENVIRONMENT")]
        for option in options_of(verb):
            if f"Fl Fl {option}" not in section and f"Fl Fl {option}" not in common and verb != "exec":
                yield f"the manual does not tell of mxcctl {verb} --{option}"


def complete(script, *words):
    line = "source /dev/stdin; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _mxcctl; printf '%s\\n' \"${COMPREPLY[@]}\""
    answer = subprocess.run(["bash", "-c", line, "bash", *words], input=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False)
    return set(answer.stdout.split()) if not answer.stderr else {answer.stderr}


def check_bash(tree):
    script = tree[BASH]
    yield from differences("bash: verbs", complete(script, "mxcctl", ""), verbs_in(help_of("")))
    for noun in NOUNS:
        yield from differences(f"bash: verbs of {noun}", complete(script, "mxcctl", noun, ""), verbs_in(help_of(noun)))
    for verb in all_verbs():
        yield from differences(f"bash: options of {verb}", complete(script, "mxcctl", *verb.split(), "--"), {f"--{o}" for o in options_of(verb)})
        for option in valued_options_of(verb):
            if "--help" in complete(script, "mxcctl", *verb.split(), option, "--"):
                yield f"bash: the word behind mxcctl {verb} {option} is taken for an option"
    events = set(re.findall(r'X\(\w+, "([^"]+)", "[0-9a-f]{32}"', tree["common/audit-event.h"]))
    yield from differences("bash: events", complete(script, "mxcctl", "audit", "--event", "=", ""), events)
    yield from differences("bash: decisions", complete(script, "mxcctl", "audit", "--event", "=", "exit", "--decision", ""), ("allow", "deny", "none"))
    yield from differences("bash: a beginning", complete(script, "mxcctl", "kill", "--whom=all", "--si"), {"--signal"})
    yield from differences("bash: behind options", complete(script, "mxcctl", "--host", "x", "policy", "ex"), {"explain"})
    yield from differences("bash: a command of run", {"bash"} & complete(script, "mxcctl", "run", "-t", "--", "bash"), {"bash"})
    yield from differences("bash: no options of ours behind run's command", complete(script, "mxcctl", "run", "true", "--ag"), {""} - {""})


def zsh_body(text, name):
    match = re.search(rf"^{re.escape(name)}\(\) (?:\{{ ([^\n]*) \}}$|\{{\n(.*?)^\}}$)", text, re.M | re.S)
    return (match.group(1) or match.group(2)) if match else ""


def zsh_options(text, body):
    """The long options in a function, with those of the lists that it uses."""
    found = set(re.findall(r"--([a-z-]+)(?=[=,}\[])", body))
    for name in re.findall(r"\$(help|asks|object|table|command)\b", body):
        array = re.search(rf"^        {name}=\((.*?\))$", text, re.M | re.S)
        found |= zsh_options(text, array.group(1).replace(f"${name}", "")) if array else set()
    return found


# A zsh on a terminal. Whatever is offered for what stands on the line is written down, one by one, and then what the line has become.
ZSH_SETUP = r"""
PS1='ready> ' LISTMAX=10000; unset zle_bracketed_paste; setopt no_beep no_auto_menu; fpath=($PWD $fpath)
autoload -Uz compinit && compinit -u -D
zstyle ':completion:*' menu no
compadd() {
        local -a offered
        [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] || { builtin compadd -A offered "$@"; print -rl -- $offered >>offered }
        builtin compadd "$@"
}
tell() { print -r -- "$BUFFER" >line.new; command mv line.new line; BUFFER= }
zle -N tell; bindkey '^X^T' tell; bindkey '^I' complete-word
print -n >offered; print up >line
"""


class Zsh:
    """With the completion that script is."""

    def __init__(self, script):
        self.place = tempfile.TemporaryDirectory()
        self.dir = Path(self.place.name)
        (self.dir / "_mxcctl").write_text(script)
        (self.dir / ".zshrc").write_text(ZSH_SETUP)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.dir)
            os.execvpe("zsh", ["zsh", "-d", "-i"], {"PATH": os.environ["PATH"], "HOME": str(self.dir), "ZDOTDIR": str(self.dir),
                                                    "TERM": "dumb", "LC_ALL": "C.UTF-8"})
        self.line()

    def line(self):
        """What it has written there, which it then forgets. Its screen is read meanwhile, as somebody at it would."""
        file, screen = self.dir / "line", b""
        for _ in range(3000):
            while select.select([self.fd], [], [], 0.02)[0]:
                screen += os.read(self.fd, 65536)
            if file.exists():
                text = file.read_text().rstrip("\n")
                file.unlink()
                return text
        raise SystemExit(f"zsh does not answer: {screen[-2000:]!r}")

    def complete(self, line):
        """What is offered at the end of that line, and what the line is when the key has been pressed."""
        (self.dir / "offered").write_text("")
        os.write(self.fd, line.encode() + b"\t\x18\x14")
        after = self.line()
        return set((self.dir / "offered").read_text().split()), after

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.place.cleanup()


def check_zsh_at_work(tree):
    """The same as of bash: what is offered to somebody who presses the key."""
    with contextlib.closing(Zsh(tree[ZSH])) as zsh:
        yield from differences("zsh offers: verbs", zsh.complete("mxcctl ")[0], verbs_in(help_of("")))
        for noun in NOUNS:
            yield from differences(f"zsh offers: verbs of {noun}", zsh.complete(f"mxcctl {noun} ")[0], verbs_in(help_of(noun)))
        for verb in all_verbs():
            if verb not in NOUNS:
                offered = {o.rstrip("=") for o in zsh.complete(f"mxcctl {verb} --")[0]}
                yield from differences(f"zsh offers: options of {verb}", offered, {f"--{o}" for o in options_of(verb)})
        events = re.findall(r'X\(\w+, "([^"]+)", "[0-9a-f]{32}"', tree["common/audit-event.h"])
        if "zsh" not in zsh.complete("mxcctl run -- zsh")[0]:
            yield "zsh offers no command behind mxcctl run --"
        yield from differences("zsh offers: events", zsh.complete("mxcctl audit --event ")[0], events)
        yield from differences("zsh offers: decisions", zsh.complete("mxcctl audit --decision=")[0], ("allow", "deny", "none"))
        for typed, wanted in (("mxcctl fre", "mxcctl freeze "), ("mxcctl agent rev", "mxcctl agent revoke "), ("mxcctl run --cl", "mxcctl run --clamp "),
                              ("mxcctl --host x policy ex", "mxcctl --host x policy explain "), ("mxcctl run -- mxcctl fre", "mxcctl run -- mxcctl freeze "),
                              ("mxcctl run mxcctl fre", "mxcctl run mxcctl freeze "), ("mxcctl exec x -- mxcctl fre", "mxcctl exec x -- mxcctl freeze "),
                              ("mxcctl run true --ag", "mxcctl run true --ag")):
            line = zsh.complete(typed)[1]
            if line != wanted:
                yield f"zsh makes {line!r} of {typed!r}, not {wanted!r}"


def check_zsh(tree):
    text = tree[ZSH]
    for noun, function in (("", "_mxcctl"), *((n, f"_mxcctl_{n}") for n in NOUNS)):
        yield from differences(f"zsh: verbs of {function}", re.findall(r"'([a-z-]+):", zsh_body(text, function)[zsh_body(text, function).index("verbs=("):]),
                               verbs_in(help_of(noun)))
    for verb in all_verbs():
        body = zsh_body(text, "_mxcctl_" + verb.replace(" ", "_"))
        if verb not in NOUNS:
            yield from differences(f"zsh: options of {verb}", zsh_options(text, body), options_of(verb))
    events = re.findall(r'X\(\w+, "([^"]+)", "[0-9a-f]{32}"', tree["common/audit-event.h"])
    yield from differences("zsh: events", re.search(r"_values -s , event ([a-z -]+)'", text).group(1).split(), events)


STATUSES = [  # command line, exit status, what stands in the complaint
    (["--version"], 0, ""), (["-V"], 0, ""), (["--no-pager", "--version"], 0, ""), (["list", "--version"], 2, "unknown option --version"), (["--help"], 0, ""), (["agent", "--help"], 0, ""),
    ([], 2, "which verb?"), (["lsit"], 2, "did you mean list?"), (["policy", "shwo", "x"], 2, "did you mean show?"),
    (["list", "--jsn"], 2, "did you mean --json?"), (["list", "--json=loud"], 2, "pretty, short or off"), (["list", "x"], 2, "takes no arguments"),
    (["show"], 2, "takes SANDBOX"), (["kill", "--signal=NO", "x"], 2, "no such signal"), (["kill"], 2, "which sandbox?"),
    (["list"], 2, "system bus"), (["--host", "x", "run", "true"], 125, "ssh x mxcctl run"),
    (["run"], 125, "no command"), (["run", "--timeout=soon", "true"], 125, "a span of time"), (["run", "--timeout=31d", "true"], 125, "30 days"),
    (["run", "--label=x", "true"], 125, "KEY=VALUE"), (["run", "--nonsense", "true"], 125, "unknown option"),
    (["run", "--json=loud", "true"], 125, "pretty, short or off"),
    (["run", "--workspace=/nonexistent", "true"], 125, "cannot find the workspace"), (["run", "--policy=/nonexistent", "true"], 125, "cannot read the policy"),
    (["run", "true"], 125, "cannot reach mxcd"), (["exec"], 125, "no sandbox"), (["exec", "x"], 125, "no command"), (["exec", "x", "--"], 125, "no command"),
    (["audit", "--since=soon"], 2, "a time is like"), (["audit", "--event=spawn,nonsense"], 2, "no such event"), (["audit", "--decision=perhaps"], 2, "allow, deny or none"),
    (["audit", "--event="], 2, "no such event"), (["audit", "--event=spawn,"], 2, "no such event"), (["audit", "--sandbox="], 2, "it is an id"),
    (["audit", "--directory=/sys/kernel"], 2, "there is no journal in /sys/kernel"),
    (["run", f"--policy={SOURCE}/tests/data/policy/bad/not-utf8.json", "true"], 125, "it is not UTF-8"),
    (["policy", "explain", f"{SOURCE}/tests/data/policy/bad/not-utf8.json", "read", "/"], 2, "it is not UTF-8"),
    (["policy", "check", "/nonexistent"], 2, "cannot read the policy"), (["policy", "diff", "x"], 2, "takes OLD NEW"),
    (["top", "--order=age"], 2, "cpu, memory, tasks or io"), (["policy", "explain", "x", "read", "--port=70000"], 2, "65535"),
]


def check_statuses(_):
    for program in (FRONT, WHOLE):
        for words, status, complaint in STATUSES:
            answer = run(*words, program=program)
            if answer.returncode != status or complaint not in answer.stderr:
                yield f"{Path(program).name} {' '.join(words)}: {answer.returncode}, not {status}: {answer.stderr!r}"
            elif status != 0 and any(not line.startswith("mxcctl: ") for line in answer.stderr.splitlines()):
                yield f"{Path(program).name} {' '.join(words)}: not a sentence of mxcctl's: {answer.stderr!r}"


def policy(*words):
    answer = run("policy", *words, cwd=SOURCE / "policy-schema/policies")
    return answer.returncode, answer.stdout, answer.stderr


def check_policies_without_mxcd(_):
    """check and diff do their part alone, and say what they leave out."""
    status, out, err = policy("check", "workspace.json", "developer.json", "locked.json")
    if (status, out) != (0, "All of them are good.\n") or "mxcd cannot be asked" not in err:
        yield f"good policies: {status} {out!r} {err!r}"
    bad = SOURCE / "tests/data/policy/bad/path-dotdot.json"
    status, out, err = policy("check", str(bad))
    if status != 1 or not re.fullmatch(rf"{re.escape(str(bad))}:1:\d+: error: /filesystem/readonlyPaths/0: .*\n", out):
        yield f"a bad policy: {status} {out!r}"
    status, out, err = policy("check", str(SOURCE / "tests/data/policy/good/name-a.json"))
    if status != 0 or "under no other name" not in err:
        yield f"a policy of another name than the file's: {status} {out!r} {err!r}"
    for what, cure in (("comma", "is there a comma before it?"), ("comment", "there are no comments in it")):
        status, out, err = policy("check", str(SOURCE / f"tests/data/policy/bad/not-json-{what}.json"))
        if status != 1 or cure not in out:
            yield f"a {what} too much: {status} {out!r} {err!r}"
    with open("/dev/full", "w", encoding="utf-8") as full:
        for words in (["policy", "check", str(SOURCE / "policy-schema/policies/locked.json")], ["policy", "check", "--json", str(bad)]):
            answer = subprocess.run([WHOLE, *words], stdout=full, stderr=subprocess.PIPE, text=True, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}, check=False)
            if answer.returncode != 2 or "cannot write the output" not in answer.stderr:
                yield f"{words} to a full disk: {answer.returncode} {answer.stderr!r}"
    status, out, err = policy("translate", str(SOURCE / "tests/data/mxc-config/sdk-0.8.0.json"))
    if status != 0 or json.loads(out)["schema"] != "mxc-policy/1" or err:
        yield f"a configuration of MXC: {status} {out!r} {err!r}"
    status, out, err = policy("translate", str(SOURCE / "tests/data/mxc-config/start-legacy.json"))
    if status != 1 or out or "a 'start' request has no policy" not in err:
        yield f"a configuration that has no policy: {status} {out!r} {err!r}"
    status, out, err = policy("check", str(SOURCE / "tests/data/mxc-config/sdk-0.8.0.json"))
    if status != 1 or "mxcctl policy translate makes one of it" not in out:
        yield f"a configuration as a policy: {status} {out!r} {err!r}"
    status, out, err = policy("diff", "workspace.json", "./locked.json")
    if status != 0 or "allows nothing that the old one does not" not in out:
        yield f"a narrower policy: {status} {out!r} {err!r}"
    status, out, err = policy("diff", "locked.json", "workspace.json")
    if status != 1 or "The new one is wider: /filesystem/" not in out or '+ /filesystem/readwritePaths: "${workspace}"' not in out:
        yield f"a wider policy: {status} {out!r} {err!r}"
    status, out, err = policy("diff", "locked.json", "locked.json")
    if (status, out) != (0, "Both are the same.\n"):
        yield f"the same policy: {status} {out!r} {err!r}"


HARMFUL = {
    check_help: [],
    check_manual: [
        (MAN, ".It Cm thaw Ar", ".It Cm melt Ar"),
        (MAN, ".It Fl Fl clamp", ".It Fl Fl cut"),
        (MAN, ".It Fl s , Fl Fl signal", ".It Fl s , Fl Fl sig"),
        (MAN, ".It Cm agent kill Ar agent\nEnd everything it runs, by SIGKILL.\n", ""),
    ],
    check_bash: [
        (BASH, "freeze thaw agent", "freeze agent"),
        (BASH, "--agent --policy --workspace", "--agent --workspace"),
        (BASH, '[agent revoke]="--reason $asks"', '[agent revoke]="$asks"'),
        (BASH, "'list show check explain diff translate'", "'list show check explain'"),
        (BASH, "adopt lost stuck daemon gap", "adopt lost daemon"),
        (BASH, " --from --amount --value ", " --from --value "),
        ("common/audit-event.h", '"thaw"', '"melt"'),
    ],
    check_zsh: [
        (ZSH, "'thaw:let", "'melt:let"),
        (ZSH, "'--clamp[", "'--cut["),
        (ZSH, "_mxcctl_agent_kill() {", "_mxcctl_agent_end() {"),
        (ZSH, "{-r+,--reason=}'[why]:text: ' ", ""),
        ("common/audit-event.h", '"thaw"', '"melt"'),
    ],
    check_zsh_at_work: [
        (ZSH, "'thaw:let", "'melt:let"),
        (ZSH, "#compdef mxcctl", "#compdef mxctl"),
        (ZSH, "_mxcctl_behind_dashes && return\n", ""),
        (ZSH, "_mxcctl_agent_kill() {", "_mxcctl_agent_end() {"),
        (ZSH, "adopt lost stuck daemon gap", "adopt lost daemon gap"),
    ],
    check_statuses: [],
    check_policies_without_mxcd: [],
}


def main():
    number = failed = 0
    for check, changes in HARMFUL.items():
        what = check.__name__[len("check_"):].replace("_", " ")
        cases = [(what, list(check(Tree())))]
        for path, old, new in changes:
            unnoticed = not list(check(Tree().changed(path, old, new)))
            cases.append((f"{what}: notices a change of {path}", [f"{old!r} may become {new!r}"] if unnoticed else []))
        for name, complaints in cases:
            number += 1
            failed += bool(complaints)
            for complaint in complaints:
                print("#", complaint.replace("\n", "\n# "))
            print(f"{'not ok' if complaints else 'ok'} {number} - {name}")
    print(f"1..{number}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

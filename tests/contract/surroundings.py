#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What systemd, the bus, polkit, the journal and the reader of a manual are told is what the code says.

usage: surroundings.py SOURCE POLICY-CHECK PROGRAM…

Each check reads files by their names in SOURCE and yields complaints. Beside each stand small changes to those files that
somebody could make by mistake: the check must complain of every one of them. TAP on standard output.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

UNITS = "systemd-units/"
BUS = "dbus-config/"


class Tree:
    """The source as text, with changes laid over it."""

    def __init__(self, root, changes=()):
        self.root = root
        self.changes = dict(changes)

    def __getitem__(self, path):
        return self.changes.get(path) or (self.root / path).read_text()

    def changed(self, path, old, new):
        text = self[path]
        if old not in text:
            raise SystemExit(f"{path} has no {old!r} to change; mend the test")
        return Tree(self.root, {**self.changes, path: text.replace(old, new, 1)})


# ---- what the code says ----

def define(tree, name):
    return re.search(rf'^#define {name} "([^"]*)"', tree["common/names.h"], re.M).group(1)


def defines(tree, prefix, path="common/names.h"):
    return re.findall(rf'^#define {prefix}\w+ "([^"]*)"', tree[path], re.M)


def events(tree):
    return re.findall(r'X\(\w+, "([^"]+)", "([0-9a-f]{32})",', tree["common/audit-event.h"])


def interface_methods(tree):
    root = ElementTree.fromstring(tree[BUS + "org.mxc1.xml"])
    return {(i.get("name"), m.get("name")) for i in root.findall("interface") for m in i.findall("method")}


def unit(tree, name):
    """[(section, key, value)], in order; a key may occur again."""
    section, settings = None, []
    for line in tree[UNITS + name].splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and line[0] not in "#;":
            key, value = line.split("=", 1)
            settings.append((section, key, value))
    return settings


def values(tree, name, key):
    return [v for _, k, v in unit(tree, name) if k == key]


def differences(what, there, wanted):
    for extra in sorted(map(str, set(there) - set(wanted))):
        yield f"{what}: {extra} should not be there"
    for missing in sorted(map(str, set(wanted) - set(there))):
        yield f"{what}: {missing} is missing"


# ---- the checks ----

def check_catalog(tree):
    text = tree[UNITS + "mxc.catalog"]
    entries = re.findall(r"^-- ([0-9a-f]{32})\n((?:[A-Z][\w-]*: [^\n]*\n)*)\n(.*?)(?=^-- |\Z)", text, re.M | re.S)
    yield from differences("catalog", [id for id, *_ in entries], [id for _, id in events(tree)])
    fields = defines(tree, "AUDIT_", "common/audit-event.h")
    for id, head, body in entries:
        for key in ("Subject: ", "Defined-By: mxcd\n", "Documentation: man:"):
            if key not in head:
                yield f"catalog: {id} has no {key.strip()}"
        if len(body.split()) < 8:
            yield f"catalog: {id} explains nothing"
        for word in set(re.findall(r"\b(?:MXC_[A-Z_]+|ERRNO)\b", head + body)) - set(fields):
            yield f"catalog: {id} speaks of {word}, which no record has"
    if len(entries) != len(set(id for id, *_ in entries)) or len(entries) != text.count("\n-- "):
        yield "catalog: an entry is there twice or is not of the form"


def check_bus_policy(tree):
    root = ElementTree.fromstring(tree[BUS + "org.mxc1.conf"])
    name = define(tree, "MXC_BUS_NAME")
    standard = {("org.freedesktop.DBus.Introspectable", "Introspect"), ("org.freedesktop.DBus.Peer", None),
                ("org.freedesktop.DBus.Properties", "Get"), ("org.freedesktop.DBus.Properties", "GetAll"),
                ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")}
    offered, others = set(), []
    for policy in root.findall("policy"):
        for number, rule in enumerate(policy):
            what = (policy.get("user") or policy.get("context"), rule.tag, dict(rule.attrib))
            if what == ("root", "allow", {"own": name}):
                others.append("own")
            elif what == ("default", "deny", {"send_destination": name, "send_type": "method_call"}) and number == 0:
                others.append("deny")
            elif what[:2] == ("default", "allow") and rule.get("send_destination") == name and rule.get("send_interface"):
                offered.add((rule.get("send_interface"), rule.get("send_member")))
            else:
                yield f"bus policy: {what} should not be there"
    yield from differences("bus policy", others, ["own", "deny"])
    yield from differences("bus policy", offered, interface_methods(tree) | standard)


def check_activation(tree):
    text = tree[BUS + "org.mxc1.service"]
    for line in (f"Name={define(tree, 'MXC_BUS_NAME')}", f"SystemdService={define(tree, 'MXC_UNIT_DAEMON')}", "User=root"):
        if line not in text.splitlines():
            yield f"activation: {line} is missing"
    if values(tree, "mxcd.service.in", "BusName") != [define(tree, "MXC_BUS_NAME")]:
        yield "activation: the unit waits for another name"


def check_polkit(tree):
    root = ElementTree.fromstring(tree[BUS + "org.mxc1.policy"])
    actions = {a.get("id"): a for a in root.findall("action")}
    yield from differences("polkit", actions, defines(tree, "MXC_ACTION_"))
    for id, action in actions.items():
        defaults = {d.tag: d.text for d in action.find("defaults")}
        wanted = {d: "auth_admin_keep" for d in ("allow_any", "allow_inactive", "allow_active")}
        if id == define(tree, "MXC_ACTION_SPAWN"):
            wanted["allow_active"] = "yes"
        if defaults != wanted:
            yield f"polkit: {id} defaults to {defaults}"
        if not action.findtext("message") or not action.findtext("description"):
            yield f"polkit: {id} does not say what it is"
        for annotation in action.findall("annotate"):
            if annotation.text not in actions:
                yield f"polkit: {id} implies {annotation.text}"


def check_names(tree):
    """Paths and names that a unit and the code must both know."""
    slice, launch, daemon = (define(tree, "MXC_" + n) for n in ("SLICE", "UNIT_LAUNCH", "UNIT_DAEMON"))
    for name, wanted in ((UNITS + slice, True), (UNITS + launch + ".in", True), (UNITS + daemon + ".in", True)):
        if (tree.root / name).is_file() != wanted:
            yield f"names: {name} is missing"
    yield from differences("the second door", values(tree, "mxcd.socket", "ListenStream"), [define(tree, "MXC_PRIVATE_SOCKET")])
    yield from differences("the second door", values(tree, "mxcd.socket", "SocketMode"), ["0666"])
    yield from differences("the launcher's channel", values(tree, "mxc-launch.socket", "ListenSequentialPacket"),
                           [define(tree, "MXC_LAUNCH_SOCKET")])
    yield from differences("the launcher's channel", values(tree, "mxc-launch.socket", "SocketMode"), ["0600"])
    for i in ("door", "bus"):
        yield from differences("the porters' channel", [v.replace("%i", i) for v in values(tree, "mxc-porter@.socket", "ListenSequentialPacket")],
                               [define(tree, f"MXC_PORTER_{i.upper()}_SOCKET")])
        yield from differences("mxc-porter@.service User", [v.replace("%i", i) for v in values(tree, "mxc-porter@.service.in", "User")],
                               [define(tree, f"MXC_PORTER_{i.upper()}_USER")])
    yield from differences("the porters' channel", values(tree, "mxc-porter@.socket", "SocketMode"), ["0600"])
    users = [l.split()[:2] for l in tree[UNITS + "mxc.sysusers"].splitlines() if not l.startswith("#")]
    if users != [["u", define(tree, "MXC_" + n + "_USER")] for n in ("SCOPE", "PORTER_DOOR", "PORTER_BUS", "RELAY")]:
        yield f"sysusers: {users}"
    directories = {l.split()[1]: l.split()[2:5] for l in tree[UNITS + "mxc.tmpfiles"].splitlines() if l.startswith("d ")}
    modes = {"MXC_RUN_DIR": "0711", "MXC_ETC_DIR": "0755", "MXC_STATE_DIR": "0700"}
    for constant, mode in modes.items():
        if directories.get(define(tree, constant)) != [mode, "root", "root"]:
            yield f"tmpfiles: {define(tree, constant)} is {directories.get(define(tree, constant))}"


# Each of these makes a mount namespace, or a filter that agents would inherit: see mxc-launch.service.in.
NOT_FOR_THE_LAUNCHER = re.compile(
    r"Private|Protect|Restrict|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec)Paths|(Root|Bind|Temporary|Mount|Extension)|SystemCall|"
    r"LockPersonality|MemoryDenyWriteExecute|Device|Dynamic|User$|Group$|Delegate|.*Directory$|Ambient|SecureBits|AppArmor|SELinux|"
    r"Smack|Limit(?!NOFILE|CORE)|PAM|Environment|Nice|CPUScheduling|CPUAffinity|NUMA|IOScheduling|Personality|StandardInput")


def check_launcher_unit(tree):
    for section, key, value in unit(tree, "mxc-launch.service.in"):
        if section == "Service" and NOT_FOR_THE_LAUNCHER.match(key):
            yield f"mxc-launch.service: {key}={value} would be the ground of every cage"
    for unit_name in ("mxcd.service.in", "mxc-launch.service.in"):
        for section, key, value in unit(tree, unit_name):
            if key in ("BindsTo", "Requisite", "PartOf", "PropagatesStopTo", "StopPropagatedFrom") or \
                    (key == "Requires" and ".service" in value):
                yield f"{unit_name}: {key}={value} takes sandboxes' keeper away with another unit"


def check_daemon_unit(tree):
    for key, wanted in (("LogRateLimitIntervalSec", "1s"), ("LogRateLimitBurst", "1000000"), ("CapabilityBoundingSet", "CAP_KILL"), ("NoNewPrivileges", "yes"),
                        ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("PrivateNetwork", "yes"),
                        ("RestrictAddressFamilies", "AF_UNIX"), ("Type", "notify"), ("Restart", "always"),
                        ("RuntimeDirectoryPreserve", "yes")):
        yield from differences(f"mxcd.service {key}", values(tree, "mxcd.service.in", key), [wanted])


# What systemd-analyze says of each service, ten times: what they are, and no more. The launcher's is high for the reasons that its unit gives.
EXPOSURE = {"mxcd.service": 15, "mxc-porter@.service": 11, "mxc-guard.service": 29, "mxc-launch.service": 86}


def check_exposure(tree):
    services = {path.name.removesuffix(".in") for path in (tree.root / UNITS).glob("*.service*")}
    yield from differences("systemd-analyze security", EXPOSURE, services)
    for name, threshold in EXPOSURE.items():
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / name.replace("@.", "@door.")
            path.write_text(tree[UNITS + name + ".in"].replace("@LIBEXECDIR@", "/usr/lib/mxc"))
            exposure = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={threshold}", path],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if exposure.returncode != 0:
                yield f"systemd-analyze security: {name}: {exposure.stdout.splitlines()[-1:]}"


def words_of(page):
    """The text of a manual page, without its macros and escapes."""
    page = re.sub(r'^\.\\".*$', "", page, flags=re.M)
    return page.replace("\\-", "-").replace("\\&", "").replace("\\", "")


def missing_from(page, words):
    return [w for w in words if not re.search(rf"(?<![\w.-]){re.escape(w)}(?![\w-])", page)]


def check_manual_of_daemon(tree):
    page = words_of(tree[UNITS + "mxcd.8"])
    wanted = [f"{word} Pq Li {id}" for word, id in events(tree)]
    wanted += defines(tree, "AUDIT_", "common/audit-event.h")
    wanted += [e.rsplit(".", 1)[1] for e in defines(tree, "MXC_ERROR_")]
    wanted += defines(tree, "MXC_ACTION_") + defines(tree, "MXC_IFACE_")
    wanted += [define(tree, n) for n in ("MXC_ETC_DIR", "MXC_RUN_DIR", "MXC_LAUNCH_SOCKET", "MXC_PORTER_DOOR_SOCKET", "MXC_PORTER_BUS_SOCKET", "MXC_PRIVATE_SOCKET", "MXC_SLICE")]
    wanted += re.findall(r'X\(\w+, "([a-z-]+)"\)', tree["daemon/decide.h"])
    wanted += re.findall(r'^\s*\[EGRESS_\w+\] = "([a-z-]+)"', tree["common/egress-channel.c"], re.M)
    for what in ("of lease: ([a-z -]+?),", r"or of exit: ([a-z ]+?) \*/"):
        wanted += re.search(what, tree["common/audit-event.h"]).group(1).split()
    for word in missing_from(page, wanted):
        yield f"mxcd.8 does not mention {word}"
    for id in set(re.findall(r"[0-9a-f]{32}", page)) - {id for _, id in events(tree)}:
        yield f"mxcd.8 tells of an event {id}"
    for word in set(re.findall(r"\bMXC_[A-Z_]+\b", page)) - set(defines(tree, "AUDIT_", "common/audit-event.h")):
        yield f"mxcd.8 tells of a field {word}"


def check_manual_of_launcher(tree):
    page = words_of(tree[UNITS + "mxc-launch.8"])
    steps = re.findall(r'^\s*\[LAUNCH_STEP_\w+\] = "(\w+)"', tree["common/report.c"], re.M)
    walls = re.findall(r'^\s*\{ "([\w -]+)", \w+ \},$', tree["daemon/launch/proof.c"].partition("proof_walls[] = {")[2], re.M)
    page, _, rest = page.partition("\n.Ss Walls\n")
    described = re.findall(r"^\.It Cm (\w+)$", page, re.M)
    tried = re.findall(r"^\.It Cm (.+)$", rest.partition("\n.Ss ")[0], re.M)
    yield from ([] if described == [s for s in steps if s != "none"] else [f"mxc-launch.8 tells of the steps {described}"])
    yield from ([] if walls and tried == walls else [f"mxc-launch.8 tells of the walls {tried}"])


def check_manual_of_guard(tree):
    page = words_of(tree[UNITS + "mxc-guard.8"])
    source = tree["daemon/guard/main.c"]
    options = re.findall(r'streq\(argv\[1\], "--(\w+)"\)', source)
    yield from differences("mxc-guard.8, options", re.findall(r"^\.It Fl Fl (\w+)$", page, re.M), options)
    for word in missing_from(page, re.findall(r'getenv\("(\w+)"\)', source) + [define(tree, "MXC_GUARD_DIR"), "69"]):
        yield f"mxc-guard.8 does not mention {word}"
    yield from differences("mxc-guard.service", values(tree, "mxc-guard.service.in", "SuccessExitStatus"), ["69"])


def check_manual_of_lxc_exec(tree):
    page = words_of(tree["client/mxc/lxc-exec.1"])
    table = re.search(r"known\[\] = \{(.*?)^\};", tree["client/mxc/lxc-options.c"], re.M | re.S).group(1)
    options = re.findall(r'\{ "([a-z0-9-]+)",', table)
    if len(options) < 10:
        yield f"only {len(options)} options of lxc-exec were found; mend the test"
    yield from differences("lxc-exec.1, options", re.findall(r"Fl Fl ([a-z0-9-]+)", page), options)


def function(source, name):
    """The text of a C function."""
    return re.search(rf"^[^\n]*\b{name}\(.*?^\}}", source, re.M | re.S).group(0)


def vocabulary(schema):
    """Every key and every word of the language; single system calls are no words of it."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for word in schema.get("enum", []):
            if isinstance(word, str):
                yield word
        if isinstance(schema.get("const"), str):
            yield schema["const"]
        for name, inner in schema.items():
            if name not in ("if", "syscall"):
                yield from vocabulary(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from vocabulary(inner)


def check_manual_of_policies(tree):
    page = words_of(tree[UNITS + "mxc-policy.5"])
    language = set(vocabulary(json.loads(tree["policy-schema/mxc-policy-1.schema.json"])))
    handoff = set(json.loads(tree["policy-schema/handoff.json"])) | {json.loads(tree["policy-schema/handoff.json"])["schema"]}
    agents = set(re.findall(r'\{ "(\w+)", apply_\w+ \}', function(tree["daemon/agent-document.c"], "parse_document")))
    agents |= set(re.findall(r'"(mxc-agent/\d+)"', tree["daemon/agent-document.c"]))
    wanted = sorted(language | handoff | agents | {"${workspace}", "${home}", "${runtime}"})
    if len(language) < 60 or len(agents) < 6:
        yield f"only {len(language)} words of policies and {len(agents)} of agents were found; mend the test"
    for word in missing_from(page, wanted):
        yield f"mxc-policy.5 does not mention {word}"


def check_examples(tree):
    """The policies that the manual shows are policies."""
    examples = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", tree[UNITS + "mxc-policy.5"], re.M | re.S)
    policies = [e for e in examples if '"mxc-policy/1"' in e]
    if not policies:
        yield "mxc-policy.5 shows no policy"
    with tempfile.TemporaryDirectory() as directory:
        for number, text in enumerate(policies):
            path = Path(directory) / f"{number}.json"
            path.write_text(text)
            answer = subprocess.run([CHECKER, path], env={"MXC_TEST_BASES": str(tree.root / "policy-schema/policies")},
                                    stdout=subprocess.PIPE, text=True, check=True).stdout
            if not answer.startswith("good"):
                yield f"mxc-policy.5: {answer.strip()}"


# What of a library is in a program that is linked with its archive.
SIGNS = {"libbpf": r"bpf_object__\w+", "libcap": r"cap_(?:init|get_proc|set_proc)", "libcares": r"ares_\w+", "libcrypto": r"EVP_\w+",
         "libjansson": r"json_(?:loads|loadb|dumps|object)", "libseccomp": r"seccomp_\w+", "libsystemd": r"sd_(?:bus|event|journal|id128)_\w+"}


def linked(program):
    """What a program asks the dynamic linker for, less what every program has and what sanitisers add; and what it has of archives."""
    dynamic = subprocess.run(["readelf", "-dW", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(lib\w+)[^]]*\]", dynamic)
    defined = subprocess.run(["nm", "--defined-only", "--format=posix", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    needed += [library for library, sign in SIGNS.items() if re.search(rf"^{sign} T", defined, re.M)]
    return {n for n in needed if n not in ("libc", "libm", "libgcc_s", "libasan", "libubsan")}


def check_readme(tree):
    text = tree["README.md"]
    table = text[text.index("| program |"):].split("\n\n")[0]
    rows, program = {}, None
    for line in table.splitlines()[2:]:
        cells = [c.strip() for c in line.strip("|").split("|")]
        program = cells[0].strip("`") or program
        rows.setdefault(program, set()).update({cells[2]} - {"nothing"})
    yield from differences("README.md, programs", rows.keys() | {"mxc-guard"}, {Path(path).name for path in PROGRAMS} | {"mxc-guard"})
    for path in PROGRAMS:
        yield from differences(f"README.md, {Path(path).name}", rows.get(Path(path).name, ()), linked(path))
    paths = re.findall(r"^    ([a-z-]+(?:/[a-z-]+)*/) {2,}", text, re.M)
    for path in paths + re.findall(r"`((?!\.git/)(?:\.?[a-z-]+/)+[\w.-]+)`", text):
        if not (tree.root / path).exists():
            yield f"README.md speaks of {path}"
    for folder in tree.root.iterdir():
        if folder.is_dir() and (folder / "meson.build").is_file() and folder.name != "build" and f"    {folder.name}/" not in text:
            yield f"README.md has no {folder.name}/ on its map"
    for command in re.findall(r"tests/run ([a-z]+)", text):
        if not re.search(rf"^  {command}\b", tree["tests/run"], re.M):
            yield f"README.md speaks of tests/run {command}"


# What a folder may include beside itself. Nothing of the relay's is here: its parsers read hostile bytes, and whoever reads those is nobody.
DOMAINS = {
    "common": (),
    "client": ("client/mxc", "common"),  # one privilege, the caller's
    "client/mxc": ("client", "common"),
    "daemon": ("common",),
    "daemon/egress": ("common",),
    "daemon/guard": ("common", "daemon/launch"),
    "daemon/launch": ("common",),
    "daemon/porter": ("common",),
}
# What decides asks nobody: no bus, no clock, no file.
PURE = {"daemon/cut.c": ("cut.h",), "daemon/decide.c": ("carried.h", "cut.h", "decide-internal.h", "decide.h"),
        "daemon/decide-explain.c": ("carried.h", "decide-internal.h"),
        "daemon/planner.c": ("host.h", "plan-internal.h", "planner.h")}


def includes(text):
    return re.findall(r'^#include "(?:[^"]*/)?([^"]+)"', text, re.M)


def check_domains(tree):
    """A folder is a domain of privilege, and includes say what of one is compiled into another."""
    headers = {folder: {p.name for p in (tree.root / folder).glob("*.h")} for folder in DOMAINS}
    for folder, others in DOMAINS.items():
        mine = headers[folder].union(*(headers[o] for o in others))
        for path in sorted(p for p in (tree.root / folder).iterdir() if p.suffix in (".c", ".h")):
            name = f"{folder}/{path.name}"
            for header in includes(tree[name]):
                if header not in mine and not header.endswith(".skel.h"):
                    yield f"{name} includes {header}, which is of another domain"
    for name, allowed in PURE.items():
        for header in set(includes(tree[name])) & headers["daemon"] - set(allowed):
            yield f"{name}, which decides, includes {header}"
    for path in (*(tree.root / "daemon").glob("*.build"), *(tree.root / "daemon/launch").glob("*.build"), *(tree.root / "client").rglob("*.build")):
        if re.search(r"mxc_egress_\w+", tree[str(path.relative_to(tree.root))]):
            yield f"{path.relative_to(tree.root)} links what is the relay's"


# Bounds that nothing can meet, and why.
BEYOND_TESTS = {
    "LIMIT_BUS_NAME_BYTES": "the bus and sd-bus take no message of anybody with a longer name",
    "DNS_MESSAGE_MAX": "whoever calls has a smaller buffer",
    "EGRESS_CLAUSE_BYTES": "a clause is the name of a policy and a pointer of words that are ours: it is shorter",
}


def bounds(tree):
    """Of all of the system, and of the relay."""
    yield from re.findall(r"^#define (LIMIT_\w+)", tree["common/limits.h"], re.M)
    headers = sorted((tree.root / "daemon/egress").glob("*.h")) + [tree.root / "common/egress-channel.h"]
    for header in headers:
        yield from re.findall(r"^#define (\w+_(?:MAX|USEC|SECONDS|PER_ADDRESS|CLAUSE_BYTES)) ", tree[str(header.relative_to(tree.root))], re.M)


def check_limits(tree):
    """Each bound has a test that names it: the house rule is one at n and one at n + 1."""
    paths = [p for folder in ("unit", "sandbox", "machine/scenarios") for p in sorted((tree.root / "tests" / folder).iterdir()) if p.is_file()]
    words = set().union(*(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", tree[str(p.relative_to(tree.root))]) for p in paths))
    there = set(bounds(tree))
    if len(there) < 70:
        yield f"only {len(there)} bounds were found; mend the test"
    for name in sorted(there - words - BEYOND_TESTS.keys()):
        yield f"no test names {name}"
    for name in sorted(BEYOND_TESTS.keys() - there):
        yield f"there is no {name} any more"


def exists(tree, file, name):
    """Whether there is a test of that name, as tests/ATTACKS.md names them."""
    if name.startswith('"'):
        path, text = "tests/sandbox/" + file, name
    elif file.endswith(".py"):
        path, text = "tests/sandbox/" + file, f"def test_{name}("
    elif file.startswith("test-"):
        path, text = f"tests/unit/{file}.c", f"START_TEST(test_{name})"
    else:
        path, text = f"tests/machine/scenarios/{file}.sh", f"test_{name}() {{"
    return (tree.root / path).is_file() and text in tree[path]


# The rows of the list that was collected before the first line was written, and how many there are of each letter.
ATTACKS = {f"{letter}{n}" for letter, count in {"D": 15, "E": 30, "T": 8, "N": 15, "A": 6, "R": 2, "I": 4}.items() for n in range(1, count + 1)} | {"E20b"}
A_TEST = re.compile(r"`([\w.-]+): ([^`]+)`")


def check_attacks(tree):
    text = tree["tests/ATTACKS.md"]
    for file, name in A_TEST.findall(text):
        if not exists(tree, file, name):
            yield f"tests/ATTACKS.md speaks of {file}: {name}"
    numbers = []
    for first, second in re.findall(r"^\| (.*?) \| (.*) \|$", text, re.M):
        numbered = re.match(r"((?:[A-Z]\d+b?(?:, )?)+): ", first)
        if numbered:
            numbers += numbered[1].split(", ")
        if second not in ("tests", "---") and not A_TEST.search(second) and not second.startswith(("no test", "not here: ")):
            yield f"tests/ATTACKS.md has no test of '{first}', and does not say why"
    yield from differences("tests/ATTACKS.md", numbers, ATTACKS)


def check_strangers(tree):
    """The list of what a stranger asks for, which a booted machine compares with live introspection, has all of the interface; and what is due is
    what the table of who may what says."""
    lines = re.findall(r"^(Manager|Agent|Sandbox)([.:])(\w+) \S+ \S+ (\S+) ", tree["tests/machine/scenarios/deputy.sh"], re.M)
    root = ElementTree.fromstring(tree[BUS + "org.mxc1.xml"])
    wanted = {(i.get("name").rpartition(".")[2], mark, m.get("name"))
              for i in root.findall("interface") for kind, mark in (("method", "."), ("property", ":")) for m in i.findall(kind)}
    yield from differences("what a stranger asks for", [line[:3] for line in lines], wanted)
    rows = re.findall(r'{ MXC_IFACE_(\w+), "(\w+)", AUTHORIZE_(\w+),', tree["daemon/authorize.c"])
    scope = {(interface.capitalize(), ".", name): scope for interface, name, scope in rows}
    for interface, mark, name, due in lines:
        is_open = scope.get((interface, mark, name)) == "OPEN" if mark == "." else interface == "Manager"
        if due != ("ok" if is_open else "InteractiveAuthorizationRequired" if mark == "." else "Denied"):
            yield f"a stranger who asks for {interface}{mark}{name} should not get {due}"


HARMFUL = {
    check_domains: [
        ("daemon/bus-relay.c", '#include "names.h"', '#include "names.h"\n#include "dns-wire.h"'),
        ("daemon/launch/run.c", '#include "', '#include "tls-hello.h"\n#include "'),
        ("common/policy.c", '#include "', '#include "registry.h"\n#include "'),
        ("daemon/decide.c", '#include "', '#include "audit.h"\n#include "'),
        ("daemon/launch/meson.build", "declare_dependency(", "declare_dependency(link_with : mxc_egress_pure, "),
    ],
    check_limits: [
        ("common/limits.h", "LIMIT_LABELS ", "LIMIT_LABEL_COUNT "),
        ("daemon/egress/egress.h", "EGRESS_STREAMS_MAX ", "EGRESS_DNS_STREAMS_MAX "),
        ("common/limits.h", "#define LIMIT_BUS_NAME_BYTES 255U", ""),
        ("tests/unit/test-authorize.c", "LIMIT_AUTHORIZED", "256"),
    ],
    check_strangers: [
        (BUS + "org.mxc1.xml", '<method name="Freeze"/>', '<method name="Freeze"/><method name="Melt"/>'),
        (BUS + "org.mxc1.xml", '<property name="Argv" type="as" access="read"/>', ""),
        ("tests/machine/scenarios/deputy.sh", "Sandbox.Attach u [0] Inter", "Sandbox.Attack u [0] Inter"),
        ("tests/machine/scenarios/deputy.sh", "Sandbox:Argv - [] Denied", "Sandbox:Argv - [] ok"),
        ("daemon/authorize.c", '"Dump", AUTHORIZE_ADMIN', '"Dump", AUTHORIZE_OPEN'),
    ],
    check_attacks: [
        ("tests/ATTACKS.md", "test-door: connections_of_one_uid", "test-door: connections_of_two_uids"),
        ("tests/ATTACKS.md", '"another cgroup"', '"another group"'),
        ("tests/ATTACKS.md", "egress.py: rebinding", "egress.py: unbinding"),
        ("tests/ATTACKS.md", "net: budgets", "net: plans"),
        ("tests/ATTACKS.md", "| E29: ", "| E31: "),
        ("tests/ATTACKS.md", "| D4: ", "| "),
        ("tests/ATTACKS.md", "| not here: there are no snapshots |", "| there are no snapshots |"),
    ],
    check_readme: [
        ("README.md", "| libcap |", "| libsystemd |"),
        ("README.md", "| `mxc-launch` | root | libseccomp |", "| `mxc-launch` | root | libjansson |"),
        ("README.md", "`common/plan.h`", "`common/plans.h`"),
        ("README.md", "    policy-schema/ ", "    schema/ "),
        ("README.md", "tests/run demo", "tests/run show"),
    ],
    check_catalog: [
        (UNITS + "mxc.catalog", "-- f5a2c8d6", "-- f5a2c8d7"),
        (UNITS + "mxc.catalog", "Defined-By: mxcd\n", ""),
        (UNITS + "mxc.catalog", "MXC_EXIT_SIGNAL", "MXC_SIGNAL"),
        ("common/audit-event.h", '"06e60fc1f4dd7377e60815dc4c662535"', '"06e60fc1f4dd7377e60815dc4c662536"'),
    ],
    check_bus_policy: [
        (BUS + "org.mxc1.conf", '    <deny send_destination="org.mxc1" send_type="method_call"/>\n', ""),
        (BUS + "org.mxc1.conf", ' send_type="method_call"', ""),
        (BUS + "org.mxc1.conf", ' send_member="Spawn"', ""),
        (BUS + "org.mxc1.conf", ' send_interface="org.mxc1.Manager" send_member="Spawn"', ""),
        (BUS + "org.mxc1.conf", 'send_member="WhoIs"', 'send_member="WhoWas"'),
        (BUS + "org.mxc1.conf", '<policy user="root">', '<policy group="users">'),
        (BUS + "org.mxc1.conf", 'send_member="GetAll"', 'send_member="Set"'),
        (BUS + "org.mxc1.xml", '<method name="Freeze"/>', '<method name="Freeze"/><method name="Melt"/>'),
    ],
    check_activation: [
        (BUS + "org.mxc1.service", "SystemdService=mxcd.service", "SystemdService=mxc.service"),
        (UNITS + "mxcd.service.in", "BusName=org.mxc1", "BusName=org.mxc"),
    ],
    check_polkit: [
        (BUS + "org.mxc1.policy", 'id="org.mxc1.inspect"', 'id="org.mxc1.see"'),
        (BUS + "org.mxc1.policy", "<allow_active>auth_admin_keep", "<allow_active>yes"),
        (BUS + "org.mxc1.policy", "<allow_any>auth_admin_keep", "<allow_any>yes"),
        (BUS + "org.mxc1.policy", ">org.mxc1.inspect</annotate>", ">org.mxc1.other</annotate>"),
    ],
    check_names: [
        (UNITS + "mxcd.socket", "/run/mxc/bus", "/run/mxc/bus.sock"),
        (UNITS + "mxc-launch.socket", "SocketMode=0600", "SocketMode=0660"),
        (UNITS + "mxc-porter@.socket", "SocketMode=0600", "SocketMode=0666"),
        (UNITS + "mxc-porter@.service.in", "User=mxc-porter-%i\n", ""),
        (UNITS + "mxc.sysusers", "u mxc ", "u mxcd "),
        (UNITS + "mxc.tmpfiles", "/var/lib/mxc 0700", "/var/lib/mxc 0755"),
    ],
    check_launcher_unit: [
        (UNITS + "mxc-launch.service.in", "Type=exec\n", f"Type=exec\n{setting}\n")
        for setting in ("PrivateTmp=yes", "ProtectHome=tmpfs", "SystemCallFilter=@system-service", "ReadOnlyPaths=/etc",
                        "RestrictNamespaces=no", "MemoryDenyWriteExecute=yes", "DevicePolicy=closed", "LimitNPROC=100",
                        "PrivateDevices=yes", "BindsTo=mxcd.service")
    ],
    check_daemon_unit: [
        (UNITS + "mxcd.service.in", "CapabilityBoundingSet=CAP_KILL", "CapabilityBoundingSet=CAP_KILL CAP_SYS_ADMIN"),
        (UNITS + "mxcd.service.in", "LogRateLimitBurst=1000000\n", ""),
    ],
    check_exposure: [
        (UNITS + "mxcd.service.in", "SystemCallFilter=@system-service\n", ""),
        (UNITS + "mxcd.service.in", "RestrictNamespaces=yes\n", ""),
        (UNITS + "mxcd.service.in", "PrivateDevices=yes\n", ""),
        (UNITS + "mxc-guard.service.in", "PrivateNetwork=yes\n", ""),
        (UNITS + "mxc-launch.service.in", "CapabilityBoundingSet=CAP_SYS_PTRACE CAP_SYS_RESOURCE", "CapabilityBoundingSet=CAP_SYS_PTRACE CAP_SYS_RESOURCE CAP_SYS_MODULE"),
        (UNITS + "mxc-launch.service.in", "NoNewPrivileges=yes\n", ""),
    ],
    check_manual_of_daemon: [
        (UNITS + "mxcd.8", "06e60fc1f4dd7377e60815dc4c662535", "06e60fc1f4dd7377e60815dc4c662536"),
        (UNITS + "mxcd.8", ".It Cm NoSuchCommand , NotExecutable", ".It Cm NotExecutable"),
        (UNITS + "mxcd.8", "beyond-ceiling", "beyond"),
        (UNITS + "mxcd.8", "MXC_WALLS", "MXC_WALL"),
        ("common/names.h", '#define MXC_ERROR_INTERNAL "org.mxc1.Error.InternalError"', '#define MXC_ERROR_INTERNAL "org.mxc1.Error.Oops"'),
    ],
    check_manual_of_launcher: [
        (UNITS + "mxc-launch.8", ".It Cm landlock\n", ".It Cm lock\n"),
        (UNITS + "mxc-launch.8", ".It Cm host files\n", ".It Cm files\n"),
        ("daemon/launch/proof.c", '{ "sockets", no_strange_sockets }', '{ "plugs", no_strange_sockets }'),
        ("common/report.c", '[LAUNCH_STEP_PROOF] = "proof"', '[LAUNCH_STEP_PROOF] = "trial"'),
    ],
    check_manual_of_guard: [
        (UNITS + "mxc-guard.8", ".It Fl Fl check", ".It Fl Fl try"),
        (UNITS + "mxc-guard.service.in", "SuccessExitStatus=69\n", ""),
    ],
    check_manual_of_lxc_exec: [
        ("client/mxc/lxc-exec.1", "Fl Fl log-file", "Fl Fl log"),
        ("client/mxc/lxc-options.c", '{ "debug",', '{ "verbose",'),
    ],
    check_manual_of_policies: [
        (UNITS + "mxc-policy.5", "connectionRate", "rate"),
        (UNITS + "mxc-policy.5", "quarantine", "isolate"),
        ("daemon/agent-document.c", '"mxc-agent/1"', '"mxc-agent/2"'),
        ("daemon/agent-document.c", '{ "owner", apply_owner }', '{ "holder", apply_owner }'),
        ("policy-schema/mxc-policy-1.schema.json", '"cpuWeight"', '"cpuShares"'),
    ],
    check_examples: [
        (UNITS + "mxc-policy.5", '"extends": "workspace"', '"extends": "worcspace"'),
        (UNITS + "mxc-policy.5", '"runtimeMax": "2h"', '"runTimeMax": "2h"'),
    ],
}


def main():
    tree = Tree(SOURCE)
    number = failed = 0
    for check, changes in HARMFUL.items():
        what = check.__name__[len("check_"):].replace("_", " ")
        cases = [(what, list(check(tree)))]
        for path, old, new in changes:
            unnoticed = not list(check(tree.changed(path, old, new)))
            cases.append((f"{what}: notices a change of {path}", [f"{old!r} may become {new!r}"] if unnoticed else []))
        for name, complaints in cases:
            number += 1
            failed += bool(complaints)
            for complaint in complaints:
                print(f"# {complaint}")
            print(f"{'not ok' if complaints else 'ok'} {number} - {name}")
    print(f"1..{number}")
    return failed > 0


SOURCE, CHECKER, PROGRAMS = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
if __name__ == "__main__":
    sys.exit(main())

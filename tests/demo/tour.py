#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tour of README.md, walked: each command is run, and what it prints is what stands there.

usage: tour.py [--print] README SHELL…

Lines of the README's console block that begin with "$ " are run by SHELL…, which is a user's shell, those that begin with
"# " by root's; each of the two shells lives to the end. Numbers that differ from run to run (ids, times, processes) are
compared by their form; an id that was printed is put in the place of the README's when a later command names it.
--print writes the block with what was printed now. The exit status is the number of differences.
"""

import os
import re
import subprocess
import sys
import time

ID = r"\b[0-9a-f]{12}(?:[0-9a-f]{20})?\b"


def block(text):
    return re.search(r"^```console\n(.*?)^```$", text, re.M | re.S).group(1)


def steps(lines):
    """[(prompt, command, [lines of its output])]"""
    found = []
    for line in lines:
        if line[:2] in ("$ ", "# "):
            found.append((line[0], line[2:], []))
        else:
            found[-1][2].append(line)
    return [(prompt, command, output[:-1] if output[-1:] == [""] else output) for prompt, command, output in found]


class Shell:
    """One shell, fed line by line; the end of each command's output is told by a word that nothing else prints."""

    END = "end of the step"

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, bufsize=1)

    def run(self, command):
        self.process.stdin.write(f"{command}\necho '{self.END}'\n")
        if command.endswith("&"):
            time.sleep(int(os.environ.get("MXC_TEST_SLOW", "1")))  # until it runs
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n").endswith(self.END):
                lines += [line[:-len(self.END) - 1]] if line.rstrip("\n") != self.END else []
                return lines and [line.rstrip("\n") for line in lines]
            lines.append(line)
        raise SystemExit(f"the shell ended at: {command}")


def form(line):
    """What of a line is the same each time, on each host where the tour holds."""
    line = re.sub(ID, "ID", line)
    line = re.sub(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\b", "TIME", line)
    line = re.sub(r"(?<![\w.])[\d.]+(us|ms|s|min)\b( [\d.]+(us|ms|s)\b)*", "SPAN", line)
    line = re.sub(r"\buser-\d+\b", "user-UID", line)
    line = re.sub(r"Read-only file system|Permission denied", "REFUSED", line)
    return re.sub(r"\s+", " ", line).strip()


def main():
    arguments = sys.argv[1:]
    show = arguments[0] == "--print"
    readme, *user_shell = arguments[show:]
    with open(readme, encoding="utf-8") as file:
        wanted = steps(block(file.read()).splitlines())
    shells = {"$": Shell(user_shell), "#": Shell(["bash"])}
    ids, different, printed = {}, 0, []
    for prompt, command, output in wanted:
        now = shells[prompt].run(re.sub(ID, lambda match: ids.get(match.group()[:12], match.group()), command))
        printed += [f"{prompt} {command}", *now]
        if [form(line) for line in now] != [form(line) for line in output]:
            different += 1
            if not show:
                print(f"{prompt} {command}", *(f"  README: {line}" for line in output), *(f"  now:    {line}" for line in now), sep="\n")
        for old, new in zip(re.findall(ID, "\n".join(output)), re.findall(ID, "\n".join(now))):
            ids.setdefault(old[:12], new)
    if show:
        print("\n".join(printed))
    return different


if __name__ == "__main__":
    sys.exit(main())

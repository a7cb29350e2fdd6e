# SPDX-License-Identifier: LGPL-2.1-or-later
import subprocess

cases = {"": 0, "one": 1, "two words": 2, "  spaces   all  around ": 3, "a\ttab\nand a line": 5}
out = subprocess.run(["./words", *cases], capture_output=True, text=True, check=True).stdout.split()
assert [int(n) for n in out] == list(cases.values()), out
print(f"{len(cases)} cases good")

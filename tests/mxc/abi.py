#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""abi.py LIBRARY BINDING OTHER…: what MXC's binding for C# calls (NativeMethods.g.cs of its npm package), and what its own libraries export (OTHER),
is what our library exports; and a struct of the binding is laid out as ours. Prints what is not so."""
import ctypes
import re
import subprocess
import sys
from pathlib import Path

WINDOWS = {"mxc_probe_request_json", "mxc_probe_request_json_with_error"}  # "present only in Windows builds"
SIZES = {"MxcRunResult": 80, "MxcErrorDetail": 32, "MxcNativeStdio": 24, "MxcStateAwareResult": 48, "MxcExecOutcome": 8}
TYPES = {"int": ctypes.c_int32, "nint": ctypes.c_ssize_t}


def exports(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[-1] for line in out.splitlines()}


def structs(text):
    found = {}
    for name, body in re.findall(r"internal unsafe partial struct (\w+)\s*\{(.*?)\}", text, re.S):
        fields = re.findall(r"public (\w+\*?) (@?\w+);", body)
        if fields:
            found[name] = type(name, (ctypes.Structure,), {"_fields_": [
                (field, ctypes.c_void_p if kind.endswith("*") else TYPES.get(kind) or found[kind]) for kind, field in fields]})
    return found


def main(library, binding, *others):
    ours, text = exports(library), Path(binding).read_text()
    called = set(re.findall(r'EntryPoint = "(mxc_\w+)"', text)) - WINDOWS
    wrong = [f"the binding calls {name}, which is not there" for name in sorted(called - ours)]
    for other in others:
        wrong += [f"{other} has {name}, which is not there" for name in sorted(exports(other) - ours) if name.startswith("mxc_")]
    wrong += [f"{name} is exported, and no part of the interface" for name in sorted(ours) if not name.startswith("mxc_")]
    # One that holds another comes after it here, whatever the order of the file.
    detail = re.search(r"internal unsafe partial struct MxcErrorDetail\s*\{.*?\}", text, re.S)
    layout = structs((detail.group(0) if detail else "") + text)
    for name, size in SIZES.items():
        if name not in layout or ctypes.sizeof(layout[name]) != size:
            wrong.append(f"{name} is not of {size} bytes in the binding")
    print("\n".join(wrong) if wrong else f"{len(called)} functions, {len(SIZES)} structs")
    return 1 if wrong or len(called) < 40 else 0


sys.exit(main(*sys.argv[1:]))

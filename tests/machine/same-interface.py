# SPDX-License-Identifier: LGPL-2.1-or-later
"""same-interface.py DOCUMENT OBJECT INTERFACE: the interface as the document has it is the one that the live object has, both ways."""
import subprocess
import sys
import xml.etree.ElementTree as ET


def members(interface):
    found = {}
    for member in interface:
        if member.tag == "annotation":
            continue
        arguments = [(a.get("name"), a.get("type"), a.get("direction", "out" if member.tag == "signal" else "in"))
                     for a in member.findall("arg")]
        found[member.tag, member.get("name")] = (arguments, member.get("type"), member.get("access"))
    return found


document, path, name = sys.argv[1:]
live = subprocess.run(["busctl", "call", "--json=short", "org.mxc1", path, "org.freedesktop.DBus.Introspectable", "Introspect"],
                      check=True, capture_output=True, text=True).stdout
live = ET.fromstring(__import__("json").loads(live)["data"][0])
wanted = members(next(i for i in ET.parse(document).getroot().iter("interface") if i.get("name") == name))
got = members(next(i for i in live.iter("interface") if i.get("name") == name))
bad = [f"only in the document: {key}" for key in wanted.keys() - got.keys()]
bad += [f"only in the object: {key}" for key in got.keys() - wanted.keys()]
bad += [f"{key}: {wanted[key]} in the document, {got[key]} in the object" for key in wanted.keys() & got.keys() if wanted[key] != got[key]]
print("\n".join(bad))
sys.exit(1 if bad or not wanted else 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scenarios/deputy.sh does at the doors, as the user it is run as.

deputy.py walk DOOR COLUMN <LIST     every call of the list, each of which is answered as that column says; and the list is what introspection shows
deputy.py flood DOOR N OBJECT [stop] Kill of OBJECT, or Stop, N times, a hundred on their way at once: prints the names of the answers and how many
deputy.py forge OBJECT SENDER        Kill of OBJECT at mxcd's own door, in somebody else's name
deputy.py dump                       the daemon's state, less what is under way
deputy.py pending                    what is
deputy.py listen SECONDS             every signal of mxcd's that comes, until then: a line of its bytes, as Python writes them
deputy.py crowd UID [WHAT]           long calls of that uid's on many connections (objects; register or revoke, of agents of its own): how many wait at
                                     once, and how many are done between two other calls
deputy.py longest                    calls as long as the bus lets them be, of words that answers repeat: prints each answer's name and how long it is

A line of the list: a method (Interface.Member), a property (Interface:Name), all of them (Interface:*) or a change of one (Interface=Name); its
signature, its arguments as JSON, what a stranger is answered, what root is, what root is without a journal, and what the refusal's record is. "ok"
is any answer, and so is "stored": of what ends something and is done without a journal, too; "walk DOOR stored" asks for those, and "unrecorded" for all others. An
answer to a stranger must not hold any of the words in $SECRETS. @NAME in an argument is $NAME; a name of an error
that depends on the door is BUS|DOOR."""
import collections
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

from wire import Connection, types

FREEDESKTOP = "org.freedesktop.DBus"
STANDARD = {"Peer": {"Ping", "GetMachineId"}, "Introspectable": {"Introspect"}, "Properties": {"Get", "GetAll", "Set"}}
OBJECT_MANAGER = {"ObjectManager": {"GetManagedObjects"}}
OBJECTS = {name: os.environ.get(name.upper()) for name in ("Agent", "Sandbox")} | {"Manager": "/org/mxc1", "ObjectManager": "/org/mxc1",
                                                                                  "Peer": "/org/mxc1"}
NOWHERE = {"Agent": "/org/mxc1/agent/nowhere", "Sandbox": "/org/mxc1/sandbox/" + 32 * "0"}
COLUMNS = {"stranger": 3, "root": 4, "unrecorded": 5, "stored": 5}
bad = []


def complain(*words):
    bad.append(" ".join(map(str, words)))


def full(interface):
    return f"{FREEDESKTOP}.{interface}" if interface in STANDARD | OBJECT_MANAGER else f"org.mxc1.{interface}"


def filled_in(value, kind):
    if isinstance(value, str) and value.startswith("@") and kind == "h":
        return os.pidfd_open(int(os.environ[value[1:].upper()]))
    if isinstance(value, str):
        for word in ("agent", "other", "new"):
            value = value.replace("@" + word, os.environ.get(word.upper() + "_NAME", ""))
    return value


class Row:
    def __init__(self, line):
        self.columns = line.split()
        what = self.columns[0]
        self.mark = next(c for c in what if c in ".:=")
        self.interface, self.member = what.split(self.mark)
        self.signature = self.columns[1].strip("-")
        self.args = json.loads(self.columns[2])

    def call(self, path):
        """Where, what, and with what."""
        if self.mark == ".":
            return path, full(self.interface), self.member, self.signature, [filled_in(v, k) for k, v in zip(types(self.signature), self.args)]
        if self.member == "*":
            return path, full("Properties"), "GetAll", "s", [full(self.interface)]
        if self.mark == ":":
            return path, full("Properties"), "Get", "ss", [full(self.interface), self.member]
        return path, full("Properties"), "Set", "ssv", [full(self.interface), self.member, (self.signature, self.args[0])]


def name_of(answer):
    return answer.error or "ok"


def is_due(name, due, door):
    due = due.split("|")[-1 if door == "door" else 0]
    return name == ("ok" if due in ("ok", "stored") else f"{FREEDESKTOP}.Error.{due}" if due in ("AccessDenied", "PropertyReadOnly") else f"org.mxc1.Error.{due}")


def introspect(c, path):
    answer = c.ask(path, full("Introspectable"), "Introspect")
    if answer.error:
        above, _, name = path.rpartition("/")
        if path == "/" or any(node.get("name") == name for node in introspect(c, above or "/").findall("node")):  # it has not ended since it was shown
            complain(path, "cannot be introspected:", answer.error)
        return ET.fromstring("<node/>")
    return ET.fromstring(answer.body[0].split(">", 1)[1] if answer.body[0].startswith("<!DOCTYPE") else answer.body[0])


def nodes(c, path):
    yield path
    for node in introspect(c, path).findall("node"):
        yield from nodes(c, path.rstrip("/") + "/" + node.get("name"))


def compare(c, rows):
    """That what introspection shows is what the list has."""
    for interface in ("Manager", "Agent", "Sandbox"):
        live = {i.get("name"): i for i in introspect(c, OBJECTS[interface]).findall("interface")}
        wanted = {full(name): members for name, members in (STANDARD | (OBJECT_MANAGER if interface == "Manager" else {})).items()}
        for name, members in wanted.items():
            shown = {m.get("name") for m in live.pop(name, ET.Element("none")).findall("method")}
            if shown != members:
                complain(name, "has", shown, "and not", members)
        own = live.pop(full(interface), ET.Element("none"))
        for kind, mark in (("method", "."), ("property", ":")):
            shown = {m.get("name") for m in own.findall(kind)}
            listed = {r.member for r in rows if r.interface == interface and r.mark == mark and r.member != "*"}
            for member in sorted(shown ^ listed):
                complain(interface + mark + member, "is not in the list" if member in shown else "is not there any more")
        for name in live:
            complain("an interface that the list does not know:", name)


def walk(door, column):
    c = Connection(door)
    rows = [Row(line) for line in sys.stdin if line.strip()]
    secrets = [s.encode() for s in os.environ["SECRETS"].split()] if column == "stranger" else []
    if column in ("stranger", "root"):
        compare(c, rows)
    for row in rows:
        if column in ("unrecorded", "stored") and (row.columns[COLUMNS[column]] == "stored") != (column == "stored"):
            continue
        answer = c.ask(*row.call(OBJECTS[row.interface]))
        if not is_due(name_of(answer), row.columns[COLUMNS[column]], door):
            complain(row.columns[0], "answers", name_of(answer), answer.body if answer.error else "", "and not", row.columns[COLUMNS[column]])
        for secret in secrets:
            if not answer.error and secret in answer.raw:
                complain(row.columns[0], "tells", secret)
        if column == "stranger" and row.interface in NOWHERE and row.mark != "=":
            answer = c.ask(*row.call(NOWHERE[row.interface]))
            if name_of(answer) != "org.mxc1.Error.NoSuch" + row.interface:
                complain(row.columns[0], "of what is nowhere answers", name_of(answer))
    for path in nodes(c, "/"):
        for secret in secrets:
            if secret in path.encode():
                complain("a stranger is shown", path)
    print("\n".join(bad))
    sys.exit(1 if bad or not rows else 0)


def flood(door, n, path, what="kill"):
    c, names, sent = Connection(door), collections.Counter(), 0
    c.ask("/org/mxc1", full("Peer"), "Ping")
    c.ask("/org/mxc1", full("Manager"), "ListPolicies")  # it is known whose connection it is
    for received in range(int(n)):
        while sent < int(n) and sent - received < 100:
            if what == "stop":
                c.send(path, full("Sandbox"), "Stop")
            else:
                c.send(path, full("Sandbox"), "Kill", "si", ["all", 9])
            sent += 1
        names[name_of(c.next())] += 1
    for name, count in names.items():
        print(name, count)


def forge(path, sender):
    print(name_of(Connection("door").ask(path, full("Sandbox"), "Kill", "si", ["all", 9], sender=sender)))


def listen(seconds):
    c = Connection("bus")
    for interface in ("org.mxc1.Manager", "org.mxc1.Agent", "org.mxc1.Sandbox", "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"):
        c.ask("/org/freedesktop/DBus", FREEDESKTOP, "AddMatch", "s", [f"type='signal',sender='org.mxc1',interface='{interface}'"], to=FREEDESKTOP)
    print("listening", flush=True)
    end = time.monotonic() + float(seconds)
    while (left := end - time.monotonic()) > 0:
        if c.data or select.select([c.socket], [], [], left)[0]:
            message = c.next()
            if message.kind == 4 and message.member != "NameAcquired":
                print(message.path, message.member, message.body, flush=True)


def connect_as(uid, n):
    """The door asks the kernel who connects, at that moment."""
    os.seteuid(uid)
    try:
        return [Connection("door") for _ in range(n)]
    finally:
        os.seteuid(0)


def document():
    """Long to read, and long to compare."""
    allow = [{"to": [{"cidr": f"10.{i}.{j}.0/24"} for j in range(40)]} for i in range(200)]
    return json.dumps({"schema": "mxc-policy/1", "name": "long", "network": {"egress": {"allow": allow}}}, separators=(",", ":"))


def read_dump(answer):
    with os.fdopen(answer.fds[0]) as text:
        return text.readlines()


def dump(under_way=False):
    text = read_dump(Connection("door").ask("/org/mxc1", full("Manager"), "Dump"))
    text = (re.sub("sandboxes 0, scope .*", "sandboxes 0", line) for line in text)  # that goes by itself, after a while
    print("".join(line for line in text if line.startswith(("uid ", "records ")) == under_way))


def pending():
    dump(under_way=True)


def crowd(bob, what="policy"):
    """The daemon itself says how far it is, in the midst of it: when who reads that here comes to it makes no difference."""
    his, ours, text, waiting = connect_as(int(bob), 30), Connection("door"), document(), []
    for c in his + [ours]:
        c.ask("/org/mxc1", full("Peer"), "Ping")
    if what in ("register", "revoke"):  # polkit's yes holds for some seconds: without it, all of them would wait for that
        his[0].answer(his[0].send("/org/mxc1", full("Manager"), "RevokeAgent", "ss", [f"user-{bob}-nobody", ""]))
    daemon = int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "mxcd.service"]))
    if what == "objects":  # what mxcd answers as fast as it is asked is asked all at once: short words, which wait in the sockets
        os.kill(daemon, signal.SIGSTOP)
    for i, c in enumerate(2 * his):
        own = f"user-{bob}-crowd{i}"
        if what == "register":
            c.send("/org/mxc1", full("Manager"), "RegisterAgent", "s", [json.dumps({"name": own, "policy": "workspace"})])
        elif what == "revoke":
            c.send("/org/mxc1", full("Manager"), "RevokeAgent", "ss", [own, "over"])
        elif what == "objects":
            c.send("/org/mxc1", full("ObjectManager"), "GetManagedObjects")
        else:
            c.send("/org/mxc1", full("Manager"), "CheckPolicy", "s", [text])
    os.kill(daemon, signal.SIGSTOP)  # it goes on when all of these are there, or what is done while this sends them would be taken for one step
    numbers = [ours.send("/org/mxc1", full("Manager"), "Dump") for _ in range(100)]
    os.kill(daemon, signal.SIGCONT)
    for number in numbers:
        line = next((line for line in read_dump(ours.answer(number)) if line.startswith(f"uid {bob}: ")), "uid 0: 0 requests")
        waiting.append(int(line.split()[2]))
    most = waiting.index(max(waiting))
    steps = [a - b for a, b in zip(waiting[most:], waiting[most + 1:])]
    print(max(waiting), max(steps), flush=True)


MOST = 32 << 20  # bytes of a message on the system bus; who sends more is hung up on


def longest():
    def call(interface, member, signature, args):
        connection, path, n = Connection("bus"), "/org/mxc1", MOST
        size = {k: len(connection.packed(path, full(interface), member, signature, args("a" * k))[0]) - k for k in range(8)}
        while n + size[n % 8] > MOST:
            n -= 1
        answer = connection.ask(path, full(interface), member, signature, args("a" * n))
        print(member, answer.error or "ok", len(answer.raw))
    for interface, member, signature, args in (
            ("Manager", "Explain", "ssa{sv}", lambda word: ["workspace", word, {}]),
            ("Manager", "Explain", "ssa{sv}", lambda word: ["workspace", "env", {"target": ("s", word)}]),
            ("Manager", "GetPolicy", "s", lambda word: [word]),
            ("Manager", "Spawn", "sasa{sv}", lambda word: ["", ["true"], {"needs": ("a(ssu)", [("connect", word, 80)])}]),
            ("Manager", "Spawn", "sasa{sv}", lambda word: [word, ["true"], {}]),
            ("Properties", "GetAll", "s", lambda word: [word]),
            ("Properties", "Get", "ss", lambda word: [word, "Version"]),
            ("Properties", "Get", "ss", lambda word: ["org.mxc1.Manager", word])):
        call(interface, member, signature, args)


{"walk": walk, "flood": flood, "forge": forge, "dump": dump, "pending": pending, "listen": listen, "crowd": crowd, "longest": longest}[sys.argv[1]](*sys.argv[2:])

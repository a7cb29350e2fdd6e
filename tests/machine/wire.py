# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of both doors that says exactly what it is told to: calls that are not waited for, senders that are not its own.

D-Bus as the specification has it, little endian, of the types that org.mxc1 uses."""
import os
import socket
import struct

BUS, DOOR = "/run/dbus/system_bus_socket", "/run/mxc/bus"
NAME = "org.mxc1"
ALIGN = dict(zip("ybnqiuxtdsogahv({", (1, 4, 2, 2, 4, 4, 8, 8, 8, 4, 4, 1, 4, 4, 1, 8, 8)))
FIXED = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "b": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}


def first_type(signature):
    """How long the first complete type is."""
    if signature[0] == "a":
        return 1 + first_type(signature[1:])
    if signature[0] not in "({":
        return 1
    depth = 0
    for i, c in enumerate(signature):
        depth += (c in "({") - (c in ")}")
        if depth == 0:
            return i + 1
    raise ValueError(signature)


def types(signature):
    while signature:
        n = first_type(signature)
        yield signature[:n]
        signature = signature[n:]


class Writer:
    def __init__(self):
        self.data, self.fds = bytearray(), []

    def align(self, n):
        self.data += bytes(-len(self.data) % n)

    def add(self, kind, value):
        self.align(ALIGN[kind[0]])
        if kind == "h":
            self.fds.append(value)
            value = len(self.fds) - 1
        if kind in FIXED:
            self.data += struct.pack("<" + FIXED[kind], value)
        elif kind in ("s", "o"):
            text = value.encode()
            self.data += struct.pack("<I", len(text)) + text + b"\0"
        elif kind == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            self.add("g", value[0])
            self.add(*value)
        elif kind[0] == "a":
            at = len(self.data)
            self.data += bytes(4)
            self.align(ALIGN[kind[1]])
            begin = len(self.data)
            for item in value.items() if kind[1] == "{" else value:
                self.add(kind[1:], item)
            struct.pack_into("<I", self.data, at, len(self.data) - begin)
        else:
            for part, item in zip(types(kind[1:-1]), value):
                self.add(part, item)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, kind):
        self.at += -self.at % ALIGN[kind[0]]
        if kind in FIXED:
            value, = struct.unpack_from("<" + FIXED[kind], self.data, self.at)
            self.at += struct.calcsize(FIXED[kind])
            return value
        if kind in ("s", "o", "g"):
            n = self.data[self.at] if kind == "g" else self.take("u")
            self.at += kind == "g"
            self.at += n + 1
            return self.data[self.at - n - 1:self.at - 1].decode()
        if kind == "v":
            return self.take(self.take("g"))
        if kind[0] == "a":
            end = self.take("u")
            self.at += -self.at % ALIGN[kind[1]]
            end += self.at
            values = []
            while self.at < end:
                values.append(self.take(kind[1:]))
            return dict(values) if kind[1] == "{" else values
        return tuple(self.take(part) for part in types(kind[1:-1]))


class Message:
    """kind: 2 a reply, 3 an error, 4 a signal. body: its values; raw: all of its bytes."""

    def __init__(self, raw, fds):
        head = Reader(raw)
        self.raw, self.fds = raw, fds
        _, self.kind, _, _, size, _ = (head.take(k) for k in "yyyyuu")
        fields = {code: value for code, value in head.take("a(yv)")}
        self.path, self.member, self.error = fields.get(1), fields.get(3), fields.get(4)
        self.answers, self.sender = fields.get(5), fields.get(7)
        body = Reader(raw[len(raw) - size:])
        self.body = [body.take(k) for k in types(fields.get(8, ""))]


class Connection:
    def __init__(self, which):
        self.is_bus = which == "bus"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(BUS if self.is_bus else DOOR)
        self.serial, self.data, self.fds, self.unread, self.name = 0, bytearray(), [], [], None
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        while self.data.count(b"\r\n") < 2:
            self.fill()
        assert self.data.startswith(b"OK "), bytes(self.data)
        self.data = self.data.split(b"\r\n", 2)[2]
        if self.is_bus:
            self.name = self.ask("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", to="org.freedesktop.DBus").body[0]

    def fill(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
        if not data:
            raise ConnectionResetError("hung up on")
        self.data += data
        self.fds += fds

    def packed(self, path, interface, member, signature="", args=(), to=NAME, sender=None):
        """A call, as bytes, and the descriptors that go with it."""
        body, head = Writer(), Writer()
        for kind, value in zip(types(signature), args):
            body.add(kind, value)
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
        fields += [(6, ("s", to))] if self.is_bus else []
        fields += [(7, ("s", sender))] if sender else []
        fields += [(8, ("g", signature))] if signature else []
        fields += [(9, ("u", len(body.fds)))] if body.fds else []
        for kind, value in zip("yyyyuu", (ord("l"), 1, 0, 1, len(body.data), self.serial)):
            head.add(kind, value)
        head.add("a(yv)", fields)
        head.align(8)
        return bytes(head.data + body.data), body.fds

    def send(self, *args, **more):
        """Sends a call, and returns its number."""
        self.serial += 1
        data, fds = self.packed(*args, **more)
        sent = socket.send_fds(self.socket, [data], fds) if fds else 0
        self.socket.sendall(data[sent:])
        return self.serial

    def next(self):
        """The next message that came."""
        while True:
            if len(self.data) >= 16:
                size, fields = struct.unpack_from("<I", self.data, 4)[0], struct.unpack_from("<I", self.data, 12)[0]
                size += 16 + fields + -fields % 8
                if len(self.data) >= size:
                    raw, self.data = bytes(self.data[:size]), self.data[size:]
                    fds, self.fds = self.fds, []
                    return Message(raw, fds)
            self.fill()

    def answer(self, serial):
        while True:
            message = self.next()
            if message.answers == serial:
                return message
            self.unread.append(message)

    def ask(self, *args, **more):
        return self.answer(self.send(*args, **more))

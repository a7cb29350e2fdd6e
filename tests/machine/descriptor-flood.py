# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scenarios/porter.sh does at the doors with descriptors, which count against who sends them for as long as they are on their way.

descriptor-flood.py fill     120 connections to the second door, each of which says as much with 16 pipes as it takes; until it is ended
descriptor-flood.py ask DOOR a call with 8 of them, a hundred times, each of which is answered"""
import errno
import os
import resource
import socket
import sys
import time

from wire import Connection

CONNECTIONS, SECONDS = 120, 6
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
pipe, _kept = os.pipe()


def call(n):
    return "/org/mxc1", "org.freedesktop.DBus.Peer", "Ping", "h" * n, [pipe] * n


def fill():
    connections = [Connection("door") for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.socket.setblocking(False)
    print("full", flush=True)
    end = time.monotonic() + SECONDS
    data, fds = connections[0].packed(*call(16))
    data = data[:2] + b"\1" + data[3:8] + b"\1" + data[9:]  # it wants no answer; a number
    while time.monotonic() < end:
        for connection in connections:
            try:
                sent = socket.send_fds(connection.socket, [data], fds)
                connection.socket.setblocking(True)
                connection.socket.sendall(data[sent:])
                connection.socket.setblocking(False)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.ETOOMANYREFS):  # it is not taken as fast as it is said; one's own bound
                    raise
    time.sleep(3600)


def ask(door):
    connection = Connection(door)
    for _ in range(100):
        assert connection.ask(*call(8)).kind == 2


{"fill": fill, "ask": ask}[sys.argv[1]](*sys.argv[2:])

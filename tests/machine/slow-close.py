# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scenarios/porter.sh does at a door, as the user it is run as: descriptors that whoever closes them last has to wait for, for ten minutes.

slow-close.py DOOR WAY   says it, and stays until it is ended. WAY:
  call     with a call that is answered
  refused  as standard input of a spawn that is refused
  queue    the same in the queue of a socket
  noise    with what is no message
  unread   in so many messages that they are not all read when it has left
  spawn    as standard input of a sandbox
  mixed    as standard output of one whose standard input is refused when both have been asked for
  further  nothing of it: what a further command says that is given a socket
  network  what a spawn says whose standard input is a connection"""
import os
import socket
import struct
import sys
import threading
import time

from wire import Connection

AGENT = f"user-{os.geteuid()}"
kept = []


def slow():
    """A connection with something to say to who does not listen, and SO_LINGER: socket(7)."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    speaker = socket.create_connection(listener.getsockname())
    kept.extend((listener, listener.accept()[0]))
    speaker.setblocking(False)
    try:
        while True:
            speaker.send(bytes(65536))
    except BlockingIOError:
        pass
    speaker.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 600))
    return speaker


def in_a_queue():
    ours, theirs = socket.socketpair()
    with slow() as speaker:
        socket.send_fds(ours, [b"x"], [speaker.fileno()])
    kept.append(ours)
    return theirs


def spawn(connection, agent, fd):
    # long enough that pid 1 of the sandbox, which has it too, is not the last who closes it
    return connection.send("/org/mxc1", "org.mxc1.Manager", "Spawn", "sasa{sv}", [agent, ["sleep", "1"], {"stdin": ("h", fd)}])


def call(connection, fd):
    return connection.send("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping", "h", [fd])


def refused(connection, fd):
    return spawn(connection, "nobody-s", fd)


def noise(connection, fd):
    socket.send_fds(connection.socket, [bytes(64)], [fd])


def unread(connection, fd):
    for _ in range(64):
        connection.send("/org/mxc1", "org.mxc1.Manager", "ListPolicies", "h", [fd])


def started(connection, fd):
    return spawn(connection, AGENT, fd)


def plain():
    listener = socket.create_server(("127.0.0.1", 0))
    kept.append(listener)
    return socket.create_connection(listener.getsockname())


def mixed(connection, fd):
    stdio = {"stdin": ("h", plain().detach()), "stdout": ("h", fd)}
    return connection.send("/org/mxc1", "org.mxc1.Manager", "Spawn", "sasa{sv}", [AGENT, ["true"], stdio])


def further():
    connection = Connection(sys.argv[1])
    made = connection.ask("/org/mxc1", "org.mxc1.Manager", "CreateSandbox", "sa{sv}", [AGENT, {}])
    assert not made.error, made.body
    ours, theirs = socket.socketpair()
    begun = connection.ask(made.body[0], "org.mxc1.Sandbox", "Exec", "asa{sv}", [["cat"], {"stdin": ("h", theirs.fileno()), "stdout": ("h", theirs.fileno())}])
    assert not begun.error, begun.body
    theirs.close()
    ours.sendall(b"it is heard\n")
    ours.shutdown(socket.SHUT_WR)
    print(ours.makefile().read(), end="")
    connection.ask(made.body[0], "org.mxc1.Sandbox", "Stop")
    sys.exit()


if sys.argv[2] == "further":
    further()

# The last: whether it is answered with an error. None: it is not waited for: who stands at this connection may be the one who waits.
WAYS = {"call": (slow, call, None), "refused": (slow, refused, None), "queue": (in_a_queue, refused, None), "noise": (slow, noise, None),
        "unread": (slow, unread, None), "mixed": (slow, mixed, None), "spawn": (in_a_queue, started, False), "network": (plain, started, True)}
make, say, error = WAYS[sys.argv[2]]
door = Connection(sys.argv[1])
fd = make().detach()
serial = say(door, fd)
threading.Thread(target=os.close, args=[fd], daemon=True).start()  # it may be the last who closes it
if error is not None:
    answer = door.answer(serial)
    assert bool(answer.error) == error, (answer.error, answer.body)
if sys.argv[2] == "network":
    print(answer.body[0])
    sys.exit()
if sys.argv[2] == "unread":
    door.socket.close()
print("said", flush=True)
time.sleep(3600)

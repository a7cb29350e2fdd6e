# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bounds of one relay, whatever its policy says: as many as fit, and one more. The numbers are those of daemon/egress."""

import contextlib
import errno
import os
import re
import resource
import socket
import struct
import threading

from egress_rig import (CROWD, DNS, OTHER, PROXY, SILENT, WEB, Relay, abort, drain, is_readable, is_refused, reset_at, through_proxy)

CONNECTIONS, QUERIES, STREAMS, REPORTS, PROXY_CLIENTS = 1024, 256, 64, 1024, 64
QUESTIONS_AT_ONCE = 32
STREAM_QUESTION = 512
ALL = {"allow": [["*.example.com"]]}
TAKEN = b"CONNECT web.example.com:7 HTTP/1.1\r\n\r\n"


def question(number, name, kind=1, more=b""):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack(">6H", number, 0x100, 1, 0, 0, bool(more)) + labels + b"\0" + struct.pack(">2H", kind, 1) + more


def answer(data):
    """Its number and its code."""
    number, flags = struct.unpack(">2H", data[:4])
    return number, flags & 15


def test_connections(n):
    """EGRESS_CONNECTIONS_MAX, none of which says anything; one ends, and the next is served."""
    with Relay(n, **ALL) as r, n.serve(2309) as server:
        r.learn()
        server.listen(2048)
        those = []
        for _ in range(CONNECTIONS):
            those.append(r.open(WEB, 2309))
        assert is_refused(n, WEB, 2309)
        assert r.expect("connect", allowed=False).reason == "connections"
        assert r.learn() == [WEB]
        seen = r.look()
        assert len({s.serial for s in seen}) == CONNECTIONS and {s.port for s in seen} == {2309}, len(seen)
        abort(those.pop())
        r.expect("close")
        assert len(r.look(serial=2)) == CONNECTIONS - 1
        s = r.open(WEB, 7)
        s.sendall(b"\0")
        assert s.recv(1) == b"\0"
        for s in those:
            s.close()


def test_half_open(n):
    """The same of those that nobody answers; EGRESS_DIAL_USEC later they are over."""
    with Relay(n, **ALL) as r:
        assert r.learn("silent.example.com") == [SILENT]
        those = [r.open(SILENT, 443) for _ in range(CONNECTIONS)]
        assert is_refused(n, SILENT, 443)
        assert r.expect("connect", allowed=False).reason == "connections"
        assert r.learn() == [WEB]
        abort(those.pop())
        assert r.expect("fail").error == errno.ECONNRESET
        those.append(r.open(WEB, 7))  # the next is served
        r.channel.settimeout(60)
        for _ in range(CONNECTIONS - 1):
            assert r.expect("fail").error == errno.ETIMEDOUT
        those.pop().sendall(b"\0")
        assert all(reset_at(s) for s in those)


def refused_for(r, reason):
    """Refusals that were told for that; in so many reports."""
    those = [s.count for s in r.seen if s.kind == "connect" and not s.allowed and s.reason == reason]
    return sum(those), len(those)


def test_ten_thousand_half_open(n):
    """As many are tried as there may be, whoever was there before goes on, and when they are over the next is served: EGRESS_DIAL_USEC after they began,
    since who only closes may still be waiting for an answer."""
    many, those = 10000, []
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (many + 2000, max(many + 2000, most[1])))

    def flood():
        for _ in range(many):
            with contextlib.suppress(ConnectionResetError):
                those.append(n.dial(SILENT, 443))

    def of_those(kind):
        return sum(s.kind == kind and s.allowed and s.port == 443 for s in r.seen)

    def all_told():  # on a machine with much else to do some are over before the last is tried
        r.idle()
        return of_those("connect") + refused_for(r, "connections")[0] == many
    try:
        with Relay(n, **ALL) as r:
            assert r.learn("silent.example.com") == [SILENT] and r.learn() == [WEB]
            before = r.open(WEB, 7)
            thread = threading.Thread(target=flood)
            thread.start()
            while thread.is_alive():
                if is_readable([r.channel], 0.1):
                    r.next()
            before.sendall(b"\0")
            assert before.recv(1) == b"\0" and r.learn() == [WEB]
            n.wait(all_told)
            assert CONNECTIONS - 1 <= of_those("connect") < many / 2
            assert refused_for(r, "connections")[1] < 100, "each has a record of its own"
            with open(f"/proc/{r.pid}/status", encoding="ascii") as f:
                peak = int(re.search(r"^VmHWM:\s+(\d+) kB$", f.read(), re.M)[1])
            assert peak < 16384, peak
            for s in those:
                s.close()
            r.channel.settimeout(60)
            while of_those("fail") < of_those("connect"):
                r.next()
            assert {s.error for s in r.seen if s.kind == "fail"} == {errno.ETIMEDOUT}
            s = r.open(WEB, 7)
            s.sendall(b"\0")
            assert s.recv(1) == b"\0"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


def test_questions_that_wait(n):
    """EGRESS_QUERIES_MAX: the host's resolver does not answer."""
    n.use_resolver(SILENT)
    try:
        with Relay(n, **ALL) as r, n.socket("sandbox", socket.SOCK_DGRAM) as s:
            s.connect((DNS, 53))
            for i in range(QUERIES):
                s.send(question(i, f"q{i}.example.com"))
                if i % QUESTIONS_AT_ONCE == QUESTIONS_AT_ONCE - 1:  # all before a name that is refused have been taken
                    s.send(question(1000 + i, "never.example.org"))
                    assert answer(s.recv(512)) == (1000 + i, 3)
            s.send(question(QUERIES, "one-more.example.com"))
            assert answer(s.recv(512)) == (QUERIES, 2)
            s.settimeout(60)
            gone = {answer(s.recv(512)) for _ in range(QUERIES)}
            assert gone == {(i, 2) for i in range(QUERIES)}, gone
            n.use_resolver(DNS)
            assert r.learn() == [WEB]
    finally:
        n.use_resolver(DNS)


def test_another_resolver(n):
    """resolv.conf changes under it, while a question waits for the one that has gone."""
    n.use_resolver(SILENT)
    try:
        with Relay(n, **ALL) as r, n.socket("sandbox", socket.SOCK_DGRAM) as s:
            s.connect((DNS, 53))
            s.send(question(1, "waits.example.com"))
            s.send(question(2, "never.example.org"))
            assert answer(s.recv(512)) == (2, 3)
            n.use_resolver(DNS)
            s.send(question(3, "web.example.com"))
            told = [answer(s.recv(512)) for _ in range(2)]
            assert told == [(1, 2), (3, 0)], told
            assert r.learn() == [WEB]
    finally:
        n.use_resolver(DNS)


def asks(s, text=None):
    text = text or question(7, "web.example.com")
    s.sendall(struct.pack(">H", len(text)) + text)
    return s.recv(512)


def test_streams(n):
    """EGRESS_STREAMS_MAX connections to the resolver, and STREAM_QUESTION_MAX bytes of a question in them."""
    with Relay(n, **ALL) as r:
        those = [n.dial(DNS, 53) for _ in range(STREAMS)]
        for s in those:
            assert asks(s)[2:4] == b"\0\7"
        with n.dial(DNS, 53) as s, contextlib.suppress(ConnectionError):
            assert asks(s) == b""
        assert WEB in r.learn()  # by UDP
        room = STREAM_QUESTION - len(question(8, "web.example.com", more=b"\0" * 11))
        for beyond in (0, 1):
            option = struct.pack(">BHHIH", 0, 41, 1232, 0, room + beyond) + struct.pack(">2H", 65001, room + beyond - 4) + b"\0" * (room + beyond - 4)
            text = question(8, "web.example.com", more=option)
            assert len(text) == STREAM_QUESTION + beyond
            with contextlib.suppress(ConnectionError):
                assert (asks(those[-1], text)[2:4] == b"\0\x08") == (beyond == 0)
        s = those[-1] = n.dial(DNS, 53)  # the last of them was hung up on
        assert asks(s)[2:4] == b"\0\7"


def test_many_addresses(n):
    """DNS_ADDRESSES_MAX of one name are handed out, and what was not cannot be dialled."""
    with Relay(n, **ALL) as r:
        assert sorted(r.learn("many.example.com")) == sorted(CROWD[1:])
        handed = r.learn("crowd.example.com")
        assert len(set(handed)) == 64, handed
        left = [a for a in CROWD if a not in handed and a not in CROWD[1:]] or [OTHER]
        assert is_refused(n, left[0], 443)
        assert r.expect("connect", allowed=False).reason == "no-name"


def room_of_a_channel():
    """Messages that a socket as that of mxcd takes while nobody reads."""
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    n = 0
    with a, b, contextlib.suppress(BlockingIOError):
        a.setblocking(False)
        while True:
            a.send(b"\0" * Relay.report_size)
            n += 1
    return n


def test_full_channel(n):
    """EGRESS_REPORTS_MAX that mxcd does not take: nothing goes out that could not be told, and what was not told is counted."""
    fits = room_of_a_channel() + REPORTS
    with Relay(n, **ALL) as r, n.serve(2310) as server:
        r.learn()
        ports = range(20000, 20000 + fits - 1)
        for port in ports:
            assert is_refused(n, OTHER, port), port
        first = n.dial(WEB, 2310)  # the last that there is room for
        assert is_refused(n, WEB, 2310)
        beyond = 10
        for port in range(30000, 30000 + beyond):
            assert is_refused(n, OTHER, port)
        assert not is_readable([server], 0), "it was dialled, and is on no record"
        told = [r.expect("connect") for _ in range(fits)]
        assert [t.port for t in told[:-1]] == [*ports] and all(t.count == 1 for t in told)
        assert told[-1].allowed and told[-1].port == 2310
        server.accept()[0].sendall(b"!")
        assert first.recv(1) == b"!"
        lost = r.expect("connect", allowed=False)  # by itself, and as nobody's
        assert (lost.count, lost.protocol, lost.port, lost.host) == (beyond, 0, 0, ""), str(lost)
        assert is_refused(n, OTHER, 40000)
        assert r.expect("connect", allowed=False, port=40000).count == 1
        r.open(WEB, 7)


def seconds_of(pid):
    """For so long it has run, or wanted to: what a machine with much else to do does not change."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        ran, waited, _ = f.read().split()
    return (int(ran) + int(waited)) / 1e9


def open_files(r):
    return len(os.listdir(f"/proc/{r.pid}/fd"))


def until_there_are_no_more(n, r, files):
    """The connections that there are then; and whether one more waits, or is refused: in doubt an address is the host's own."""
    those = []
    while (before := open_files(r)) < files:
        s = None
        with contextlib.suppress(ConnectionResetError):
            s = n.dial(WEB, 7)
        told = r.expect("connect")
        if not told.allowed:
            assert told.reason == "special" and (not s or reset_at(s))
            return those, False
        n.wait(lambda: open_files(r) == before + 2)  # pylint: disable=cell-var-from-loop
        those.append(s)
    those.append(n.dial(WEB, 7))
    assert not is_readable([r.channel], 1), "it is served by what there is not"
    return those, True


def test_out_of_descriptors(n):
    """It has as many as it has; what comes waits for one, and does not keep it busy."""
    waited = set()
    for files in (40, 41):
        with Relay(n, files=files, **ALL) as r:
            r.learn()
            few = open_files(r)
            those, waits = until_there_are_no_more(n, r, files)
            assert len(those) > 10
            waited.add(waits)
            before = seconds_of(r.pid)
            threading.Event().wait(2)
            assert seconds_of(r.pid) - before < 1, "it spins"
            abort(those.pop(0))
            r.expect("close")
            if waits:
                r.expect("connect", allowed=True)
            for s in those:
                s.close()
            n.wait(lambda: r.idle() or open_files(r) <= few)  # pylint: disable=cell-var-from-loop
            r.unread.clear()
            s = r.open(WEB, 7)
            s.sendall(b"\0")
            assert s.recv(1) == b"\0" and r.learn() == [WEB]
    assert waited == {False, True}


def test_proxy_clients_that_wait(n):
    """EGRESS_PROXY_CLIENTS_MAX that never say where to keep others from it, but not for ever."""
    with Relay(n, **ALL) as r:
        silent = [n.dial(PROXY, 3128) for _ in range(PROXY_CLIENTS - 1)]
        s = through_proxy(n, TAKEN)
        r.expect("connect", port=7)
        assert b" 200 " in s.recv(1000)  # one that has said it counts no more
        silent.append(n.dial(PROXY, 3128))
        assert through_proxy(n).recv(1) == b"" and not is_readable(silent, 0)
        assert not any(drain(s) for s in silent)
        s = through_proxy(n, TAKEN)
        r.expect("connect", port=7)
        assert b" 200 " in s.recv(1000)


def test_proxy_request(n):
    """PROXY_REQUEST_MAX bytes of a request, and one more."""
    with Relay(n, **ALL) as r:
        for beyond in (0, 1):
            head = b"CONNECT web.example.com:7 HTTP/1.1\r\nX: "
            s = through_proxy(n, head + b"x" * (8192 + beyond - len(head) - 4) + b"\r\n\r\n")
            if not beyond:
                r.expect("connect", port=7)
                assert b" 200 " in s.recv(1000)
            else:
                with contextlib.suppress(ConnectionError):
                    assert b" 200 " not in drain(s)
        r.idle()
        assert not [u for u in r.unread if u.kind == "connect"]

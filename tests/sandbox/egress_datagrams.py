# SPDX-License-Identifier: LGPL-2.1-or-later
"""Datagrams through one relay: which go, to whom, who answers, what is told of it, and their bounds."""

import contextlib
import errno
import hashlib
import os
import signal
import socket
import threading
import time

from egress_rig import DNS, HOST, OTHER, WEB, WEB6, Relay, is_readable

WEB_RULE = {"allow": [["web.example.com"]]}
BLOCK = {"allow": [[f"{WEB}/32"], [f"{WEB6}/128"]]}
LONGEST = 65507
SO_RCVBUFFORCE = 33


def datagram_ends(n, port, address=WEB, connected=True):
    """One in the world, one in the sandbox."""
    there = n.udp("world", address, port)
    s = n.udp(address="::" if ":" in address else "0.0.0.0")
    if connected:
        s.connect((address, port))
    return there, s


def exchange(n, r, port, address=WEB):
    """The same, with one that has begun; and who it is to the world."""
    there, s = datagram_ends(n, port, address)
    s.send(b"begin")
    connect = r.expect("connect", port=port)
    assert connect.allowed and connect.awaits and connect.protocol == 2, connect
    data, peer = there.recvfrom(100)
    assert data == b"begin"
    return there, s, peer


def is_refused_datagram(n, address, port, source=None):
    """At once, by an error, where somebody waits for an answer."""
    s = n.udp(address=source or ("::" if ":" in address else "0.0.0.0"))
    s.connect((address, port))
    s.send(b"x")
    try:
        s.recv(100)
    except ConnectionRefusedError:
        return True
    return False


def test_datagrams(n):
    with Relay(n, **BLOCK) as r:
        for address in (WEB, WEB6):
            for connected in (True, False):
                there, s = datagram_ends(n, 4000, address, connected)
                to = () if connected else ((address, 4000),)
                send = s.sendto if to else s.send
                send(b"question", *to)
                connect = r.expect("connect", port=4000)
                assert connect.allowed and connect.awaits and connect.protocol == 2 and "allow" in connect.clause, connect
                data, peer = there.recvfrom(100)
                assert data == b"question"
                for size in (0, 1, 1472, 9000, LONGEST if address == WEB else 65488):
                    data = hashlib.shake_256(b"data").digest(size)
                    there.sendto(data, peer)
                    assert s.recvfrom(70000)[:1] == (data,), size
                    send(data, *to)
                    assert there.recvfrom(70000) == (data, peer), size
                there.sendto(b"from where", peer)
                assert s.recvfrom(100)[1][:2] == (address, 4000)
                there.close()
                s.close()


def test_refused_datagrams(n):
    where = ((OTHER, 9), (WEB, 9), (WEB6, 443), ("10.77.0.1", 161), ("169.254.169.254", 80), (HOST, 5353), ("240.1.2.3", 7), ("64:ff9b::a9fe:a9fe", 80))
    with Relay(n, **WEB_RULE) as r:
        r.learn()  # a name allows no datagrams
        r.learn(kind="AAAA")
        for address, port in where:
            assert is_refused_datagram(n, address, port), address
            told = r.expect("connect")
            assert not told.allowed and told.protocol == 2 and told.port == port, told
            assert told.reason == ("default" if address in (OTHER, WEB, WEB6) else "special"), told
            assert told.host == "", told
        # a server of its own is its own
        for address in ("127.0.0.1", "10.0.2.15", "::1", "fd00:6d78:6300::15"):
            there, s = n.udp(address=address, port=4001), n.udp(address="::" if ":" in address else "0.0.0.0")
            s.sendto(b"x", (address, 4001))
            assert there.recv(10) == b"x"
    with Relay(n, allow=[["127.0.0.0/8"], ["0.0.0.0/8"], ["::1/128"], ["224.0.0.0/4"], ["255.255.255.255/32"], ["ff00::/8"]]) as r:
        for address in ("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1"):
            assert is_refused_datagram(n, address, 4001), address
        for address in ("224.0.0.251", "239.1.1.1", "255.255.255.255", "ff02::fb", "ff05::1"):
            s = n.udp(address="::" if ":" in address else "0.0.0.0")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            with contextlib.suppress(PermissionError):
                s.sendto(b"x", (address, 5353))
                raise AssertionError(address)
        r.idle()
        assert not [t for t in r.seen if t.allowed and t.kind == "connect"]


EVERYWHERE = {"allow": [["0.0.0.0/0", "::/0"]]}


def test_datagrams_to_the_host_s_loopback(n):
    """By hostLoopback and a rule; answers come from where they were asked, and nobody else of this host can send any."""
    with Relay(n, loopback=True, **EVERYWHERE) as r:
        for address, real in (("10.0.2.2", "127.0.0.1"), ("fd00:6d78:6300::2", "::1")):
            there = n.udp("host", real, 4040)
            s = n.udp(address="::" if ":" in address else "0.0.0.0")
            s.sendto(b"question", (address, 4040))
            told = r.expect("connect", port=4040)
            assert told.allowed and told.awaits and told.protocol == 2 and told.clause == "test#/network/egress/allow/0", told
            data, peer = there.recvfrom(100)
            assert data == b"question" and peer[0] == real, peer
            n.udp("host", real).sendto(b"a stranger's", peer)
            there.sendto(b"answer", peer)
            data, source = s.recvfrom(100)
            assert data == b"answer" and source[:2] == (address, 4040), (data, source)
            there.close()
            s.close()
        s = n.udp()
        s.connect(("10.0.2.2", 4041))
        s.send(b"nobody listens there")
        assert r.expect("connect", port=4041).allowed
        with contextlib.suppress(ConnectionRefusedError):
            s.recv(10)
            raise AssertionError("no error")
        for address in ("127.0.0.1", "::1"):  # its own
            there = n.udp("host", address, 4042)
            assert is_refused_datagram(n, address, 4042) and not is_readable([there], 0), address
    with Relay(n, allow=[["10.0.2.2/32"]], deny=[["fd00:6d78:6300::2/128"]], loopback=True) as r:
        assert is_refused_datagram(n, "fd00:6d78:6300::2", 4043) and r.expect("connect").reason == "rule"


def test_no_datagrams_to_the_host_s_loopback(n):
    there = [n.udp("host", "127.0.0.1", 4044), n.udp("host", "::1", 4044)]
    with Relay(n, **EVERYWHERE) as r:
        for address in ("10.0.2.2", "::ffff:10.0.2.2", "64:ff9b::a00:202", "fd00:6d78:6300::2"):
            assert is_refused_datagram(n, address, 4044), address
            assert r.expect("connect", allowed=False).reason == "host-loopback"
    with Relay(n, allow=[["*.example.com"]], loopback=True) as r:
        assert is_refused_datagram(n, "10.0.2.2", 4044)
        assert r.expect("connect", allowed=False, reason="special")
    assert not is_readable(there, 0)


def test_nobody_is_his_own_peer(n):
    """The kernel gives the relay the very port that it goes to, which is free: then it would hear itself."""
    with n.within("host"), open("/proc/sys/net/ipv4/ip_local_port_range", "r+", encoding="ascii") as f:
        before = f.read()
        f.seek(0)
        f.write("4046 4046")
        f.flush()
        try:
            with Relay(n, loopback=True, **EVERYWHERE) as r:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    s = n.socket("sandbox", kind)
                    s.connect(("10.0.2.2", 4046))
                    s.send(b"x")
                    fail = r.expect("fail")
                    assert fail.reason == "unreachable" and fail.error == errno.ECONNREFUSED, fail
                    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
                        s.recv(10)
                        raise AssertionError("it hears itself")
        finally:
            f.seek(0)
            f.write(before)


def test_datagrams_not_on_record(n):
    with Relay(n, **BLOCK) as r:
        there, s = datagram_ends(n, 4002)
        r.acknowledge = False
        s.send(b"x")
        r.expect("connect")
        with contextlib.suppress(ConnectionRefusedError):
            s.recv(10)
            raise AssertionError("no error")
        r.acknowledge = None  # mxcd says nothing
        s.send(b"x")
        r.expect("connect")
        with contextlib.suppress(ConnectionRefusedError):
            s.recv(10)
            raise AssertionError("no error")
        assert not is_readable([there], 0), "it left"


def drop_by_drop(s, *datagrams):
    for data in datagrams:
        s.send(data)
        threading.Event().wait(0.02)  # the kernel's queue is shorter than the relay's


def test_datagrams_that_wait(n):
    """For their record: EGRESS_HELD_MAX of one exchange, EGRESS_HELD_BYTES of all, and no more."""
    with Relay(n, **BLOCK) as r:
        r.acknowledge = None
        first, a = datagram_ends(n, 4003)
        second, b = datagram_ends(n, 4004)
        for there in (first, second):
            there.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        size = 61000  # seventeen of them are fewer bytes than there may be
        left = (1 << 20) - 16 * size - LONGEST
        drop_by_drop(a, *[bytes([i]) * size for i in range(17)])
        drop_by_drop(b, b"w" * LONGEST, b"x" * (left + 1), b"y" * left, b"z")
        serials = [r.expect("connect", port=port).serial for port in (4003, 4004)]
        for serial in serials:
            r.order(1, 1, serial)
        assert [first.recv(70000)[0] for _ in range(16)] == [*range(16)]
        assert second.recv(70000) == b"w" * LONGEST and second.recv(70000) == b"y" * left
        drop_by_drop(a, b"next")
        assert first.recv(100) == b"next"
        drop_by_drop(b, b"next")
        assert second.recv(100) == b"next"


def test_only_who_was_asked_answers(n):
    with Relay(n, allow=[[f"{WEB}/32"], [f"{OTHER}/32"]]) as r:
        there, s, peer = exchange(n, r, 4005)
        for address, port in ((OTHER, 4005), (WEB, 4006), ("10.77.0.1", 4005)):
            n.udp("world", address, port).sendto(b"forged", peer)
        there.sendto(b"true", peer)
        assert s.recv(100) == b"true"
        assert not is_readable([s], 0.2), "somebody else was heard"
        # one socket inside, two places
        other = n.udp("world", OTHER, 4005)
        one = n.udp()
        for address in (WEB, OTHER):
            one.sendto(address.encode(), (address, 4005))
            r.expect("connect", port=4005)
        (data, first), (data2, second) = there.recvfrom(100), other.recvfrom(100)
        assert (data, data2) == (WEB.encode(), OTHER.encode()) and first != second
        other.sendto(b"other", second)
        assert one.recvfrom(100) == (b"other", (OTHER, 4005))


def test_source_that_is_not_its_own(n):
    """Whoever calls themselves by an address that is allowed: an answer would be steered, and go round and round."""
    with Relay(n, allow=[["93.184.216.0/24"]]) as r:
        there = n.udp("world", WEB, 4007)
        assert is_refused_datagram(n, WEB, 4007, source=OTHER)
        assert r.expect("connect").reason == "special" and not is_readable([there], 0)
        s = n.udp(address="127.0.0.1", port=4008)
        s.sendto(b"x", (WEB, 4007))
        r.expect("connect", allowed=True)
        there.sendto(b"y", there.recvfrom(10)[1])
        assert s.recv(10) == b"y"


def test_nobody_takes_datagrams(n):
    with Relay(n, allow=[["93.184.0.0/16"]]) as r:
        s = n.udp()
        s.connect((WEB, 4009))
        for i in range(2):
            s.send(b"x")
            assert i > 0 or r.expect("connect").allowed
            with contextlib.suppress(ConnectionRefusedError):
                s.recv(10)
                raise AssertionError("no error")
        there = n.udp("world", WEB, 4009)
        s.send(b"now")
        assert there.recv(10) == b"now"
        r.idle()
        assert not r.unread, [*map(str, r.unread)]
        # to all of a network
        s.connect(("93.184.215.255", 4009))
        s.send(b"x")
        fail = r.expect("fail")
        assert fail.reason == "unreachable" and fail.error == 13, fail


def test_resolver_stays_the_resolver(n):
    with Relay(n, allow=[[f"{DNS}/32"], [f"{WEB}/32"]]) as r:
        there = n.udp("world", WEB, 53)
        for server in (DNS, WEB):
            text = r.run("dig", "+tries=1", f"@{server}", "secret.example.org", "TXT")[1]
            assert "NXDOMAIN" in text and "EDE: 15" in text, text
        assert not is_readable([there], 0) and "secret" not in n.log("queries")
        assert "0.0.0.0" not in r.run("dig", "+short", "+tries=1", "-p", "5300", "+time=1", f"@{OTHER}", "x")[1]


def test_budgets_of_datagrams(n):
    with Relay(n, **BLOCK, connections=2) as r:
        exchange(n, r, 4010)
        exchange(n, r, 4011)
        assert is_refused_datagram(n, WEB, 4012)
        assert r.expect("connect", allowed=False).reason == "connections"
    with Relay(n, **BLOCK, rate=1) as r:
        for i in range(10):
            exchange(n, r, 4020 + i)
        assert any(is_refused_datagram(n, WEB, 4012) for _ in range(3))
        assert r.expect("connect", allowed=False).reason == "rate"
    for way in ("out", "into"):
        with Relay(n, **BLOCK, **{way: 10000}) as r:
            port = {"out": 4013, "into": 4019}[way]
            there, s, peer = exchange(n, r, port)
            sender, taker, to = (s, there, ()) if way == "out" else (there, s, (peer,))
            send = sender.sendto if to else sender.send
            for _ in range(9):
                send(b"x" * 1000, *to)
                assert len(taker.recv(2000)) == 1000
            send(b"x" * 2000, *to)
            assert r.expect("connect", allowed=False).reason == {"out": "bytes-out", "into": "bytes-in"}[way]
            close = r.expect("close")
            assert close.reason == {"out": "bytes-out", "into": "bytes-in"}[way], close
            assert is_refused_datagram(n, WEB, port)


def test_many_exchanges(n):
    with Relay(n, **BLOCK) as r:
        there = n.udp("world", WEB, 4014)
        those = []
        for _ in range(1024):
            s = n.udp()
            s.connect((WEB, 4014))
            s.send(b"x")
            r.expect("connect", allowed=True)
            there.recv(10)
            those.append(s)
        assert is_refused_datagram(n, WEB, 4014)
        assert r.expect("connect", allowed=False).reason == "connections"
        those[0].send(b"still")
        assert there.recv(10) == b"still"


def test_new_lease_for_datagrams(n):
    with Relay(n, **BLOCK) as r:
        there, s, peer = exchange(n, r, 4015)
        r.set_lease(**BLOCK)
        there.sendto(b"still", peer)
        assert s.recv(10) == b"still"
        r.set_lease(allow=[[f"{OTHER}/32"]])
        fail = r.expect("fail")
        assert fail.reason == "revoked" and fail.out == 5 and fail.into == 5, fail
        with contextlib.suppress(ConnectionRefusedError):
            s.recv(10)
            raise AssertionError("not told")
        there.sendto(b"late", peer)
        assert is_refused_datagram(n, WEB, 4015)
        assert not is_readable([s], 0)
    end = int((time.clock_gettime(time.CLOCK_BOOTTIME) + 3) * 1e6)
    with Relay(n, allow=[[f"{WEB}/32", end]]) as r:
        _, s, _ = exchange(n, r, 4030)
        assert r.expect("fail").reason == "revoked"
        assert is_refused_datagram(n, WEB, 4030)


def test_exchanges_end(n):
    """After EGRESS_QUESTION_USEC; one that went on for EGRESS_TALK_AFTER_USEC is still there then, for EGRESS_TALK_USEC, and all end with the relay."""
    with Relay(n, **BLOCK) as r:
        asked = exchange(n, r, 4016)
        asked[0].sendto(b"answer", asked[2])
        there, s, peer = exchange(n, r, 4017)
        for _ in range(5):
            there.sendto(b"y", peer)
            assert s.recv(10) == b"y"
            s.send(b"x")
            assert there.recv(10) == b"x"
            threading.Event().wait(0.6)
        r.channel.settimeout(n.patience * 4)
        assert r.expect("close").port == 4016
        threading.Event().wait(8)  # the other one would be over by now as well
        there.sendto(b"still", peer)
        assert s.recv(10) == b"still"
    r = Relay(n, **BLOCK)
    assert r.next().kind == "hello"
    there, s, peer = exchange(n, r, 4018)
    os.kill(r.pid, signal.SIGTERM)
    assert r.expect("close").out == 5 and r.wait() == 0
    with Relay(n, **BLOCK) as r:  # the next one begins where that was
        s.send(b"again")
        assert r.expect("connect").allowed and there.recv(10) == b"again"

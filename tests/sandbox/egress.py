#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mxc-egress itself, with real clients, servers and a real resolver: what passes, what does not, and what it says of both.

usage: egress.py MXC-EGRESS MUTANT STEERED SERVERS [PATTERN]

Its bounds are tried in egress_bounds.py, and datagrams in egress_datagrams.py; what it needs of mxcd and the launcher stands in egress_rig.py.
MUTANT is the same program with walls taken out (mutant-egress.c): each of them is what makes some test pass. Root only. TAP on standard
output.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import egress_bounds
import egress_datagrams
import egress_upstream
from egress_rig import (DNS, NOBODY, OTHER, PROXY, WEB, WEB6, Networks, NoRelay, Relay, abort, drain, is_readable, is_refused, reset_at, shutil, through_proxy)

BIG = 24 << 20
FITS = 256 << 10  # into the buffers of sockets, so that who says it can go
BUDGET = 2 << 20
SO_BUF_LOCK = 72
WEB_RULE = {"allow": [["web.example.com"]]}


# ---- names ----

def test_names(n):
    with Relay(n, allow=[["*.example.com"]]) as r:
        assert WEB in r.learn()
        assert r.learn("WEB.Example.com.") == [WEB]
        for options in (["+tcp"], ["@8.8.8.8"], ["@2001:4860:4860::8888", "AAAA"], ["@9.9.9.9", "+tcp", "+noedns"]):
            text = r.run("dig", "+short", "+tries=1", f"@{DNS}", "web.example.com", *options)[1]
            assert text.split()[-1] in (WEB, WEB6), text
        text = r.run("dig", "+tries=1", f"@{DNS}", "web.example.com", "TXT")[1]
        assert "status: NOERROR" in text and "ANSWER: 0" in text, text
        assert r.run("dig", "+short", f"@{DNS}", "a.localhost")[1].split() == ["127.0.0.1"]
        text = r.run("dig", f"@{DNS}", "none.example.com")[1]
        assert "NXDOMAIN" in text and "EDE" not in text, text


def test_refused_names(n):
    with Relay(n, **WEB_RULE) as r:
        for kind in ("A", "AAAA", "A"):
            text = r.run("dig", "+tries=1", f"@{DNS}", "secret.data.example.org", kind)[1]
            assert "NXDOMAIN" in text and "EDE: 15 (Blocked)" in text, text
        r.idle()
        told = [s for s in r.seen if s.kind == "resolve"]
        assert len(told) == 1 and told[0].host == "secret.data.example.org" and not told[0].allowed, [*map(str, told)]
        r.unread.clear()
        assert "secret" not in n.log("queries"), "the refused name went out"
        r.run("dig", "+tries=1", f"@{DNS}", "under_score.example.org")
        assert r.expect("resolve").reason == "bad-name"


def test_rebinding(n):
    with Relay(n, allow=[["*.example.com"]]) as r:
        for name in ("inside", "loop", "host"):
            text = r.run("dig", "+tries=1", f"@{DNS}", f"{name}.example.com")[1]
            assert "NXDOMAIN" in text and "EDE: 15" in text, text
            assert r.expect("resolve", host=f"{name}.example.com").reason == "special"
        for name in ("nat64", "sixtofour", "mapped"):  # each a global address within another
            text = r.run("dig", "+tries=1", f"@{DNS}", f"{name}.example.com", "AAAA")[1]
            assert "NXDOMAIN" in text and "EDE: 15" in text, text


def test_an_empty_list_is_nothing(n):
    """And not everything: no name, no address, by whichever way."""
    with Relay(n) as r:
        for words in ((f"@{DNS}",), (f"@{DNS}", "+tcp"), ("@8.8.8.8", "AAAA")):
            text = r.run("dig", "+tries=1", "web.example.com", *words)[1]
            assert "status: NXDOMAIN" in text, text
        assert is_refused(n, WEB, 7) and is_refused(n, WEB6, 7) and egress_datagrams.is_refused_datagram(n, WEB, 7)
        assert r.knock((WEB, 7), (WEB6, 7)) == ["EACCES"] * 2
        for said in (b"CONNECT web.example.com:7 HTTP/1.1\r\n\r\n", f"CONNECT {WEB}:7 HTTP/1.1\r\n\r\n".encode()):
            assert b" 403 " in drain(through_proxy(n, said))
        r.idle()
        assert not any(s.allowed for s in r.seen if s.kind in ("connect", "resolve")), [*map(str, r.seen)]
        assert "web.example.com" not in n.log("queries")


# ---- connections ----

def test_https(n):
    with Relay(n, **WEB_RULE) as r:
        code, text = r.run("curl", "-sS", "-m", "20", "--cacert", f"{n.directory}/cert.pem", "https://web.example.com/x")
        assert code == 0 and text == "https web.example.com /x\n", text
        connect, close = r.expect("connect"), r.expect("close")
        assert connect.awaits and connect.clause == "test#/network/egress/allow/0" and close.out > 0 and close.into > 0


def test_address_that_was_not_asked_for(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        for address in (OTHER, "10.77.0.1", "169.254.169.254", "2001:db8::1", "240.1.2.3"):
            assert is_refused(n, address, 443), address
        told = [r.expect("connect") for _ in range(5)]
        assert [t.reason for t in told] == ["no-name"] + ["special"] * 4 and not any(t.allowed for t in told), [*map(str, told)]


def test_not_on_record(n):
    """What mxcd refuses, and what it says nothing of within EGRESS_RECORD_USEC."""
    with Relay(n, **WEB_RULE) as r, n.serve(2300) as server:
        r.learn()
        r.acknowledge = False
        s = n.dial(WEB, 2300)
        r.expect("connect")
        assert reset_at(s)
        r.acknowledge = None # mxcd says nothing
        s = n.dial(WEB, 2300)
        r.expect("connect")
        assert not is_readable([server], 0.5), "it was dialled"
        assert reset_at(s)
        assert not is_readable([server], 0), "it was dialled"


def test_nobody_there(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 2301)
        assert reset_at(s)
        fail = r.expect("fail")
        assert fail.reason == "unreachable" and fail.error == 111, fail


def test_server_speaks_first(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 2222)
        assert s.recv(100) == b"220 world\r\n"
        s.sendall(b"EHLO me\r\n")
        assert s.recv(100) == b"EHLO me\r\n"


def tls(s, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(s, server_hostname=name) as t:
            t.recv(1)
    except ssl.SSLError as e:
        return str(e)
    return "no error"


def test_server_names(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        for name in ("other.example.net", None, "api.example.com"):
            text = tls(r.open(WEB, 443), name)
            assert "access denied" in text, (name, text)
            told = r.expect("connect", allowed=False)
            assert told.reason == "sni" and told.host == (name or "web.example.com"), told
        assert "other.example.net" not in n.log("log")


def hello(name):
    """The first that a client says who asks for that server."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        t.do_handshake()
    return outgoing.read()


def alert(s):
    """What the last record says, after those of the server."""
    data = drain(s)
    while len(data) > 5 and data[0] != 21:
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return data[6:7]


def test_second_hello(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 8443)  # this one asks for it
        s.sendall(hello("web.example.com"))
        first = s.recv(65536)
        assert first[0] == 22 and first[5] == 2, first
        s.sendall(hello("other.example.net"))
        told = r.expect("connect", allowed=False)
        assert told.reason == "sni" and told.host == "other.example.net", told
        assert alert(s) == b"1", "no access denied"
        assert "other.example.net" not in n.log("log")


def test_a_warning_before_the_answer(n):
    """A server that does not know the name may say so, and go on (RFC 6066 3)."""
    key, cert = f"{n.directory}/key.pem", f"{n.directory}/cert.pem"
    server = n.start("world", "openssl", "s_server", "-accept", f"{WEB}:4434", "-tls1_2", "-key", key, "-cert", cert, "-servername", "nobody.example.com",
                     "-key2", key, "-cert2", cert, "-www", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        ask = ["sh", "-c", 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | openssl s_client -msg -ign_eof -connect web.example.com:4434 -servername web.example.com']
        n.wait(lambda: n.socket("world").connect_ex((WEB, 4434)) == 0)
        code, text = r.run(*ask)
        assert code == 0 and "warning unrecognized_name" in text and "HTTP/1.0 200 ok" in text, text
    server.kill()


def test_a_warning_hides_no_second_hello(n):
    random = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 4.1.3: of a request for another hello
    said = bytes((21, 3, 3, 0, 2, 1, 112)) * 9 + bytes((22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3)) + random + bytes(4)
    listener = n.serve(4435)
    for cut in (len(said), 63, 66):  # whole, and at the answer's beginning, and within
        with Relay(n, **WEB_RULE) as r:
            r.learn()
            s = r.open(WEB, 4435)
            s.sendall(hello("web.example.com"))
            there = listener.accept()[0]
            assert there.recv(65536)[0] == 22
            for part in (said[:cut], said[cut:]):
                there.sendall(part)
                if part:
                    assert s.recv(len(part), socket.MSG_WAITALL) == part
            s.sendall(hello("other.example.net"))
            told = r.expect("connect", allowed=False)
            assert told.reason == "sni" and told.host == "other.example.net", told
            assert reset_at(there)


OPAQUE = {"allow": [["web.example.com", "tls=opaque"]]}


def test_opaque(n):
    """Whatever is said where the rule says so, by whom the name was asked for; and the record says that nobody looked."""
    with Relay(n, **OPAQUE) as r:
        assert is_refused(n, OTHER, 443) and r.expect("connect", allowed=False).reason == "no-name"
        r.learn()
        for options, seen in ((["-servername", "other.example.net"], "sni other.example.net"), (["-noservername"], "sni None")):
            code, text = r.run("sh", "-c", 'echo | exec openssl s_client -connect "$0:443" "$@"', "web.example.com", *options)
            assert code == 0 and "BEGIN CERTIFICATE" in text, text
            told = r.expect("connect")
            assert told.allowed and told.reason == "opaque" and told.host == "web.example.com" and told.clause == "test#/network/egress/allow/0", told
            n.wait(lambda seen=seen: seen in n.log("log"))
        code, text = r.run("curl", "-sS", "-m", "20", "-H", "Host: other.example.net", "http://web.example.com/opaque")
        assert code == 0 and text == "http other.example.net /opaque\n", text
        s = r.open(WEB, 7)
        s.sendall(b"\x16\3\1\0\5no hello")
        assert s.recv(100) == b"\x16\3\1\0\5no hello"
        assert not [t for t in r.seen if t.kind == "connect" and not t.allowed and t.reason != "no-name"]


def test_opaque_is_not_denied_names(n):
    """What is denied is so, even where nothing else is looked at; and a name beside the one that is opaque is not."""
    with Relay(n, allow=[["web.example.com", "tls=opaque"], ["*.example.com"]], deny=[["api.example.com"]]) as r:
        r.learn()
        text = tls(r.open(WEB, 443), "api.example.com")
        assert "access denied" in text, text
        assert r.expect("connect", allowed=False).clause == "test#/network/egress/deny/0"
        assert "NXDOMAIN" in r.run("dig", f"@{DNS}", "api.example.com")[1]
    with Relay(n, allow=[["*.example.com"], ["api.example.com", "tls=opaque"]]) as r:
        r.learn()
        assert "access denied" in tls(r.open(WEB, 443), "other.example.net")


def encrypted(first, at=None):
    """A hello with an extension for an encrypted server name: RFC 9849 5, as browsers send it that have no key (6.2)."""
    more = b"\xfe\x0d" + b"\0\x2a" + b"\0\0\1\0\1\x42\0\x20" + b"\0" * 32 + b"\0\0"
    body = bytearray(first[9:])
    at = 34 + 1 + body[34]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    body[at:at + 2] = (int.from_bytes(body[at:at + 2], "big") + len(more)).to_bytes(2, "big")
    body += more
    return first[:3] + (len(body) + 4).to_bytes(2, "big") + b"\1" + len(body).to_bytes(3, "big") + bytes(body)


def test_encrypted_names(n):
    """Where the rule refuses them, in the first hello and in the second; where it does not, behind the right name alone."""
    with Relay(n, allow=[["web.example.com", "ech=refuse"]]) as r:
        r.learn()
        s = r.open(WEB, 443)
        s.sendall(encrypted(hello("web.example.com")))
        assert alert(s) == b"1", "no access denied"
        told = r.expect("connect", allowed=False)
        assert told.reason == "ech" and told.host == "web.example.com" and told.clause == "test#/network/egress/allow/0", told
        s = r.open(WEB, 8443)
        s.sendall(hello("web.example.com"))
        first = s.recv(65536)
        assert first[0] == 22 and first[5] == 2, first
        s.sendall(encrypted(hello("web.example.com")))
        assert r.expect("connect", allowed=False).reason == "ech"
        assert alert(s) == b"1", "no access denied"
        code, text = r.run("curl", "-sS", "-m", "20", "--cacert", f"{n.directory}/cert.pem", "https://web.example.com/x")
        assert code == 0, text
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 443)
        s.sendall(encrypted(hello("web.example.com")))
        assert s.recv(6)[5] == 2, "no hello of the server"
        s = r.open(WEB, 443)
        s.sendall(encrypted(hello("other.example.net")))
        assert alert(s) == b"1" and r.expect("connect", allowed=False).reason == "sni"
        text = r.run("dig", "+tries=1", f"@{DNS}", "web.example.com", "TYPE65")[1]
        assert "status: NOERROR" in text and "ANSWER: 0" in text, text  # which is where the keys would be


def test_what_may_be_said_is_less_now(n):
    """What nobody looked at, and what had an encrypted name, ends; what said what it must goes on."""
    with Relay(n, **OPAQUE) as r:
        r.learn()
        quiet, (s, there) = r.open(WEB, 443), both_ends(n, r, 2307)
        s.sendall(b"anything")
        assert there.recv(100) == b"anything"
        r.set_lease(**WEB_RULE)
        assert r.expect("fail").reason == "revoked"
        assert reset_at(s) and reset_at(there)
        assert "access denied" in tls(quiet, "other.example.net")  # it had said nothing yet
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        hidden, plain = r.open(WEB, 443), r.open(WEB, 443)
        for s, first in ((hidden, encrypted(hello("web.example.com"))), (plain, hello("web.example.com"))):
            s.sendall(first)
            assert s.recv(6)[5] == 2, "no hello of the server"
        r.set_lease(allow=[["web.example.com", "ech=refuse"]])
        r.expect("fail", reason="revoked")
        assert reset_at(hidden)
        r.expect("leased")
        assert not is_readable([r.channel], 0), "more than one ended"


def test_old_hello(n):
    """Of SSL 2, which names no server."""
    with Relay(n, **WEB_RULE) as r, n.serve(2311) as server:
        r.learn()
        s = r.open(WEB, 2311)
        there = server.accept()[0]
        there.settimeout(n.patience)
        s.sendall(b"\x80\x2e\1\3\1\0\x15\0\0\0\x10" + b"\0" * 37)
        assert r.expect("connect", allowed=False).reason == "protocol"
        with contextlib.suppress(ConnectionError):
            assert there.recv(100) == b""


def test_denied(n):
    """A name that is denied is not reached by the address that it shares, nor an address by its name."""
    with Relay(n, allow=[["*.example.com"]], deny=[["api.example.com"]]) as r:
        assert "NXDOMAIN" in r.run("dig", f"@{DNS}", "api.example.com")[1]
        assert r.expect("resolve", host="api.example.com").reason == "rule"
        r.learn()
        text = tls(r.open(WEB, 443), "api.example.com")
        assert "access denied" in text, text
        assert r.expect("connect", allowed=False).host == "api.example.com"
    with Relay(n, allow=[[f"{WEB}/32"]], deny=[["api.example.com"]]) as r:
        text = tls(r.open(WEB, 443), "api.example.com")
        assert "access denied" in text, text
        s = r.open(WEB, 80)
        s.sendall(get("api.example.com"))
        assert b" 403 " in drain(s)
    with Relay(n, allow=[["*.example.com"]], deny=[[f"{WEB}/32"]]) as r:
        r.learn()
        assert is_refused(n, WEB, 443)
        assert r.expect("connect", allowed=False).clause == "test#/network/egress/deny/0"


def get(host, path="/"):
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_hosts(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 80)
        s.sendall(get("other.example.net", "/seen-1"))
        assert b" 403 " in drain(s)
        assert r.expect("connect", allowed=False).reason == "host"
        s = r.open(WEB, 80)
        s.sendall(get("web.example.com"))
        assert b"http web.example.com /\n" in s.recv(1000)
        s.sendall(get("other.example.net", "/seen-2"))
        assert b" 403 " in drain(s)
        s = r.open(WEB, 80)
        s.sendall(get("web.example.com", "/both") + get("other.example.net", "/seen-3"))
        drain(s)
        s = r.open(WEB, 80)
        s.sendall(b"POST / HTTP/1.1\r\nHost: web.example.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                  get("other.example.net", "/seen-4"))
        assert b" 400 " in drain(s)
        assert r.expect("connect", allowed=False, reason="protocol")
        assert "/seen-" not in n.log("log")


ANY_METHOD = """
import sys, wsgiref.simple_server
def app(environ, start):
    start("200 OK", [])
    return [environ["HTTP_HOST"].encode()]
wsgiref.simple_server.make_server(sys.argv[1], 8081, app).serve_forever()
"""


def test_what_some_take_for_a_method(n):
    """A word that is none, for a server that takes any (Python's wsgiref): whatever else it could be, its line does not get to its end."""
    server = n.start("world", sys.executable, "-c", ANY_METHOD, WEB, stderr=subprocess.DEVNULL)
    n.wait(lambda: n.socket("world").connect_ex((WEB, 8081)) == 0)
    for word in (b"G:T", b"\0GET", b"\xffGET", b"get\t\1"):
        text = word + b" / HTTP/1.1\r\nHost: other.example.net\r\n\r\n"
        if word == b"G:T":  # which is why
            s = n.socket("world")
            s.connect((WEB, 8081))
            s.sendall(text)
            assert b"other.example.net" in drain(s)
        for cut in (0, 2, 9, 12):
            with Relay(n, **WEB_RULE) as r:
                r.learn()
                s = r.open(WEB, 8081)
                for part in (text[:cut], text[cut:]):
                    s.sendall(part)
                    r.idle()
                answer = drain(s)
                assert b" 400 " in answer and b"other" not in answer, (word, cut, answer)
                assert r.expect("connect", allowed=False).reason == "protocol"
    server.kill()
    with Relay(n, **WEB_RULE) as r:  # what nobody does: a repository of git
        r.learn()
        s = r.open(WEB, 7)
        text = b"0032git-upload-pack /http/a\0host=web.example.com\0"
        s.sendall(text)
        assert s.recv(len(text), socket.MSG_WAITALL) == text


def test_slow_hello(n):
    """EGRESS_SNIFF_USEC after its first byte it is over."""
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        first, second = r.open(WEB, 443), r.open(WEB, 80)
        first.sendall(b"\x16\x03\x01\x02")
        second.sendall(b"GET / HT")
        assert r.expect("connect", allowed=False).reason == "protocol"
        for s in (first, second):
            with contextlib.suppress(ConnectionError):
                drain(s)


# ---- names that stand for themselves ----

SYNTHETIC = {"allow": [["*.example.com"]], "synthetic": True}


def test_synthetic(n):
    """Nothing real is told, nobody is asked before something is dialled, and the same name has the same address, in the next relay, too."""
    with Relay(n, **SYNTHETIC) as r:
        (v4,), (v6,), (api,) = r.learn(), r.learn(kind="AAAA"), r.learn("api.example.com")
        assert v4.startswith(("198.18.", "198.19.")) and v6.startswith("fd00:6d78:6301::") and api not in (v4, v6), (v4, v6, api)
        assert r.learn("WEB.example.com.") == [v4] and not n.log("queries"), "somebody was asked"
        for kind in ("ANY", "TXT", "CNAME", "TYPE65", "TYPE64", "SRV"):
            text = r.run("dig", "+tries=1", f"@{DNS}", "web.example.com", kind)[1]
            assert "ANSWER: 0" in text and WEB not in text, text
        for family, place in (("-4", socket.inet_aton(WEB) + bytes(12)), ("-6", socket.inet_pton(socket.AF_INET6, WEB6))):
            code, text = r.run("curl", family, "-sS", "-m", "20", "--cacert", f"{n.directory}/cert.pem", "https://web.example.com/x")
            assert code == 0 and text == "https web.example.com /x\n", text
            told = r.expect("connect")
            assert told.allowed and told.host == "web.example.com" and told.address == place, told
        assert "access denied" in tls(r.open(v4, 443), "api.example.com") and r.expect("connect", allowed=False).reason == "sni"
        s = through_proxy(n, b"CONNECT web.example.com:7 HTTP/1.1\r\n\r\n")
        r.expect("connect", port=7)
        assert b" 200 " in s.recv(100)
        assert is_refused(n, WEB, 443) and r.expect("connect", allowed=False).reason == "no-name"
        with n.udp() as u:
            u.connect((v4, 7))
            u.send(b"?")
            assert r.expect("connect", protocol=2, allowed=False)
    with Relay(n, **SYNTHETIC) as r:
        assert is_refused(n, v4, 443) and r.expect("connect", allowed=False).reason == "no-name"
        assert r.learn("api.example.com") == [api] and r.learn() == [v4]


def test_synthetic_addresses_that_were_not_handed_out(n):
    """Whatever the rules for addresses say."""
    with Relay(n, allow=[*EVERYWHERE, ["*.example.com"]], synthetic=True) as r:
        given, = r.learn()
        for address in ("198.18.0.0", "198.18.77.77", "198.19.255.255", "fd00:6d78:6301::1", "fd00:6d78:6301::c612:4d4d", "::ffff:198.18.77.77",
                        f"64:ff9b::{given}"):
            assert is_refused(n, address, 443), address
            assert r.expect("connect", allowed=False).reason == "no-name", address


def test_synthetic_names_lead_to_the_world_only(n):
    """A name that changes its mind meanwhile is looked up when it is dialled, and judged then."""
    with Relay(n, **SYNTHETIC) as r:
        for name, reason in (("inside", "special"), ("loop", "special"), ("host", "special"), ("none", "no-address")):
            address, = r.learn(f"{name}.example.com")
            assert is_refused(n, address, 80), name
            assert r.expect("connect", allowed=False).reason == reason, name
        for name in ("nat64", "sixtofour", "mapped"):
            address, = r.learn(f"{name}.example.com", "AAAA")
            assert is_refused(n, address, 80), name
            assert not r.expect("connect").allowed
    with Relay(n, allow=[["*.example.com"]], deny=[[f"{WEB}/32", f"{WEB6}/128"]], synthetic=True) as r:
        address, = r.learn()
        assert is_refused(n, address, 443)
        assert r.expect("connect", allowed=False).clause == "test#/network/egress/deny/0"


def test_synthetic_names_that_nobody_takes(n):
    """Each place is on record before it is dialled, and what came of it."""
    with Relay(n, **SYNTHETIC) as r:
        address, = r.learn()
        s = n.dial(address, 2301)
        for _ in (WEB, WEB6):
            told, fail = r.expect("connect"), r.expect("fail")
            assert told.allowed and told.awaits and fail.serial == told.serial and fail.error == errno.ECONNREFUSED
        assert reset_at(s)
        r.acknowledge = False
        s = n.dial(address, 7)
        r.expect("connect")
        assert reset_at(s)


def test_as_many_synthetic_names_as_there_may_be(n):
    """SYNTHETIC_MAX; one more is refused with its reason, and those that are there stay."""
    def ask(u, i):
        name = f"n{i}".encode()
        u.send(struct.pack(">HHHHHH", i, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\7example\3com\0\0\1\0\1")
        answer = u.recv(512)
        assert answer[:2] == struct.pack(">H", i)
        return answer[3] & 15, answer[-4:]
    with Relay(n, **SYNTHETIC) as r, n.udp() as u:
        u.connect((DNS, 53))
        given = [ask(u, i) for i in range(4096)]
        assert {code for code, _ in given} == {0} and len({address for _, address in given}) == 4096
        assert ask(u, 4096)[0] == 2
        assert r.expect("resolve", host="n4096.example.com").reason == "names"
        assert ask(u, 7) == given[7]


def test_synthetic_from_now_on(n):
    """What was told before stands for nothing any more; what is open stays; and what stands for a name goes on doing so."""
    with Relay(n, allow=[["*.example.com"]]) as r:
        r.learn()
        s, there = both_ends(n, r, 2307)
        r.set_lease(**SYNTHETIC)
        r.expect("leased")
        there.sendall(b"still")
        assert s.recv(10) == b"still"
        assert is_refused(n, WEB, 7) and r.expect("connect", allowed=False).reason == "no-name"
        address, = r.learn()
        r.set_lease(serial=2, allow=[["*.example.com"]])
        r.expect("leased")
        assert r.learn() == [WEB]
        r.open(address, 7)
        r.set_lease(serial=3, allow=[["api.example.com"]])
        assert r.expect("fail").reason == "revoked" and is_refused(n, address, 7)


def test_synthetic_where_the_kernel_refuses(n):
    """What stands for a name is open before it is told, as long as it does; nothing else of those blocks ever, and with real answers nothing at all."""
    never = [("198.18.77.77", 2222), ("198.19.255.255", 2222), ("fd00:6d78:6301::1", 2222), ("fd00:6d78:6301::c612:4d4d", 2222)]
    real = {"allow": [["*.example.com"]]}
    greeting = "220 world"
    with Relay(n, **real) as r:
        assert r.learn() == [WEB] and r.knock((WEB, 2222), *never, (OTHER, 2222)) == [greeting] + ["EACCES"] * 5
        assert [r.expect("connect", allowed=False).reason for _ in range(5)] == ["special"] * 4 + ["no-name"]
        r.set_lease(**SYNTHETIC)
        r.expect("leased")
        address, = r.learn()
        assert r.knock((WEB, 2222), (address, 2222)) == ["EACCES", greeting]
    with Relay(n, **SYNTHETIC) as r:
        assert r.knock((address, 2222)) == ["EACCES"], "nobody was told of it"
        (v4,), (api,) = r.learn(), r.learn("api.example.com", "AAAA")
        assert v4 == address and r.knock((v4, 2222), (api, 2222)) == [greeting] * 2
        assert r.knock(*never, (WEB, 2222), (OTHER, 2222)) == ["EACCES"] * 6
        told = [r.expect("connect", allowed=False) for _ in range(7)]
        assert {t.reason for t in told} == {"no-name"} and all(t.program.startswith("python") and t.pid for t in told), [*map(str, told)]
        r.set_lease(**real)
        r.expect("leased")
        assert r.knock((v4, 2222), (api, 2222), *never) == [greeting] * 2 + ["EACCES"] * 4
        r.set_lease(serial=2, allow=[["api.example.com"]])
        r.expect("leased", serial=2)
        assert r.knock((v4, 2222), (api, 2222)) == ["EACCES", greeting]


ASK_AND_CONNECT = """
import errno, socket, struct, sys
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect((sys.argv[1], 53))
for i in range(200):
    name = b"n%d" % i
    u.send(struct.pack(">6H", i, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\\7example\\3com\\0\\0\\1\\0\\1")
    address = u.recv(512)[-4:]
    with socket.socket() as s:
        s.setblocking(False)
        e = s.connect_ex((socket.inet_ntoa(address), 2222))
        assert e == errno.EINPROGRESS, (i, errno.errorcode[e])
"""


def test_learnt_before_it_is_told(n):
    """Whoever is quick is not refused by a kernel that does not know yet: as soon as there is an answer its address is open."""
    with Relay(n, **SYNTHETIC) as r:
        code, text = r.run("sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', n.leaf, sys.executable, "-c", ASK_AND_CONNECT, DNS)
        assert code == 0, text


# ---- the host's loopback ----

def answers(n, where, port):
    """Whether whoever listens there answers what is said to it."""
    try:
        with n.dial(where, port) as s:
            s.sendall(b"?")
            return s.recv(100)
    except ConnectionError:
        return b""


def on_loopback(n, *where):
    """A service of the host for each, that says where it is."""
    @contextlib.contextmanager
    def serving():
        servers = []
        for address, port in where:
            server = n.socket("host", family=socket.AF_INET6 if ":" in address else socket.AF_INET)
            server.bind((address, port))
            server.listen()
            servers.append(server)

        def serve(server):
            with contextlib.suppress(OSError):
                while True:
                    s = server.accept()[0]
                    s.sendall(server.getsockname()[0].encode())
                    s.close()
        threads = [threading.Thread(target=serve, args=[s]) for s in servers]
        for t in threads:
            t.start()
        yield
        for s in servers:
            s.shutdown(socket.SHUT_RDWR)
            s.close()
        for t in threads:
            t.join()
    return serving()


EVERYWHERE = [["0.0.0.0/0", "::/0"]]
LOOPBACKS = ("127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1")


def test_host_loopback(n):
    with on_loopback(n, ("127.0.0.1", 2400), ("::1", 2400), ("127.0.0.1", 2401)):
        with Relay(n, allow=EVERYWHERE, loopback=True) as r:
            threading.Thread(target=r.idle_until_closed).start()
            assert answers(n, "10.0.2.2", 2400) == b"127.0.0.1"
            assert answers(n, "::ffff:10.0.2.2", 2400) == b"127.0.0.1"
            assert answers(n, "fd00:6d78:6300::2", 2400) == b"::1"
            for a in LOOPBACKS:
                assert answers(n, a, 2400) == b"", a
            assert b" 403 " in drain(through_proxy(n, b"CONNECT 127.0.0.1:2400 HTTP/1.1\r\n\r\n"))
            assert b" 200 " in through_proxy(n, b"CONNECT 10.0.2.2:2400 HTTP/1.1\r\n\r\n").recv(100)
        assert [(s.port, s.clause) for s in r.seen if s.kind == "connect" and s.allowed][0] == (2400, "test#/network/egress/allow/0")
        with Relay(n, allow=[["10.0.2.2/32"]], deny=[["fd00:6d78:6300::2/128"]], loopback=True) as r:
            threading.Thread(target=r.idle_until_closed).start()
            assert answers(n, "10.0.2.2", 2401) == b"127.0.0.1" and answers(n, "fd00:6d78:6300::2", 2400) == b""


def test_no_host_loopback(n):
    """Whatever the rules say; and no name leads there, whatever hostLoopback says."""
    with on_loopback(n, ("127.0.0.1", 2402), ("::1", 2402)):
        with Relay(n, allow=EVERYWHERE) as r:
            for a in ("10.0.2.2", "::ffff:10.0.2.2", "64:ff9b::a00:202", "fd00:6d78:6300::2"):
                assert is_refused(n, a, 2402), a
                assert r.expect("connect", allowed=False).reason == "host-loopback"
            for a in LOOPBACKS:
                assert answers(n, a, 2402) == b"", a
            assert b" 403 " in drain(through_proxy(n, b"CONNECT 10.0.2.2:2402 HTTP/1.1\r\n\r\n"))
        with Relay(n, allow=[["*.example.com", "localhost"]], loopback=True) as r:
            for name in ("loop.example.com", "slirp.example.com"):
                assert "NXDOMAIN" in r.run("dig", "+tries=1", f"@{DNS}", name)[1], name
            for name in (b"localhost", b"loop.example.com", b"slirp.example.com"):
                assert b" 403 " in drain(through_proxy(n, b"CONNECT " + name + b":2402 HTTP/1.1\r\n\r\n")), name
            assert is_refused(n, "10.0.2.2", 2402)
            assert r.expect("connect", allowed=False, reason="special")


CARRIERS = (("64:ff9b::5db8:d822", 2320), ("2002:5db8:d822::1", 2321))  # NAT64 and 6to4 of WEB


@contextlib.contextmanager
def carriers_in_the_world(n):
    """There is somebody at each, who says where he was reached, and a datagram's server."""
    with n.within("world"):
        for a, _ in CARRIERS:
            subprocess.run(["ip", "-6", "addr", "add", a + "/128", "dev", "lo", "nodad"], check=True)
    try:
        yield [n.serve(port, address=a) for a, port in CARRIERS], [n.udp("world", *place) for place in CARRIERS]
    finally:
        with n.within("world"):
            for a, _ in CARRIERS:
                subprocess.run(["ip", "-6", "addr", "del", a + "/128", "dev", "lo"], check=True)


def test_addresses_that_carry_another(n):
    """They are what they carry, in rules that allow and that deny, and are dialled as they are; a name leads to none. All that is refused is so at once."""
    with carriers_in_the_world(n) as (servers, takers):
        with Relay(n, allow=[[f"{WEB}/32"]]) as r:
            for (a, port), server, taker in zip(CARRIERS, servers, takers):
                s = r.open(a, port)
                there, peer = server.accept()
                there.sendall(b"!")
                assert s.recv(1) == b"!" and ":" in peer[0]
                with n.udp(address="::") as u:
                    u.connect((a, port))
                    u.send(b"?")
                    assert r.expect("connect", protocol=2).allowed and taker.recv(10) == b"?"
        for what, reason in (({"allow": EVERYWHERE, "deny": [[f"{WEB}/32"]]}, "rule"),  # denied by what it carries
                             ({"allow": [["::/0"]]}, "special"),  # of IPv6 all is allowed, and it is IPv4
                             ({"allow": [["*.example.com"]]}, "special"),
                             ({"allow": [[f"{OTHER}/32"]]}, "special")):
            with Relay(n, **what) as r:
                r.learn()
                for a, port in CARRIERS:
                    assert is_refused(n, a, port), (what, a)
                    told = r.expect("connect")
                    assert not told.allowed and told.reason == reason and told.address[:4] == socket.inet_aton(WEB), (what, str(told))
                    assert egress_datagrams.is_refused_datagram(n, a, port), (what, a)
                    assert not r.expect("connect", protocol=2).allowed
                    # whoever is in the control group, and where all of IPv4 is denied, be it by the kernel
                    assert r.knock((a, port)) in (["ECONNRESET"], ["EACCES"], [""]), (what, a)
        assert not is_readable([*servers, *takers], 0), "one of them left"


# ---- bytes ----

def both_ends(n, r, port):
    with n.serve(port) as server:
        s = r.open(WEB, port)
        there = server.accept()[0]
        there.settimeout(n.patience)
    there.sendall(b"!")
    assert s.recv(1) == b"!"  # the relay knows that it is connected
    return s, there


def sends(s, size, seed, then):
    """In a thread of its own; returns it, and the digest of what it sends."""
    block = hashlib.shake_256(seed).digest(min(size, 1 << 20))
    digest = hashlib.sha256(block * (size // len(block))).hexdigest()

    def go():
        with contextlib.suppress(ConnectionError):  # who takes it tells
            for _ in range(size // len(block)):
                s.sendall(block)
            then()
    thread = threading.Thread(target=go)
    thread.start()
    return thread, digest


def digest_of(s, begin=b"", pause=0.0):
    h, size = hashlib.sha256(begin), len(begin)
    if pause:
        threading.Event().wait(pause)
    while (data := s.recv(1 << 16)):
        h.update(data)
        size += len(data)
    return h.hexdigest(), size


def test_both_ways_at_once(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s, there = both_ends(n, r, 2302)
        s.sendall(b"\0")  # no TLS, no HTTP
        assert there.recv(1) == b"\0"
        up, up_digest = sends(s, BIG, b"up", lambda: s.shutdown(socket.SHUT_WR))
        down, down_digest = sends(there, BIG, b"down", lambda: there.shutdown(socket.SHUT_WR))
        got = {}
        reader = threading.Thread(target=lambda: got.update(up=digest_of(there)))
        reader.start()
        got["down"] = digest_of(s)
        for t in (up, down, reader):
            t.join()
        assert got == {"up": (up_digest, BIG), "down": (down_digest, BIG)}
        close = r.expect("close")
        assert (close.out, close.into) == (BIG + 1, BIG + 1), close


def test_half_closed_and_slow(n):
    """The client has said all, the server too and has gone; only then is it read."""
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s, there = both_ends(n, r, 2303)
        s.sendall(b"all of it\n")
        s.shutdown(socket.SHUT_WR)
        assert drain(there) == b"all of it\n"
        thread, digest = sends(there, FITS, b"slow", there.close)
        assert digest_of(s, pause=1) == (digest, FITS), "cut short"
        thread.join()
        # and the other way round
        s, there = both_ends(n, r, 2304)
        there.sendall(b"bye\n")
        there.shutdown(socket.SHUT_WR)
        assert drain(s) == b"bye\n"
        s.sendall(b"\0")
        thread, _ = sends(s, FITS, b"slow", s.close)
        assert digest_of(there, pause=1)[1] == FITS + 1, "cut short"
        thread.join()


def test_resets(n):
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s, there = both_ends(n, r, 2305)
        abort(s)
        assert reset_at(there)
        assert r.expect("close")
        s, there = both_ends(n, r, 2306)
        abort(there)
        assert reset_at(s)
        assert r.expect("close")


def both_ends_of_much(n, r, port):
    s, there = both_ends(n, r, port)
    s.sendall(b"\0")  # no TLS, no HTTP
    assert there.recv(1) == b"\0"
    return s, there


def pipes_of(r):
    pipes = set()
    for fd in os.listdir(f"/proc/{r.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it has just been closed
            link = os.readlink(f"/proc/{r.pid}/fd/{fd}")
            if int(fd) > 2 and link.startswith("pipe:"):  # ours are before
                pipes.add(link)
    return len(pipes)


def until(what, turn=lambda: threading.Event().wait(0.02)):
    end = time.monotonic() + Networks.patience
    while not what():
        assert time.monotonic() < end, "it does not come to that"
        turn()


def taken_slowly(r, n_pipes, *takers):
    """Of each, what was read until so many of the relay's pipes are full."""
    got = [b""] * len(takers)

    def turn():
        for i, s in enumerate(takers):
            got[i] += s.recv(65536)
    until(lambda: pipes_of(r) >= n_pipes, turn)
    return got


def test_much_goes_by_pipes(n):
    """What nobody looks at any more is not copied while it is much, and the pipe is there no longer than that."""
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s, there = both_ends_of_much(n, r, 2310)
        for sender, taker in ((there, s), (s, there)):
            thread, digest = sends(sender, BIG, b"much", lambda sender=sender: sender.shutdown(socket.SHUT_WR))
            assert digest_of(taker, *taken_slowly(r, 1, taker)) == (digest, BIG), "not what was sent"
            thread.join()
        until(lambda: pipes_of(r) == 0)
        s, there = both_ends_of_much(n, r, 2311)
        thread, _ = sends(there, BIG, b"lost", lambda: None)
        taken_slowly(r, 1, s)
        s.close()
        thread.join()
        # what one left in its pipe, the next does not get
        s, there = both_ends_of_much(n, r, 2314)
        thread, digest = sends(there, BIG, b"next", there.close)
        assert digest_of(s) == (digest, BIG), "not what was sent"
        thread.join()
        until(lambda: pipes_of(r) == 0)


@contextlib.contextmanager
def no_pages_left():
    """The relay's user has as many pages in pipes as it may."""
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)
        held = []
        with contextlib.suppress(PermissionError):
            while len(held) < 1000:
                held.append(os.pipe())
                fcntl.fcntl(held[-1][0], fcntl.F_SETPIPE_SZ, 1 << 20)
        os.write(ready[1], b"x")
        os.close(go[1])
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    yield
    for fd in (*ready, *go):
        os.close(fd)
    os.waitpid(pid, 0)


def test_no_pipe_is_to_be_had(n):
    with Relay(n, **WEB_RULE) as r, no_pages_left():
        r.learn()
        s, there = both_ends_of_much(n, r, 2312)
        thread, digest = sends(there, BIG, b"copied", lambda: there.shutdown(socket.SHUT_WR))
        begin = b"".join(s.recv(65536) for _ in range(100) if pipes_of(r) == 0)
        assert digest_of(s, begin) == (digest, BIG), "not what was sent"
        thread.join()


def test_many_that_bring_much(n):
    """There is an end to the pipes, PIPES_MAX, and none to what goes by without."""
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        those = []
        for port in range(2320, 2320 + 18):
            s, there = both_ends_of_much(n, r, port)
            those.append((s, *sends(there, BIG, str(port).encode(), there.close)))
        got = taken_slowly(r, 16, *(s for s, _, _ in those))
        assert pipes_of(r) == 16
        assert r.learn() == [WEB]
        for (s, thread, digest), begin in zip(those, got):
            assert digest_of(s, begin) == (digest, BIG), "not what was sent"
            thread.join()
        until(lambda: pipes_of(r) == 0)


def test_a_request_behind_much(n):
    """Bytes that are to be looked at never take the way of those that are not."""
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s = r.open(WEB, 80)
        head = f"PUT / HTTP/1.1\r\nHost: web.example.com\r\nContent-Length: {BIG}\r\n\r\n"
        s.sendall(head.encode() + bytes(BIG) + get("other.example.net", "/seen-6") + bytes(65536))
        assert b" 403 " in drain(s)
        assert r.expect("connect", allowed=False).reason == "host"
        assert "/seen-6" not in n.log("log")


def test_a_budget_of_much(n):
    """Not a byte more than one that is too many."""
    for way in ("out", "into"):
        with Relay(n, **WEB_RULE, **{way: BUDGET}) as r:
            r.learn()
            s, there = both_ends_of_much(n, r, 2313)
            sender, taker = (s, there) if way == "out" else (there, s)

            def go(sender=sender):
                with contextlib.suppress(ConnectionError):
                    sender.sendall(b"\0" * BIG)
            thread = threading.Thread(target=go)
            thread.start()
            got = 0
            with contextlib.suppress(ConnectionResetError):
                while (data := taker.recv(65536)):
                    got += len(data)
            thread.join()
            assert got <= BUDGET, got
            assert r.expect("connect", allowed=False).reason == {"out": "bytes-out", "into": "bytes-in"}[way]
            close = r.expect("close")
            assert getattr(close, way) == BUDGET + 1, close


def locked_buffers(r, peer):
    """Which buffers of the relay's socket that is connected to there have a size of their own: "s", what is sent, and "r"."""
    with r.socket_to(peer) as s:
        lock = s.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK)
    return "s" * (lock & 1) + "r" * (lock >> 1 & 1)


def test_what_is_near_holds_little(n):
    """And what is farther than NEAR_RTT_USEC is left to the kernel, which lets it grow."""
    with Relay(n, allow=[["10.0.0.0/8"], ["93.184.0.0/16"]]) as r, n.serve(2315) as near, n.far() as address, n.serve(2315, address) as far:
        s = r.open(address, 2315)
        there = far.accept()[0]
        there.sendall(b"!")
        assert s.recv(1) == b"!"
        assert locked_buffers(r, (address, 2315)) == ""
        assert locked_buffers(r, ("::ffff:" + s.getsockname()[0], s.getsockname()[1])) == "sr"

        def is_bounded():
            with r.open(WEB, 2315), near.accept()[0] as there:
                there.sendall(b"!")
                return locked_buffers(r, (WEB, 2315)) == "s"
        until(is_bounded)  # a busy machine may make one far


def test_away_from_the_sender(n):
    """Not on his processor while much goes through, and anywhere after that."""
    everywhere = os.sched_getaffinity(0)
    here = {min(everywhere)}
    if everywhere == here:
        return  # there is nothing to choose
    with Relay(n, **WEB_RULE) as r:
        r.learn()
        s, there = both_ends_of_much(n, r, 2316)
        done = threading.Event()

        def go():
            os.sched_setaffinity(0, here)
            while not done.is_set():
                s.sendall(bytes(1 << 20))
            s.close()
        sender = threading.Thread(target=go)
        reader = threading.Thread(target=digest_of, args=(there,))
        os.sched_setaffinity(r.pid, here)
        for t in (sender, reader):
            t.start()
        try:
            until(lambda: os.sched_getaffinity(r.pid) == everywhere - here)
        finally:
            done.set()
            for t in (sender, reader):
                t.join()
        until(lambda: os.sched_getaffinity(r.pid) == everywhere)


# ---- live ----

def test_new_lease(n):
    with Relay(n, allow=[["web.example.com"], ["other.example.net"]]) as r:
        r.learn()
        r.learn("other.example.net")
        s, there = both_ends(n, r, 2307)
        other = r.open(OTHER, 7)
        r.set_lease(4711, allow=[["other.example.net"]])
        assert r.expect("fail").reason == "revoked"
        assert r.expect("leased").serial == 4711, "it does not say that it goes by the new one"
        assert reset_at(s) and reset_at(there)
        other.sendall(b"\0still")
        assert other.recv(10) == b"\0still"
        assert "NXDOMAIN" in r.run("dig", f"@{DNS}", "web.example.com")[1]
        assert is_refused(n, WEB, 80)


def boottime(seconds):
    return int((time.clock_gettime(time.CLOCK_BOOTTIME) + seconds) * 1e6)


def test_rules_for_a_while(n):
    """What they allow ends with them, and nothing else does; nobody is asked."""
    for_ever = ["other.example.net"]
    with Relay(n, allow=[["web.example.com", boottime(3)], for_ever]) as r:
        r.learn()
        r.learn("other.example.net")
        s, there = both_ends(n, r, 2307)
        other = r.open(OTHER, 7)
        assert r.expect("fail").reason == "revoked"
        assert reset_at(s) and reset_at(there)
        other.sendall(b"\0still")
        assert other.recv(10) == b"\0still"
        assert "NXDOMAIN" in r.run("dig", f"@{DNS}", "web.example.com")[1]
        assert is_refused(n, WEB, 80)
        # longer, and then begun anew when it is over already
        r.set_lease(allow=[["web.example.com", boottime(3600)], for_ever])
        assert r.expect("leased") and r.learn()
        r.open(WEB, 7)
        r.set_lease(allow=[["web.example.com", boottime(-1)], for_ever])
        assert r.expect("fail").reason == "revoked"
    with Relay(n, allow=[["web.example.com", boottime(-1)], for_ever]) as r:
        assert "NXDOMAIN" in r.run("dig", f"@{DNS}", "web.example.com")[1]
        assert r.learn("other.example.net")


def test_look(n):
    """What is open is told when it is asked for, with what it has carried until now; what waits for its record, as that."""
    with Relay(n, allow=[["web.example.com"], [f"{WEB}/32"]]) as r:
        assert r.look() == []
        r.learn()
        s = r.open(WEB, 7)
        for i, said in enumerate((5, 4096), 2):
            s.sendall(b"\0" * said)
            assert len(s.recv(said, socket.MSG_WAITALL)) == said
            seen, = r.look(serial=i)
            assert (seen.kind, seen.allowed, seen.port, seen.awaits, seen.host) == ("connect", True, 7, 0, "web.example.com"), str(seen)
        assert (seen.out, seen.into) == (4101, 4101) and seen.clause == "test#/network/egress/allow/0", str(seen)
        there, u, peer = egress_datagrams.exchange(n, r, 4001)
        there.sendto(b"answered", peer)
        assert u.recv(100) == b"answered"
        r.acknowledge = None
        waits = n.dial(WEB, 8)
        r.expect("connect", port=8)
        seen = {t.port if t.protocol == 1 else "udp": t for t in r.look(serial=4)}
        assert (seen["udp"].out, seen["udp"].into, seen["udp"].awaits) == (5, 8, 0), [*map(str, seen.values())]
        assert seen[8].awaits == 1 and seen[8].out == 0 and len(seen) == 3
        r.order(1, 0, seen[8].serial)
        assert reset_at(waits)
        s.close()
        r.expect("close")
        assert [t.protocol for t in r.look(serial=5)] == [2]


def state_of(r):
    with open(f"/proc/{r.pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(") ")[2][0]


@contextlib.contextmanager
def stopped(r):
    """What comes to it meanwhile it finds there all at once: it is stopped where it waits for something to come, and in the middle of nothing."""
    until(lambda: state_of(r) == "S")
    os.kill(r.pid, signal.SIGSTOP)
    until(lambda: state_of(r) == "T")
    try:
        yield
    finally:
        os.kill(r.pid, signal.SIGCONT)


def test_answers_that_come_too_late(n):
    """Asked for by one lease, and answered when the next one forbids it, or when the rule is over: nothing leaves. What was open says nothing more."""
    web = [["web.example.com"], [f"{WEB}/32"]]
    other = {"allow": [["other.example.net"]]}
    # ports of their own: a datagram that one relay had no time to read is read by the next, and judged by what holds then
    for port, way in enumerate(("lease", "lease at once", "end"), 2316):
        taker = n.udp("world", WEB, port)
        with n.serve(port) as server, Relay(n, allow=[[*rule, boottime(4)] for rule in web] if way == "end" else web) as r:
            r.learn()
            with n.udp() as u, n.udp() as open_one:
                open_one.connect((WEB, port))
                open_one.send(b"before")
                assert r.expect("connect", protocol=2, port=port).allowed and taker.recv(10) == b"before"
                s, there = both_ends(n, r, 2311)
                r.acknowledge = None
                c = n.dial(WEB, port)
                u.connect((WEB, port))
                u.send(b"late")
                asked = [r.expect("connect", port=port).serial for _ in range(2)]
                with contextlib.ExitStack() as stack:
                    if way != "lease":
                        stack.enter_context(stopped(r))
                    if way == "end":
                        threading.Event().wait(5)
                    else:
                        r.set_lease(4711, **other)
                    if way == "lease":
                        assert r.expect("leased").serial == 4711
                    for serial in asked:
                        r.order(1, 1, serial)
                    with contextlib.suppress(ConnectionError):
                        s.sendall(b"late")
                        open_one.send(b"late")
                while sum(t.kind == "fail" and t.reason == "revoked" for t in r.seen) < 4:
                    r.next()
                for end in (c, s, there):
                    with contextlib.suppress(ConnectionError):
                        assert end.recv(10) == b"", f"{way}: it goes on"
            assert not is_readable([server, taker], 0), f"{way}: it left"
        taker.close()


def test_budgets(n):
    """And EGRESS_RATE_SECONDS worth of a rate, saved up."""
    with Relay(n, **WEB_RULE, connections=2) as r:
        r.learn()
        first, _second = r.open(WEB, 7), r.open(WEB, 7)
        assert is_refused(n, WEB, 7)
        assert r.expect("connect", allowed=False).reason == "connections"
        first.close()
        r.expect("close")
        r.open(WEB, 7)
    with Relay(n, **WEB_RULE, rate=1) as r:
        r.learn()
        for _ in range(10):
            r.open(WEB, 7).close()
        assert any(is_refused(n, WEB, 7) for _ in range(3) if not r.idle())
        assert r.expect("connect", allowed=False).reason == "rate"
    for way in ("out", "into"):
        with Relay(n, **WEB_RULE, **{way: 100000}) as r:
            r.learn()
            s, there = both_ends(n, r, 2308)
            sender, taker = (s, there) if way == "out" else (there, s)
            with contextlib.suppress(ConnectionError):
                sender.sendall(b"\0" * 1000000)
            assert reset_at(taker)
            assert r.expect("connect", allowed=False).reason == {"out": "bytes-out", "into": "bytes-in"}[way]
            assert is_refused(n, WEB, 7)


def test_budgets_that_were_spent(n):
    """By relays that this sandbox had before: each tells in time, and the next one begins with what is left."""
    with Relay(n, **WEB_RULE, out=100000) as r:
        r.learn()
        s, there = both_ends(n, r, 2308)
        for size, most in ((1, 392), (50000, 50392), (49999, 100000)):
            s.sendall(b"\0" * size)
            while size:
                size -= len(there.recv(size))
            told = r.expect("spent")
            while (r.idle() or [x for x in r.unread if x.kind == "spent"]):
                told = r.expect("spent")
            assert most - 392 < told.out <= most and told.into == 0, told
        assert len([x for x in r.seen if x.kind == "spent"]) < 300
    with Relay(n, **WEB_RULE, out=100000, into=7, spent=(0, 7)) as r:
        r.learn()
        assert is_refused(n, WEB, 7) and r.expect("connect", allowed=False).reason == "bytes-in"
    with Relay(n, **WEB_RULE, out=100000) as r, n.serve(2316) as server:  # what it begins with is older than what it is told
        r.learn()
        r.acknowledge = None
        s = n.dial(WEB, 2316)
        asked = r.expect("connect", port=2316)
        r.set_lease(9, **WEB_RULE, out=100000, spent=(100000, 0))
        r.order(1, serial=asked.serial)
        assert r.expect("leased") and r.expect("connect", allowed=False).reason == "bytes-out"
        assert r.expect("fail").reason == "bytes-out" and reset_at(s) and not is_readable([server], 0)


# ---- the proxy ----

def test_proxy_clients(n):
    ways = (["-x", f"http://{PROXY}:3128"], ["--socks5-hostname", f"{PROXY}:3128"])
    with Relay(n, **WEB_RULE) as r:
        for way in ways:
            for scheme in ("http", "https"):
                code, text = r.run("curl", "-sS", "-m", "20", "--cacert", f"{n.directory}/cert.pem", *way, f"{scheme}://web.example.com/x")
                assert code == 0 and text.startswith(f"{scheme} web.example.com "), text
                assert r.expect("connect", host="web.example.com").allowed and r.expect("close").into > 0
            for url in ("https://never.example.org/", f"https://{OTHER}/", "http://10.77.0.1/", "http://127.0.0.1/", f"http://[{WEB6}]:81/",
                        "http://[::ffff:127.0.0.1]/"):
                code, text = r.run("curl", "-sSfg", "-m", "20", *way, url)
                assert code in (22, 56, 97), (code, text)
        text = r.run("openssl", "s_client", "-proxy", f"{PROXY}:3128", "-connect", "web.example.com:443", "-servername", "never.example.org")[1]
        assert "access denied" in text, text
        assert "never.example.org" not in n.log("queries") and "never.example.org" not in n.log("log")


def test_proxy_in_pieces(n):
    with Relay(n, **WEB_RULE) as r:
        s = through_proxy(n, *(bytes([b]) for b in b"CONNECT WEB.example.com.:7 HTTP/1.1\r\nHost: x\r\n\r\n\0more"))
        r.expect("connect", port=7)
        text = b""
        while not text.endswith(b"\0more"):
            text += s.recv(1000)
        assert text == b"HTTP/1.1 200 Connection established\r\n\r\n\0more", text
        s = through_proxy(n, b"\5\1\0", b"\5\1\0\3\x0fweb.example.com\0\7")
        r.expect("connect", port=7)
        s.sendall(b"\0")
        text = b""
        while len(text) < 13:
            text += s.recv(1000)
        assert text == b"\5\0\5\0\0\1\0\0\0\0\0\0\0", text
        # one authority for a connection
        s = through_proxy(n, get("web.example.com", "http://web.example.com/") + get("other.example.net", "http://other.example.net/seen-5"))
        r.expect("connect", port=80)
        assert b" 403 " in drain(s) and "/seen-5" not in n.log("log")


def test_proxy_tries_addresses(n):
    """All that a name has, each on record, until one takes it: another refuses, and one says nothing (EGRESS_TRY_USEC)."""
    with Relay(n, allow=[["several.example.com"]], connections=1) as r, n.serve(2317, OTHER) as server:
        for _ in range(4):
            s = through_proxy(n, b"CONNECT several.example.com:2317 HTTP/1.1\r\n\r\n\0more")
            while server not in is_readable([server, r.channel], n.patience):
                r.idle()
            there, _ = server.accept()
            assert s.recv(100).startswith(b"HTTP/1.1 200 ") and there.recv(10) == b"\0more"
            s.close()
            there.close()
            r.expect("close")
        r.idle()
        failed = [x.error for x in r.seen if x.kind == "fail"]
        assert set(failed) == {errno.ECONNREFUSED, errno.ETIMEDOUT} and len([x for x in r.seen if x.kind == "connect"]) == len(failed) + 4, failed
    with Relay(n, allow=[["several.example.com"]], deny=[[f"{OTHER}/32"]]) as r, n.serve(2317, OTHER) as server:
        s = through_proxy(n, b"CONNECT several.example.com:2317 HTTP/1.1\r\n\r\n")
        r.channel.settimeout(60)
        while s not in is_readable([s, r.channel], 60):
            r.idle()
        assert b" 200 " not in drain(s) and not is_readable([server], 0)


def test_proxy_refuses(n):
    with Relay(n, **WEB_RULE) as r:
        socks = b"\5\1\0\5\1\0"
        for said in (b"CONNECT web.example.com HTTP/1.1\r\n\r\n", b"CONNECT web.example.com:0 HTTP/1.1\r\n\r\n",
                     b"CONNECT web.example.com:70000 HTTP/1.1\r\n\r\n", b"CONNECT a@web.example.com:80 HTTP/1.1\r\n\r\n",
                     b"CONNECT web.example.com\0.example.net:80 HTTP/1.1\r\n\r\n", b"CONNECT [web.example.com]:80 HTTP/1.1\r\n\r\n",
                     b"CONNECT 0x7f.1:80 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: web.example.com\r\n\r\n", b"\r\n\r\n", b"x\r\n\r\n",
                     b"GET http:// HTTP/1.1\r\n\r\n", b"CONNECT  HTTP/1.1\r\n\r\n", b"CONNECT [ HTTP/1.1\r\n\r\n", b"A" * 8192,
                     b"\5\0", b"\5\1\2", b"\5\1\0\4\1\0\1\1\1\1\1\0\7", socks + b"\3\0\0\7\0", socks + b"\2\1\1\1\1\0\7",
                     socks + b"\3\x0fweb.example\0com\0\7", socks + b"\1\x7f\0\0\1\0\7", socks + b"\1\1\1\1\1\0\0",
                     b"\5\1\0\5\3\0\1\1\1\1\1\0\7", b"\4\1\0\7\1\1\1\1\0\0"):
            s = through_proxy(n, said)
            if said == b"A" * 8192 or said[:1] == b"\4":
                s.shutdown(socket.SHUT_WR)
            text = b""
            with contextlib.suppress(ConnectionResetError):
                while (part := s.recv(1000)):
                    text += part
            assert b" 200 " not in text and b"\5\0\0\1" not in text, (said, text)
        r.acknowledge = False
        s = through_proxy(n, b"CONNECT web.example.com:7 HTTP/1.1\r\n\r\n")
        r.expect("connect", port=7)
        assert b" 403 " in drain(s)
        r.acknowledge = True
        s = through_proxy(n, b"CONNECT web.example.com:2301 HTTP/1.1\r\n\r\n")
        assert r.expect("fail").error == 111 and r.expect("fail").error == 111 and b" 502 " in drain(s)  # of either family


def test_loopback(n):
    """Of the host: no rule opens it, by whatever name it goes."""
    with Relay(n, allow=[["0.0.0.0/0", "::/0"]]) as r, n.serve(2312, "127.0.0.1", "host") as v4, n.serve(2312, "::1", "host") as v6:
        for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
                        "localhost"):
            with contextlib.suppress(ConnectionError):
                assert b" 200 " not in drain(through_proxy(n, f"CONNECT {address}:2312 HTTP/1.1\r\n\r\n".encode())), address
        for said in (b"\1\x7f\0\0\1", b"\4" + b"\0" * 15 + b"\1", b"\4" + b"\0" * 10 + b"\xff\xff\x7f\0\0\1"):
            with contextlib.suppress(ConnectionError):
                assert b"\5\0\0" not in drain(through_proxy(n, b"\5\1\0\5\1\0" + said + b"\x09\x08")), said
        r.idle()
        assert not is_readable([v4, v6], 0) and not any(u.allowed and u.kind == "connect" for u in r.unread), [*map(str, r.unread)]


# ---- who comes from outside ----

OWNER, STRANGER, ANY = 61000, 61001, 1
SHOWN = [("127.0.0.1/32", 18080, 8080, 0), ("127.0.0.1/32", 18081, 8080, ANY), ("::1/128", 18080, 8080, 0)]


def shows(n, **what):
    return Relay(n, owner=OWNER, publish=SHOWN, **what)


def test_guests(n):
    with shows(n) as r, n.serve(8080, "127.0.0.1", "sandbox") as inside:
        for uid, port, address in ((OWNER, 18080, "127.0.0.1"), (0, 18080, "::1"), (STRANGER, 18081, "127.0.0.1")):
            s = n.come(port, uid, address)
            told = r.expect("accept")
            assert told.allowed and told.awaits and told.uid == uid and told.published == port and told.port == s.getsockname()[1], told
            there, peer = inside.accept()
            assert peer[0] == "127.0.0.1"
            there.settimeout(n.patience)
            s.sendall(b"to you")
            assert there.recv(100) == b"to you"
            there.sendall(b"and back")
            assert s.recv(100) == b"and back"
            s.close()
            assert there.recv(100) == b""
            there.close()
            close = r.expect("close", serial=told.serial)
            assert (close.out, close.into) == (8, 6), close
        # more of them than there are ways in, one after the other
        for _ in range(200):
            s = n.come(18080, OWNER)
            r.expect("accept")
            there = inside.accept()[0]
            there.close()
            assert s.recv(1) == b""
            s.close()
            r.expect("close")


def test_guests_of_either_family(n):
    with shows(n) as r:
        with n.serve(8080, "::1", "sandbox") as inside:
            s = n.come(18080, OWNER)
            r.expect("accept")
            inside.accept()[0].sendall(b"six")
            assert s.recv(100) == b"six"
        s = n.come(18080, OWNER)
        assert r.expect("fail").error == 111 and reset_at(s)
        # nor does the host answer in the sandbox's place
        with n.serve(8080, "127.0.0.1", "host") as other:
            s = n.come(18080, OWNER)
            assert r.expect("fail").error == 111 and reset_at(s) and not is_readable([other], 0)


def test_guests_that_are_refused(n):
    with shows(n, allow=EVERYWHERE, loopback=True) as r, n.serve(8080, "127.0.0.1", "sandbox") as inside:
        for uid, port, reason in ((STRANGER, 18080, "not-owner"), (NOBODY, 18080, "from-sandbox"), (NOBODY, 18081, "from-sandbox")):
            s = n.come(port, uid)
            told = r.expect("accept")
            assert not told.allowed and told.reason == reason and told.uid == uid and told.published == port, told
            assert reset_at(s)
        # whose it was nobody can say, when it has gone
        os.kill(r.pid, signal.SIGSTOP)
        n.come(18081, OWNER).close()
        os.kill(r.pid, signal.SIGCONT)
        assert r.expect("accept").reason == "unknown-peer"
        # a sandbox does not come by the host's loopback, to itself or another one
        s = n.dial("10.0.2.2", 18081)
        assert r.expect("connect").allowed and r.expect("accept").reason == "from-sandbox" and reset_at(s)
        r.acknowledge = False
        s = n.come(18080, OWNER)
        assert r.expect("accept").awaits and reset_at(s)
        r.acknowledge = None
        s = n.come(18080, OWNER)
        r.expect("accept")
        assert reset_at(s)
        assert not is_readable([inside], 0), "somebody was let in"


def test_as_many_guests_as_there_may_be(n):
    with shows(n) as r, n.serve(8080, "127.0.0.1", "sandbox") as inside:
        inside.listen(128)
        those = []
        for _ in range(64):
            those.append(n.come(18080, OWNER))
            assert r.expect("accept").allowed
        s = n.come(18080, OWNER)
        told = r.expect("accept", allowed=False)
        assert told.reason == "connections" and told.clause == "test#/network/ingress/publish/0" and reset_at(s)
        abort(those.pop())
        r.expect("close")
        those.append(n.come(18080, OWNER))
        assert r.expect("accept").allowed
        for s in those:
            s.close()
    with shows(n, connections=1) as r, n.serve(8080, "127.0.0.1", "sandbox"):
        _first = n.come(18080, OWNER)
        assert r.expect("accept").allowed
        assert reset_at(n.come(18080, OWNER)) and r.expect("accept", allowed=False).clause == "/network/egress/limits/connections"


def guest_ends(n, r, inside):
    s = n.come(18080, OWNER)
    r.expect("accept")
    there = inside.accept()[0]
    there.settimeout(n.patience)
    there.sendall(b"!")
    assert s.recv(1) == b"!"
    return s, there


def test_bytes_of_guests(n):
    with shows(n) as r, n.serve(8080, "127.0.0.1", "sandbox") as inside:
        s, there = guest_ends(n, r, inside)
        up, up_digest = sends(there, BIG, b"up", lambda: there.shutdown(socket.SHUT_WR))
        down, down_digest = sends(s, BIG, b"down", lambda: s.shutdown(socket.SHUT_WR))
        got = {}
        reader = threading.Thread(target=lambda: got.update(down=digest_of(there)))
        reader.start()
        got["up"] = digest_of(s)
        for t in (up, down, reader):
            t.join()
        assert got == {"up": (up_digest, BIG), "down": (down_digest, BIG)}
        r.expect("close")
        # both have said all, and one reads it only now: its way in is not another one's before that
        s, there = guest_ends(n, r, inside)
        there.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""
        thread, digest = sends(s, FITS, b"slow", s.close)
        thread.join()
        r.expect("close")
        assert digest_of(there, pause=1) == (digest, FITS), "cut short"
        for who in (0, 1):
            ends = guest_ends(n, r, inside)
            abort(ends[who])
            assert reset_at(ends[1 - who]) and r.expect("close")


def test_guests_that_are_not_wanted_any_more(n):
    with shows(n) as r, n.serve(8080, "127.0.0.1", "sandbox") as inside:
        s, there = guest_ends(n, r, inside)
        kept = n.come(18081, OWNER)
        r.expect("accept")
        r.set_lease(owner=OWNER, publish=SHOWN[1:2])
        assert r.expect("fail").reason == "revoked" and reset_at(s) and reset_at(there)
        s = n.come(18080, OWNER)
        assert r.expect("accept", allowed=False).reason == "revoked" and reset_at(s)
        inside.accept()[0].sendall(b"still")
        assert kept.recv(100) == b"still"


# ---- the process ----

def test_ends(n):
    r = Relay(n, **WEB_RULE)
    assert r.next().kind == "hello"
    r.learn()
    s = r.open(WEB, 2222)
    with open(f"/proc/{r.pid}/status", encoding="ascii") as f:
        status = f.read()
    assert re.search(r"^Seccomp:\t2$", status, re.M) and re.search(r"^CapBnd:\t0+$", status, re.M), status
    assert os.stat(f"/proc/{r.pid}/fd").st_uid == 0, "it can be traced by its user"
    r.channel.close()
    assert r.wait() == 0 and reset_at(s)
    r = Relay(n, **WEB_RULE)
    assert r.next().kind == "hello"
    r.order(1, magic=1)
    assert r.wait() == 1
    r = Relay(n, **WEB_RULE)
    assert r.next().kind == "hello"
    r.learn()
    r.open(WEB, 2222)
    os.kill(r.pid, signal.SIGTERM)
    assert r.expect("close") and r.wait() == 0


def test_refusals_that_were_counted_are_told_at_the_end(n):
    r = Relay(n, **WEB_RULE)
    assert r.next().kind == "hello"
    for _ in range(5):
        assert is_refused(n, OTHER, 80)
    assert r.expect("connect").count == 1
    os.kill(r.pid, signal.SIGTERM)
    assert r.expect("connect").count == 4 and r.wait() == 0


def test_is_nobody(n):
    user = ["--reuid=61236", "--regid=61236", "--clear-groups", "--inh-caps=-all"]
    for less in (["--no-new-privs", "--bounding-set=-all"], [*user, "--bounding-set=-all"], [*user, "--no-new-privs"]):
        r = Relay(n, setpriv=less, **WEB_RULE)
        said = r.channel.recv(4096)
        r.channel.close()
        assert r.wait() == 1 and not said, less


def dies_and_leaves(start):
    """What is found in a directory that anybody may write to, after whoever start() began there has died of SIGSEGV."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        status = start(place)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV, status
        return os.WCOREDUMP(status), os.listdir(place)


def somebody(place):
    pid = os.fork()
    if pid == 0:
        os.chdir(place)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.kill(os.getpid(), signal.SIGSEGV)
    return os.waitpid(pid, 0)[1]


def cores_are_written():
    """On this host, into the directory of who dies."""
    return bool(dies_and_leaves(somebody)[1])


def test_no_core(n):
    """Its memory has what others said, and the credentials of the host's proxy: whatever it dies of, and where it may have cores, nothing is left."""
    def relay(place):
        r = Relay(n, place=place, **WEB_RULE)
        assert r.next().kind == "hello"
        os.kill(r.pid, signal.SIGSEGV)
        status = os.waitpid(r.pid, 0)[1]
        r.channel.close()
        return status
    assert dies_and_leaves(relay) == (False, [])


# What it may not even try, and what stands in its way: how it ends, and how without these.
ACTS = {
    "nothing": (0, 0, ""),
    "read": (errno.EACCES, 0, "landlock"),
    "write": (-signal.SIGSYS, errno.EACCES, "seccomp"),
    "execute": (-signal.SIGSYS, errno.EACCES, "seccomp"),
    "fork": (-signal.SIGSYS, 0, "seccomp"),
    "trace": (-signal.SIGSYS, 0, "seccomp"),
    "local": (-signal.SIGSYS, 0, "seccomp"),
    "raw": (-signal.SIGSYS, errno.EPERM, "seccomp"),
    "place-another": (-signal.SIGSYS, errno.EPERM, "seccomp"),
    "listen": (-signal.SIGSYS, 0, "seccomp"),
    "code": (-signal.SIGSYS, 0, "seccomp"),
    "make-code": (-signal.SIGSYS, 0, "seccomp"),
}


def acts(n):
    """By a relay that has been taken over; only the mutant is told to."""
    for act, (held, loose, wall) in ACTS.items():
        for without, wanted in (("", held), (wall, loose)):
            Relay.environment = {"MXC_ACT": act, "MXC_WITHOUT": without}
            r = Relay(n, **WEB_RULE)
            r.channel.close()
            status = r.wait()
            assert status == wanted, f"{act} without {without or 'nothing'}: {status}"


# Each wall of mutant-egress.c, and the tests that do not pass without it.
WALLS = {
    "budgets": [test_budgets, test_budgets_that_were_spent, egress_datagrams.test_budgets_of_datagrams],
    "clock": [test_not_on_record, test_slow_hello],
    "core": [test_no_core] if cores_are_written() else [],  # else nothing would show
    "datagrams": [egress_datagrams.test_refused_datagrams],
    "deny": [test_denied],
    "dumpable": [test_ends],
    "ech": [test_encrypted_names, test_what_may_be_said_is_less_now],
    "from-sandbox": [test_guests_that_are_refused],
    "global": [test_rebinding, test_synthetic_names_lead_to_the_world_only],
    "host": [test_hosts],
    "host-again": [test_hosts],
    "host-loopback": [test_no_host_loopback, egress_datagrams.test_no_datagrams_to_the_host_s_loopback],
    "identity": [test_is_nobody],
    "inspect": [test_server_names, test_hosts, test_second_hello],
    "landlock": [],  # acts()
    "learnt": [test_address_that_was_not_asked_for, test_synthetic_addresses_that_were_not_handed_out],
    "learnt-first": [test_learnt_before_it_is_told],
    "loopback": [test_loopback],
    "names": [test_refused_names, test_proxy_clients],
    "orders": [test_ends],
    "owner": [test_guests_that_are_refused],
    "own-addresses": [test_rebinding],
    "record": [test_not_on_record, test_synthetic_names_that_nobody_takes, test_guests_that_are_refused, egress_datagrams.test_datagrams_not_on_record],
    "revocation": [test_new_lease, test_answers_that_come_too_late, test_what_may_be_said_is_less_now, test_guests_that_are_not_wanted_any_more, egress_datagrams.test_new_lease_for_datagrams],
    "seccomp": [test_ends],
    "second-hello": [test_second_hello, test_a_warning_hides_no_second_hello],
    "server-name": [test_server_names, test_denied],
    "smuggling": [test_hosts],
    "synthetic": [test_synthetic, test_synthetic_from_now_on, test_synthetic_where_the_kernel_refuses],
    "unknown-peer": [test_guests_that_are_refused],
    "upstream": [egress_upstream.test_upstream_finds_the_address, egress_upstream.test_upstream_that_is_not_there],
    "upstream-answer": [egress_upstream.test_upstream_that_is_none],
    "upstream-localhost": [egress_upstream.test_upstream_is_asked_for_what_is_allowed],
}


# What the relay itself lets wait, for up to ten seconds, until it says no.
SLOW = [test_not_on_record, test_slow_hello, test_no_host_loopback, test_synthetic_addresses_that_were_not_handed_out, test_guests_that_are_refused,
        egress_datagrams.test_refused_datagrams, egress_datagrams.test_datagrams_not_on_record, egress_datagrams.test_no_datagrams_to_the_host_s_loopback]


def failure(n, test, without=""):
    """Whether a relay was seen in it, and what went wrong; or None."""
    Relay.environment = {"MXC_WITHOUT": without} if without else {}
    n.begin()
    try:
        test(n)
    except Exception as e:  # pylint: disable=broad-except
        return not isinstance(e, NoRelay), "# " + traceback.format_exc().strip().replace("\n", "\n# ")
    return None


def proves(n, test, wall):
    """That it does not pass without the wall, and passes with it in the same program. Most that are to fail wait for what does not come, and so does any
    test where there is too little time: so both have the same, and all of it where one that is shorter is not enough."""
    for n.patience in (15 if test in SLOW else 5, Networks.patience):
        without = failure(n, test, wall)
        if without is None:
            return False, None
        within = failure(n, test)
        if within is None and without[0]:
            return True, "# " + without[1].splitlines()[-1][2:]
    return False, (within or without)[1]


def install(n, program):
    path = shutil.copy(program, n.directory)
    os.chmod(path, 0o755)
    return path


def rows(pattern):
    """Each that matches, as (NAME, TEST, whether it is made with the mutant, the wall that it is to prove)."""
    modules = {**globals(), **vars(egress_bounds), **vars(egress_datagrams), **vars(egress_upstream)}
    walls = {k: v for k, v in WALLS.items() if pattern in f"without {k}"}
    for name, test in modules.items():
        if name.startswith("test_") and pattern in name:
            yield name[5:].replace("_", " "), test, False, ""
    if walls:
        yield "a relay that has been taken over", acts, True, ""
    for wall, those in walls.items():
        for test in those:
            yield f"without {wall}: {test.__name__[5:].replace('_', ' ')}", test, True, wall


def make(n, programs, test, mutated, wall):
    """Whether it is well, and why not."""
    Relay.program = programs[mutated]
    if wall:
        return proves(n, test, wall)
    n.patience = Networks.patience
    why = failure(n, test)
    return why is None, why and why[1]


def work(queue, program, mutant, steered, servers, pattern):
    """Makes rows in networks of its own, as long as there is a number in the queue, and tells of each in a line of JSON."""
    n = Networks(steered, servers)
    try:
        programs, those = [install(n, program), install(n, mutant)], list(rows(pattern))
        while (number := os.read(queue, 4)):
            name, *row = those[struct.unpack("=I", number)[0]]
            good, why = make(n, programs, *row)
            print(json.dumps([name, good, why]), flush=True)
    finally:
        n.close()


WORKERS = 6  # most rows wait, and those that are to fail until patience is over


def main(program, mutant, steered, servers, pattern=""):
    if (queue := os.environ.get("MXC_TEST_QUEUE")):
        return work(int(queue), program, mutant, steered, servers, pattern)
    every, those = list(rows(pattern)), []
    numbers = sorted(range(len(every)), key=lambda i: not every[i][3] or every[i][1] not in SLOW)  # those that take longest come first
    queue, ours = os.pipe()
    os.write(ours, b"".join(struct.pack("=I", i) for i in numbers))
    os.close(ours)
    for _ in range(min(WORKERS, len(numbers))):
        words = ["unshare", "--net", "--mount", sys.executable, *sys.argv]
        those.append(subprocess.Popen(words, env={**os.environ, "MXC_TEST_QUEUE": str(queue)}, pass_fds=[queue], stdout=subprocess.PIPE, text=True))
    lock, told = threading.Lock(), []

    def tell(worker):
        for line in worker.stdout:
            name, good, why = json.loads(line)
            with lock:
                told.append(good)
                print(f"{why}\n" * (why is not None) + f"{'ok' if good else 'not ok'} {len(told)} - {name}", flush=True)
    threads = [threading.Thread(target=tell, args=[w]) for w in those]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    ended = [w.wait() for w in those]
    print(f"1..{len(numbers)}")
    return len(told) != len(numbers) or not all(told) or any(ended)


sys.exit(main(*sys.argv[1:]))

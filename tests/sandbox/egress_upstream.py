# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's proxy: a real one, and some that are none. It is at an address that no rule opens, and only what is allowed by name comes to it."""

import base64
import contextlib
import errno
import socket
import subprocess
import threading
from pathlib import Path

from egress_rig import (OTHER, PRIVATE, PROXY, WEB, Relay, drain, is_readable, is_refused, reset_at, through_proxy)

ANSWER_MAX = 8192  # UPSTREAM_ANSWER_MAX
LOGIN = base64.b64encode(b"mxc:secret").decode()
NAMES = {"allow": [["*.example.com"]]}
GOOD = b"HTTP/1.1 200 Fine\r\nVia: it\r\n\r\n"


def upstream(port, host=PRIVATE, login="", direct=()):
    return {"upstream": (host, port, login, *direct)}


@contextlib.contextmanager
def tinyproxy(n, port, login=""):
    conf, log = Path(n.directory, "tinyproxy.conf"), Path(n.directory, "tinyproxy.log")
    log.unlink(missing_ok=True)
    conf.write_text(f"Port {port}\nListen {PRIVATE}\nLogFile \"{log}\"\nLogLevel Connect\nMaxClients 64\n" + login)
    child = n.start("world", "tinyproxy", "-d", "-c", str(conf), stderr=subprocess.DEVNULL)

    def is_there():
        with n.socket("world") as s:
            return s.connect_ex((PRIVATE, port)) == 0
    n.wait(is_there)
    try:
        yield log
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def heads(n, port, answers, address=PRIVATE):
    """A proxy that says this, whatever it is asked: one answer for each connection. What it was asked, and the connections."""
    seen, kept = [], []
    listener = n.serve(port, address)
    listener.settimeout(n.patience * 4)

    def serve():
        for answer in answers:
            with contextlib.suppress(OSError):  # it, or who has heard enough, has gone
                s, _ = listener.accept()
                s.settimeout(n.patience)
                head = b""
                while not head.endswith(b"\r\n\r\n") and (part := s.recv(1)):
                    head += part
                seen.append(head)
                kept.append(s)
                s.sendall(answer)
    server = threading.Thread(target=serve)
    server.start()
    try:
        yield seen, kept
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
        for s in (listener, *kept):
            s.close()


def asks_for(n, r, port=443):
    """A client of our proxy, once it is allowed, and on record."""
    s = through_proxy(n, f"CONNECT web.example.com:{port} HTTP/1.1\r\n\r\n".encode())
    assert r.expect("connect", port=port).allowed
    return s


def get(n, r, *options):
    return r.run("curl", "-sS", "-m", "20", "--cacert", f"{n.directory}/cert.pem", *options)


def test_upstream(n):
    """Programs that know of no proxy and those that do, through a real one."""
    with tinyproxy(n, 3128) as log, Relay(n, **NAMES, **upstream(3128)) as r:
        for way in ([], ["-x", f"http://{PROXY}:3128"], ["--socks5-hostname", f"{PROXY}:3128"]):
            for scheme, port in (("https", 443), ("http", 80)):
                code, text = get(n, r, *way, f"{scheme}://web.example.com/x")
                assert code == 0 and text.startswith(f"{scheme} web.example.com "), (way, text)
                told = r.expect("connect", host="web.example.com", port=port)
                assert told.allowed and told.upstream == 1 and (told.family == 0) == bool(way), told
                over = r.expect("close")
                assert over.upstream == 1 and over.status == 200 and over.into > 0
                assert f"CONNECT web.example.com:{port} " in log.read_text()
        s = n.dial(WEB, 2222)  # whose server speaks first
        r.expect("connect", port=2222)
        assert s.recv(100)


def test_upstream_is_asked_for_what_is_allowed(n):
    """Rules are ours, and what a connection says of itself is looked at on its way to that proxy, too."""
    with tinyproxy(n, 3128) as log, Relay(n, allow=[["*.example.com", "localhost", "*.localhost"], [f"{OTHER}/32"]], deny=[["api.example.com"]], **upstream(3128)) as r:
        for said in (b"never.example.org:443", b"api.example.com:443", b"localhost:80", b"a.localhost:80", b"93.184.216.34:443", b"10.77.0.1:3128"):
            s = through_proxy(n, b"CONNECT " + said + b" HTTP/1.1\r\n\r\n")
            while s not in is_readable([s, r.channel], n.patience):
                r.idle()
            assert b" 403 " in drain(s), said
        assert is_refused(n, PRIVATE, 3128)
        r.learn()
        for options in (["-connect", f"{WEB}:443"], ["-proxy", f"{PROXY}:3128", "-connect", "web.example.com:443"]):
            text = r.run("openssl", "s_client", *options, "-servername", "other.example.com")[1]
            assert "access denied" in text, text
            assert r.expect("connect", allowed=False, reason="sni").host == "other.example.com"
        code, text = get(n, r, f"http://{OTHER}/direct")
        assert code == 0 and not r.expect("connect", port=80, allowed=True).upstream, text
        asked = [s.split(": ", 1)[1] for s in log.read_text().splitlines() if "Request (" in s]
        assert asked and not [s for s in asked if "CONNECT web.example.com:443 " not in s], asked


def test_upstream_finds_the_address(n):
    """What a client of our proxy names is not even asked for here; who dialled an address means the name that it asked for last."""
    with heads(n, 3129, [GOOD, GOOD + b"said at once", GOOD]) as (seen, kept), Relay(n, **NAMES, **upstream(3129)) as r:
        s = through_proxy(n, b"CONNECT nowhere.example.com:99 HTTP/1.1\r\nProxy-Authorization: mine\r\n\r\n\0more")
        told = r.expect("connect", port=99)
        assert told.host == "nowhere.example.com" and told.family == 0
        assert s.recv(200).startswith(b"HTTP/1.1 200 Connection established\r\n\r\n")
        assert kept[0].recv(10) == b"\0more" and "nowhere" not in n.log("queries")
        assert seen[0] == b"CONNECT nowhere.example.com:99 HTTP/1.1\r\nHost: nowhere.example.com:99\r\n\r\n", seen
        r.learn("api.example.com")
        r.learn("web.example.com")
        r.learn("api.example.com")
        s = n.dial(WEB, 99)
        told = r.expect("connect", port=99)
        assert told.host == "api.example.com" and told.address[:4] == socket.inet_aton(WEB)
        assert s.recv(100) == b"said at once" and seen[1].startswith(b"CONNECT api.example.com:99 ")
        s.sendall(b"\0and back")
        assert kept[1].recv(100) == b"\0and back"


def test_upstream_is_given_synthetic_names(n):
    """That proxy is given the name that an address stands for, and nobody is asked for it here."""
    with heads(n, 3141, [GOOD + b"hello"]) as (seen, _), Relay(n, **NAMES, synthetic=True, **upstream(3141)) as r:
        address, = r.learn("web.example.com")
        s = n.dial(address, 99)
        told = r.expect("connect", port=99)
        assert told.allowed and told.upstream == 1 and told.family == 0 and told.host == "web.example.com"
        assert s.recv(100) == b"hello" and seen[0].startswith(b"CONNECT web.example.com:99 ") and not n.log("queries")


def test_upstream_and_what_goes_past_it(n):
    """Names of "direct", and what is allowed by address; and all of it when there is no proxy any more."""
    with heads(n, 3129, [GOOD] * 9) as (seen, _), Relay(n, allow=[["*.example.com"], [f"{OTHER}/32"]], **upstream(3129, direct=["web.example.com", "*.inside.example.com"])) as r:
        r.learn()
        for s in (n.dial(WEB, 7), n.dial(OTHER, 7), through_proxy(n, b"CONNECT web.example.com:7 HTTP/1.1\r\n\r\n")):
            s.sendall(b"\0")
            told = r.expect("connect", port=7)
            assert told.allowed and not told.upstream and s.recv(200)
        assert not seen
        r.learn("api.example.com")
        n.dial(WEB, 7)
        assert r.expect("connect", port=7).upstream
        n.wait(lambda: seen)
        r.set_lease(7, **NAMES)
        r.expect("leased")
        s = n.dial(WEB, 7)
        s.sendall(b"\0direct")
        assert not r.expect("connect", port=7).upstream and s.recv(10) == b"\0direct" and len(seen) == 1


def test_upstream_of_another_lease(n):
    """What waits to be recorded, or for that proxy, is never begun under another name than is on record, under none, or past that proxy."""
    by_name, by_address = [["*.example.com"]], [[f"{WEB}/32"]]
    with heads(n, 3129, [GOOD]) as (seen, _):
        for before, after in ((upstream(3129), {"allow": by_name}),  # past it
                              ({}, {"allow": by_name, **upstream(3129)}),  # by it
                              (upstream(3129), {"allow": by_address, **upstream(3129)}),  # under no name
                              (upstream(3129), {"allow": [["web.example.com"]], **upstream(3129)})):  # under another
            with Relay(n, allow=by_name, **before) as r, n.serve(2316) as server:
                r.learn("web.example.com")
                r.learn("api.example.com")
                r.acknowledge = None
                s = n.dial(WEB, 2316)
                told = r.expect("connect", port=2316)
                assert told.allowed and (not before or told.host == "api.example.com"), told
                r.set_lease(5, **after)
                r.expect("leased")
                r.order(1, 1, told.serial)
                over = [x for x in r.seen if x.kind == "fail"]
                assert len(over) == 1 and over[0].reason == "revoked" and over[0].serial == told.serial, [*map(str, r.seen)]
                assert reset_at(s) and not is_readable([server], 0)
        assert not seen, seen
        with Relay(n, allow=by_name, **upstream(3129)) as r:  # as it was, it goes on
            r.learn("api.example.com")
            r.acknowledge = None
            s = n.dial(WEB, 2316)
            told = r.expect("connect", port=2316)
            r.set_lease(5, allow=by_name, **upstream(3129))
            r.expect("leased")
            r.order(1, 1, told.serial)
            n.wait(lambda: seen)
            assert seen[0].startswith(b"CONNECT api.example.com:2316 "), seen


def test_upstream_that_wants_to_know_who_asks(n):
    """What it is told the sandbox never sees, and what it answers neither."""
    with tinyproxy(n, 3128, "BasicAuth mxc secret\n"):
        with Relay(n, **NAMES, **upstream(3128, login=LOGIN)) as r:
            code, text = get(n, r, "-x", f"http://{PROXY}:3128", "-v", "https://web.example.com/x")
            assert code == 0 and "https web.example.com" in text and LOGIN not in text and "tinyproxy" not in text, text
        for login in ("", base64.b64encode(b"mxc:guess").decode()):
            with Relay(n, **NAMES, **upstream(3128, login=login)) as r:
                text = drain(asks_for(n, r))
                assert text.startswith(b"HTTP/1.1 502 ") and b"tinyproxy" not in text, text
                over = r.expect("fail")
                assert over.status in (401, 407) and over.reason == "upstream-login", over


# What is no answer, or a refusal: why it ends, and with which status.
ANSWERS = {
    b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\n\r\n": ("upstream-login", 407),
    b"HTTP/1.1 403 No\r\n\r\n<html>secret of the proxy": ("upstream-refused", 403),
    b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1/\r\n\r\n": ("upstream-refused", 302),
    b"HTTP/1.0 503 \r\n\r\n": ("upstream-refused", 503),
    b"HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 502 No\r\n\r\n": ("upstream-refused", 502),
    b"HTTP/1.1 101 Switch\r\n\r\n": ("upstream-answer", 0),
    b"HTTP/2 200\r\n\r\n": ("upstream-answer", 0),
    b"HTTP/1.1 2000 OK\r\n\r\n": ("upstream-answer", 0),
    b"HTTP/1.1 20\r\n\r\n": ("upstream-answer", 0),
    b"SSH-2.0-proxy\r\n": ("upstream-answer", 0),
    b"\0": ("upstream-answer", 0),
    b"HTTP/1.1 200 Fine\r\nA: " + b"b" * ANSWER_MAX: ("upstream-answer", 0),
    b"HTTP/1.1 200 Fine\r\nA: " + b"b" * (ANSWER_MAX - 25) + b"\r\n\r\n": ("upstream-answer", 0),
    b"HTTP/1.1 100 Wait\r\n\r\n" * 500: ("upstream-answer", 0),
}


def test_upstream_that_is_none(n):
    with heads(n, 3129, [*ANSWERS, b"HTTP/1.1 200 Fine\r\nA: " + b"b" * (ANSWER_MAX - 26) + b"\r\n\r\n", b""]) as (seen, kept), Relay(n, **NAMES, **upstream(3129, login=LOGIN)) as r:
        for answer, (reason, status) in ANSWERS.items():
            text = drain(asks_for(n, r))
            over = r.expect("fail")
            assert (over.reason, over.status) == (reason, status), (answer[:40], str(over))
            assert text == b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", text
        s = asks_for(n, r)
        assert s.recv(200).startswith(b"HTTP/1.1 200 Connection established")
        # one that says nothing, and goes
        s = asks_for(n, r)
        n.wait(lambda: len(seen) == len(ANSWERS) + 2 and r.idle() is None)
        assert LOGIN.encode() in seen[-1]
        kept[-1].close()
        assert r.expect("fail").reason == "upstream-answer" and b" 502 " in drain(s)


def test_upstream_that_is_slow(n):
    """A byte now and then does not buy it more than EGRESS_DIAL_USEC; nor does saying nothing."""
    with heads(n, 3129, [b"HTTP/1.1 200", b""]) as (_, kept), Relay(n, **NAMES, **upstream(3129)) as r:
        those = [asks_for(n, r) for _ in range(2)]
        r.channel.settimeout(60)
        dripping = threading.Event()

        def drip():
            with contextlib.suppress(OSError):
                while not dripping.wait(1):
                    kept[0].sendall(b" ")
        threading.Thread(target=drip, daemon=True).start()
        for _ in range(2):
            over = r.expect("fail")
            assert over.reason == "upstream-unreachable" and over.error == errno.ETIMEDOUT
        dripping.set()
        assert all(b" 502 " in drain(s) for s in those)


def test_upstream_that_is_not_there(n):
    """Then nothing is reached by name; never past it."""
    for where in (upstream(3999), upstream(3128, host="none.example.com"), upstream(0, host="")):
        with Relay(n, **NAMES, **where) as r, n.serve(2315) as server:
            r.learn()
            assert reset_at(r.open(WEB, 2315))
            assert r.expect("fail").reason == "upstream-unreachable"
            assert b" 502 " in drain(asks_for(n, r, 2315))
            assert r.expect("fail").reason == "upstream-unreachable" and not is_readable([server], 0)


def test_upstream_of_many_addresses(n):
    """Of its addresses one serves, and another says no, or nothing (EGRESS_TRY_USEC). In whichever order they come."""
    for name in ("proxies", "silents"):
        with heads(n, 3131, [GOOD] * 8) as (seen, _), Relay(n, **NAMES, **upstream(3131, host=f"{name}.example.com")) as r:
            r.learn()
            those = [r.open(WEB, 99) for _ in range(8)]
            n.wait(lambda there=seen: len(there) == 8 and r.idle() is None)  # pylint: disable=cell-var-from-loop
            assert not any(s.kind == "fail" for s in r.seen) and not is_readable(those, 0)



#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How soon who asks for what is refused knows that it is, and what he is told. Runs in a sandbox of egress.sh's.

usage: refusals.py SERVER PORT ROUNDS

Lines of "CASE<TAB>p50 ns<TAB>p99 ns<TAB>most ns<TAB>what is said", of whole programs from their start to their end.
"""

import shutil
import socket
import ssl
import subprocess
import sys
import time

OTHER, OTHER6 = "10.99.0.2", "2001:db8::2"
NEVER = "never.bench.example.org"  # whose name the policy denies, at an address that it allows
PROXY = ("10.0.2.3", 3128)


def name():
    socket.getaddrinfo("other.example.net", 443)


def dials(family, kind, where):
    def attempt():
        with socket.socket(family, kind) as s:
            s.settimeout(20)
            s.connect((where, 443))
            s.send(b"x")
            if s.recv(1):
                raise SystemExit(f"{where} answers")
    return attempt


def says_host(server, port):
    def attempt():
        with socket.create_connection((server, port), timeout=20) as s:
            s.sendall(f"GET /1 HTTP/1.1\r\nHost: {NEVER}\r\n\r\n".encode())
            raise OSError(s.recv(1000).split(b"\r\n")[0].decode())
    return attempt


def says_server_name(server, port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def attempt():
        with socket.create_connection((server, port), timeout=20) as s, context.wrap_socket(s, server_hostname=NEVER):
            pass
    return attempt


def by_proxy():
    with socket.create_connection(PROXY, timeout=20) as s:
        s.sendall(b"CONNECT other.example.net:443 HTTP/1.1\r\nHost: other.example.net\r\n\r\n")
        raise OSError(s.recv(1000).split(b"\r\n")[0].decode())


def program(*words):
    def attempt():
        r = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        if r.returncode == 0 and words[0] != "dig":  # for which NXDOMAIN is an answer as others are
            raise SystemExit(f"{words} succeeds")
        raise OSError((r.stdout.decode(errors="replace").strip() or f"exit status {r.returncode}").splitlines()[-1])
    return attempt


PROGRAMS = (
    ("curl", "-sS", "https://other.example.net/"), ("curl", "-sS", f"https://{OTHER}/"),
    ("wget", "-q", "-T", "20", "-t", "1", "-O", "-", "http://other.example.net/"), ("wget", "-nv", "-T", "20", "-t", "1", "-O", "-", f"http://{OTHER}/"),
    ("git", "ls-remote", "https://other.example.net/x.git"), ("git", "ls-remote", f"https://{OTHER}/x.git"),
    ("python3", "-c", "import urllib.request; urllib.request.urlopen('http://other.example.net/')"),
    ("node", "-e", "fetch('http://other.example.net/').catch(e => { console.log(e.cause.message); process.exit(1) })"),
    ("openssl", "s_client", "-brief", "-connect", f"{OTHER}:443"), ("nc", "-v", "-w", "20", OTHER, "443"),
    ("dig", "+noall", "+comments", "+tries=1", "other.example.net"), ("ssh", "-o", "BatchMode=yes", f"x@{OTHER}"),
)


def measure(case, attempt, rounds):
    took, said = [], ""
    for _ in range(rounds):
        begin = time.monotonic_ns()
        try:
            attempt()
            raise SystemExit(f"{case} is not refused")
        except OSError as e:
            took.append(time.monotonic_ns() - begin)
            said = str(e)
    took.sort()
    print(case, took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)], took[-1], " ".join(said.split())[:100], sep="\t", flush=True)


def main(server, port, rounds):
    port, rounds = int(port), int(rounds)
    for case, attempt in {
            "a name": name,
            "an address": dials(socket.AF_INET, socket.SOCK_STREAM, OTHER),
            "an address of IPv6": dials(socket.AF_INET6, socket.SOCK_STREAM, OTHER6),
            "a datagram": dials(socket.AF_INET, socket.SOCK_DGRAM, OTHER),
            "the Host of HTTP": says_host(server, port),
            "the server name of TLS": says_server_name(server, port),
            "a name, by the proxy": by_proxy}.items():
        measure(case, attempt, rounds)
    for words in PROGRAMS:
        if shutil.which(words[0]):
            measure(" ".join(words[:1] + words[-1:])[:50], program(*words), max(1, rounds // 50))
        else:
            print(f"· there is no {words[0]} here", file=sys.stderr)


main(*sys.argv[1:])

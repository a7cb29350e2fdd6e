# SPDX-License-Identifier: LGPL-2.1-or-later
"""servers.py CERT KEY [ADDRESS…]: what there is to connect to. Prints a line for whatever reaches it.

80, 443  HTTP/1.1 and HTTPS: answers with who was asked for, keeps connections alive; /big answers 32 MiB, PUT says a digest
8443     HTTPS that asks every client for a second hello
7        echo
2222     says a banner before it is spoken to, then echoes
of UDP, at these addresses:
7        echo
5300     a resolver that knows one address for every name
"""

import asyncio
import hashlib
import ssl
import sys

BIG = bytes(range(256)) * (32 * 1024 * 1024 // 256)


def say(*words):
    print(*words, flush=True)


async def http(reader, writer, scheme):
    local = writer.get_extra_info("sockname")[0]
    try:
        while True:
            line = (await reader.readline()).decode("latin-1").split()
            if len(line) < 3:
                return
            fields = {}
            while (field := (await reader.readline()).decode("latin-1").rstrip("\r\n")):
                name, _, value = field.partition(":")
                fields[name.lower()] = value.strip()
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            host = fields.get("host", "?")
            say(scheme, line[0], line[1], "host", host, "at", local)
            if line[1].endswith("/big"):
                answer = BIG
            elif body:
                answer = hashlib.sha256(body).hexdigest().encode() + b"\n"
            else:
                answer = f"{scheme} {host} {line[1]}\n".encode()
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
            if fields.get("connection", "").lower() == "close":
                return
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def echo(reader, writer, banner):
    try:
        writer.write(banner)
        while (data := await reader.read(65536)):
            say("echo", len(data))
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass
    finally:
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer, self.transport = answer, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        say("udp", len(data), *data[:40].split(b"\n")[:1], "at", self.transport.get_extra_info("sockname")[0])
        self.transport.sendto(self.answer(data), addr)


def resolve(question):
    """RFC 1035: the question, and behind it an address for its name."""
    end = question.index(0, 12) + 5
    return question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x35"


async def main(cert, key, *addresses):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    tls.sni_callback = lambda socket, name, context: say("sni", name)
    # of a client's first hello it can use nothing, and asks for a second one
    picky = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    picky.load_cert_chain(cert, key)
    picky.set_ecdh_curve("secp521r1")
    hosts = ["0.0.0.0", "::"]
    servers = [
        await asyncio.start_server(lambda r, w: http(r, w, "http"), hosts, 80),
        await asyncio.start_server(lambda r, w: http(r, w, "https"), hosts, 443, ssl=tls),
        await asyncio.start_server(lambda r, w: http(r, w, "https"), hosts, 8443, ssl=picky),
        await asyncio.start_server(lambda r, w: echo(r, w, b""), hosts, 7),
        await asyncio.start_server(lambda r, w: echo(r, w, b"220 world\r\n"), hosts, 2222),
    ]
    loop = asyncio.get_running_loop()
    for address in addresses:
        for port, answer in ((7, bytes), (5300, resolve)):
            await loop.create_datagram_endpoint(lambda answer=answer: Datagrams(answer), (address, port))
    say("ready")
    await asyncio.gather(*(s.serve_forever() for s in servers))


asyncio.run(main(*sys.argv[1:]))

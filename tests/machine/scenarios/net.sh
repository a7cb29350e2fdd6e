# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# The network of a sandbox: real clients that know nothing of it, a world of servers behind this machine, and every way round that agents
# are known to try.
# shellcheck source=tests/machine/world/world.sh
. "$MXC_TEST_SRC/tests/machine/world/world.sh"

# online ALLOW [DENY [LIMITS]]: a policy document that reaches what these lists of rules say; $online
online() {
        online='{"schema": "mxc-policy/1", "name": "net", "extends": "workspace", "network": {"egress": {"allow": '"$1"
        [ $# -lt 2 ] || online+=', "deny": '"$2"
        [ $# -lt 3 ] || online+=', "limits": '"$3"
        online+='}}}'
        printf '%s\n' "$online" >"$work/net.json"
}
WEB='[{"to": [{"host": "web.example.com"}, {"host": "alias.example.com"}]}]'

# go COMMAND…: as alice under $online, in $ws
go() { as alice mxcctl run --policy "$work/net.json" -- "$@"; }

# does_not COMMAND…: the same; it ran, and failed by itself
does_not() {
        assert_fails go "$@"
        assert_lacks "$output" mxcctl:
}

world() {
        world_up
        workspace alice
        install -m 644 $world_dir/cert.pem "$ws/cert.pem"
        online "$WEB"
}

test_a_name_that_is_allowed_is_reached() {
        world
        assert_ok go curl -sS --max-time 20 http://web.example.com/x
        assert_eq 'http web.example.com /x' "$output"
        assert_ok go curl -sS --max-time 20 --cacert cert.pem https://web.example.com/y
        assert_eq 'https web.example.com /y' "$output"
        assert_ok go wget -q -T 20 -O - http://web.example.com/z
        assert_ok go python3 -c 'import urllib.request; print(urllib.request.urlopen("http://web.example.com/p", timeout=20).read())'
        local clause='net#/network/egress/allow/0'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:443 MXC_CLAUSE="$clause" MXC_REASON=rule \
                MXC_ON_BEHALF_USER=alice
        assert_record MXC_EVENT=disconnect MXC_TARGET=tcp/web.example.com:443
}

test_it_is_reached_by_both_families() {
        world
        assert_ok go curl -sS -4 --max-time 20 http://web.example.com/four
        assert_ok go curl -sS -6 --max-time 20 http://web.example.com/six
        wait_until 5 world_saw "/six host web.example.com at $WORLD_WEB6"
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_ADDRESS="[$WORLD_WEB6]:80"
}

test_the_record_comes_before_the_connection() {
        world
        defer systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'until [ -e go ]; do sleep 0.1; done; curl -sS -m 20 http://web.example.com/unseen; echo $? >status'
        systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        touch "$ws/go"
        wait_until 30 test -s "$ws/status"
        systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        assert_ne 0 "$(cat "$ws/status")" 'connected without a record'
        ! world_saw /unseen || fail 'a connection was made that is not on record'
}

test_another_name_is_not() {
        world
        does_not curl -sS --max-time 20 http://other.example.net/
        assert_contains "$output" 'Could not resolve host'
        assert_record MXC_EVENT=resolve MXC_DECISION=deny MXC_TARGET=dns/other.example.net
        does_not curl -sS --max-time 20 --resolve other.example.net:80:$WORLD_OTHER http://other.example.net/
        does_not curl -sS --max-time 20 http://$WORLD_OTHER/
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/$WORLD_OTHER:80 MXC_REASON=no-name
        ! world_was_asked other.example.net || fail 'a refused name was asked for outside'
        # even the address of what is allowed, when it was not asked for by its name
        does_not curl -sS --max-time 20 http://$WORLD_WEB/
}

test_refusals_come_at_once() {
        world
        assert_ok go python3 -c '
import socket, time
begin = time.monotonic()
for kind, where in ((socket.SOCK_STREAM, ("93.184.216.99", 80)), (socket.SOCK_DGRAM, ("93.184.216.99", 9))):
    for attempt in range(20):
        s = socket.socket(socket.AF_INET, kind)
        s.settimeout(30)
        try:
            s.connect(where)
            s.send(b"x")
            s.recv(1)
            raise SystemExit("connected to " + str(where))
        except (ConnectionError, PermissionError):
            pass
        except TimeoutError:
            raise SystemExit("hangs")
'
}

# Datagrams to the two addresses of web.example.com, by address.
DATAGRAMS='[{"to": [{"cidr": "93.184.216.34"}, {"cidr": "2606:2800:220:1::34"}], "ports": [{"protocol": "udp", "port": 7}, {"protocol": "udp", "port": 5300}]}]'

test_datagrams_to_addresses_that_a_rule_names() {
        world
        online "$DATAGRAMS"
        assert_ok go dig +short +tries=1 +time=20 -p 5300 anything.example.org @$WORLD_WEB
        assert_eq 192.0.2.53 "$output"
        assert_ok go dig +short +tries=1 +time=20 -p 5300 anything.example.org @$WORLD_WEB6
        assert_ok go python3 -c '
import socket
for address in "93.184.216.34", "2606:2800:220:1::34":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connected, other = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    connected.connect((address, 7))
    for s in (connected, other):
        s.settimeout(20)
        for data in (b"x", b"x" * 1400, b"x" * 9000):
            s.send(data) if s == connected else s.sendto(data, (address, 7))
            assert s.recvfrom(10000)[0] == data
'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=udp/$WORLD_WEB:5300 MXC_CLAUSE='net#/network/egress/allow/0' MXC_REASON=rule
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET="udp/[$WORLD_WEB6]:7"
        # they end with their sandbox, and the relay tells so when that is over
        assert_record MXC_EVENT=disconnect MXC_TARGET=udp/$WORLD_WEB:7 MXC_BYTES_OUT=10401 MXC_BYTES_IN=10401
}

test_other_datagrams_are_refused() {
        world
        online "$DATAGRAMS"
        assert_ok go python3 -c '
import socket
for where in ("93.184.216.34", 8), ("93.184.216.99", 7), ("10.77.0.1", 7), ("169.254.169.254", 80), ("10.0.2.2", 7):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.connect(where)
    s.send(b"smuggled")
    try:
        s.recv(1)
        raise SystemExit("answered from " + str(where))
    except ConnectionRefusedError:
        pass
for where in "224.0.0.251", "255.255.255.255":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        s.sendto(b"smuggled", (where, 5353))
        raise SystemExit("sent to " + where)
    except PermissionError:
        pass
'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/$WORLD_OTHER:7 MXC_REASON=default
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/10.77.0.1:7 MXC_REASON=special-address
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/169.254.169.254:80
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/10.0.2.2:7 MXC_REASON=host-loopback
        ! world_saw smuggled || fail 'a datagram left'
}

# What QUIC would say of itself nobody here reads.
test_a_name_allows_no_datagrams() {
        world
        assert_ok go python3 -c '
import socket
address = socket.gethostbyname("web.example.com")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect((address, 7))
s.send(b"quick")
try:
    s.recv(1)
    raise SystemExit("answered")
except ConnectionRefusedError:
    pass
'
        ! world_saw quick || fail 'a datagram left by a rule for a name'
}

test_no_datagram_goes_to_another_resolver() {
        world
        online '[{"to": [{"cidr": "93.184.216.0/24"}]}]'
        assert_ok go dig +tries=1 +time=20 c2VjcmV0.example.org TXT @$WORLD_DNS
        assert_contains "$output" NXDOMAIN
        ! world_was_asked c2VjcmV0.example.org || fail 'a name was smuggled out'
}

test_the_record_comes_before_the_datagram() {
        world
        online "$DATAGRAMS"
        defer systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'until [ -e go ]; do sleep 0.1; done; python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.connect((\"93.184.216.34\", 7))
s.send(b\"unrecorded\")
s.recv(1)"; echo $? >status'
        systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        touch "$ws/go"
        wait_until 60 test -s "$ws/status"
        systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald
        assert_ne 0 "$(cat "$ws/status")" 'sent without a record'
        ! world_saw unrecorded || fail 'a datagram left that is not on record'
}

# A name that is another's alias counts for itself: neither opens the other, and of both the resolver outside is asked for what it was told alone.
test_an_alias_counts_for_itself() {
        world
        online '[{"to": [{"host": "alias.example.com"}]}]'
        assert_ok go curl -sS --max-time 20 -k https://alias.example.com/alias
        assert_eq 'https alias.example.com /alias' "$output"
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/alias.example.com:443 MXC_ADDRESS="$WORLD_WEB:443"
        does_not curl -sS --max-time 20 http://web.example.com/
        assert_contains "$output" 'Could not resolve host'
        does_not curl -sSf --max-time 20 -H 'Host: web.example.com' http://alias.example.com/fronted
        ! world_saw /fronted || fail 'the name behind the alias was reached'
        online '[{"to": [{"host": "web.example.com"}]}]'
        does_not curl -sS --max-time 20 http://alias.example.com/
        assert_record MXC_EVENT=resolve MXC_DECISION=deny MXC_TARGET=dns/alias.example.com
}

# Search domains, capitals, a dot at the end: they are the name that they come to, or none. Records for HTTPS, which would lead past all of this, are none.
test_a_name_is_the_same_however_it_is_asked_for() {
        world
        online '[{"to": [{"host": "web.example.com"}]}]'
        assert_ok go env LOCALDOMAIN='example.net example.com' getent ahostsv4 web
        assert_contains "$output" "$WORLD_WEB"
        assert_ok go env LOCALDOMAIN='example.net example.com' python3 -c 'import urllib.request as u; print(u.urlopen(u.Request("http://web/searched", headers={"Host": "web.example.com"}), timeout=20).read().decode())'
        assert_contains "$output" 'http web.example.com /searched'
        does_not env LOCALDOMAIN=example.net getent ahostsv4 other
        ! world_was_asked other.example.net || fail 'a search domain led to a name that is not allowed'
        assert_ok go curl -sS --max-time 20 --cacert cert.pem https://WEB.Example.COM/capitals
        assert_ok go curl -sS --max-time 20 http://web.example.com./dot
        wait_until 5 world_saw '/dot host web.example.com'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:443
        assert_no_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com.:80
        local type
        for type in TYPE65 TYPE64 CNAME; do
                assert_ok go dig +tries=1 +time=10 web.example.com "$type"
                assert_contains "$output" 'status: NOERROR'
                assert_contains "$output" 'ANSWER: 0'
        done
}

test_a_wildcard_is_below_its_name_only() {
        world
        online '[{"to": [{"host": "*.example.com"}]}]'
        assert_ok go curl -sS --max-time 20 http://api.example.com/
        does_not curl -sS --max-time 20 http://example.com/
}

test_deny_beats_allow() {
        world
        online '[{"to": [{"host": "*.example.com"}]}]' '[{"to": [{"host": "api.example.com"}]}]'
        assert_ok go curl -sS --max-time 20 http://web.example.com/
        does_not curl -sS --max-time 20 http://api.example.com/
        # the same address under the name that is allowed: what is said in the connection decides
        assert_status 22 go curl -sSf --max-time 20 -H 'Host: api.example.com' http://web.example.com/fronted
        ! world_saw /fronted || fail 'another host was reached through an allowed name'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=http-host
}

test_ports_are_part_of_a_rule() {
        world
        online '[{"to": [{"host": "web.example.com"}], "ports": [{"protocol": "tcp", "port": 443}]}]'
        assert_ok go curl -sS --max-time 20 --cacert cert.pem https://web.example.com/
        does_not curl -sS --max-time 20 http://web.example.com/
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/web.example.com:80
}

test_addresses_by_cidr() {
        world
        online '[{"to": [{"cidr": "93.184.216.0/24", "except": ["93.184.216.99/32"]}]}, {"to": [{"cidr": "10.77.0.0/16"}]}]'
        assert_ok go curl -sS --max-time 20 http://$WORLD_WEB/
        does_not curl -sS --max-time 20 http://$WORLD_OTHER/
        assert_ok go curl -sS --max-time 20 http://$WORLD_PRIVATE/ # a cidr rule may
        does_not curl -sS --max-time 20 "http://[$WORLD_WEB6]/"
}

test_no_name_leads_into_the_neighbourhood() {
        world
        online '[{"to": [{"host": "*.example.com"}]}]'
        local name
        for name in inside loop meta host; do
                does_not curl -sS --max-time 20 http://$name.example.com/
                assert_contains "$output" 'Could not resolve host'
        done
}

test_the_server_name_of_tls_must_be_the_one_asked_for() {
        world
        does_not openssl s_client -connect web.example.com:443 -servername other.example.net
        assert_contains "$output" 'access denied'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=server-name
        does_not openssl s_client -connect web.example.com:443 -noservername
        ! world_saw 'sni other.example.net' || fail 'the hello went out'
        assert_ok go sh -c 'echo | openssl s_client -connect web.example.com:443 -servername web.example.com -CAfile cert.pem -verify_return_error'
}

# A hello with an extension for an encrypted server name, as browsers send it; says what the server answers.
ENCRYPTED='
import socket, ssl
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="web.example.com")
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    body = bytearray(outgoing.read()[9:])
more = b"\xfe\x0d\0\x2a\0\0\1\0\1\x42\0\x20" + b"\0" * 34
at = 35 + body[34]
at += 2 + int.from_bytes(body[at:at + 2], "big")
at += 1 + body[at]
body[at:at + 2] = (int.from_bytes(body[at:at + 2], "big") + len(more)).to_bytes(2, "big")
body += more
s = socket.create_connection(("web.example.com", 443), timeout=20)
s.sendall(b"\x16\3\1" + (len(body) + 4).to_bytes(2, "big") + b"\1" + len(body).to_bytes(3, "big") + body)
print({21: "alert", 22: "hello"}.get(s.recv(1)[0]))
'
test_what_may_be_said_is_the_rule_s() {
        world
        assert_ok go python3 -c "$ENCRYPTED"
        assert_eq hello "$output"
        online '[{"to": [{"host": "web.example.com"}], "ech": "refuse"}]'
        assert_ok go python3 -c "$ENCRYPTED"
        assert_eq alert "$output"
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/web.example.com:443 MXC_REASON=encrypted-name
        online '[{"to": [{"host": "web.example.com"}], "ports": [{"port": 443}], "tls": "opaque"}, {"to": [{"host": "web.example.com"}]}]'
        assert_ok go sh -c 'echo | openssl s_client -connect web.example.com:443 -servername other.example.net'
        wait_until 5 world_saw 'sni other.example.net'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:443 MXC_REASON=opaque MXC_CLAUSE='net#/network/egress/allow/0'
        does_not curl -sSf --max-time 20 -H 'Host: other.example.net' http://web.example.com/
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/other.example.net:80 MXC_REASON=http-host
}

# The same, and names are told by addresses that stand for them.
synthetic() {
        online "$1"
        online="${online/'"network": {'/'"network": {"dns": "synthetic", '}"
        printf '%s\n' "$online" >"$work/net.json"
}

test_names_that_stand_for_themselves() {
        world
        synthetic "$WEB"
        assert_ok go getent ahosts web.example.com
        assert_contains "$output" 198.1
        assert_lacks "$output" "$WORLD_WEB"
        assert_ok go curl -sS -4 --max-time 20 --cacert cert.pem https://web.example.com/synthetic
        assert_eq 'https web.example.com /synthetic' "$output"
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:443 MXC_ADDRESS="$WORLD_WEB:443"
        does_not curl -sS --max-time 20 http://198.18.0.77/
        does_not curl -sS --max-time 20 "http://$WORLD_WEB/"
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/198.18.0.77:80 MXC_REASON=no-name
}

test_what_was_opaque_and_is_not_any_more_ends() {
        world
        local rule='{"schema": "mxc-policy/1", "name": "%s", "extends": "workspace", "network": {"egress": {"allow": [{"to": [{"host": "web.example.com"}]%s}]}}}'
        # shellcheck disable=SC2059
        put /etc/mxc/policies/net-opaque.json "$(printf "$rule" net-opaque ', "tls": "opaque"')"
        # shellcheck disable=SC2059
        put /etc/mxc/policies/net-inspect.json "$(printf "$rule" net-inspect '')"
        call /org/mxc1 Manager Reload >/dev/null
        assert_ok as alice mxcctl policy explain net-opaque connect web.example.com:7
        assert_contains "$output" 'What is said there is not looked at.'
        assert_lacks "$(as alice mxcctl policy explain net-inspect connect web.example.com:7)" 'not looked at'
        local agent=net-$RANDOM$RANDOM
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$agent\", \"owner\": \"alice\", \"policy\": \"net-opaque\"}" >/dev/null
        spawn_for alice "$agent" workspace s "$ws" -- python3 -c '
import socket
s = socket.create_connection(("web.example.com", 7), timeout=60)
s.sendall(b"one")
assert s.recv(10) == b"one"
open("told", "w").write("talks\n")
try:
    open("told", "a").write("closed\n" if not s.recv(10) else "more\n")
except ConnectionError:
    open("told", "a").write("cut\n")
'
        defer end_quietly "$sandbox"
        wait_until 30 grep -q talks "$ws/told"
        call "/org/mxc1/agent/${agent//-/_2d}" Agent SetPolicy s net-inspect >/dev/null
        wait_until 10 grep -q cut "$ws/told"
        assert_record MXC_EVENT=disconnect MXC_TARGET=tcp/web.example.com:7 MXC_REASON=revoked
}

test_a_second_hello_is_looked_at_as_the_first() {
        world
        assert_ok go curl -sS --max-time 20 --cacert cert.pem https://web.example.com:8443/again
        assert_eq 'https web.example.com:8443 /again' "$output"
        # a hello for the name that is allowed, and another one behind it
        does_not python3 -c '
import socket, ssl
def hello(name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
s = socket.create_connection(("web.example.com", 8443), timeout=20)
s.sendall(hello("web.example.com"))
first = s.recv(65536)
assert first[0] == 22 and first[5] == 2, first
s.sendall(hello("other.example.net"))
alert = s.recv(65536)
while alert and alert[0] != 21:
    alert = alert[5 + int.from_bytes(alert[3:5], "big"):] or s.recv(65536)
raise SystemExit("alert " + str(alert[6]))
'
        assert_contains "$output" 'alert 49'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=server-name MXC_TARGET=tcp/other.example.net:8443
}

test_each_request_of_a_connection_is_looked_at() {
        world
        assert_ok go python3 -c '
import http.client
c = http.client.HTTPConnection("web.example.com", 80, timeout=20)
c.request("GET", "/first")
assert c.getresponse().read() == b"http web.example.com /first\n"
c.putrequest("GET", "/second", skip_host=True)
c.putheader("Host", "other.example.net")
c.endheaders()
answer = c.getresponse()
assert answer.status == 403, answer.status
'
        ! world_saw /second || fail 'the second request went through'
}

test_a_server_that_speaks_first() {
        world
        online '[{"to": [{"host": "web.example.com"}], "ports": [{"port": 2222}]}]'
        assert_ok go python3 -c '
import socket
s = socket.create_connection(("web.example.com", 2222), timeout=20)
assert s.recv(100) == b"220 world\r\n"
s.sendall(b"hello\n")
assert s.recv(100) == b"hello\n"
s.shutdown(socket.SHUT_WR)
assert s.recv(100) == b""
'
}

test_much_data_arrives_whole() {
        world
        assert_ok go sh -c 'curl -sS --max-time 60 http://web.example.com/big | sha256sum'
        assert_contains "$output" "$(python3 -c 'import hashlib; print(hashlib.sha256(bytes(range(256)) * (32 * 1024 * 1024 // 256)).hexdigest())')"
        assert_ok go sh -c 'head -c 20000000 /dev/urandom >up; sha256sum <up; curl -sS --max-time 60 -T up http://web.example.com/up; rm up'
        assert_eq 1 "$(grep -o '[0-9a-f]\{64\}' <<<"$output" | sort -u | wc -l)"
        local out
        out=$(record MXC_BYTES_OUT MXC_EVENT=disconnect)
        [ "$out" -gt 20000000 ] || fail "only $out bytes are on record"
}

test_any_resolver_that_a_program_asks_is_ours() {
        world
        local server
        for server in 8.8.8.8 1.1.1.1 127.0.0.53 2001:4860:4860::8888 $WORLD_DNS; do
                assert_ok go dig +short +tries=1 +time=10 web.example.com @"$server"
                assert_contains "$output" $WORLD_WEB
                assert_ok go dig +tcp +short +tries=1 +time=10 web.example.com @"$server"
                assert_contains "$output" $WORLD_WEB
        done
        assert_ok go dig +tries=1 +time=10 secret.other.example.net TXT @8.8.8.8
        assert_contains "$output" NXDOMAIN
        assert_ok go dig +tries=1 +time=10 c2VjcmV0.web.example.com @$WORLD_DNS
        assert_contains "$output" NXDOMAIN
        ! world_was_asked secret.other.example.net || fail 'a question left'
        ! world_was_asked c2VjcmV0.web.example.com || fail 'a name was smuggled out'
}

test_there_is_no_other_way_out() {
        world
        assert_ok go python3 - <<'END'
import errno, os, socket, struct, subprocess
def refused(what, *args):
    try:
        s = socket.socket(*args)
    except OSError:
        return
    raise SystemExit(what + " can be made")
refused("a raw socket", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
refused("a raw v6 socket", socket.AF_INET6, socket.SOCK_RAW, 58)
refused("a ping socket", socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
refused("a packet socket", 17, socket.SOCK_RAW, 0)
refused("vsock", 40, socket.SOCK_STREAM, 0)
refused("netfilter's netlink", socket.AF_NETLINK, socket.SOCK_RAW, 12)
names = [name for _, name in socket.if_nameindex()]
assert names == ["lo"], names
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("\0/org/freedesktop/systemd1/notify")
    raise SystemExit("an abstract socket of the host")
except OSError:
    pass
# the relay's own listener is not to be had
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.bind(("0.0.0.0", 53))
    raise SystemExit("port 53 can be taken")
except OSError:
    pass
END
}

test_one_sandbox_has_nothing_of_the_others() {
        world
        online "$WEB"
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'getent hosts web.example.com >known; sleep 1000'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/known"
        # what one has learnt, another has not
        does_not curl -sS --max-time 20 http://$WORLD_WEB/
}

test_the_sandbox_s_own_loopback_is_its_own() {
        world
        assert_ok go python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 8080))
client = socket.create_connection(("127.0.0.1", 8080), timeout=10)
server.accept()
'
        python3 -m http.server --bind 127.0.0.1 18080 >/dev/null 2>&1 &
        defer kill $!
        wait_until 10 curl -sS -o /dev/null http://127.0.0.1:18080/
        does_not curl -sS --max-time 20 http://127.0.0.1:18080/
        does_not curl -sS --max-time 20 http://93.184.215.2:18080/
        does_not curl -sS --max-time 20 http://10.0.2.2:18080/
        online '[{"to": [{"cidr": "127.0.0.0/8"}, {"cidr": "0.0.0.0/8"}, {"cidr": "::1"}]}]'
        does_not curl -sS --max-time 20 http://127.0.0.1:18080/
        does_not curl -sS --max-time 20 http://127.9.9.9:18080/
        does_not curl -sS --max-time 20 'http://[::ffff:127.0.0.1]:18080/'
        does_not curl -sS --max-time 20 http://0.0.0.0:18080/
}

# let_ceiling INGRESS WORD: a ceiling of this host, in which ingress is that, which the vendor's is not, and by which it is known
let_ceiling() {
        defer call /org/mxc1 Manager Reload # the next test begins with the vendor's
        put /etc/mxc/ceiling.json "$(python3 -c '
import json, sys
ceiling = json.load(open("/usr/lib/mxc/ceiling.json"))
ceiling["network"]["ingress"] = json.loads("{" + sys.argv[1] + "}")
json.dump(ceiling, sys.stdout)' "$1")"
        wait_until 10 ceiling_has "$2"
}
ceiling_has() { mxcctl policy show ceiling | tr -d ': \n' | grep -qF "$1"; }

test_the_host_s_loopback_is_reached_where_two_clauses_say_so() {
        world
        python3 -m http.server --bind 127.0.0.1 18081 >/dev/null 2>&1 &
        defer kill $!
        wait_until 10 curl -sS -o /dev/null http://127.0.0.1:18081/
        python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 18082))
while True:
    s.sendto(*s.recvfrom(100))
' &
        defer kill $!
        local rule='{"to": [{"cidr": "10.0.2.2"}], "ports": [{"protocol": "tcp", "port": 18081}, {"protocol": "udp", "port": 18082}]}' url=http://10.0.2.2:18081/
        local asks='
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect(("10.0.2.2", int(sys.argv[1])))
s.send(b"question")
assert s.recv(100) == b"question"
'
        online "[$rule]"
        does_not curl -sS --max-time 20 $url
        does_not python3 -c "$asks" 18082
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/10.0.2.2:18082 MXC_REASON=host-loopback
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=host-loopback MXC_CLAUSE=/network/ingress/hostLoopback
        local open
        open=${online/'"network": {'/'"network": {"ingress": {"hostLoopback": "allow"}, '}
        printf '%s\n' "$open" >"$work/net.json"
        assert_status 125 go curl -sS --max-time 20 $url # the vendor's ceiling does not
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_CLAUSE=/network/ingress/hostLoopback
        let_ceiling '"hostLoopback": "allow"' '"hostLoopback""allow"'
        assert_ok go curl -sS -o got --max-time 20 $url
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/10.0.2.2:18081 MXC_CLAUSE='net#/network/egress/allow/0'
        assert_ok go python3 -c "$asks" 18082
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=udp/10.0.2.2:18082 MXC_CLAUSE='net#/network/egress/allow/0'
        does_not python3 -c "$asks" 18083
        local where
        for where in 127.0.0.1 127.9.9.9 0.0.0.0 10.0.2.15 '[::1]' '[::ffff:127.0.0.1]' localhost; do
                does_not curl -sS --max-time 20 "http://$where:18081/"
        done
        does_not curl -sS --max-time 20 http://10.0.2.2:22/
        assert_ok as alice sh -c 'printf "%s" "$1" >open.json; mxcctl policy explain ./open.json connect 10.0.2.2:18081' sh "$open"
        assert_contains "$output" 'own loopback'
}

# publishing ENTRIES: a policy document that shows these; $published
publishing() { published='{"schema": "mxc-policy/1", "name": "shown", "extends": "workspace", "network": {"ingress": {"publish": '"$1"'}}}'; }
served='cd "$1" && echo inside >page && exec python3 -m http.server --bind 127.0.0.1 8080'
comes() { as "$1" curl -sS --max-time 20 "http://127.0.0.1:$2/page"; }

test_a_published_port_is_the_owner_s() {
        workspace alice
        publishing '[{"port": 8080, "hostPort": 18090}]'
        spawn alice workspace s "$ws" policy s "$published" -- sh -c "$served" sh "$ws"
        defer end_quietly "$sandbox"
        wait_until 20 comes alice 18090
        assert_eq inside "$(comes alice 18090)"
        local id=${sandbox##*/} clause='shown#/network/ingress/publish/0'
        assert_record MXC_EVENT=accept MXC_DECISION=allow MXC_SANDBOX="$id" MXC_TARGET=published/18090 MXC_PEER_UID="$(id -u alice)" \
                MXC_CLAUSE="$clause" MXC_ON_BEHALF_USER=alice
        assert_record MXC_EVENT=disconnect MXC_SANDBOX="$id" MXC_TARGET=published/18090
        assert_eq inside "$(comes root 18090)"
        assert_fails comes bob 18090
        assert_record MXC_EVENT=accept MXC_DECISION=deny MXC_REASON=not-owner MXC_SANDBOX="$id" MXC_PEER_UID="$(id -u bob)"
        assert_ok as alice mxcctl net "$id"
        assert_contains "$output" published/18090
        # only there, and only that
        assert_fails as alice curl -sS --max-time 20 http://127.0.0.1:8080/page
        assert_fails as alice curl -sS --max-time 20 http://127.0.0.2:18090/page
        assert_fails as alice curl -sS --max-time 20 'http://[::1]:18090/page'
        assert_ok call "$sandbox" Sandbox Stop
        assert_fails comes alice 18090
}

test_a_published_port_is_taken_once() {
        workspace alice
        publishing '[{"port": 8080, "hostPort": 18091}]'
        spawn alice workspace s "$ws" policy s "$published" -- sleep infinity
        local first=$sandbox
        assert_refused AddressInUse spawn alice workspace s "$ws" policy s "$published" -- true
        assert_contains "$output" 127.0.0.1:18091
        assert_record MXC_EVENT=fail MXC_STEP=publish
        assert_ok call "$first" Sandbox Stop
        spawn alice workspace s "$ws" policy s "$published" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ne "$first" "$sandbox"
}

test_what_may_be_published_has_bounds() {
        workspace alice
        local entry
        for entry in '{"port": 80}' '{"port": 8080, "hostPort": 1023}'; do
                publishing "[$entry]"
                assert_refused PolicyInvalid spawn alice policy s "$published" -- true
        done
        for entry in '{"port": 8080, "address": "0.0.0.0"}' '{"port": 8080, "clients": "any"}' '{"port": 8080, "address": "127.0.0.2"}'; do
                publishing "[$entry]"
                assert_refused Denied spawn alice policy s "$published" -- true
                assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_CLAUSE=/network/ingress/publish/0
        done
        publishing '[{"port": 8080, "endPort": 8081}]'
        assert_refused Unsupported spawn alice policy s "$published" -- true
        assert_ok mxcctl policy explain ceiling publish 8080
        assert_fails mxcctl policy explain ceiling publish 0.0.0.0:8080
}

# One sandbox shows a port to anybody, and another may reach the host's loopback: they do not meet there.
test_sandboxes_do_not_meet_on_the_host_s_loopback() {
        workspace alice
        let_ceiling '"hostLoopback": "allow", "publish": [{"port": 8080, "clients": "any"}]' '"clients""any"'
        publishing '[{"port": 8080, "clients": "any"}]'
        spawn alice workspace s "$ws" policy s "$published" -- sh -c "$served" sh "$ws"
        defer end_quietly "$sandbox"
        local id=${sandbox##*/}
        wait_until 20 comes bob 8080
        online '[{"to": [{"cidr": "10.0.2.2"}]}]'
        printf '%s\n' "${online/'"network": {'/'"network": {"ingress": {"hostLoopback": "allow"}, '}" >"$work/net.json"
        does_not curl -sS --max-time 20 http://10.0.2.2:8080/page
        assert_record MXC_EVENT=accept MXC_DECISION=deny MXC_REASON=from-sandbox MXC_SANDBOX="$id"
}

test_the_relay_is_nobody() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'curl -sS -m 20 -o got http://web.example.com/; sleep 1000'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/got"
        local relay
        relay=$(relay_of "$sandbox")
        [ -n "$relay" ] || fail 'there is no relay'
        assert_eq mxc-egress "$(stat -c %U "/proc/$relay")"
        local status
        status=$(cat "/proc/$relay/status")
        assert_contains "$status" $'CapEff:\t0000000000000000'
        assert_contains "$status" $'CapBnd:\t0000000000000000'
        assert_contains "$status" $'NoNewPrivs:\t1'
        assert_contains "$status" $'Seccomp:\t2'
        assert_eq "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$relay/ns/net")"
        # it ends with its sandbox
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 10 relay_is_gone "$relay"
}
relay_is_gone() { [ ! -d "/proc/$1" ]; }
relay_of() { cat "$(leaf "$1").egress/cgroup.procs" 2>/dev/null || true; }

test_a_sandbox_that_needs_no_network_has_no_relay() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_eq '' "$(relay_of "$sandbox")"
        assert_ok as alice mxcctl net "${sandbox##*/}"
}

test_a_relay_that_dies_is_no_network_and_then_a_new_one() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'while :; do curl -sS -m 5 -o got http://web.example.com/ && date >>ok; sleep 0.2; done'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/ok"
        local relay
        relay=$(relay_of "$sandbox")
        kill -KILL "$relay"
        wait_until 10 relay_is_gone "$relay"
        rm -f "$ws/ok"
        wait_until 30 test -s "$ws/ok"
        assert_ne "$relay" "$(relay_of "$sandbox")"
}

test_it_survives_a_restart_of_mxcd() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'while :; do curl -sS -m 10 -o got http://web.example.com/ && date >>ok; sleep 0.2; done'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/ok"
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        rm -f "$ws/ok"
        wait_until 30 test -s "$ws/ok"
        local id=${sandbox##*/}
        assert_record MXC_EVENT=adopt MXC_SANDBOX="$id"
        scenario_cursor
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_SANDBOX="$id"
}

SPEND='
import os, socket, time
def spend(size):
    s = socket.create_connection(("web.example.com", 7), timeout=20)
    while size > 0:
        some = min(size, 65536)
        s.sendall(b"\0" * some)
        while some > 0:
            got = len(s.recv(some))
            if got == 0:
                raise OSError("cut")
            some -= got
            size -= got
try:
    spend(4 << 20)
except OSError:
    open("spent", "w").write("it is\n")
while True:
    try:
        spend(1)
        open("again", "w").write("x")
    except OSError:
        open("refused", "w").write("x")
    time.sleep(0.2)
'

# dies: the relay of $sandbox, and the next one has refused something
dies() {
        local relay
        relay=$(relay_of "$sandbox")
        kill -KILL "$relay"
        wait_until 10 relay_is_gone "$relay"
        rm -f "$ws/refused"
        wait_until 30 test -s "$ws/refused"
        assert_ne "$relay" "$(relay_of "$sandbox")"
}

test_budgets_outlive_the_relay_and_mxcd() {
        world
        online "$WEB" '[{"to": [{"host": "x.example.org"}]}]' '{"bytesOut": "1M"}'
        spawn alice workspace s "$ws" policy s "$online" -- python3 -c "$SPEND"
        defer end_quietly "$sandbox"
        wait_until 30 test -s "$ws/spent"
        wait_until 30 test -s "$ws/refused"
        dies
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        dies
        [ ! -e "$ws/again" ] || fail 'a new relay, and a new budget'
}

# via LOGIN: a real proxy that wants to know who asks, and what this host says of it
via() {
        put /etc/mxc/upstream-login.json '{"schema": "mxc-upstream-login/1", "user": "mxc", "password": "'"$1"'"}' 600
        put /etc/mxc/upstream.json '{"schema": "mxc-upstream/1", "host": "'$WORLD_PRIVATE'", "port": 3128}'
        call /org/mxc1 Manager Reload >/dev/null
}

not_via() {
        rm -f /etc/mxc/upstream.json /etc/mxc/upstream-login.json
        call /org/mxc1 Manager Reload >/dev/null
}

test_a_proxy_of_the_host() {
        world
        printf 'Port 3128\nListen %s\nLogFile "%s"\nLogLevel Connect\nBasicAuth mxc secret\n' $WORLD_PRIVATE "$work/proxy.log" >"$work/proxy.conf"
        in_world tinyproxy -d -c "$work/proxy.conf" >/dev/null 2>&1 &
        defer kill $!
        defer not_via
        via secret
        wait_until 20 in_world python3 -c "import socket; socket.create_connection((\"$WORLD_PRIVATE\", 3128))"
        assert_ok go curl -sS --max-time 20 --cacert cert.pem https://web.example.com/via
        assert_eq 'https web.example.com /via' "$output"
        grep -q 'CONNECT web.example.com:443 ' "$work/proxy.log" || fail 'it went past the proxy'
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:443 MXC_UPSTREAM=1
        assert_record MXC_EVENT=disconnect MXC_TARGET=tcp/web.example.com:443 MXC_UPSTREAM_STATUS=200
        does_not cat /etc/mxc/upstream-login.json
        does_not curl -sS --max-time 20 http://other.example.net/
        # one that runs goes by what is said now, and what was no good before is never dialled past it
        via guess
        does_not curl -sS --max-time 20 --cacert cert.pem https://web.example.com/guess
        assert_record MXC_EVENT=disconnect MXC_TARGET=tcp/web.example.com:443 MXC_UPSTREAM=1 MXC_REASON=upstream-login
        chmod 644 /etc/mxc/upstream-login.json
        call /org/mxc1 Manager Reload >/dev/null
        assert_contains "$(mxcctl audit --event policy-load)" 'others than root may read it'
        ! world_saw /guess || fail 'it was dialled past the proxy'
        ! journalctl -q -o cat | grep -e bXhjOnNlY3JldA -e bXhjOmd1ZXNz || fail 'credentials are in the journal'
        not_via
        assert_ok go curl -sS --max-time 20 http://web.example.com/direct
}

test_budgets() {
        world
        online "$WEB" '[{"to": [{"host": "x.example.org"}]}]' '{"bytesIn": "1M"}'
        does_not sh -c 'curl -sSf --max-time 30 -o big http://web.example.com/big'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=limit-bytes-in
        online "$WEB" '[{"to": [{"host": "x.example.org"}]}]' '{"connections": 2}'
        assert_ok go python3 -c '
import socket
held = [socket.create_connection(("web.example.com", 80), timeout=20) for _ in range(2)]
try:
    s = socket.create_connection(("web.example.com", 80), timeout=20)
    s.sendall(b"GET / HTTP/1.1\r\nHost: web.example.com\r\n\r\n")
    assert not s.recv(1), "a third connection"
except ConnectionError:
    pass
held.pop().close()
'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_REASON=limit-connections
}

test_mxcctl_net_and_explain() {
        world
        online '[{"to": [{"host": "web.example.com"}, {"cidr": "93.184.216.34"}]}]'
        spawn alice workspace s "$ws" policy s "$online" -- python3 -c '
import socket, time
s = socket.create_connection(("web.example.com", 80), timeout=20)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(("93.184.216.34", 7))
u.send(b"x")
u.recv(1)
try:
    socket.create_connection(("93.184.216.99", 80), timeout=20).recv(1)
except OSError:
    pass
open("ready", "w").write("x")
time.sleep(1000)'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/ready"
        assert_ok as alice mxcctl net "${sandbox##*/}"
        assert_contains "$output" tcp/web.example.com:80
        assert_contains "$output" "udp/$WORLD_WEB:7"
        assert_contains "$output" "tcp/$WORLD_OTHER:80"
        assert_contains "$output" refused
        assert_ok as alice mxcctl net --json=short "${sandbox##*/}"
        assert_refused Denied as bob busctl call org.mxc1 "$sandbox" org.mxc1.Sandbox ListConnections
        assert_ok as alice sh -c 'printf "%s" "$1" >online.json; mxcctl policy explain ./online.json connect web.example.com:80' sh "$online"
        assert_contains "$output" allowed
        assert_ok as alice mxcctl policy explain ./online.json connect $WORLD_WEB:7 --protocol=udp
        assert_contains "$output" allowed
        assert_fails as alice mxcctl policy explain ./online.json connect web.example.com:443 --protocol=udp
        assert_contains "$output" 'by address only'
}

# looks FILTER: of what mxcctl net says of $sandbox, as x
looks() { json "$1" as alice mxcctl net --json=short "${sandbox##*/}"; }

test_mxcctl_net_is_live() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- python3 -c '
import os, socket, time
s = socket.create_connection(("web.example.com", 7), timeout=20)
for step, n in ("first", 5000), ("second", 300):
    while not os.path.exists(step):
        time.sleep(0.1)
    s.sendall(bytes(n))
    assert len(s.recv(n, socket.MSG_WAITALL)) == n
    os.rename(step, step + "-done")
time.sleep(1000)'
        defer end_quietly "$sandbox"
        local id=${sandbox##*/} bytes='[(c["BytesOut"], c["BytesIn"]) for c in x["connections"] if c["State"] == "open"]'
        as alice touch "$ws/first"
        wait_until 20 test -e "$ws/first-done"
        assert_eq '[(5000, 5000)]' "$(looks "$bytes")"
        assert_contains "$(as alice mxcctl net "$id")" 4.9K
        as alice touch "$ws/second"
        wait_until 20 test -e "$ws/second-done"
        assert_eq '[(5300, 5300)]' "$(looks "$bytes")"
        # one that comes up hears of it from the relay
        systemctl restart mxcd
        assert_eq '[(5300, 5300)]' "$(looks "$bytes")"
        assert_eq True "$(looks 'x["totals"]["Live"]')"
        # a relay that stands still keeps nobody, and is said to
        local relay
        relay=$(relay_of "$sandbox")
        kill -STOP "$relay"
        defer kill -CONT "$relay"
        assert_contains "$(as alice mxcctl net "$id")" 'does not answer'
        assert_eq '[(5300, 5300)]' "$(looks "$bytes")"
        kill -CONT "$relay"
        assert_eq True "$(looks 'x["totals"]["Live"]')"
}

test_mxcctl_net_follows() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- python3 -c '
import socket, time
s = socket.create_connection(("web.example.com", 7), timeout=20)
for i in range(1000000):
    s.sendall(b"\0")
    s.recv(1)
    time.sleep(0.05)'
        local id=${sandbox##*/} follower
        wait_until 20 relay_of "$sandbox"
        assert_ok on_terminal alice expect=tcp/web.example.com:7 expect=tcp/web.example.com:7 send=q -- mxcctl net --follow --delay=200ms "$id"
        as alice mxcctl net --follow --delay=100ms --json=short "$id" >"$work/lines" &
        follower=$!
        wait_until 20 sh -c '[ "$(wc -l <"$1")" -ge 3 ]' sh "$work/lines"
        assert_ok call "$sandbox" Sandbox Stop
        wait "$follower" || fail "following ended with $?"
        # each line is a whole answer, and what is carried grows
        assert_ok python3 -c '
import json, sys
seen = [c["BytesOut"] for line in open(sys.argv[1]) for c in json.loads(line)["connections"] if c["State"] == "open"]
assert seen == sorted(seen) and seen[-1] > seen[0], seen' "$work/lines"
        assert_status 1 as alice mxcctl net --follow "$id"
}

# explained QUESTION… : what mxcctl says of $online
explained() { as alice mxcctl policy explain ./explained.json "$@"; }

# Each word of the network says what it would do, and what is explained is what happens (the scenarios of each).
test_what_is_explained_of_the_network() {
        world
        as alice sh -c 'cat >explained.json' <<'END'
{"schema": "mxc-policy/1", "name": "words", "extends": "workspace", "network": {"dns": "synthetic", "egress": {
        "allow": [{"to": [{"host": "plain.example.com"}]}, {"to": [{"host": "opaque.example.com"}], "tls": "opaque"},
                {"to": [{"host": "ech.example.com"}], "ech": "refuse"}, {"to": [{"cidr": "10.0.0.0/8"}, {"cidr": "127.0.0.0/8"}, {"cidr": "198.18.0.0/15"}]}],
        "deny": [{"to": [{"host": "not.example.com"}]}]},
        "ingress": {"hostLoopback": "allow", "publish": [{"port": 8080, "hostPort": 18080}]}}}
END
        assert_ok explained connect plain.example.com:443
        assert_contains "$output" 'must be that name.'
        assert_contains "$output" 'stands for that name alone'
        assert_contains "$output" 'clause /network/egress/allow/0'
        assert_ok explained connect opaque.example.com:443
        assert_contains "$output" 'What is said there is not looked at.'
        assert_ok explained connect ech.example.com:443
        assert_contains "$output" 'An encrypted server name (ECH) is refused there.'
        assert_status 1 explained connect not.example.com:443
        assert_contains "$output" 'clause /network/egress/deny/0'
        assert_status 1 explained connect else.example.com:443
        assert_contains "$output" 'clause /network/egress/default'
        assert_ok explained connect 10.1.2.3:443
        assert_status 1 explained connect 198.18.0.1:443
        assert_contains "$output" 'stands for a name'
        assert_status 1 explained connect 10.0.2.2:8080 # the ceiling's word
        assert_contains "$output" "host's own loopback"
        assert_contains "$output" 'clause /network/ingress/hostLoopback of the ceiling'
        assert_status 1 explained connect 127.0.0.1:8080
        assert_contains "$output" 'its own loopback'
        assert_status 1 explained connect 10.1.2.3:53
        assert_contains "$output" "sandbox's own resolver"
        assert_ok explained connect 10.1.2.3:443 --protocol=udp
        assert_status 1 explained connect plain.example.com:443 --protocol=udp
        assert_contains "$output" 'by address only'
        assert_status 1 explained connect 10.1.2.3 --protocol=icmp
        assert_contains "$output" 'TCP and UDP only'
        assert_ok explained publish 18080 --from=8080
        assert_contains "$output" "agent's owner and of root"
        assert_status 1 explained publish 18080 --from=8080 --value=any
        assert_status 1 explained publish 18081
        # the host's proxy, and one that is not known
        defer not_via
        via secret
        assert_ok explained connect plain.example.com:443
        assert_contains "$output" "through the proxy of this host, $WORLD_PRIVATE port 3128, which finds the address itself"
        assert_lacks "$output" secret
        assert_lacks "$(explained connect 10.1.2.3:443)" proxy
        # what cannot be read is not put in the place of one that is known; a mxcd that begins with it knows none
        put /etc/mxc/upstream.json '{}'
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        assert_status 1 explained connect plain.example.com:443
        assert_contains "$output" upstream.json
}

test_what_a_relay_cannot_carry_is_refused() {
        world
        online '[{"to": [{"cidr": "8.8.8.8"}], "ports": [{"protocol": "udp", "port": 53}]}]'
        assert_refused Unsupported spawn alice policy s "$online" -- true
        assert_contains "$output" 'port 53'
        online '[{"to": [{"cidr": "8.8.8.8"}], "ports": [{"protocol": "icmp"}]}]'
        assert_refused Unsupported spawn alice policy s "$online" -- true
        assert_contains "$output" ICMP
        online '[{"to": [{"host": "web.example.com"}], "ports": [{"protocol": "udp", "port": 443}]}]'
        assert_refused Unsupported spawn alice policy s "$online" -- true
        assert_contains "$output" 'UDP by name'
        assert_refused Denied spawn alice policy s '{"schema": "mxc-policy/1", "extends": "workspace", "network": {"ingress": {"default": "allow"}}}' -- true
}

# told of it by the policy, as mxc-egress(8) says
test_clients_that_prefer_a_proxy() {
        world
        local name value
        for name in http_proxy ALL_PROXY; do
                value=http://10.0.2.3:3128
                [ $name != ALL_PROXY ] || value=socks5h://10.0.2.3:3128
                printf '%s\n' "${online%\}}, \"process\": {\"environment\": {\"set\": {\"$name\": \"$value\"}}}}" >"$work/net.json"
                assert_ok go curl -sSv --max-time 20 http://web.example.com/by-$name
                assert_contains "$output" 10.0.2.3
                assert_contains "$output" "/by-$name"
                does_not curl -sSf --max-time 20 http://other.example.net/
        done
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:80 MXC_ADDRESS=$WORLD_WEB:80
        assert_record MXC_EVENT=resolve MXC_DECISION=deny MXC_TARGET=dns/other.example.net
}

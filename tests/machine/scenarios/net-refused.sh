# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# What the kernel refuses by itself, before there is a connection: real clients, and the record of it.
# shellcheck source=tests/machine/scenarios/net.sh
. "$MXC_TEST_SRC/tests/machine/scenarios/net.sh"

# denied COMMAND…: it fails, by what connect(2) says
denied() {
        does_not "$@"
        assert_contains "${output,,}" 'permission denied'
}

test_this_host_says_whether_the_kernel_refuses() {
        assert_ok mxcctl status
        grep -Eq '^ *refuse +yes' <<<"$output" || fail "the kernel does not refuse here: $output"
}

test_clients_that_know_nothing_are_told_permission_denied() {
        world
        denied curl -sv --max-time 20 http://$WORLD_OTHER/
        denied wget -T 20 -t 1 -O - http://$WORLD_OTHER/
        denied bash -c "exec 3<>/dev/tcp/$WORLD_OTHER/80"
        denied python3 -c "import socket; socket.create_connection(('$WORLD_OTHER', 80), timeout=20)"
        denied python3 -c "import socket; socket.socket(socket.AF_INET6, socket.SOCK_STREAM).connect(('2001:db8::1', 80))"
        denied python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('$WORLD_OTHER', 7))"
        denied openssl s_client -connect 10.77.0.1:443
        denied git clone -q git://$WORLD_OTHER/words.git
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/$WORLD_OTHER:80 MXC_REASON=no-name MXC_PROGRAM=curl \
                MXC_CLAUSE=/network/egress/default MXC_ON_BEHALF_USER=alice
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_PROGRAM=wget
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=udp/$WORLD_OTHER:7
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/10.77.0.1:443 MXC_REASON=special-address MXC_PROGRAM=openssl
        assert_ok go curl -sS --max-time 20 http://web.example.com/x
}

test_a_process_is_told_by_its_pid() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'until [ -e go ]; do sleep 0.1; done; python3 -c "
import socket, time
try:
    socket.create_connection((\"'$WORLD_OTHER'\", 80))
except PermissionError:
    open(\"told\", \"w\")
time.sleep(1000)"'
        defer end_quietly "$sandbox"
        local id=${sandbox##*/} pid
        touch "$ws/go"
        wait_until 30 test -e "$ws/told"
        assert_record MXC_EVENT=connect MXC_SANDBOX="$id" MXC_PROGRAM=python3
        pid=$(record MXC_PROCESS MXC_EVENT=connect MXC_SANDBOX="$id")
        # by the machine's own number, which a container does not know
        systemd-detect-virt -cq || assert_eq python3 "$(cat "/proc/$pid/comm")"
}

# By name another port of it is refused like any other, and its name is in the record.
test_another_port_of_a_name() {
        world
        online '[{"to": [{"host": "web.example.com"}], "ports": [{"protocol": "tcp", "port": 443}]}]'
        assert_ok go sh -c 'curl -sS --max-time 20 --cacert cert.pem https://web.example.com/ && ! curl -sv --max-time 20 http://web.example.com/'
        assert_contains "${output,,}" 'permission denied'
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/web.example.com:80 MXC_PROGRAM=curl
}

# An address is open before whoever asked for it can know it: a hundred names, each dialled at once.
test_what_is_learnt_is_never_refused() {
        world
        online '[{"to": [{"host": "*.example.com"}]}]'
        assert_ok go python3 -c '
import socket, threading
failures = []
def dial(i):
    try:
        for _ in range(25):
            socket.create_connection(("web.example.com" if i % 2 else "api.example.com", 80), timeout=30).close()
    except OSError as e:
        failures.append(e)
threads = [threading.Thread(target=dial, args=(i,)) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
assert not failures, failures
'
        assert_no_record MXC_EVENT=connect MXC_DECISION=deny
}

test_what_stands_for_a_name_is_never_refused() {
        world
        synthetic "$WEB"
        assert_ok go sh -c 'curl -sS -4 --max-time 20 http://web.example.com/4 && curl -sS -6 --max-time 20 http://web.example.com/6'
        denied curl -sv --max-time 20 http://198.18.0.77/
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/198.18.0.77:80 MXC_REASON=no-name MXC_PROGRAM=curl
        denied curl -sv --max-time 20 "http://$WORLD_WEB/"
}

# Whoever is refused once and then is over is on record all the same; so is everybody of a flood.
test_the_last_act_of_a_sandbox_is_told() {
        world
        local i
        for i in 1 2 3 4 5; do
                does_not bash -c "exec 3<>/dev/tcp/$WORLD_OTHER/9$i"
                assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/$WORLD_OTHER:9$i MXC_PROGRAM=bash
        done
}

test_a_flood_of_refusals_is_counted() {
        world
        assert_ok go python3 -c '
import socket
for i in range(20000):
    s = socket.socket()
    try:
        s.connect(("'$WORLD_OTHER'", 1000 + i % 3000))
        raise SystemExit("connected")
    except PermissionError:
        s.close()
'
        counts_told
        assert_eq 20000 "$(refusals MXC_EVENT=connect)"
        assert_le "$(records MXC_EVENT=connect MXC_DECISION=deny)" 500 'more records than anybody reads'
}

test_it_goes_by_what_the_sandbox_may_reach_now() {
        world
        spawn alice workspace s "$ws" policy s "$online" -- sh -c 'n=0; while :; do
                if [ -e ask ]; then rm ask; curl -sv -m 20 http://'$WORLD_OTHER'/granted >answer 2>&1; mv answer answered; fi; sleep 0.1; done'
        defer end_quietly "$sandbox"
        local id=${sandbox##*/}
        ask() {
                rm -f "$ws/answered"
                touch "$ws/ask"
                wait_until 30 test -e "$ws/answered"
                output=$(cat "$ws/answered")
        }
        ask
        assert_contains "$output" 'Permission denied'
        assert_ok mxcctl grant "$id" $WORLD_OTHER:80 1h
        ask
        assert_contains "$output" 'http'
        assert_lacks "$output" 'Permission denied'
        assert_ok mxcctl ungrant "$id" 1
        ask
        assert_contains "$output" 'Permission denied'
}

# Its own servers, and everybody's resolver.
test_what_is_in_the_sandbox_is_never_refused() {
        world
        assert_ok go python3 -c '
import socket
for address in "127.0.0.1", "10.0.2.15", "::1":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family)
    server.bind((address, 0))
    server.listen()
    socket.create_connection(server.getsockname()[:2], timeout=20).close()
    a, b = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    a.bind((address, 0))
    b.sendto(b"x", a.getsockname())
    assert a.recv(10) == b"x"
'
        assert_contains "$(go dig +tries=1 +time=20 x.example.org @$WORLD_OTHER)" NXDOMAIN
}

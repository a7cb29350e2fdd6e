#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# egress.sh [ROUNDS]: what the way to the network costs, beside none at all and beside proxies that people use, all in one run. As root in a
# booted machine with mxcd installed. Markdown tables on standard output.
#
# All ends are on this machine: one server, at an address of the host that is not its loopback's, since a sandbox never gets there. The
# policy of the sandbox denies a name, too, so that each connection is looked into.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"
rounds=${1:-5}
bin=$MXC_TEST_BUILD/plain/tests/bench
lib=/usr/lib/mxc-bench
net=$lib/net
SERVER=10.99.0.1

# --- the ways

prepare() {
        mkdir -p $lib /etc/mxc/policies
        cp "$bin/bench-tick" $lib/tick
        cp "$bin/bench-idle" $lib/idle
        cp "$bin/bench-net" $net
        cp "$here/refusals.py" $lib
        cp "$bin/bench-client" "$bin/bench-process" $lib
        printf '#!/bin/sh\nexec %s hold %s 9000 - 1\n' $net $SERVER >$lib/online
        chmod 755 $lib/online
        printf '{"schema": "mxc-policy/1", "name": "bench-off", "extends": "workspace"}\n' >/etc/mxc/policies/bench-off.json
        printf '{"schema": "mxc-policy/1", "name": "bench-on", "extends": "workspace", "network": {"egress": {
                "allow": [{"to": [{"host": "bench.example.com"}, {"host": "*.bench.example.org"}, {"cidr": "%s/32"}]}],
                "deny": [{"to": [{"host": "never.bench.example.org"}]}]}}}\n' $SERVER >/etc/mxc/policies/bench-on.json
        chmod 644 /etc/mxc/policies/bench-*.json
        busctl call "${MANAGER[@]}" Reload >/dev/null
        local policy
        for policy in off on; do
                busctl call "${MANAGER[@]}" RegisterAgent s \
                        "{\"name\": \"bench-${policy}0\", \"owner\": \"alice\", \"policy\": \"bench-$policy\"}" >/dev/null
        done
        workspace=/home/alice/workspace
        install -d -o alice -g alice $workspace
        ip addr add $SERVER/32 dev lo
        # All ways end at one address and port: a machine that is fast has used up the ports of this end before the first are free again.
        sysctl -q net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='10240 65535'
        background serve $net serve $SERVER 9000
}

# background NAME COMMAND…: a service of this machine, outside of everything that is measured
background() { systemd-run --quiet --collect --unit="bench-$1" -p LimitNOFILE=16384 -- "${@:2}"; }

proxies() {
        printf 'global\n  nbthread 1\n  maxconn 2000\ndefaults\n  mode tcp\n  option splice-auto\n  maxconn 2000\n  timeout connect 30s\n  timeout client 1h\n  timeout server 1h
listen bench\n  bind 127.0.0.1:9001\n  server one %s:9000\n' $SERVER >/run/haproxy.cfg
        background haproxy /usr/sbin/haproxy -db -f /run/haproxy.cfg
        printf 'Port 9002\nListen 127.0.0.1\nTimeout 600\nMaxClients 4000\nLogLevel Critical\nConnectPort 9000\nUser nobody\n' >/run/tinyproxy.conf
        background tinyproxy /usr/bin/tinyproxy -d -c /run/tinyproxy.conf
        printf 'http_port 127.0.0.1:9003\nhttp_access allow all\ncache deny all\naccess_log none\ncache_log /run/squid/log\npid_filename /run/squid/pid
coredump_dir /run/squid\npinger_enable off\nshutdown_lifetime 0\nmax_filedescriptors 8192\n' >/run/squid.conf
        install -d -o proxy -g proxy /run/squid
        background squid /usr/sbin/squid -N -f /run/squid.conf
        local port
        for port in 9000 9001 9002 9003; do
                wait_until 20 sh -c "ss -Hltn | grep -q ':$port '"
        done
}

# confined COMMAND…: in a sandbox with rules
confined() { AS_CWD=$workspace as alice mxcctl run --policy bench-on -- "$@"; }

WAYS=(direct mxc mxc-proxy haproxy squid tinyproxy)
# by WAY VERB ARGUMENT…
by() {
        local verb=$2
        case $1 in
        direct) $net "$verb" $SERVER 9000 - "${@:3}" ;;
        mxc) confined $net "$verb" $SERVER 9000 - "${@:3}" ;;
        mxc-proxy) confined $net "$verb" $SERVER 9000 10.0.2.3:3128 "${@:3}" ;;
        haproxy) $net "$verb" 127.0.0.1 9001 - "${@:3}" ;;
        squid) $net "$verb" $SERVER 9000 127.0.0.1:9003 "${@:3}" ;;
        tinyproxy) $net "$verb" $SERVER 9000 127.0.0.1:9002 "${@:3}" ;;
        esac
}

# --- what is measured

BYTES=2000000000
# All ways in turn, so that whatever else the machine does falls on all alike: "WAY<TAB>KEY<TAB>VALUE" lines
measure() {
        local round way
        for ((round = 0; round < rounds; round++)); do
                printf '· round %d of %d\n' $((round + 1)) "$rounds" >&2
                for way in "${WAYS[@]}"; do
                        {
                                by "$way" get $BYTES
                                by "$way" put $BYTES
                                by "$way" new 1000 1
                                by "$way" new 200 8 | sed 's/^new/many/'
                                by "$way" ask 3000
                        } | sed "s/^/$way\t/"
                done
        done
}

table() {
        python3 - "$1" $BYTES <<'END'
import collections, statistics, sys
got = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    way, key, value = line.rstrip("\n").split("\t")
    got[way][key].append(int(value))
size = int(sys.argv[2])
middle = lambda way, key: statistics.median(got[way][key])
rate = lambda way, key: size / middle(way, key)
print("| | out of the net, GB/s | to direct | slowest round | into it, GB/s | to direct | slowest round |\n|---|--:|--:|--:|--:|--:|--:|")
for way in got:
    cells = [way]
    for key in ("get ns", "put ns"):
        cells += [f"{rate(way, key):.2f}", f"{rate(way, key) / rate('direct', key):.2f}", f"{size / max(got[way][key]):.2f}"]
    print("|", " | ".join(cells), "|")
print("\n| | new, one after the other, /s | first answer p50, ms | p99 | added p50 | new, 8 callers, /s | p50, ms | p99 | question on an open one p50, ms | p99 | added p50 |")
print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
for way in got:
    ms = lambda key: middle(way, key) / 1e6
    added = lambda key: (middle(way, key) - middle("direct", key)) / 1e6
    print(f"| {way} | {middle(way, 'new rate'):.0f} | {ms('new p50'):.3f} | {ms('new p99'):.3f} | {added('new p50'):.3f} | {middle(way, 'many rate'):.0f} "
          f"| {ms('many p50'):.3f} | {ms('many p99'):.3f} | {ms('ask p50'):.3f} | {ms('ask p99'):.3f} | {added('ask p50'):.3f} |")
END
}

# starts ROUNDS: whole processes
starts() {
        local run=(mxcctl run --workspace "$workspace" --policy)
        "$lib/bench-process" "$1" 0 \
                'no rules' alice "${run[@]}" bench-off -- $lib/tick ';' \
                'rules' alice "${run[@]}" bench-on -- $lib/tick ';' \
                'rules, one connection' alice "${run[@]}" bench-on -- $net once $SERVER 9000 - ';'
}

pss() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }
relay_of() { cat "$(leaf "$1").egress/cgroup.procs"; }

# memory_with N: of a relay, KiB
memory_with() {
        rm -f $workspace/held
        spawn_for alice bench-on0 workspace s $workspace -- sh -c "exec $net hold $SERVER 9000 - $1 >held"
        wait_until 60 grep -q held $workspace/held
        sleep 1
        pss "$(relay_of "$sandbox")"
        end_quietly "$sandbox"
}

# many COUNT AGENT PROGRAM: so many that stay
many() {
        as alice sh -c 'ulimit -n 65536 2>/dev/null; exec "$@"' sh $lib/bench-client scale private "$1" 1 "$2" "$3" $lib/tick
}

suite_begin
work=/run
prepare
proxies
measure >/run/measured
printf '\n### tests/run bench egress: through one connection (%s rounds, all rows in turn, medians)\n\n' "$rounds"
table /run/measured

# refusals ROUNDS: as a table, of whoever asks
refusals() {
        confined "$lib/refusals.py" $SERVER 9000 "$1" |
                awk -F'\t' '{ gsub(/\|/, "", $5); printf "| %s | %.3f | %.3f | %.3f | %s |\n", $1, $2 / 1e6, $3 / 1e6, $4 / 1e6, $5 }'
}

printf '\n### Refusals, ms (goal: 100), and what is said\n\n| | p50 | p99 | most | |\n|---|--:|--:|--:|---|\n'
{
        confined $net unknown 8.8.8.8 2000
        confined $net refused 10.99.0.2 9000 - 2000
} | awk -F'\t' '/p50/ { p50 = $2 } /p99/ { printf "| %s, as fast as it goes | %.3f | %.3f | | |\n", /unknown/ ? "a name" : "an address", p50 / 1e6, $2 / 1e6 }'
refusals 1000

printf '\n### Time to start, ms\n\n| | p50 | p99 | to none | failures |\n|---|--:|--:|--:|--:|\n'
printf '· starting\n' >&2
sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$(session_cgroup alice)" bash -c "$(declare -f starts); lib=$lib net=$net SERVER=$SERVER workspace=$workspace; starts 100" |
        awk -F'\t' 'NR == 1 { none = $2 } { printf "| %s | %.2f | %.2f | %.2f | %d |\n", $1, $2 / 1000, $3 / 1000, $2 / none, $4 }'

printf '\n### Memory of one relay, KiB (PSS)\n\n| connections | |\n|--:|--:|\n'
for count in 1 1000; do
        printf '| %d | %d |\n' $count "$(memory_with $count)"
done

printf '\n### 1000 sandboxes\n\n| | all up, s | each, MiB | all stopped, s |\n|---|--:|--:|--:|\n'
while IFS='|' read -r label agent program; do
        printf '· 1000: %s\n' "$label" >&2
        many 1000 "$agent" "$program" | awk -F'\t' -v label="$label" '{ v[$1] = $2 }
                END { printf "| %s | %.1f | %.2f | %.2f |\n", label, v["populate ms"] / 1000, v["memory each"] / 1024, v["stop ms"] / 1000 }'
        sleep 3
done <<END
no rules|bench-off|$lib/idle
rules|bench-on|$lib/idle
rules, a relay at work and a connection in each|bench-on|$lib/online
END
suite_end

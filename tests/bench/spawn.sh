#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# spawn.sh [ROUNDS]: how long it takes to run a static program confined, beside the others, all in one run. As root in a booted
# machine with mxcd installed. A Markdown table on standard output. For numbers to compare the machine must have nothing else to do: a row
# begins when what the one before has left to be done is done (process.c), and where something runs all the time that is said.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"
rounds=${1:-200}
bin=$MXC_TEST_BUILD/plain/tests/bench
lib=/usr/lib/mxc-bench

suite_begin
mkdir -p "$lib"
cp "$bin/bench-tick" "$lib/tick"
cp "$bin/bench-client" "$bin/bench-process" "$lib"
# "bare": what glibc itself does before main() is left out (meson.build here)
bare=
if [ -x "$bin/bench-tick-bare" ]; then
        bare=$lib/tick-bare
        cp "$bin/bench-tick-bare" "$bare"
fi
workspace=/home/alice/workspace
install -d -o alice -g alice "$workspace"

# The mounts of the policy "workspace", for bubblewrap.
bwrap=(bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL
        --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib --symlink usr/lib64 /lib64
        --ro-bind /etc/ssl /etc/ssl --ro-bind /etc/passwd /etc/passwd --ro-bind /etc/group /etc/group
        --ro-bind /etc/alternatives /etc/alternatives --ro-bind /etc/ld.so.cache /etc/ld.so.cache
        --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --bind "$workspace" "$workspace" --ro-bind /dev/null "$workspace/.envrc"
        --remount-ro / --chdir "$workspace" --clearenv --setenv PATH /usr/bin --hostname sandbox)
service=(systemd-run --quiet --wait --pipe --collect -p User=alice -p PrivateNetwork=yes -p PrivateTmp=yes -p PrivateDevices=yes
        -p PrivateIPC=yes -p ProtectSystem=strict -p ProtectHome=tmpfs -p BindPaths="$workspace" -p NoNewPrivileges=yes
        -p CapabilityBoundingSet= -p SystemCallFilter=@system-service -p RestrictNamespaces=yes -p ProtectKernelTunables=yes
        -p ProtectKernelModules=yes -p ProtectControlGroups=yes -p ProtectProc=invisible -p RestrictAddressFamilies='AF_UNIX AF_INET'
        -p LockPersonality=yes -p ProtectHostname=yes)

cat >/opt/mxc.json <<EOF
{"version": "1.0.0", "containment": "process", "process": {"commandLine": "$lib/tick", "env": ["PATH=/usr/bin"], "cwd": "$workspace"},
 "filesystem": {"readwritePaths": ["$workspace"], "readonlyPaths": ["$lib"]}}
EOF

# An OCI bundle with the same: crun wants one.
bundle=/opt/bundle
mkdir -p "$bundle/rootfs/usr/bin"
cp "$lib/tick" "$bundle/rootfs/usr/bin/tick"
(cd "$bundle" && crun spec && python3 - <<'EOF'
import json
spec = json.load(open("config.json"))
spec["process"].update(args=["/usr/bin/tick"], terminal=False)
json.dump(spec, open("config.json", "w"))
EOF
)

rows=(
        'exec alone' alice "$lib/tick" ';'
        'mxcctl run' alice mxcctl run --workspace "$workspace" -- "$lib/tick" ';'
        'bwrap, equal mounts' alice "${bwrap[@]}" -- "$lib/tick" ';'
        'systemd-run --scope' root systemd-run --quiet --scope --collect -- "$lib/tick" ';'
        'systemd-run, sandboxed service' root "${service[@]}" -- "$lib/tick" ';'
        'crun run' root crun --cgroup-manager=disabled run -b "$bundle" bench ';'
)
if [ -n "$bare" ]; then
        rows+=(
                'exec alone, bare' alice "$bare" ';'
                'mxcctl run, bare' alice mxcctl run --workspace "$workspace" -- "$bare" ';'
                'bwrap, bare' alice "${bwrap[@]}" -- "$bare" ';'
        )
fi
if [ -x /opt/mxc-sdk/lxc-exec ]; then
        cp -r /opt/mxc-sdk /usr/lib/mxc-bench/sdk
        rows+=('MXC lxc-exec 1.0.1' alice "$lib/sdk/lxc-exec" --config /opt/mxc.json ';')
fi

# measure GAP: "LABEL p50 p99 failures" per row, from within alice's session
measure() {
        sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$(session_cgroup alice)" "$lib/bench-process" "$rounds" "$1" "${rows[@]}"
}

printf '· %d rounds hot, then %d with 20 ms of idle before each\n' "$rounds" "$rounds" >&2
measure 0 >/run/hot
measure 20 >/run/paced

printf '\n### tests/run bench spawn: whole process, ms (%s rounds, each in an order of its own; a row begins when nothing runs any more)\n\n' "$rounds"
printf '| | hot p50 | hot p99 | to bwrap | paced p50 | paced p99 | to bwrap | failures |\n|---|--:|--:|--:|--:|--:|--:|--:|\n'
paste /run/hot /run/paced | awk -F'\t' '
        { label[NR] = $1; h50[NR] = $2; h99[NR] = $3; p50[NR] = $6; p99[NR] = $7; bad[NR] = $4 + $8 }
        $1 ~ /^bwrap, equal/ { bh = $2; bp = $6 }
        $1 ~ /^bwrap, bare/ { bareh = $2; barep = $6 }
        END { for (i = 1; i <= NR; i++) {
                h = label[i] ~ /bare/ ? bareh : bh
                p = label[i] ~ /bare/ ? barep : bp
                printf "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %d |\n", label[i], h50[i] / 1000, h99[i] / 1000, h ? h50[i] / h : 0,
                       p50[i] / 1000, p99[i] / 1000, p ? p50[i] / p : 0, bad[i] } }'

printf '\n### One connected client, request to the first line of main(), ms\n\n'
printf '| door | | to main p50 | p99 | to Exited p50 | p99 |\n|---|---|--:|--:|--:|--:|\n'
printf '· one client, and then up to eight\n' >&2
# latency DOOR COMMAND LABEL
latency() {
        local gap
        for gap in 0 20; do
                as alice "$lib/bench-client" latency "$1" "$rounds" "$gap" "$2" | awk -F'\t' -v door="$3" -v gap="$gap" '
                        { v[NR] = $2 / 1000 }
                        END { printf "| %s | %s | %.2f | %.2f | %.2f | %.2f |\n", door, gap ? "paced" : "hot", v[1], v[2], v[3], v[4] }'
        done
}
latency private "$lib/tick" private
latency bus "$lib/tick" bus
[ -z "$bare" ] || latency private "$bare" 'private, bare'

printf '\n### Concurrent callers, spawns a second, each awaited\n\n| callers | private door | system bus |\n|--:|--:|--:|\n'
for callers in 1 2 4 8; do
        printf '| %d |' "$callers"
        for door in private bus; do
                printf ' %s |' "$(as alice "$lib/bench-client" rate "$door" "$callers" "$rounds" "$lib/tick" | cut -f 2)"
        done
        printf '\n'
done
suite_end

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# mxc.sh [ROUNDS]: MXC configurations by our lxc-exec and by the released ones, all in one run. As root in a booted machine with mxcd
# installed. A Markdown table on standard output. A row that failed as often as it was run could not be measured here.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"
rounds=${1:-100}
lib=/usr/lib/mxc-bench
ours=$(echo /usr/lib/mxc/sdk/*/lxc-exec)

suite_begin
mkdir -p "$lib"
cp "$MXC_TEST_BUILD/plain/tests/bench/bench-process" "$lib"
cp "$here/mxc-run.mjs" "$lib"
# MXC's own slirp4netns wants it; this /dev is the machine's own
rm -f /dev/net/tun
mkdir -p /dev/net
mknod -m 666 /dev/net/tun c 10 200
for version in 0.8.0 1.0.1; do
        mkdir -p "$lib/$version"
        find "/opt/mxc-$version/bin/x64" -maxdepth 1 -type f ! -name "*.exe" ! -name "*.dll" -exec cp -t "$lib/$version" {} +
done

work=/home/alice/mxc-bench
install -d -o alice -g alice "$work"
# json NAME MEMBERS: a configuration of each version that has it
json() {
        printf '{"version": "1.0.0", "process": {"commandLine": "true", "cwd": "%s"}, "filesystem": {"readwritePaths": ["%s"]}%s}\n' \
                "$work" "$work" "$2" >"$lib/$1-1.0.1.json"
        sed 's/"1\.0\.0"/"0.8.0"/; s/"cwd"/"env": ["PATH=\/usr\/bin:\/bin"], "cwd"/' "$lib/$1-1.0.1.json" >"$lib/$1-0.8.0.json"
}
json isolated ''
json rules ', "network": {"egress": {"default": "deny", "allow": [{"to": [{"cidr": "93.184.216.0/24", "except": ["93.184.216.99/32"]}], "ports": [{"protocol": "tcp", "port": 443}]}]}}'
json refused ', "network": {"egress": {"defaults": "deny"}}'

rows=('exec alone' alice true ';')
for what in isolated rules refused; do
        status=
        [ $what != refused ] || status=:1
        rows+=("$what: ours" "alice$status" "$ours" --config "$lib/$what-1.0.1.json" ';'
                "$what: ours, 0.8.0" "alice$status" "$ours" --config "$lib/$what-0.8.0.json" ';'
                "$what: MXC 0.8.0" "alice$status" "$lib/0.8.0/lxc-exec" --config "$lib/$what-0.8.0.json" ';'
                "$what: MXC 1.0.1" "alice$status" "$lib/1.0.1/lxc-exec" --config "$lib/$what-1.0.1.json" ';')
done

in_session() { sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$(session_cgroup alice)" "$@"; }

printf '· %d rounds\n' "$rounds" >&2
in_session "$lib/bench-process" "$rounds" 20 "${rows[@]}" >/run/mxc-rows 2>/run/mxc-errors
printf '\n### tests/run bench mxc: whole process, ms (%s rounds, all rows in turn, 20 ms of idle before each)\n\n' "$rounds"
printf '| | p50 | p99 | failures |\n|---|--:|--:|--:|\n'
awk -F'\t' '{ printf "| %s | %.2f | %.2f | %d |\n", $1, $2 / 1000, $3 / 1000, $4 }' /run/mxc-rows

printf '\n### run() of SDK 1.0.1, in a Node that is up, ms\n\n| | p50 | p99 | failures |\n|---|--:|--:|--:|\n'
node=/opt/mxc-node/node_modules/node/bin/node
run_of() {
        as alice env MXC_FFI_DIR="$2" NODE_PATH=/opt/mxc-node/node_modules "$node" "$lib/mxc-run.mjs" \
                /opt/mxc-node/node_modules/@microsoft/mxc-sdk/dist/v1/index.js "$rounds" "$work" |
                awk -F'\t' -v label="$1" '{ printf "| %s | %.2f | %.2f | %d |\n", label, $1, $2, $3 }'
}
ffi=$(find /usr/lib/mxc -name libmxc_ffi.so | head -n 1)
[ -z "$ffi" ] || run_of ours "${ffi%/*}"
run_of 'MXC 1.0.1' "$lib/1.0.1"
suite_end

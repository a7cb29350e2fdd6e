#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# scale.sh: thousands of idle sandboxes, of one agent and of hundreds. As root in a booted machine with mxcd installed. A
# Markdown table on standard output.

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"
bin=$MXC_TEST_BUILD/plain/tests/bench
lib=/usr/lib/mxc-bench

suite_begin
mkdir -p "$lib"
cp "$bin/bench-tick" "$lib/tick"
cp "$bin/bench-idle" "$lib/idle"
cp "$bin/bench-client" "$lib"

printf '· registering 200 agents\n' >&2
for ((i = 0; i < 200; i++)); do
        busctl call org.mxc1 /org/mxc1 org.mxc1.Manager RegisterAgent s \
                "{\"name\": \"bench-$i\", \"owner\": \"alice\", \"policy\": \"workspace\"}" >/dev/null
done

printf '\n### tests/run bench scale\n\n'
printf '| idle sandboxes | agents | all up, s | each, MiB | next spawn to main p50, ms: empty | full | ratio | all stopped: told, s | and nothing left, s |\n'
printf '|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n'
for shape in '1000 1' '1000 200' '5000 1' '5000 200'; do
        read -r count agents <<<"$shape"
        prefix=
        [ "$agents" = 1 ] || prefix=bench-
        printf '· %s sandboxes of %s agents\n' "$count" "$agents" >&2
        as alice sh -c 'ulimit -n 65536 2>/dev/null; exec "$@"' sh "$lib/bench-client" scale private "$count" "$agents" "$prefix" "$lib/idle" "$lib/tick" |
                awk -F'\t' -v count="$count" -v agents="$agents" '
                        { v[$1] = $2 }
                        END { printf "| %d | %d | %.1f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", count, agents, v["populate ms"] / 1000,
                                v["memory each"] / 1024, v["empty main p50"] / 1000, v["full main p50"] / 1000,
                                v["empty main p50"] ? v["full main p50"] / v["empty main p50"] : 0, v["told ms"] / 1000, v["stop ms"] / 1000 }'
        sleep 3
done
suite_end

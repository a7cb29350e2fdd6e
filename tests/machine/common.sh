# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Words that every piece of tests/run uses: progress, failure, the tally.

say() { printf '· %s\n' "$*" >&2; }
die() { printf 'tests/run: %s\n' "$*" >&2; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || die 'this needs root: sudo tests/run …'; }

# progress_begin TITLE FILE: until progress_end it is said how far it is, by the last line of FILE: every two seconds on one line of a terminal, and
# elsewhere, where lines stay, every half minute. One at a time.
progress_begin() {
        local end='\n' every=30 began=$SECONDS
        [ ! -t 2 ] || { end='\033[K\r' every=2; }
        # nobody waits for a sleep that nobody needs any more, nor for what it holds open
        (while setpriv --pdeathsig KILL sleep $every >/dev/null 2>&1 && kill -0 $$; do
                printf '  %s: %d s, %.70s%b' "$1" $((SECONDS - began)) \
                        "$(tail -c 400 "$2" 2>/dev/null | tr '\r' '\n' | grep -av '^ *$' | tail -n 1)" "$end" >&2
        done) >/dev/null &
        PROGRESS=$!
}
progress_end() {
        kill "$PROGRESS" 2>/dev/null || true
        wait "$PROGRESS" 2>/dev/null || true
        [ ! -t 2 ] || printf '\033[K' >&2
}

# step TITLE COMMAND…: says what is being done, keeps the output in a log and shows its end if it fails.
step() {
        local title=$1 log began=$SECONDS status=0
        shift
        log=$(mktemp "${TMPDIR:-/tmp}/mxc-step.XXXXXX")
        say "$title"
        progress_begin "$title" "$log"
        "$@" >"$log" 2>&1 </dev/null || status=$?
        progress_end
        if [ $status -ne 0 ]; then
                tail -n "${MXC_LOG_LINES:-60}" "$log" >&2
                say "$title: failed with $status"
        elif [ $((SECONDS - began)) -ge 2 ]; then
                say "$title: $((SECONDS - began)) s"
        fi
        rm -f "$log"
        return $status
}

# The tally: one line per layer, "LAYER PASSED FAILED", summed at the end. Only tests that ran are counted.
tally_begin() {
        TALLY=$(mktemp "${TMPDIR:-/tmp}/mxc-tally.XXXXXX")
        BEGAN=$SECONDS
        trap 'rm -f "$TALLY"' EXIT
}
tally() {
        printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$TALLY"
        say "$1: $2 passed, $3 failed"
}
tally_end() {
        local layer passed failed sum_passed=0 sum_failed=0
        printf '\n%-28s %8s %8s\n' layer passed failed
        while IFS=$'\t' read -r layer passed failed; do
                printf '%-28s %8d %8d\n' "$layer" "$passed" "$failed"
                sum_passed=$((sum_passed + passed))
                sum_failed=$((sum_failed + failed))
        done <"$TALLY"
        printf '\nin %d s\n%d passed, %d failed\n' $((SECONDS - BEGAN)) "$sum_passed" "$sum_failed"
        [ "$sum_failed" -eq 0 ] && [ "$sum_passed" -gt 0 ]
}

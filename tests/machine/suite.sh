#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# suite.sh [PATTERN…]: the scenarios, as root inside a booted machine with mxcd installed. Each function test_* of each
# file in scenarios/ whose "FILE: TEST" name matches a pattern (all without one) is one test, run in a shell of its own.
# TAP on standard output; what a failed test printed comes before its "not ok".

set -uo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/lib.sh"

number=0 failed=0
matches() {
        local pattern
        [ $# -gt 1 ] || return 0
        for pattern in "${@:2}"; do
                # shellcheck disable=SC2053 # a pattern on purpose
                [[ $1 != *$pattern* ]] || return 0
        done
        return 1
}

suite_begin
for file in "$here"/scenarios/*.sh; do
        about=${file##*/}
        about=${about%.sh}
        mapfile -t tests < <(sed -n 's/^\(test_[a-z0-9_]*\)() {.*/\1/p' "$file")
        for test in "${tests[@]}"; do
                # Limits are only real where PID 1 has the controllers: in the emulated machine.
                [[ $test != test_limit_* ]] || grep -qw pids /sys/fs/cgroup/cgroup.controllers || continue
                name="$about: ${test#test_}"
                matches "$name" "$@" || continue
                number=$((number + 1))
                status=0
                scenario_run "$file" "$test" || status=$?
                # shellcheck disable=SC2154 # of scenario_run
                case $status in
                0) printf 'ok %d - %s\n' $number "$name" ;;
                77) printf 'ok %d - %s # SKIP %s\n' $number "$name" "$skipped" ;;
                *)
                        failed=$((failed + 1))
                        printf 'not ok %d - %s\n' $number "$name"
                        ;;
                esac
        done
done
suite_end
printf '1..%d\n' $number
[ $failed -eq 0 ]

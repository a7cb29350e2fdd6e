# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Words for scenarios. They run as root in a booted machine; alice and bob are ordinary users with active sessions.
# An assert that does not hold ends the test at once.

SLOW=${MXC_TEST_SLOW:-1} # the emulated machine is this many times slower; it stretches every wait
SCENARIO_LIMIT=$((90 * SLOW)) # seconds

# --- the suite itself

suite_begin() {
        local user seat
        for user in alice bob; do
                seat=(-E XDG_SEAT=seat0)
                [ "$user" = alice ] || seat=()
                [ "$user" != alice ] || [ ! -e /dev/tty0 ] || seat+=(-E XDG_VTNR=1) # a seat with consoles wants to know which
                id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
                # Only one session of a seat is the active one; bob's is on no seat.
                systemd-run --quiet --collect --unit="mxc-test-session-$user" -p User="$user" -p PAMName=login \
                        -E XDG_SESSION_TYPE=tty -E XDG_SESSION_CLASS=user "${seat[@]}" -- sleep infinity
        done
        for user in alice bob; do
                wait_until 20 eval "loginctl show-user $user -P Display | grep -q ."
        done
}

suite_end() {
        loginctl terminate-user alice bob 2>/dev/null
}

# scenario_run FILE FUNCTION
scenario_run() {
        local log status=0
        log=$(mktemp)
        # shellcheck disable=SC2016,SC2154 # for the inner shell; here is suite.sh's
        timeout -k 5 "$SCENARIO_LIMIT" bash -c '
                set -euo pipefail
                . "$1/lib.sh"
                . "$2"
                scenario_begin
                trap scenario_end EXIT
                "$3"' bash "$here" "$1" "$2" >"$log" 2>&1 </dev/null || status=$?
        if [ $status -ne 0 ]; then
                [ $status -ne 124 ] || echo "took longer than $SCENARIO_LIMIT s" >>"$log"
                sed 's/^/# /' "$log" | tail -n 60
        fi
        rm -f "$log"
        return $status
}

scenario_begin() {
        work=$(mktemp -d /home/scenario.XXXXXX) # a real disk, see boot.sh
        chmod 755 "$work"
        # shellcheck disable=SC2034 # for the tests
        cursor=$(journalctl -n 1 -o json --output-fields=__CURSOR 2>/dev/null | sed -n 's/.*"__CURSOR":"\([^"]*\)".*/\1/p')
        undo=()
}

# undo COMMAND…: done at the end of the test, whatever happens, last first
defer() { undo+=("$(printf '%q ' "$@")"); }

scenario_end() {
        local i
        for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
                eval "${undo[i]}" || true
        done
        rm -rf --one-file-system "$work"
}

# --- asserts

fail() {
        printf 'FAILED at %s line %s: %s\n' "${BASH_SOURCE[-1]##*/}" "${BASH_LINENO[-2]:-?}" "$*" >&2
        exit 1
}

assert_eq() { [ "$1" = "$2" ] || fail "${3:-got something else}: wanted '$1', got '$2'"; }
assert_contains() { [[ $1 == *"$2"* ]] || fail "${3:-text is missing}: wanted '$2' in: $1"; }
assert_lacks() { [[ $1 != *"$2"* ]] || fail "${3:-text should not be there}: found '$2' in: $1"; }
assert_le() { [ "$1" -le "$2" ] || fail "${3:-too much}: $1 is more than $2"; }

# assert_status N COMMAND…: the command's output goes to $output
assert_status() {
        local want=$1 got=0
        shift
        output=$("$@" 2>&1) || got=$?
        [ "$got" = "$want" ] || fail "'$*' gave $got, not $want: $output"
}
assert_ok() { assert_status 0 "$@"; }
assert_fails() {
        local got=0
        output=$("$@" 2>&1) || got=$?
        [ "$got" != 0 ] || fail "'$*' succeeded: $output"
}

# wait_until SECONDS COMMAND…
wait_until() {
        local end=$((SECONDS + $1 * SLOW))
        shift
        until "$@" >/dev/null 2>&1; do
                [ $SECONDS -lt "$end" ] || fail "waited in vain for: $*"
                sleep 0.1
        done
}

# as USER COMMAND…: from within that user's session, where polkit and logind look for it.
as() {
        local user=$1 home
        shift
        home=$(getent passwd "$user" | cut -d: -f6)
        # shellcheck disable=SC2016 # for the inner shell
        env HOME="$home" USER="$user" LOGNAME="$user" LANG=C.UTF-8 sh -c '
                echo $$ >"$1/cgroup.procs"
                user=$2
                shift 2
                cd "${AS_CWD:-$HOME}"
                exec runuser -u "$user" -- "$@"' sh "$(session_cgroup "$user")" "$user" "$@"
}

session_cgroup() {
        local session
        session=$(loginctl show-user "$1" -P Display)
        printf '/sys/fs/cgroup%s\n' "$(systemctl show -P ControlGroup "session-$session.scope")"
}

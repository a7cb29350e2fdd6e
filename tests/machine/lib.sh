# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Words for scenarios. They run as root in a booted machine; alice and bob are ordinary users with active sessions.
# An assert that does not hold ends the test at once.

SLOW=${MXC_TEST_SLOW:-1} # the emulated machine is this many times slower; it stretches every wait
SCENARIO_LIMIT=$((180 * SLOW)) # seconds

# --- the suite itself

suite_begin() {
        local user seat
        SESSIONS_OURS=
        ! systemctl is-active --quiet mxc-test-session-alice || return 0
        SESSIONS_OURS=yes
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
        # known to logind is not yet at the seat
        # shellcheck disable=SC2016 # for eval
        wait_until 20 eval 'loginctl show-session "$(loginctl show-user alice -P Display)" -P State | grep -qx active'
}

suite_end() {
        [ -z "$SESSIONS_OURS" ] || loginctl terminate-user alice bob 2>/dev/null || true
}

# scenario_run FILE FUNCTION: 77 is one that skipped itself, $skipped says why.
scenario_run() {
        local log status=0
        log=$(mktemp) skipped=
        # shellcheck disable=SC2016,SC2154 # for the inner shell; here is suite.sh's
        timeout -k 5 "$SCENARIO_LIMIT" bash -c '
                set -euo pipefail
                . "$1/lib.sh"
                . "$2"
                scenario_begin
                trap scenario_end EXIT
                "$3"' bash "$here" "$1" "$2" >"$log" 2>&1 </dev/null || status=$?
        if [ $status -eq 77 ]; then
                skipped=$(sed -n '$s/^skipped: //p' "$log")
                [ -n "$skipped" ] || status=1
        fi
        if [ $status -ne 0 ] && [ -z "$skipped" ]; then
                [ $status -ne 124 ] || echo "took longer than $SCENARIO_LIMIT s" >>"$log"
                sed 's/^/# /' "$log" | tail -n 60
        fi
        rm -f "$log"
        return $status
}

scenario_begin() {
        work=$(mktemp -d /home/scenario.XXXXXX) # a real disk, see boot.sh
        chmod 755 "$work"
        undo=()
        scenario_cursor
}

# From here on records are new.
scenario_cursor() {
        local tag
        tag=mxc-scenario-$(cat /proc/sys/kernel/random/uuid)
        # An entry that no test looks for, since journalctl 252's --after-cursor passes over one entry too many where there are matches. Its name
        # is its own, since the last entry that -n 1 found of a name which they all shared has been the one before it.
        logger -t "$tag" begin
        cursor=''
        wait_until 10 scenario_cursor_of "$tag"
}
scenario_cursor_of() {
        journalctl --sync
        cursor=$(journalctl -q -t "$1" -o json --output-fields=__CURSOR | sed -n 's/.*"__CURSOR":"\([^"]*\)".*/\1/p')
        [ -n "$cursor" ]
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

# Neither passed nor failed, for a reason of this machine's.
skip() {
        printf 'skipped: %s\n' "$*"
        exit 77
}

assert_eq() { [ "$1" = "$2" ] || fail "${3:-got something else}: wanted '$1', got '$2'"; }
assert_ne() { [ "$1" != "$2" ] || fail "${3:-got the one thing that was not wanted}: '$1'"; }
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

# as USER COMMAND…: from within that user's session, where polkit and logind look for it; root needs none.
as() {
        local user=$1 home
        shift
        if [ "$user" = root ]; then
                (cd "${AS_CWD:-/root}" && "$@")
                return
        fi
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

# put FILE TEXT [MODE]: whole and at once, as a package does it; gone when the test ends. For whatever mxcd watches: it may look at any time, and
# what is written in place is empty at first.
put() {
        defer rm -rf "$1"
        mkdir -p "${1%/*}"
        printf '%s\n' "$2" >"$1.tmp"
        chmod "${3:-644}" "$1.tmp"
        mv "$1.tmp" "$1"
}

# --- a heart: of what a sandbox runs, in $ws

# shellcheck disable=SC2034 # for scenarios
HEART='while :; do date +%s%N >>heart; sleep 0.05; done'
# has_beaten [N]: so many times, since its file was there
has_beaten() { [ "$(wc -l <"$ws/heart")" -ge "${1:-6}" ]; }
beats() {
        local before
        before=$(wc -l <"$ws/heart")
        sleep 0.2
        has_beaten $((before + 1))
}
# It does not beat for eight times as long as it has ever taken from one beat to the next, however slow this machine is.
stands_still() {
        local before span
        has_beaten || fail 'it has hardly beaten yet'
        before=$(wc -l <"$ws/heart")
        span=$(awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print 0.2 + 8 * most / 1e9 }' "$ws/heart")
        sleep "$span"
        [ "$(wc -l <"$ws/heart")" = "$before" ]
}

# is_not_there PATH: neither a directory nor anything else
is_not_there() { [ ! -e "$1" ]; }

# --- mxcd

MANAGER=(org.mxc1 /org/mxc1 org.mxc1.Manager)

# spawn USER [KEY TYPE VALUE]… -- ARGV…: asks for a sandbox and does not wait for its end. $sandbox is its object.
spawn() { spawn_for "$1" '' "${@:2}"; }

# spawn_for USER AGENT [KEY TYPE VALUE]… -- ARGV…
spawn_for() {
        local user=$1 agent=$2 options=() n=0
        shift 2
        while [ "$1" != -- ]; do
                options+=("$1" "$2" "$3")
                n=$((n + 1))
                shift 3
        done
        shift
        output=$(as "$user" busctl --timeout=60 -- call "${MANAGER[@]}" Spawn 'sasa{sv}' "$agent" $# "$@" "$n" "${options[@]}" 2>&1) ||
                { printf '%s\n' "$output" >&2; return 1; }
        sandbox=$(grep -o '/org/mxc1/sandbox/[0-9a-zA-Z_]*' <<<"$output" | head -n 1)
}

# idle [USER]: a sandbox of that user that waits for ever; ended with the test
idle() {
        spawn "${1:-alice}" -- sleep infinity
        defer end_quietly "$sandbox"
}
end_quietly() { busctl call org.mxc1 "$1" org.mxc1.Sandbox Stop >/dev/null 2>&1; }

# property OBJECT NAME: without its type
property() {
        local interface=Sandbox
        [[ $1 == */sandbox/* ]] || interface=Agent
        [[ $1 == */agent/* || $1 == */sandbox/* ]] || interface=Manager
        busctl get-property org.mxc1 "$1" "org.mxc1.$interface" "$2" | sed 's/^[^ ]* //; s/^"\(.*\)"$/\1/'
}
state() { property "$1" State; }
leader() { property "$1" Leader; }
leaf() { printf '/sys/fs/cgroup%s\n' "$(property "$1" ControlGroup)"; }
sandboxes() { busctl call "${MANAGER[@]}" ListSandboxes | grep -o '/org/mxc1/sandbox/[0-9a-zA-Z_]*' | sort -u; }
is_gone() { ! sandboxes | grep -qx "$1"; }
call() { busctl --timeout=60 -- call org.mxc1 "$1" "org.mxc1.$2" "${@:3}"; }

# entries FIELD=VALUE…: mxcd's own records since the cursor, a line of JSON each. That they came after it is looked at once more by their number
# (sd_journal_get_cursor(3): i= within s=): where journalctl begins to read is found by bisection in a file that is being written.
entries() {
        journalctl --sync
        journalctl -q --cursor="$cursor" -o json _UID=0 _SYSTEMD_UNIT=mxcd.service "$@" | python3 -c '
import json, sys
place = lambda cursor: dict(part.split("=", 1) for part in cursor.split(";"))
begin = place(sys.argv[1])
for line in sys.stdin:
    at = place(json.loads(line)["__CURSOR"])
    if at["s"] != begin["s"] or int(at["i"], 16) > int(begin["i"], 16):
        sys.stdout.write(line)' "$cursor"
}
# records FIELD=VALUE…: how many records of mxcd's own were made since the test began; audit_line shows them
records() { entries "$@" | wc -l; }
# refusals FIELD=VALUE…: how many refusals the records of them stand for
refusals() {
        entries MXC_DECISION=deny "$@" | python3 -c '
import json, sys
print(sum(int(json.loads(line).get("MXC_COUNT", 1)) for line in sys.stdin))'
}
has_record() { [ "$(records "$@")" -gt 0 ]; }
# a refusal just like one of the test before is counted, and told when its ten seconds are over
assert_record() { has_record "$@" || (wait_until 15 has_record "$@") || fail "no record of $*; there are: $(record_words)"; }
assert_no_record() { [ "$(records "$@")" -eq 0 ] || fail "there is a record of $*"; }
record_words() {
        journalctl -q --cursor="$cursor" -o cat _SYSTEMD_UNIT=mxcd.service | tail -n 20
}
# What is counted is told when mxcd goes down. With the first, before, what a test counts does not begin with what another one left; with
# the second, it is all there.
counts_begin() {
        counts_told
        scenario_cursor
}
counts_told() {
        systemctl restart mxcd
        wait_until 10 mxcd_is_up
}
# record FIELD SELECTOR…: that field of the last record
record() {
        local field=$1
        shift
        entries "$@" | tail -n 1 |
                python3 -c 'import json, sys; print(json.loads(sys.stdin.read() or "{}").get(sys.argv[1], ""))' "$field"
}

# --- a journal that takes nothing

JOURNAL=(systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service)
journal_away() {
        defer journal_back
        systemctl stop "${JOURNAL[@]}" 2>/dev/null
        ! systemctl is-active --quiet systemd-journald.service || fail 'the journal goes on'
}
journal_back() { systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service; }
# It does not read any more, and its queue is full; $journald is its process.
journal_stops() {
        journald=$(systemctl show -P MainPID systemd-journald.service)
        defer kill -CONT "$journald"
        kill -STOP "$journald"
}
journal_fills() {
        # a socket may hold less unread than the queue: as many as it takes
        python3 -c '
import socket
sockets = []
while True:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sockets.append(s)
    s.connect("/run/systemd/journal/socket")
    sent = 0
    try:
        while True: sent += s.send(b"MESSAGE=flood\n")
    except BlockingIOError:
        if sent == 0: break'
}

# refused NAME COMMAND…: the command fails, and says org.mxc1.Error.NAME or its sentence does. busctl tells names of errors only to
# those who debug it.
assert_refused() {
        local name=$1
        shift
        export SYSTEMD_LOG_LEVEL=debug
        assert_fails "$@"
        unset SYSTEMD_LOG_LEVEL
        [ -z "$name" ] || [[ $output == *"$name"* ]] || fail "'$*' was refused otherwise than by $name: $output"
}

# workspace USER: a directory of that user's, on a real disk; $ws
workspace() {
        ws=$work/ws
        install -d -o "$1" -g "$1" "$ws"
        export AS_CWD=$ws
}
# run USER ARGV…: mxcctl run in $ws
run() { as "$1" mxcctl run -- "${@:2}"; }
# quietly USER OBJECT INTERFACE METHOD…: a call for which nobody may be asked for a password
quietly() { as "$1" busctl --timeout=60 --allow-interactive-authorization=no -- call org.mxc1 "${@:2}"; }
spawn_quietly() { quietly "$1" /org/mxc1 org.mxc1.Manager Spawn 'sasa{sv}' "${2:-}" 1 true 0; }
main_pid() { systemctl show -P MainPID "$1"; }
mxcd_is_up() { busctl call org.mxc1 /org/mxc1 org.freedesktop.DBus.Peer Ping >/dev/null 2>&1; }

# on_terminal USER STEP… -- COMMAND…: in $ws, on a terminal of its own; see terminal.py
on_terminal() {
        local user=$1
        shift
        as "$user" env TERM=xterm "$MXC_TEST_SRC/tests/machine/terminal.py" "$@"
}
# json EXPRESSION COMMAND…: the value of a Python expression over the JSON x that the command prints
json() {
        local expression=$1
        shift
        "$@" | python3 -c "import json, sys; x = json.load(sys.stdin); print($expression)"
}

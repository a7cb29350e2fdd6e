# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# tests/run machine itself: what it promises to whoever tries something in it.

suite_door() {
        local passed=0 failed=0 test
        say 'the door'
        for test in door_stdio_and_status door_user door_words door_signal door_bind door_nothing_left; do
                if "$test" 2>"$BUILD/door.log"; then
                        passed=$((passed + 1))
                else
                        failed=$((failed + 1))
                        tail -n 20 "$BUILD/door.log" >&2
                        printf 'not ok - %s\n' "$test" >&2
                fi
        done
        tally 'door' $passed $failed
}

door() { "$SRC/tests/run" machine "$@"; }

door_stdio_and_status() {
        local status=0 out
        out=$(echo in | door -- sh -c 'cat; echo err >&2; exit 7' 2>"$BUILD/door.err") || status=$?
        [ "$out" = in ] && [ $status = 7 ] && grep -qx err "$BUILD/door.err"
}

door_user() { [ "$(door --user dora -- sh -c 'echo $(id -un) $HOME $PWD')" = 'dora /home/dora /home/dora' ]; }

# PID 1 expands $NAME and % in the words of a unit; those of a command are not its business.
door_words() { [ "$(door -- printf '%s|' '$HOME' '%n' '' 'a  b' "quote'd")" = '$HOME|%n||a  b|quote'"'"'d|' ]; }

door_signal() {
        local status=0
        door -- sh -c 'kill -TERM $$' || status=$?
        [ $status = 143 ]
}

door_bind() {
        mkdir -p "$BUILD/bound"
        echo shown >"$BUILD/bound/file"
        [ "$(door --bind "$BUILD/bound:/mnt/there" -- cat /mnt/there/file)" = shown ]
}

# Ended from outside in the middle: no process, no directory, no cgroup, no mount of it stays.
door_nothing_left() {
        local pid try
        "$SRC/tests/run" machine -- sleep 600 &
        pid=$!
        for ((try = 0; try < 200; try++)); do
                ! pgrep -f "MXC_MACHINE=$pid " >/dev/null || break
                sleep 0.1
        done
        sleep 1
        kill -TERM $pid
        wait $pid
        [ ! -e "$CONTAINER_STATE.$pid" ] && ! pgrep -f "MXC_MACHINE=$pid " >/dev/null && ! grep -q "mxc-machine.$pid" /proc/self/mounts &&
                [ -z "$(find /sys/fs/cgroup -maxdepth 3 -name "mxc-machine-$pid" 2>/dev/null)" ]
}

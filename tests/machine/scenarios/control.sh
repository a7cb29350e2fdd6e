# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# What is done to a sandbox that runs, by its owner, by somebody else, and by systemd.

heart() {
        workspace alice
        rm -f "$ws/heart"
        spawn alice workspace s "$ws" -- sh -c "$HEART"
        defer end_quietly "$sandbox"
        wait_until 10 has_beaten
}

test_freeze_and_thaw() {
        heart
        assert_ok call "$sandbox" Sandbox Freeze
        assert_eq frozen "$(state "$sandbox")"
        assert_contains "$(cat "$(leaf "$sandbox")/cgroup.events")" 'frozen 1'
        stands_still || fail 'it beats on, frozen'
        assert_record MXC_EVENT=freeze MXC_SANDBOX="${sandbox##*/}"
        assert_ok call "$sandbox" Sandbox Thaw
        assert_eq running "$(state "$sandbox")"
        wait_until 10 beats
        assert_record MXC_EVENT=thaw MXC_SANDBOX="${sandbox##*/}"
}

# waiting_calls SCRIPT…: in a sandbox whose reading is mediated, where eight programs wait for the other end of a pipe
waiting_calls() {
        workspace alice
        local policy='{"schema": "mxc-policy/1", "name": "p", "extends": "workspace", "filesystem": {"deniedPaths": ["${workspace}/.env"]}}'
        spawn alice workspace s "$ws" policy s "$policy" -- sh -c 'for i in 1 2 3 4 5 6 7 8; do mkfifo "p$i"; cat "p$i" >"o$i" & done
                '"$1"'
                echo up >up; wait'
        defer end_quietly "$sandbox"
        wait_until 10 test -s "$ws/up"
}

# Their threads wait for pid 1, which stands still itself; and none of them may notice.
test_freeze_while_calls_wait() {
        local i
        waiting_calls 'for i in 1 2 3 4; do (while :; do echo x >"f$i"; mkdir "d$i"; rmdir "d$i"; rm "f$i" || touch "lost$i"; done) & done'
        for ((i = 0; i < 15; i++)); do
                assert_ok call "$sandbox" Sandbox Freeze
                assert_contains "$(cat "$(leaf "$sandbox")/cgroup.events")" 'frozen 1'
                assert_ok call "$sandbox" Sandbox Thaw
        done
        for i in 8 7 6 5 4 3 2 1; do
                assert_ok as alice timeout 20 sh -c "echo $i >p$i"
                wait_until 10 grep -qx "$i" "$ws/o$i"
        done
        assert_eq '' "$(find "$ws" -name '*lost*')" 'a call was made twice, or not at all'
}

test_who_does_not_freeze_goes_on() {
        waiting_calls ''
        local pid
        pid=$(leader "$sandbox")
        defer kill -CONT "$pid"
        kill -STOP "$pid" # it gives nothing back
        if [[ $(property "$sandbox" Walls) == *names-guarded* ]]; then
                assert_ok call "$sandbox" Sandbox Freeze # the kernel keeps names: nothing waits for pid 1
                return
        fi
        assert_refused CannotFreeze call "$sandbox" Sandbox Freeze
        assert_eq running "$(state "$sandbox")"
        assert_eq 0 "$(cat "$(leaf "$sandbox")/cgroup.freeze")"
        assert_record MXC_EVENT=thaw MXC_SANDBOX="${sandbox##*/}"
        kill -CONT "$pid"
        assert_ok call "$sandbox" Sandbox Freeze
        assert_eq frozen "$(state "$sandbox")"
}

test_a_frozen_one_can_be_killed_and_stopped() {
        heart
        assert_ok call "$sandbox" Sandbox Freeze
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 10 is_gone "$sandbox"
        heart
        assert_ok call "$sandbox" Sandbox Freeze
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 10 is_gone "$sandbox"
}

test_a_kill_spares_no_orphan() {
        local group pids
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "" TERM HUP INT
                (setsid sh -c "trap \"\" TERM HUP INT; $1" &)
                while :; do sleep 1; done' sh "$HEART"
        wait_until 10 has_beaten
        group=$(leaf "$sandbox")
        pids=$(everybody_in "$group")
        assert_ok call "$sandbox" Sandbox Kill si main 9
        wait_until 10 is_gone "$sandbox"
        wait_until 10 is_not_there "$group"
        wait_until 10 have_ended "$pids"
        stands_still || fail 'an orphan beats on'
        assert_record MXC_EVENT=kill MXC_SANDBOX="${sandbox##*/}"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=killed
}

test_a_stop_is_asked_for_politely_first() {
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "echo bye >said; exit 3" TERM; echo up >up; while :; do sleep 0.05; done'
        wait_until 10 test -s "$ws/up"
        assert_ok call "$sandbox" Sandbox Stop
        assert_eq bye "$(cat "$ws/said")"
        wait_until 5 is_gone "$sandbox"
}

test_a_stop_ends_what_will_not() {
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "" TERM; echo up >up; while :; do sleep 0.05; done'
        wait_until 10 test -s "$ws/up"
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 5 is_gone "$sandbox"
}

# LIMIT_PENDING_PER_UID of those who wait for one end, and one more.
test_so_many_wait_for_an_end_and_one_more_is_refused() {
        local pid
        idle
        pid=$(leader "$sandbox")
        kill -STOP "$pid" # it has its grace
        defer kill -CONT "$pid"
        assert_ok as alice python3 "$MXC_TEST_SRC/tests/machine/deputy.py" flood door 65 "$sandbox" stop
        assert_eq 'ok 64 org.mxc1.Error.LimitReached 1' "$(sort <<<"$output" | xargs)"
        assert_record MXC_EVENT=control MXC_REASON=limit MXC_SANDBOX="${sandbox##*/}" MXC_ACTION=org.mxc1.Sandbox.Stop
        assert_eq 64 "$(records MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}")"
        wait_until 10 is_gone "$sandbox"
}

test_signals_reach_the_command() {
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "echo usr1 >said" USR1; echo up >up; while :; do sleep 0.05; done'
        defer end_quietly "$sandbox"
        wait_until 10 test -s "$ws/up"
        assert_ok call "$sandbox" Sandbox Kill si main 10
        wait_until 5 test -s "$ws/said"
        assert_refused InvalidArgument call "$sandbox" Sandbox Kill si main 0
        assert_refused InvalidArgument call "$sandbox" Sandbox Kill si main 99
        assert_refused InvalidArgument call "$sandbox" Sandbox Kill si nobody 9
}

test_exec_is_in_the_same_cage() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok as alice busctl -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 3 sh -c 'id -u >who; ls / >root; readlink /proc/self/ns/pid >ns' 0
        wait_until 5 test -s "$ws/ns"
        assert_eq "$(id -u alice)" "$(cat "$ws/who")"
        assert_eq "$(readlink "/proc/$(leader "$sandbox")/ns/pid")" "$(cat "$ws/ns")"
        assert_record MXC_EVENT=exec MXC_SANDBOX="${sandbox##*/}" MXC_DECISION=allow
}

# further COMMAND: one more command in $sandbox, nobody's
further() { as alice busctl -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 3 sh -c "$1" 0; }
# Out of its session, a child of nobody but pid 1, deaf to what can be ignored.
FLEE='(setsid sh -c "trap \"\" HUP INT QUIT TERM USR1; (setsid sh -c \"'$HEART'\" &) &" &) & '
# everybody_in GROUP: the processes of a control group and of those below it, as this machine numbers them
everybody_in() { xargs <<<"$(find "$1" -name cgroup.procs -exec cat {} +)"; }
# have_ended PIDS: none of them is there any more
have_ended() {
        local pid
        for pid in $1; do [ ! -d "/proc/$pid" ] || return 1; done
}
nobody_is_in() { ! grep -q 'populated 1' "$1/cgroup.events" 2>/dev/null; }

test_a_kill_of_a_further_command_is_of_all_that_it_began() {
        workspace alice
        local how number group pids
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        for how in true 'systemctl restart mxcd' 'systemctl kill -s KILL mxcd' 'systemctl kill -s KILL mxc-launch'; do
                rm -f "$ws/heart"
                assert_ok further "$FLEE exec sleep infinity"
                assert_contains "$output" 'ua{sv} '
                number=${output#ua\{sv\} }
                number=${number%% *}
                wait_until 10 has_beaten
                $how
                wait_until 20 mxcd_is_up
                wait_until 10 beats
                group=$(leaf "$sandbox")/exec-$number
                pids=$(everybody_in "$group")
                assert_ne '' "$pids" "nobody is in its group after $how"
                assert_ok call "$sandbox" Sandbox Kill si "exec:$number" 9
                assert_record MXC_EVENT=kill MXC_SANDBOX="${sandbox##*/}"
                wait_until 10 nobody_is_in "$group"
                wait_until 10 have_ended "$pids"
                stands_still || fail "what fled beats on after $how"
                assert_eq running "$(state "$sandbox")" 'the sandbox goes on'
        done
        number=$(leaf "$sandbox")
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 10 is_not_there "$number"
}

# The record has what the caller wrote: a number that is read in another way there than here would be another command's kill.
test_a_command_is_named_in_one_way() {
        workspace alice
        local whom
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok further 'exec sleep infinity'
        for whom in 'exec: 1' exec:+1 exec:01 exec:4294967297 exec:-4294967295 $'exec:\n1'; do
                assert_refused InvalidArgument call "$sandbox" Sandbox Kill si "$whom" 9
        done
        assert_no_record MXC_EVENT=kill
        grep -q 'populated 1' "$(leaf "$sandbox")/exec-1/cgroup.events" || fail 'it was killed'
}

# As an older mxc-launch began them: without a control group of its own, in the sandbox's.
test_a_kill_of_a_further_command_without_a_group_says_so() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok further ': >up; exec sleep infinity' # no second process, which could end while it is moved
        wait_until 10 test -e "$ws/up"
        local group pid
        group=$(leaf "$sandbox")/exec-1
        while read -r pid; do echo "$pid" >"$(leaf "$sandbox")/cgroup.procs"; done <"$group/cgroup.procs"
        assert_ok rmdir "$group"
        assert_refused 'no control group of its own' call "$sandbox" Sandbox Kill si exec:1 9
        wait_until 10 eval '[ "$(records MXC_EVENT=exit MXC_EXEC=1 MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        assert_eq running "$(state "$sandbox")"
}

# The group of one that is begun is empty until it has come there.
test_further_commands_begin_together() {
        workspace alice
        local i running=()
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        for i in {1..16}; do
                further "echo $i >>begun; exec sleep infinity" >/dev/null 2>>"$work/refused" &
                running+=($!)
        done
        for i in "${running[@]}"; do
                wait "$i" || fail "one of them was refused: $(<"$work/refused")"
        done
        wait_until 10 eval "[ \$(sort -n $ws/begun | xargs | tr -d ' ') = $(printf '%s' {1..16}) ]"
}

test_what_is_done_to_all_is_done_to_further_commands() {
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "" USR1; exec sleep infinity'
        defer end_quietly "$sandbox"
        assert_ok further "$FLEE trap 'echo usr1 >said' USR1; while :; do sleep 0.05; done"
        local group pids
        wait_until 10 has_beaten
        assert_ok call "$sandbox" Sandbox Freeze
        stands_still || fail 'it beats while the sandbox stands still'
        assert_ok call "$sandbox" Sandbox Thaw
        wait_until 5 beats
        rm "$ws/heart" # while it stood still is no measure
        wait_until 10 has_beaten
        assert_ok call "$sandbox" Sandbox Kill si all 10
        wait_until 5 test -s "$ws/said"
        assert_contains "$(who_is "$(head -n 1 "$(leaf "$sandbox")/exec-1/cgroup.procs")")" "sandbox=${sandbox##*/}"
        group=$(leaf "$sandbox")
        pids=$(everybody_in "$group")
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 5 is_gone "$sandbox"
        wait_until 10 is_not_there "$group"
        wait_until 10 have_ended "$pids"
        stands_still || fail 'what fled beats on'
}

# What a command leaves is the sandbox's: a server that a further command started serves the next.
test_what_a_further_command_leaves_goes_on() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok further "$FLEE true"
        wait_until 10 has_beaten
        wait_until 10 eval '[ "$(records MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        wait_until 10 beats
        local group pids
        group=$(leaf "$sandbox")
        pids=$(everybody_in "$group")
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 10 is_not_there "$group"
        wait_until 10 have_ended "$pids"
        stands_still || fail 'it beats on after the sandbox'
}

# A signal asks for its end, another mxcd comes, and then it ends: what it began goes with it all the same.
test_a_further_command_that_is_to_end_is_known_to_the_next_mxcd() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok further "$FLEE trap 'echo asked >asked' TERM; echo up >up; while [ ! -e go ]; do sleep 0.05; done"
        wait_until 10 test -s "$ws/up"
        wait_until 10 has_beaten
        local pids
        pids=$(everybody_in "$(leaf "$sandbox")/exec-1")
        assert_ok call "$sandbox" Sandbox Kill si exec:1 15
        wait_until 10 test -s "$ws/asked"
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        touch "$ws/go"
        wait_until 10 eval '[ "$(records MXC_EVENT=exit MXC_EXEC=1 MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        wait_until 10 nobody_is_in "$(leaf "$sandbox")/exec-1"
        wait_until 10 have_ended "$pids"
        stands_still || fail 'what it began goes on'
        assert_eq running "$(state "$sandbox")"
}

test_a_further_command_is_refused_on_record() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok call "$sandbox" Sandbox Freeze
        assert_refused Denied call "$sandbox" Sandbox Exec 'asa{sv}' 2 touch frozen 0
        assert_record MXC_EVENT=exec MXC_SANDBOX="${sandbox##*/}" MXC_DECISION=deny MXC_REASON=frozen
        assert_ok call "$sandbox" Sandbox Thaw
        [ ! -e "$ws/frozen" ] || fail 'it ran all the same'
}

test_whoever_waits_for_it_is_on_record() {
        workspace alice
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok as alice busctl -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Attach u 0
        assert_record MXC_EVENT=attach MXC_SANDBOX="${sandbox##*/}" MXC_CALLER_UID="$(id -u alice)"
}

test_somebody_else_can_neither_see_nor_touch() {
        idle alice
        local mine=$sandbox
        assert_lacks "$(as bob busctl call "${MANAGER[@]}" ListSandboxes)" "$mine"
        assert_refused Error.Denied as bob busctl get-property org.mxc1 "$mine" org.mxc1.Sandbox Argv
        for call in 'Kill si all 9' Stop Freeze Thaw; do
                # shellcheck disable=SC2086
                assert_refused InteractiveAuthorizationRequired quietly bob "$mine" org.mxc1.Sandbox $call
        done
        assert_refused InteractiveAuthorizationRequired quietly bob "$mine" org.mxc1.Sandbox Exec 'asa{sv}' 1 true 0
        assert_eq running "$(state "$mine")"
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_CALLER_UID="$(id -u bob)"
        assert_record MXC_EVENT=exec MXC_DECISION=deny MXC_CALLER_UID="$(id -u bob)"
}

test_root_sees_and_touches_everything() {
        idle alice
        assert_contains "$(sandboxes)" "$sandbox"
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 5 is_gone "$sandbox"
}

test_what_is_over_is_said_to_be() {
        idle
        call "$sandbox" Sandbox Stop
        wait_until 5 is_gone "$sandbox"
        assert_refused NoSuchSandbox call "$sandbox" Sandbox Stop
        assert_refused NoSuchSandbox call "$sandbox" Sandbox Kill si all 9
}

who_is() { "$MXC_TEST_BUILD/plain/tests/bench/who-is" "$1"; }

test_who_is() {
        idle
        assert_ok who_is "$(leader "$sandbox")"
        assert_contains "$output" "sandbox=${sandbox##*/}"
        assert_contains "$output" "owner=$(id -u alice)"
        assert_ok who_is $$
        assert_eq '' "$output" 'this very test is in no sandbox'
        assert_ok as bob "$MXC_TEST_BUILD/plain/tests/bench/who-is" "$(leader "$sandbox")"
        assert_eq '' "$output" "bob is told of alice's"
}

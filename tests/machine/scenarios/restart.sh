# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# mxcd and mxc-launch go away in the middle of everything; sandboxes go on, and nothing is lost or left.

back() {
        wait_until 20 eval "[ \"\$(systemctl show -P MainPID $1)\" != $2 ] && [ \"\$(systemctl show -P MainPID $1)\" != 0 ]"
        wait_until 20 mxcd_is_up
}
restart_mxcd() {
        local pid
        pid=$(main_pid mxcd.service)
        systemctl restart mxcd.service
        back mxcd.service "$pid"
}
kill_mxcd() {
        local pid
        pid=$(main_pid mxcd.service)
        kill -9 "$pid"
        back mxcd.service "$pid"
}
kill_launcher() {
        local pid
        pid=$(main_pid mxc-launch.service)
        kill -9 "$pid"
        back mxc-launch.service "$pid"
}
nothing_is_left() {
        assert_eq '' "$(sandboxes)"
        assert_eq '' "$(ls /run/mxc/sandboxes)" 'records are left'
        wait_until 5 eval '[ -z "$(find /sys/fs/cgroup/mxc.slice -type d -regex ".*/[0-9a-f]*" 2>/dev/null | grep -E "/[0-9a-f]{32}$")" ]'
}

test_a_restart_of_mxcd_keeps_sandboxes() {
        idle
        local pid
        pid=$(leader "$sandbox")
        restart_mxcd
        assert_eq running "$(state "$sandbox")"
        assert_eq "$pid" "$(leader "$sandbox")"
        assert_record MXC_EVENT=adopt MXC_SANDBOX="${sandbox##*/}"
        assert_ok call "$sandbox" Sandbox Stop
        nothing_is_left
}

test_a_crash_of_mxcd_keeps_sandboxes() {
        idle
        kill_mxcd
        assert_eq running "$(state "$sandbox")"
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 5 is_gone "$sandbox"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=killed
        nothing_is_left
}

# What is sent to the door while nobody is there stays in its socket, with the descriptors: who reads the output would wait for mxcd, not for us.
test_who_gives_up_while_mxcd_is_away_leaves_no_descriptor_there() {
        defer restart_mxcd
        put /etc/mxc/ceiling.json '{' # with that it does not start
        systemctl restart mxcd.service && fail 'it has started'
        assert_ok timeout $((20 * SLOW)) sh -c 'timeout --signal=KILL "$1" mxcctl run true | cat' sh $((2 * SLOW))
        rm /etc/mxc/ceiling.json
        wait_until 20 mxcd_is_up
}

test_a_frozen_sandbox_stays_frozen() {
        local how
        for how in restart_mxcd kill_mxcd; do
                idle
                call "$sandbox" Sandbox Freeze
                $how
                assert_eq frozen "$(state "$sandbox")" "$how"
                assert_contains "$(cat "$(leaf "$sandbox")/cgroup.events")" 'frozen 1'
                assert_ok call "$sandbox" Sandbox Thaw
                assert_eq running "$(state "$sandbox")"
                assert_ok call "$sandbox" Sandbox Freeze
                $how
                assert_ok call "$sandbox" Sandbox Stop
                assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        done
        nothing_is_left
}

# still: a sandbox whose pid 1 stands still, so that only mxcd brings it to what was asked of it; $pid
still() {
        idle
        pid=$(leader "$sandbox")
        kill -STOP "$pid"
        defer kill -CONT "$pid"
}

# Who asked for the end gets no answer; the end comes all the same, and is what was asked for.
test_a_stop_under_way_goes_on() {
        local how pid asked
        for how in restart_mxcd kill_mxcd; do
                still
                call "$sandbox" Sandbox Stop 2>/dev/null &
                asked=$!
                wait_until 5 eval '[ "$(state "$sandbox")" = stopping ]'
                $how
                ! wait "$asked" || fail 'somebody says that it has stopped'
                assert_record MXC_EVENT=adopt MXC_SANDBOX="${sandbox##*/}"
                wait_until 20 is_gone "$sandbox"
                [ ! -d "/proc/$pid" ] || fail "its first process lives after $how"
                assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        done
        nothing_is_left
}

test_the_stop_of_a_scope_under_way_goes_on() {
        local how pid
        workspace alice
        for how in restart_mxcd kill_mxcd; do
                spawn alice workspace s "$ws" -- sh -c 'trap "" TERM; echo up >up; while :; do sleep 0.1; done' # it has two seconds
                defer end_quietly "$sandbox"
                pid=$(leader "$sandbox")
                wait_until 10 test -s "$ws/up"
                rm "$ws/up"
                systemctl stop --no-block "$(property "$sandbox" Unit)"
                wait_until 5 eval '[ "$(state "$sandbox")" = stopping ]'
                $how
                wait_until 20 is_gone "$sandbox"
                [ ! -d "/proc/$pid" ] || fail "its first process lives after $how"
                assert_eq 1 "$(records MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=systemd)"
                assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        done
        nothing_is_left
}

# All of it or nothing, and the state says which.
test_a_freeze_under_way_comes_to_an_end() {
        local how pid asked
        workspace alice
        for how in restart_mxcd kill_mxcd; do
                # a thread that waits for an answer of pid 1 does not freeze, and that gives none
                spawn alice workspace s "$ws" policy s '{"schema": "mxc-policy/1", "name": "p", "extends": "workspace",
                        "filesystem": {"deniedPaths": ["${workspace}/.env"]}}' -- sh -c 'rm -f p; mkfifo p; cat p & echo up >up; wait'
                defer end_quietly "$sandbox"
                wait_until 10 test -s "$ws/up"
                rm "$ws/up"
                pid=$(leader "$sandbox")
                kill -STOP "$pid"
                defer kill -CONT "$pid"
                call "$sandbox" Sandbox Freeze >/dev/null 2>&1 &
                asked=$!
                wait_until 5 eval '[ "$(cat "$(leaf "$sandbox")/cgroup.freeze")" = 1 ]'
                $how
                wait "$asked" || true
                wait_until 20 settled_one_way
                kill -CONT "$pid"
                assert_ok call "$sandbox" Sandbox Thaw
                assert_ok call "$sandbox" Sandbox Freeze
                assert_ok call "$sandbox" Sandbox Stop
        done
        nothing_is_left
}
settled_one_way() {
        case $(state "$sandbox") in
        frozen) grep -q 'frozen 1' "$(leaf "$sandbox")/cgroup.events" ;;
        running) [ "$(cat "$(leaf "$sandbox")/cgroup.freeze")" = 0 ] ;;
        *) false ;;
        esac
}

# mxcd had kept that the agent is revoked, and was ended before it came to its sandboxes.
test_what_a_revoked_agent_runs_is_ended_by_the_next_mxcd() {
        local name=gone-$RANDOM$RANDOM file
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"workspace\"}" >/dev/null
        spawn_for alice "$name" -- sleep infinity
        defer end_quietly "$sandbox"
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        file=$(find /var/lib/mxc -name "$name*" -type f | head -n 1)
        [ -s "$file" ] || fail 'there is no file of the agent'
        python3 -c '
import json, pathlib, sys
file = pathlib.Path(sys.argv[1])
file.write_text(json.dumps(json.loads(file.read_text()) | {"state": "revoked"}))' "$file"
        systemctl start mxcd.socket mxcd.service
        wait_until 10 mxcd_is_up
        assert_eq revoked "$(property "/org/mxc1/agent/${name//-/_2d}" State)"
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=revoked
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=revoked
        nothing_is_left
}

# A client that stands still; runuser, between it and us, follows it into that.
hold_client() {
        client=$(pgrep -u alice -n -x mxcctl)
        client="$client $(ps -o ppid= -p "$client")"
        defer let_client_go
        kill -STOP "${client%% *}"
}
# shellcheck disable=SC2086 # two of them
let_client_go() { kill -CONT $client 2>/dev/null; }

# A command that is at work until it is told to end; no test is faster than a second on every machine.
UNTIL_TOLD='echo up >up; until test -e end; do sleep 0.1; done; exit 42'
tell_to_end() { touch "$ws/end"; }

# run_until_told: by a client; $runner, $sandbox and its $cgroup, since mxcd may be away when it ends
run_until_told() {
        rm -f "$ws/up" "$ws/end"
        (run alice sh -c "$UNTIL_TOLD") &
        runner=$!
        wait_until 10 test -s "$ws/up"
        sandbox=$(sandboxes)
        cgroup=$(leaf "$sandbox")
}
nobody_is_in() { grep -qx 'populated 0' "$1/cgroup.events"; }

test_an_end_while_mxcd_is_away_arrives() {
        local status=0 runner client cgroup
        workspace alice
        run_until_told
        hold_client # it would have mxcd started
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        tell_to_end
        wait_until 10 nobody_is_in "$cgroup"
        ! systemctl is-active --quiet mxcd.service || fail 'mxcd was not away'
        systemctl start mxcd.socket mxcd.service
        let_client_go
        wait "$runner" || status=$?
        assert_eq 42 "$status"
        nothing_is_left
}

# Over, told to nobody yet: another mxcd may come between.
test_an_end_that_waits_for_its_client_outlives_a_restart() {
        local status how runner client cgroup
        workspace alice
        for how in restart_mxcd kill_mxcd; do
                status=0
                run_until_told
                hold_client
                kill_mxcd
                tell_to_end
                wait_until 10 eval '[ "$(state "$(sandboxes)")" = exited ]'
                $how
                let_client_go
                wait "$runner" || status=$?
                assert_eq 42 "$status" "$how"
        done
        nothing_is_left
}

test_what_ends_while_mxcd_is_away_is_recorded() {
        local cgroup
        workspace alice
        spawn alice workspace s "$ws" -- sh -c "$UNTIL_TOLD"
        cgroup=$(leaf "$sandbox")
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        tell_to_end
        wait_until 10 nobody_is_in "$cgroup"
        ! systemctl is-active --quiet mxcd.service || fail 'mxcd was not away'
        systemctl start mxcd.socket mxcd.service
        wait_until 10 mxcd_is_up
        wait_until 10 eval "[ \$(records MXC_EVENT=exit MXC_SANDBOX=${sandbox##*/}) -gt 0 ]"
        assert_eq 42 "$(record MXC_EXIT_CODE MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}")"
        nothing_is_left
}

test_exit_codes_arrive_at_a_client_that_waited() {
        local how status runner cgroup
        workspace alice
        for how in restart_mxcd kill_mxcd; do
                status=0
                run_until_told
                $how
                tell_to_end
                wait "$runner" || status=$?
                assert_eq 42 "$status" "after $how"
        done
        nothing_is_left
}

test_a_client_that_does_not_come_back_takes_its_sandbox_along() {
        local pid
        workspace alice
        pid=$(main_pid mxcd.service)
        (run alice sh -c 'echo up >up; sleep 600') &
        wait_until 10 test -s "$ws/up"
        kill -STOP "$pid" # it must not see the client go
        pkill -9 -u alice -x mxcctl
        kill -9 "$pid"
        back mxcd.service "$pid"
        wait_until 25 eval '[ -z "$(sandboxes)" ]'
        assert_record MXC_EVENT=stop MXC_REASON=tie
        nothing_is_left
}

# tied: a command in $sandbox that a client waits for
tied() {
        as alice mxcctl exec "${sandbox##*/}" -- sleep 98765 >/dev/null 2>&1 &
        wait_until 10 tied_runs
}
tied_runs() { pgrep -x -f 'sleep 98765'; }
attached() { [ "$(records MXC_EVENT=attach MXC_SANDBOX="${sandbox##*/}")" = "$1" ]; }

# After that nobody tells of the commands that it began, and nothing more is begun in their sandbox.
kill_both() {
        kill_launcher
        kill_mxcd
}

test_a_command_is_tied_after_a_restart_as_before() {
        local how n=0
        idle
        for how in restart_mxcd kill_mxcd kill_both; do
                tied
                $how
                n=$((n + 1))
                wait_until 20 attached $n # its client is back
                tied_runs >/dev/null || fail "it has not outlived $how"
                pkill -9 -u alice -f '^mxcctl exec'
                wait_until 20 eval '! tied_runs'
                assert_eq $n "$(records MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=tie)" "$how"
                assert_eq running "$(state "$sandbox")" "$how"
        done
        assert_ok call "$sandbox" Sandbox Stop
        nothing_is_left
}

test_a_client_that_does_not_come_back_takes_its_command_along() {
        local pid
        idle
        as alice busctl -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 2 sleep 98764 0
        tied
        pid=$(main_pid mxcd.service)
        kill -STOP "$pid" # it must not see the client go
        pkill -9 -u alice -f '^mxcctl exec'
        kill -9 "$pid"
        back mxcd.service "$pid"
        tied_runs >/dev/null || fail 'nobody has waited for its client'
        wait_until 25 eval '! tied_runs'
        assert_eq running "$(state "$sandbox")"
        pgrep -x -f 'sleep 98764' >/dev/null || fail 'what nobody waits for has gone as well'
        assert_ok call "$sandbox" Sandbox Stop
        nothing_is_left
}

still_in_workspace() {
        spawn alice workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        pid=$(leader "$sandbox")
        kill -STOP "$pid"
        defer kill -CONT "$pid"
}
# A further command that a client waits for, and that begins once the first process of its sandbox goes on.
about_to_begin() {
        as alice mxcctl exec "${sandbox##*/}" -- touch began >/dev/null 2>&1 &
        wait_until 10 eval '[ "$(records MXC_EVENT=exec MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
}
has_not_begun() {
        kill -CONT "$pid"
        wait_until 20 eval '[ "$(records MXC_EVENT=exit MXC_EXEC=1 MXC_REASON=killed MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        [ ! -e "$ws/began" ] || fail 'it has begun'
        assert_eq running "$(state "$sandbox")"
        assert_ok call "$sandbox" Sandbox Stop
}

test_a_command_that_is_ended_before_it_begins_never_does() {
        local pid launcher mxcd
        workspace alice
        still_in_workspace
        about_to_begin
        wait_until 10 test -d "$(leaf "$sandbox")/exec-1"
        assert_ok call "$sandbox" Sandbox Kill si exec:1 9
        restart_mxcd
        has_not_begun

        still_in_workspace
        about_to_begin
        wait_until 10 test -d "$(leaf "$sandbox")/exec-1"
        pkill -9 -u alice -f '^mxcctl exec'
        wait_until 10 eval '[ "$(records MXC_EVENT=stop MXC_REASON=tie MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        kill_mxcd
        has_not_begun

        still_in_workspace # and the launcher has not even read of it
        launcher=$(main_pid mxc-launch.service) mxcd=$(main_pid mxcd.service)
        kill -STOP "$launcher"
        defer kill -CONT "$launcher"
        about_to_begin
        assert_ok call "$sandbox" Sandbox Kill si exec:1 9
        kill -9 "$mxcd"
        kill -CONT "$launcher"
        back mxcd.service "$mxcd"
        has_not_begun

        still_in_workspace # nobody ends it, but who asked for it was told that it does not begin
        as alice busctl -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 2 touch began 0 >/dev/null 2>&1 &
        wait_until 10 test -d "$(leaf "$sandbox")/exec-1"
        restart_mxcd
        has_not_begun
        nothing_is_left
}

# It is seen from outside that it has ended, and no more.
test_the_end_of_a_command_whose_launcher_is_gone_is_told() {
        local how status runner
        workspace alice
        for how in kill_launcher kill_both; do
                rm -f "$ws/up" "$ws/end"
                spawn alice workspace s "$ws" -- sleep infinity
                defer end_quietly "$sandbox"
                as alice mxcctl exec "${sandbox##*/}" -- sh -c "$UNTIL_TOLD" 2>"$work/said" &
                runner=$!
                wait_until 10 test -s "$ws/up"
                $how
                [ "$how" = kill_launcher ] || wait_until 20 attached 1
                tell_to_end
                wait_until 20 eval "! kill -0 $runner 2>/dev/null"
                status=0
                wait "$runner" || status=$?
                assert_eq 125 "$status" "$how"
                assert_contains "$(<"$work/said")" 'nobody knows how it ended'
                assert_record MXC_EVENT=exit MXC_EXEC=1 MXC_SANDBOX="${sandbox##*/}" MXC_REASON=lost
                assert_eq running "$(state "$sandbox")" "$how"
                assert_ok call "$sandbox" Sandbox Stop
        done
        nothing_is_left
}

test_a_crash_of_the_launcher_keeps_sandboxes() {
        idle
        local pid
        pid=$(leader "$sandbox")
        kill_launcher
        assert_eq running "$(state "$sandbox")"
        [ -d "/proc/$pid" ] || fail 'the sandbox went with the launcher'
        assert_ok spawn root -- true
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}"
}

# What waits for it is answered, what it starts afterwards, a sandbox or a command, is nobody's and is ended, and then all is as before.
test_a_launcher_that_stands_still_is_given_up() {
        local launcher command
        idle
        launcher=$(main_pid mxc-launch.service)
        defer kill -CONT "$launcher"
        kill -STOP "$launcher"
        as alice busctl --timeout=80 -- call org.mxc1 "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 2 sleep 98763 0 >"$work/exec" 2>&1 &
        command=$!
        wait_until 10 eval '[ "$(records MXC_EVENT=exec MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        assert_refused LaunchFailed as alice busctl --timeout=80 -- call org.mxc1 /org/mxc1 org.mxc1.Manager Spawn 'sasa{sv}' '' 2 sleep infinity 0
        ! wait "$command" || fail 'a command has begun that nobody begins'
        kill -CONT "$launcher"
        wait_until 20 mxcd_is_up
        wait_until 10 eval '[ "$(records MXC_EVENT=exit MXC_EXEC=1 MXC_REASON=killed MXC_SANDBOX="${sandbox##*/}")" = 1 ]'
        ! pgrep -x -f 'sleep 98763' >/dev/null || fail 'a command goes on of which its caller was told that it does not begin'
        assert_eq running "$(state "$sandbox")"
        assert_eq 1 "$(sandboxes | wc -l)"
        end_quietly "$sandbox"
        wait_until 10 eval '[ -z "$(sandboxes)" ]'
        nothing_is_left
        assert_no_record MXC_EVENT=lost MXC_SANDBOX="${sandbox##*/}"
}

test_a_crash_of_both_keeps_sandboxes() {
        idle
        local pid launcher mxcd
        pid=$(leader "$sandbox") launcher=$(main_pid mxc-launch.service) mxcd=$(main_pid mxcd.service)
        kill -9 "$launcher" "$mxcd"
        back mxcd.service "$mxcd"
        back mxc-launch.service "$launcher"
        assert_eq running "$(state "$sandbox")"
        assert_eq "$pid" "$(leader "$sandbox")"
        assert_ok call "$sandbox" Sandbox Stop
        wait_until 10 is_gone "$sandbox"
        nothing_is_left
}

test_a_sandbox_without_a_record_is_ended() {
        idle
        local id=${sandbox##*/} pid
        pid=$(leader "$sandbox")
        systemctl stop mxcd.socket mxcd.service
        rm "/run/mxc/sandboxes/$id"
        systemctl start mxcd.socket mxcd.service
        wait_until 10 mxcd_is_up
        wait_until 10 eval "! [ -d /proc/$pid ]"
        assert_record MXC_EVENT=lost MXC_SANDBOX="$id"
        nothing_is_left
}

test_a_record_without_a_sandbox_is_closed() {
        idle
        local id=${sandbox##*/}
        cp "/run/mxc/sandboxes/$id" "$work/record"
        call "$sandbox" Sandbox Stop
        wait_until 10 is_gone "$sandbox"
        cp "$work/record" "/run/mxc/sandboxes/$id"
        restart_mxcd
        assert_record MXC_EVENT=lost MXC_SANDBOX="$id"
        nothing_is_left
}

test_a_record_that_is_no_record_hurts_nobody() {
        idle
        echo '{"agent": 7' >/run/mxc/sandboxes/00000000000000000000000000000000
        restart_mxcd
        assert_eq running "$(state "$sandbox")"
        rm -f /run/mxc/sandboxes/00000000000000000000000000000000
}

# As an mxcd wrote it that knew nothing of limits that do not hold yet.
test_a_record_of_an_earlier_mxcd_is_adopted() {
        idle
        systemctl stop mxcd
        python3 - "/run/mxc/sandboxes/${sandbox##*/}" <<'END'
import json, sys
record = json.load(open(sys.argv[1]))
del record["unheld"]
json.dump(record, open(sys.argv[1], "w"))
END
        systemctl start mxcd
        wait_until 10 mxcd_is_up
        assert_eq running "$(state "$sandbox")"
        assert_record MXC_EVENT=adopt MXC_SANDBOX="${sandbox##*/}"
}

test_kill_in_every_state_leaves_nothing() {
        local i
        for ((i = 0; i < 8; i++)); do
                for _ in 1 2 3 4; do
                        as alice busctl --timeout=10 call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 2 sleep 0.2 0 >/dev/null 2>&1 &
                done
                sleep "0.0$((i * 11 % 10))"
                kill_mxcd
                wait
        done
        wait_until 20 eval '[ -z "$(sandboxes)" ]'
        nothing_is_left
}

digest_of_sandbox() {
        local digest
        digest=$(record MXC_POLICY_DIGEST MXC_EVENT=spawn MXC_SANDBOX="${sandbox##*/}")
        printf '%s\n' "${digest#sha256:}"
}

test_effective_policies_stay_for_a_while_and_then_go() {
        local i name
        workspace alice
        spawn alice -- true
        wait_until 5 is_gone "$sandbox"
        assert_ok test -e "/run/mxc/effective/$(digest_of_sandbox)"
        for i in $(seq 40); do
                assert_ok as alice mxcctl run --policy - -- true <<<'{"schema": "mxc-policy/1", "name": "p", "extends": "workspace",
                        "resources": {"tasksMax": '$((100 + i))'}}'
        done
        assert_le "$(find /run/mxc/effective -type f | wc -l)" 33
        idle
        name=$(digest_of_sandbox)
        touch /run/mxc/effective/stray
        kill_mxcd
        assert_eq "$name" "$(ls /run/mxc/effective)" 'of one that lives, and nothing else'
        assert_ok call "$sandbox" Sandbox Stop
        restart_mxcd
        assert_eq '' "$(ls /run/mxc/effective)"
}

# What was begun and not told of is nobody's: it may not run on.
test_kill_of_the_launcher_in_every_state_leaves_nothing() {
        local i object
        for ((i = 0; i < 8; i++)); do
                for _ in 1 2 3 4; do
                        as alice busctl --timeout=10 call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 2 sleep infinity 0 >/dev/null 2>&1 &
                done
                sleep "0.0$((i * 11 % 10))"
                kill_launcher
                wait
        done
        for object in $(sandboxes); do
                end_quietly "$object"
        done
        wait_until 20 eval '[ -z "$(sandboxes)" ]'
        nothing_is_left
}

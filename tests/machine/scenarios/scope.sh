# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# The agent's scope: what an administrator sees and does with systemd's own tools.

unit() { property "$1" Unit; }

test_one_scope_in_the_owners_slice() {
        idle
        local first=$sandbox name
        idle
        name=$(unit "$sandbox")
        assert_eq "$name" "$(unit "$first")"
        assert_eq "mxc-user-$(id -u alice).scope" "$name"
        assert_eq "mxc-u$(id -u alice).slice" "$(systemctl show -P Slice "$name")"
        assert_eq yes "$(systemctl show -P Delegate "$name")"
        # what User= does to a delegated scope; CVE-2026-40223 needs it
        assert_eq mxc "$(stat -c %U "$(dirname "$(leaf "$sandbox")")")"
        assert_contains "$(systemctl status --no-pager "$name")" "${sandbox##*/}"
        assert_contains "$(systemd-cgls --no-pager -u "$name")" sleep
}

test_the_second_spawn_asks_systemd_nothing() {
        idle
        local jobs
        jobs=$(systemctl show -P NJobs; journalctl -q --cursor="$cursor" _PID=1 | wc -l)
        spawn alice -- true
        assert_eq "$jobs" "$(systemctl show -P NJobs; journalctl -q --cursor="$cursor" _PID=1 | wc -l)"
}

test_systemctl_stop_ends_the_agent_and_is_on_record() {
        idle
        local name began=$SECONDS
        name=$(unit "$sandbox")
        assert_ok systemctl stop "$name"
        wait_until 10 is_gone "$sandbox"
        assert_le $((SECONDS - began)) $((30 * SLOW)) 'it took the whole of a long timeout'
        assert_record MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=systemd
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        spawn alice -- true # and the agent may begin again
}

test_killing_all_of_a_scope_does_not_stop_the_next_spawn() {
        idle
        # PID 1 walks the cgroups that go away under its feet, and may say so
        systemctl kill --signal=KILL "$(unit "$sandbox")" 2>"$work/said" || assert_contains "$(cat "$work/said")" 'No such device'
        wait_until 10 is_gone "$sandbox"
        assert_ok spawn alice -- true
}

test_daemon_reload_leaves_sandboxes_alone() {
        idle
        systemctl daemon-reload
        assert_eq running "$(state "$sandbox")"
        assert_contains "$(cat "/proc/$(leader "$sandbox")/cgroup")" "${sandbox##*/}"
}

# CVE-2026-40223: a crafted call on a delegated unit without User= let anybody hang PID 1.
test_pid_1_answers_after_a_strangers_call() {
        idle
        as alice busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \
                AttachProcessesToUnit 'ssau' "$(unit "$sandbox")" '/../..' 1 "$$" >/dev/null 2>&1 || true
        assert_eq running "$(timeout 20 systemctl is-system-running || true)"
        assert_eq running "$(state "$sandbox")"
}

test_limit_tasks_of_a_sandbox() {
        local policy='{"schema":"mxc-policy/1","extends":"workspace","resources":{"tasksMax":20}}'
        workspace alice
        # a shell that cannot fork ends: so it is an inner one, and the outer one forks no more
        spawn alice policy s "$policy" workspace s "$ws" -- sh -c '(for i in $(seq 40); do sleep 600 & done) 2>err; echo done >done; exec sleep 600'
        defer end_quietly "$sandbox"
        wait_until 20 test -s "$ws/done"
        assert_eq 20 "$(cat "$(leaf "$sandbox")/pids.max")"
        assert_le "$(cat "$(leaf "$sandbox")/pids.current")" 20
        assert_contains "$(cat "$ws/err")" 'fork'
}

test_limit_memory_of_a_sandbox() {
        local policy='{"schema":"mxc-policy/1","extends":"workspace","resources":{"memoryMax":"64M","memorySwapMax":1}}'
        workspace alice
        spawn alice policy s "$policy" workspace s "$ws" -- python3 -c 'x = bytearray(400 << 20); print(len(x))'
        wait_until 30 is_gone "$sandbox"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=oom
}

test_limit_fork_bomb_leaves_the_host_alive() {
        local policy='{"schema":"mxc-policy/1","extends":"workspace","resources":{"tasksMax":64}}'
        spawn alice policy s "$policy" -- sh -c '(b() { b | b & }; b) 2>/dev/null; while :; do :; done'
        sleep 3
        assert_ok spawn root -- true
        assert_ok call "$sandbox" Sandbox Kill si all 9
        wait_until 20 is_gone "$sandbox"
}

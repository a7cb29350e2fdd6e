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

test_limit_of_a_sandbox_is_for_further_commands_too() {
        local policy='{"schema":"mxc-policy/1","extends":"workspace","resources":{"tasksMax":20,"memoryMax":"64M","memorySwapMax":1}}'
        workspace alice
        spawn alice policy s "$policy" workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok as alice mxcctl exec "${sandbox##*/}" -- sh -c '(for i in $(seq 40); do sleep 600 & done) 2>err; echo done'
        assert_contains "$(cat "$ws/err")" fork
        assert_le "$(cat "$(leaf "$sandbox")/pids.current")" 20
        assert_eq '' "$(cat "$(leaf "$sandbox")/exec-1/cgroup.controllers")" 'the group has limits of its own'
        assert_ok call "$sandbox" Sandbox Kill si all 9
        spawn alice policy s "$policy" workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_fails as alice mxcctl exec "${sandbox##*/}" -- python3 -c 'x = bytearray(400 << 20); print(len(x))'
        assert_contains "$(cat "$(leaf "$sandbox")/memory.events")" 'oom_kill 1'
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

# what PROPERTY: of the scope of $sandbox, as an administrator sees it
what() { systemctl show -P "$1" "$(unit "$sandbox")"; }
are() {
        local said
        said=$(printf '%s ' "$(what MemoryMax)" "$(what MemorySwapMax)" "$(what TasksMax)" "$(what CPUQuotaPerSecUSec)" "$(what CPUWeight)" "$(what IOWeight)")
        [ "$said" = "$1 " ] || { printf 'limits of %s: %s\n' "$(unit "$sandbox")" "$said" >&2; return 1; }
}

# bounding NAME RESOURCES [unread]: a policy of the administrator's, in force
bounding() {
        printf '{"schema": "mxc-policy/1", "name": "%s", "extends": "workspace", "resources": {%s}}\n' "$1" "$2" >"$work/$1.json"
        defer rm -f "/etc/mxc/policies/$1.json"
        mv "$work/$1.json" "/etc/mxc/policies/$1.json"
        [ "${3:-}" = unread ] || call /org/mxc1 Manager Reload >/dev/null
}
ALL='"memoryMax": "512M", "memorySwapMax": "64M", "tasksMax": 200, "cpuQuota": "150%", "cpuWeight": 70, "ioWeight": 30'
# bounded RESOURCES [OPTION TYPE VALUE]…: an agent of alice's that runs something under them; $name, $sandbox
bounded() {
        name=bound-$RANDOM$RANDOM
        bounding "$name" "$1"
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"$name\"}" >/dev/null
        spawn_for alice "$name" "${@:2}" -- sleep infinity
        defer end_quietly "$sandbox"
}
set_policy() { assert_ok call "/org/mxc1/agent/${name//-/_2d}" Agent SetPolicy s "$1"; }

test_a_scope_has_the_limits_of_its_agents_policy() {
        local name
        bounded "$ALL"
        assert_ok are '536870912 67108864 200 1.500000s 70 30'
        assert_no_record MXC_EVENT=bounds
        # that of a default agent, whose owner names another policy each time, has those of the ceiling, which names none
        idle
        assert_ok are "infinity infinity $(systemctl show -P DefaultTasksMax) infinity [not set] [not set]"
}

test_a_scope_follows_its_agents_policy() {
        local name other=bound-other-$RANDOM
        bounded "$ALL"
        # a file
        bounding "$name" '"memoryMax": "256M", "tasksMax": 100'
        wait_until 10 are '268435456 infinity 100 infinity [not set] [not set]'
        assert_record MXC_EVENT=bounds MXC_REASON=policy-load MXC_AGENT="$name" MXC_UNIT="$(unit "$sandbox")"
        assert_contains "$(record MXC_NOTE MXC_EVENT=bounds)" MemoryMax=268435456
        # another policy, which leaves tasks to systemd's own default
        bounding "$other" '"tasksMax": "infinity", "cpuWeight": 5, "memorySwapMax": 0' # which is a bound, and not none
        set_policy "$other"
        wait_until 10 are "8589934592 0 $(systemctl show -P DefaultTasksMax) infinity 5 [not set]"
        assert_record MXC_EVENT=bounds MXC_REASON=set-policy MXC_AGENT="$name" MXC_POLICY="$other"
        # a file that changes while nobody reads
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        bounding "$other" '"tasksMax": 55' unread
        systemctl start mxcd.socket mxcd.service
        wait_until 10 mxcd_is_up
        wait_until 10 are '8589934592 infinity 55 infinity [not set] [not set]'
        assert_record MXC_EVENT=bounds MXC_REASON=adopt MXC_AGENT="$name"
        # where nothing changes nothing is done, and what an administrator says of the scope holds
        scenario_cursor
        systemctl set-property --runtime "$(unit "$sandbox")" CPUWeight=300
        call /org/mxc1 Manager Reload >/dev/null
        set_policy "$other"
        assert_ok spawn_for alice "$name" -- true
        assert_eq 300 "$(systemctl show -P CPUWeight "mxc-$name.scope")"
        assert_no_record MXC_EVENT=bounds
        # until mxcd is another, which knows the policy alone
        systemctl restart mxcd.service
        wait_until 10 mxcd_is_up
        wait_until 10 are '8589934592 infinity 55 infinity [not set] [not set]'
        assert_record MXC_EVENT=bounds MXC_REASON=adopt MXC_AGENT="$name"
        # a policy that goes does not take the limits along
        rm "/etc/mxc/policies/$other.json"
        call /org/mxc1 Manager Reload >/dev/null
        assert_eq 55 "$(systemctl show -P TasksMax "mxc-$name.scope")"
}

# The kernel's side of both: the scope by PID 1, the leaf by the launcher. What a request asks below its agent's holds for its sandbox alone.
test_limit_values_reach_the_kernel() {
        local name dir leaf files='memory.max memory.swap.max pids.max cpu.max cpu.weight io.weight'
        bounded "$ALL" policy s '{"schema": "mxc-policy/1", "name": "less", "extends": "workspace", "resources": {"memoryMax": "100M",
                "memorySwapMax": 4096, "tasksMax": 20, "cpuQuota": "50%", "cpuWeight": 7, "ioWeight": 9}}'
        leaf=$(leaf "$sandbox") dir=${leaf%/*}
        # shellcheck disable=SC2086 # names of files
        {
                assert_eq '104857600 4096 20 50000 100000 7 default 9' "$(cd "$leaf" && cat $files | xargs)"
                assert_eq '536870912 67108864 200 150000 100000 70 default 30' "$(cd "$dir" && cat $files | xargs)"
        }
        bounding "$name" '"tasksMax": 100'
        wait_until 10 eval "[ \$(cat $dir/pids.max) = 100 ]"
        assert_eq '20 max 100000' "$(xargs <<<"$(cat "$leaf/pids.max" "$dir/cpu.max")")"
}

# A quota is felt, not just written.
test_limit_quota_is_felt() {
        spawn alice policy s '{"schema": "mxc-policy/1", "name": "slow", "extends": "workspace", "resources": {"cpuQuota": "10%"}}' -- sh -c 'while :; do :; done'
        defer end_quietly "$sandbox"
        wait_until 20 eval '[ "$(sed -n "s/^nr_throttled //p" "$(leaf "$sandbox")/cpu.stat")" -gt 3 ]'
}

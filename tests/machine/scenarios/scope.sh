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
        # what users run without an administrator's word is together in one, of the owner's
        assert_eq "mxc-u$(id -u alice)-own.slice" "$(systemctl show -P Slice "$name")"
        assert_eq "mxc-u$(id -u alice).slice" "$(systemctl show -P Slice "$(systemctl show -P Slice "$name")")"
        assert_eq yes "$(systemctl show -P Delegate "$name")"
        # what User= does to a delegated scope; CVE-2026-40223 needs it
        assert_eq mxc "$(stat -c %U "$(dirname "$(leaf "$sandbox")")")"
        assert_contains "$(systemctl status --no-pager "$name")" "${sandbox##*/}"
        assert_contains "$(systemd-cgls --no-pager -u "$name")" sleep
}

test_the_second_spawn_asks_systemd_nothing() {
        local name=once-$RANDOM$RANDOM said
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"workspace\"}" >/dev/null
        spawn_for alice "$name" -- sleep infinity
        defer end_quietly "$sandbox"
        wait_until 10 eval "said_of mxc-$name.scope | grep -q ^Started"
        said=$(said_of "mxc-$name.scope")
        spawn_for alice "$name" -- true
        assert_eq "$said" "$(said_of "mxc-$name.scope")"
}
# said_of UNIT: what PID 1 has
said_of() {
        journalctl --sync
        journalctl -q --cursor="$cursor" -o cat _PID=1 UNIT="$1"
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
        assert_ok as alice mxcctl exec "${sandbox##*/}" -- sh -c '(for i in $(seq 40); do sleep 600 >/dev/null & done) 2>err; echo done'
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
        wait_until 30 grep -q '^max [1-9]' "$(leaf "$sandbox")/pids.events" # it has as many as it may, and wants more
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
        put "/etc/mxc/policies/$1.json" '{"schema": "mxc-policy/1", "name": "'"$1"'", "extends": "workspace", "resources": {'"$2"'}}'
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

# ---- what all of a user's own have together ----

own_slice() { printf 'mxc-u%s-own.slice\n' "$(id -u alice)"; }
# own_are VALUES: as of a scope, of the slice of alice's own
own_are() {
        local said
        said=$(for one in MemoryMax MemorySwapMax TasksMax CPUQuotaPerSecUSec CPUWeight IOWeight; do systemctl show -P "$one" "$(own_slice)"; done | xargs)
        [ "$said" = "$1" ] || { printf 'limits of %s: %s\n' "$(own_slice)" "$said" >&2; return 1; }
}
# ceiling RESOURCES: of the host, until the test is over
ceiling() {
        put /etc/mxc/ceiling.json "$(python3 -c '
import json, sys
base = json.load(open("/usr/lib/mxc/ceiling.json"))
base["resources"] = {**base.get("resources", {}), **json.loads("{" + sys.argv[1] + "}")}
json.dump(base, sys.stdout)' "$1")"
        call /org/mxc1 Manager Reload >/dev/null
}
make_further() {
        quietly alice /org/mxc1 org.mxc1.Manager RegisterAgent s "{\"name\": \"$1\", \"policy\": \"workspace\"}" >/dev/null
        defer eval "call /org/mxc1 Manager RevokeAgent ss $1 over >/dev/null 2>&1"
}
# further NAME [OPTION TYPE VALUE]… -- COMMAND…: a further agent of alice's that runs something; $sandbox
further() {
        make_further "$1"
        spawn_for alice "$1" clamp b true "${@:2}"
        defer end_quietly "$sandbox"
}
further_name() { printf 'user-%s-%s\n' "$(id -u alice)" "s$RANDOM$RANDOM"; }
forget_ceiling() { rm -f /etc/mxc/ceiling.json; call /org/mxc1 Manager Reload >/dev/null; }

test_what_is_a_users_own_has_the_ceiling_together() {
        local one two name
        one=$(further_name) two=$(further_name)
        defer forget_ceiling
        ceiling "$ALL"
        further "$one" -- sleep infinity
        assert_ok own_are '536870912 67108864 200 1.500000s 70 30'
        assert_contains "$(property "$sandbox" ControlGroup)" "/mxc.slice/mxc-u$(id -u alice).slice/$(own_slice)/mxc-$one.scope/"
        further "$two" -- sleep infinity
        spawn alice clamp b true -- sleep infinity
        defer end_quietly "$sandbox"
        assert_eq "$(own_slice)" "$(systemctl show -P Slice "$(unit "$sandbox")")"
        # what an administrator has registered for alice is beside it
        bounded '"tasksMax": 300' clamp b true
        assert_eq "mxc-u$(id -u alice).slice" "$(systemctl show -P Slice "$(unit "$sandbox")")"
        # it follows the ceiling
        scenario_cursor
        ceiling '"memoryMax": "256M", "tasksMax": 150'
        wait_until 10 own_are '268435456 infinity 150 infinity [not set] [not set]'
        assert_record MXC_EVENT=bounds MXC_REASON=policy-load MXC_UNIT="$(own_slice)" MXC_AGENT="user-$(id -u alice)" MXC_ON_BEHALF_UID="$(id -u alice)"
        # through daemon-reload, and through the next mxcd, which has read another one
        systemctl daemon-reload
        assert_ok own_are '268435456 infinity 150 infinity [not set] [not set]'
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        sed -i 's/150/140/' /etc/mxc/ceiling.json
        systemctl start mxcd.socket mxcd.service
        wait_until 10 mxcd_is_up
        wait_until 10 own_are '268435456 infinity 140 infinity [not set] [not set]'
        assert_ok spawn_for alice "$one" clamp b true -- true
        # what the ceiling says no more is as it was without
        forget_ceiling
        wait_until 10 own_are 'infinity infinity infinity infinity [not set] [not set]'
}

test_what_an_administrator_says_of_a_users_own_is_kept() {
        local one two dir
        dir=/etc/systemd/system/$(own_slice).d one=$(further_name) two=$(further_name)
        defer forget_ceiling
        defer eval "rm -rf $dir; systemctl daemon-reload"
        mkdir -p "$dir"
        printf '[Slice]\nMemoryMax=100M\nTasksMax=5000\n' >"$dir/60-ours.conf"
        systemctl daemon-reload
        ceiling '"memoryMax": "512M", "tasksMax": 200'
        further "$one" -- sleep infinity
        # stricter in one, and the ceiling in the other
        assert_ok own_are '104857600 infinity 200 infinity [not set] [not set]'
        # theirs comes again with a reload, and goes before the next scope begins
        systemctl daemon-reload
        further "$two" -- sleep infinity
        assert_ok own_are '104857600 infinity 200 infinity [not set] [not set]'
        # what theirs speaks of no more, mxcd has said of an older ceiling: that is not theirs
        printf '[Slice]\nMemoryMax=100M\n' >"$dir/60-ours.conf"
        systemctl daemon-reload
        ceiling '"memoryMax": "512M", "tasksMax": 300'
        wait_until 10 own_are '104857600 infinity 300 infinity [not set] [not set]'
}

test_a_unit_file_of_an_administrators_for_a_users_own_is_kept() {
        local one file
        file=/etc/systemd/system/$(own_slice) one=$(further_name)
        defer forget_ceiling
        defer eval "rm -f $file; systemctl daemon-reload"
        printf '[Slice]\nMemoryMax=100M\n' >"$file"
        rm -rf "/run/systemd/system.control/$(own_slice).d" # as after a boot: what mxcd said since then is above a unit file
        systemctl daemon-reload
        ceiling '"memoryMax": "512M"'
        further "$one" -- sleep infinity
        assert_ok own_are '104857600 infinity infinity infinity [not set] [not set]'
}

# The slice is stopped as its scopes are, on record, and what comes after it is bounded again.
test_systemctl_stop_of_the_slice_of_a_users_own() {
        local one
        one=$(further_name)
        defer forget_ceiling
        ceiling '"memoryMax": "512M", "tasksMax": 200'
        further "$one" -- sleep infinity
        assert_ok systemctl stop "$(own_slice)"
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=systemd
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        systemctl revert "$(own_slice)" >/dev/null 2>&1 # all that was said of it is forgotten
        assert_ok spawn_for alice "$one" clamp b true -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok own_are '536870912 infinity 200 infinity [not set] [not set]'
}

# Where it cannot be bounded nothing begins in it, not in a scope that is there either; what was registered for alice is not in it.
test_no_spawn_where_a_users_own_cannot_be_bounded() {
        local one two
        one=$(further_name) two=$(further_name)
        defer forget_ceiling
        further "$one" -- sleep infinity
        bounded '"tasksMax": 300' clamp b true
        # SetUnitProperties is the bus's to refuse
        defer eval 'rm -f /etc/dbus-1/system.d/zz-no-bounds.conf; systemctl reload dbus'
        printf '%s\n' '<busconfig><policy user="root"><deny send_destination="org.freedesktop.systemd1" send_interface="org.freedesktop.systemd1.Manager" send_member="SetUnitProperties"/></policy></busconfig>' \
                >/etc/dbus-1/system.d/zz-no-bounds.conf
        assert_ok systemctl reload dbus
        ceiling '"memoryMax": "512M", "tasksMax": 200'
        assert_refused "$(own_slice) cannot be bounded" spawn_for alice "$one" clamp b true -- true
        make_further "$two"
        assert_refused "$(own_slice) cannot be bounded" spawn_for alice "$two" clamp b true -- true
        assert_record MXC_EVENT=fail MXC_AGENT="$one"
        assert_ok spawn_for alice "$name" clamp b true -- true
        rm /etc/dbus-1/system.d/zz-no-bounds.conf
        assert_ok systemctl reload dbus
        assert_ok spawn_for alice "$one" clamp b true -- true
        assert_ok own_are '536870912 infinity 200 infinity [not set] [not set]'
}

# Two further agents, each of which may have what the ceiling says, and both together no more: of tasks, and of memory.
test_limit_of_all_that_is_a_users_own() {
        local one two dir
        one=$(further_name) two=$(further_name)
        workspace alice
        defer forget_ceiling
        ceiling '"memoryMax": "256M", "memorySwapMax": 1, "tasksMax": 60'
        further "$one" workspace s "$ws" -- sh -c '(for i in $(seq 40); do sleep 600 & done) 2>err1; echo done >done1; exec sleep 600'
        wait_until 20 test -s "$ws/done1"
        assert_eq '' "$(cat "$ws/err1")"
        further "$two" workspace s "$ws" -- sh -c '(for i in $(seq 40); do sleep 600 & done) 2>err2; echo done >done2; exec sleep 600'
        wait_until 20 test -s "$ws/done2"
        assert_contains "$(cat "$ws/err2")" fork
        dir=$(dirname "$(dirname "$(leaf "$sandbox")")")
        assert_eq "$(own_slice)" "${dir##*/}"
        assert_eq 60 "$(cat "$dir/pids.max")"
        end_quietly "$sandbox"
        # 180 of 256 MiB each: one of them has room
        further "$one-m" workspace s "$ws" -- python3 -c 'x = bytearray(180 << 20); open("up", "w").write("1"); import time; time.sleep(600)'
        wait_until 60 test -s "$ws/up"
        further "$two-m" workspace s "$ws" -- python3 -c 'x = bytearray(180 << 20); import time; time.sleep(600)'
        wait_until 60 eval '[ "$(sed -n "s/^oom_kill //p" "'"$dir"'/memory.events")" -gt 0 ]'
}

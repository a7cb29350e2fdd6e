# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Spawn over D-Bus: what is asked for arrives, what is wrong is refused by name, and every decision is on record.

test_the_interface_is_the_documented_one() {
        local doc=$MXC_TEST_SRC/dbus-config/org.mxc1.xml
        idle
        assert_ok python3 "$MXC_TEST_SRC/tests/machine/same-interface.py" "$doc" /org/mxc1 org.mxc1.Manager
        assert_ok python3 "$MXC_TEST_SRC/tests/machine/same-interface.py" "$doc" "$sandbox" org.mxc1.Sandbox
        assert_ok python3 "$MXC_TEST_SRC/tests/machine/same-interface.py" "$doc" /org/mxc1/agent/user_2d"$(id -u alice)" org.mxc1.Agent
}

test_a_command_runs_in_its_leaf_and_ends() {
        idle
        assert_eq running "$(state "$sandbox")"
        assert_contains "$(cat "/proc/$(leader "$sandbox")/cgroup")" ".scope/${sandbox##*/}"
        assert_record MXC_EVENT=spawn MXC_DECISION=allow MXC_AGENT="user-$(id -u alice)" MXC_SANDBOX="${sandbox##*/}"
        assert_record MXC_EVENT=start MXC_SANDBOX="${sandbox##*/}"
        assert_ok call "$sandbox" Sandbox Stop
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=stopped
        wait_until 5 is_gone "$sandbox"
        wait_until 5 eval '[ -z "$(leaf_of_id "${sandbox##*/}")" ]'
}
leaf_of_id() { find /sys/fs/cgroup/mxc.slice -type d -name "$1" 2>/dev/null; }

test_the_decision_is_recorded_before_the_effect() {
        idle
        local id=${sandbox##*/} spawned began
        spawned=$(record __MONOTONIC_TIMESTAMP MXC_EVENT=spawn MXC_SANDBOX="$id")
        began=$(record __MONOTONIC_TIMESTAMP MXC_EVENT=start MXC_SANDBOX="$id")
        [ "$spawned" -le "$began" ] || fail "decided at $spawned, begun at $began"
        # the process itself is younger than the record: starttime is in ticks of 10 ms since boot
        local ticks
        ticks=$(awk '{ print $22 }' "/proc/$(leader "$sandbox")/stat")
        assert_le $((spawned / 10000 - 1)) "$ticks" 'the process is older than its decision'
}

test_an_unknown_option_is_refused_by_name() {
        assert_refused InvalidArgument spawn alice colour s blue -- true
        assert_contains "$output" colour
}

test_an_option_of_a_wrong_type_is_refused() { assert_refused InvalidArgument spawn alice timeout s soon -- true; }

test_an_option_given_twice_is_refused() { assert_refused InvalidArgument spawn alice cwd s /usr cwd s /etc -- true; }

test_paths_must_be_normal() {
        assert_refused InvalidArgument spawn alice workspace s relative -- true
        assert_refused InvalidArgument spawn alice workspace s /home/alice/.. -- true
        assert_refused InvalidArgument spawn alice cwd s //usr -- true
}

test_no_command_is_refused() {
        assert_refused InvalidArgument as alice busctl -- call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 0 0
}

test_a_missing_command_and_one_that_cannot_be_executed() {
        workspace alice
        assert_refused NoSuchCommand spawn alice -- /usr/bin/there-is-no-such-thing
        as alice sh -c 'echo text >file'
        assert_refused NotExecutable spawn alice workspace s "$ws" -- "$ws/file"
        assert_record MXC_EVENT=fail MXC_STEP=exec
}

test_no_such_agent_and_no_such_policy() {
        assert_refused NoSuchAgent spawn_for alice nobody-of-that-name -- true
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=no-such-agent
        assert_refused NoSuchPolicy spawn alice policy s nowhere -- true
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=no-such-policy MXC_AGENT="user-$(id -u alice)" MXC_ON_BEHALF_UID="$(id -u alice)"
}

test_a_document_as_policy() {
        assert_ok spawn alice policy s '{"schema": "mxc-policy/1", "extends": "workspace", "name": "mine"}' -- true
        assert_refused PolicyInvalid spawn alice policy s '{"schema": "mxc-policy/1", "colour": 1}' -- true
        assert_contains "$output" 'colour'
}

test_what_cannot_be_enforced_is_unsupported() {
        assert_refused Unsupported spawn alice policy s \
                '{"schema":"mxc-policy/1","extends":"workspace","network":{"egress":{"allow":[{"to":[{"cidr":"8.8.8.8"}],"ports":[{"protocol":"udp","port":53}]}]}}}' -- true
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=unsupported
        assert_refused Unsupported spawn alice containment s microvm -- true
        assert_refused Unsupported spawn alice policy s '{"schema":"mxc-policy/1","extends":"workspace","containment":"container"}' -- true
}

test_more_than_the_ceiling_is_denied_with_its_clause() {
        assert_refused Denied spawn alice policy s '{"schema":"mxc-policy/1","filesystem":{"readonlyPaths":["/etc/shadow"]}}' -- true
        assert_contains "$output" /filesystem/readonlyPaths/0
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_CLAUSE=/filesystem/readonlyPaths/0
}

# Who asks to have it cut down gets the rest.
test_what_is_cut_down_to_the_ceiling_is_not_there() {
        local policy='{"schema":"mxc-policy/1","extends":"workspace","filesystem":{"readonlyPaths":["/var/log/mxc-scenario"]}}'
        workspace alice
        defer rm -f /var/log/mxc-scenario
        echo secret >/var/log/mxc-scenario
        chmod 644 /var/log/mxc-scenario
        assert_refused Denied spawn alice workspace s "$ws" policy s "$policy" -- true
        spawn alice clamp b true workspace s "$ws" policy s "$policy" -- sh -c 'cat /var/log/mxc-scenario >got 2>&1; echo done >done'
        wait_until 10 test -s "$ws/done"
        assert_contains "$(cat "$ws/got")" 'No such file'
}

test_the_timeout_ends_it() {
        spawn alice timeout t 300000 -- sleep infinity
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}" MXC_REASON=timeout
}

# busctl has left when it has its answer; what is not tied to it goes on.
test_a_tie_holds_to_a_connection_of_the_bus() {
        local loose
        idle
        loose=$sandbox
        spawn alice tie b true -- sleep infinity
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=stop MXC_SANDBOX="${sandbox##*/}" MXC_REASON=tie
        assert_eq running "$(state "$loose")"
}

test_an_environment_is_built_and_never_inherited() {
        workspace alice
        systemctl set-environment MXC_LEAK=host
        defer systemctl unset-environment MXC_LEAK
        assert_ok as alice env SECRET=x LANG=C.UTF-8 mxcctl run -- env
        assert_lacks "$output" SECRET
        assert_lacks "$output" MXC_LEAK
        assert_contains "$output" LANG=C.UTF-8
}

test_a_flood_of_one_caller_costs_nobody_else_anything() {
        local i
        for ((i = 0; i < 40; i++)); do
                as alice busctl --timeout=30 -- call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 1 true 0 >/dev/null 2>&1 &
        done
        assert_ok spawn root -- true
        wait
}

# LIMIT_SHOWN_ARGV_BYTES, and one byte more
test_a_long_command_is_shown_in_part() {
        local word i shown
        word=$(printf '%08174d' 0) # and "sh", "-c", "sleep 1000" with a NUL each
        for i in '' 0; do
                spawn alice -- sh -c 'sleep 1000' "$word$i"
                shown=$(busctl get-property --json=short org.mxc1 "$sandbox" org.mxc1.Sandbox Argv)
                end_quietly "$sandbox"
                if [ -z "$i" ]; then
                        assert_contains "$shown" "\"$word\"]"
                else
                        assert_contains "$shown" '["sh","-c","sleep 1000","…"]'
                fi
        done
}

test_labels_are_recorded() {
        output=$(as alice busctl -- call "${MANAGER[@]}" Spawn "sasa{sv}" "" 1 true 1 labels "a{ss}" 1 task 42 2>&1) || fail "$output"
        assert_contains "$(record MXC_LABELS MXC_EVENT=spawn)" 42
}

# A link to ~/.ssh is no workspace, though no rule speaks of the link.
test_a_workspace_is_named_by_its_own_name() {
        workspace alice
        as alice sh -c 'mkdir -p ~/.ssh real && echo key >~/.ssh/id && ln -s ~/.ssh link && ln -s . dot'
        assert_refused InvalidArgument spawn alice workspace s "$ws/link" -- cat id
        assert_refused InvalidArgument spawn alice workspace s "$ws/dot/real" -- true
        assert_ok spawn alice workspace s "$ws/real" -- true
}

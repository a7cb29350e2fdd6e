# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Who may do what, with the real bus and the real polkit: alice sits at the machine, bob does not.

# a yes is remembered for five seconds
forgotten() { sleep 5.5; }

test_who_is_at_the_machine_may_run_agents() {
        assert_ok spawn_quietly alice
        assert_record MXC_EVENT=spawn MXC_DECISION=allow MXC_CALLER_UID="$(id -u alice)" MXC_CALLER_UNIT="session-$(loginctl show-user alice -P Display).scope"
        assert_refused InteractiveAuthorizationRequired spawn_quietly bob
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=not-authorized MXC_CALLER_UID="$(id -u bob)"
        assert_no_record MXC_EVENT=spawn MXC_DECISION=allow MXC_CALLER_UID="$(id -u bob)"
}

test_both_doors_lead_to_the_same_answer() {
        workspace alice
        assert_ok run alice true
        chown bob "$ws"
        assert_fails run bob true
        assert_contains "$output" 'org.mxc1.spawn'
        assert_no_record MXC_EVENT=spawn MXC_DECISION=allow MXC_CALLER_UID="$(id -u bob)"
}

test_nobody_uses_another_ones_agent() {
        spawn_quietly alice >/dev/null
        local her
        her=user-$(id -u alice)
        assert_refused InteractiveAuthorizationRequired spawn_quietly bob "$her"
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_AGENT="$her" MXC_CALLER_UID="$(id -u bob)"
        assert_ok spawn_quietly root # there is one
        assert_refused InteractiveAuthorizationRequired spawn_quietly alice user-0
        assert_refused InteractiveAuthorizationRequired quietly bob "/org/mxc1/agent/${her//-/_2d}" org.mxc1.Agent KillAll
        assert_refused Error.Denied as bob busctl get-property org.mxc1 "/org/mxc1/agent/${her//-/_2d}" org.mxc1.Agent Policy
        assert_lacks "$(as bob busctl call "${MANAGER[@]}" ListAgents)" "$her"
        assert_contains "$(as alice busctl call "${MANAGER[@]}" ListAgents)" "$her"
        assert_contains "$(busctl call "${MANAGER[@]}" ListAgents)" "$her"
}

test_managing_agents_takes_an_administrator() {
        local call
        assert_refused InteractiveAuthorizationRequired quietly alice /org/mxc1 org.mxc1.Manager RegisterAgent s '{"name":"hers","policy":"workspace"}'
        for call in 'RevokeAgent ss robot no' Reload Dump; do
                # shellcheck disable=SC2086
                assert_refused InteractiveAuthorizationRequired quietly alice /org/mxc1 org.mxc1.Manager $call
        done
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_ACTION=org.mxc1.Manager.Reload
        spawn_quietly alice >/dev/null
        for call in 'Suspend s no' Resume 'Revoke s no' 'SetPolicy s developer'; do
                # shellcheck disable=SC2086
                assert_refused InteractiveAuthorizationRequired quietly alice "/org/mxc1/agent/user_2d$(id -u alice)" org.mxc1.Agent $call
        done
        assert_ok busctl call "${MANAGER[@]}" Reload
}

test_what_anybody_may_ask() {
        local call
        for call in ListAgents ListSandboxes ListPolicies 'GetPolicy s workspace' 'CheckPolicy s {}'; do
                # shellcheck disable=SC2086
                assert_ok quietly bob /org/mxc1 org.mxc1.Manager $call
        done
}

test_without_polkit_only_root_passes() {
        defer systemctl unmask --runtime polkit.service
        systemctl mask --runtime --quiet polkit.service
        systemctl stop polkit.service
        forgotten
        assert_refused Denied spawn_quietly alice
        assert_contains "$output" polkit
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=not-authorized MXC_CALLER_UID="$(id -u alice)"
        workspace alice
        assert_fails run alice true
        assert_contains "$output" 'polkit does not answer'
        assert_ok spawn_quietly root
        assert_ok quietly alice /org/mxc1 org.mxc1.Manager ListPolicies
        systemctl unmask --runtime --quiet polkit.service
        systemctl start polkit.service
        wait_until 10 spawn_quietly alice
}

# A rule of the administrator counts at once, both ways: what is remembered is forgotten when polkit says that something changed.
test_rules_count_at_once() {
        local rule=/etc/polkit-1/rules.d/10-mxc-test.rules
        defer eval "rm -f $rule; systemctl restart polkit.service"
        spawn_quietly alice >/dev/null
        mkdir -p /etc/polkit-1/rules.d
        printf 'polkit.addRule(function (action, subject) {
                if (action.id == "org.mxc1.spawn") return subject.user == "bob" ? polkit.Result.YES : polkit.Result.NO; });\n' >$rule
        wait_until 20 spawn_quietly bob
        assert_refused Denied spawn_quietly alice
        assert_refused InteractiveAuthorizationRequired quietly bob /org/mxc1 org.mxc1.Manager Reload
}

test_a_session_that_ends_takes_its_rights_along() {
        forgotten
        local process
        as alice sleep 60 &
        process=$!
        defer kill $process
        assert_ok spawn_quietly alice
        # the same user, outside of any session: cron, ssh with no seat
        assert_refused InteractiveAuthorizationRequired runuser -u alice -- busctl --timeout=60 --allow-interactive-authorization=no -- call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 1 true 0
}

# Even root, even where nothing but its cgroup says so.
test_a_caller_inside_a_sandbox_has_no_say() {
        local leaf
        idle alice
        leaf=$(leaf "$sandbox")
        mkdir "$leaf/../caller"
        defer rmdir "$leaf/../caller"
        inside() { sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$leaf/../caller" "$@"; }
        assert_refused Error.Denied inside busctl call "${MANAGER[@]}" Reload
        assert_record MXC_EVENT=control MXC_REASON=caller-in-sandbox MXC_CALLER_UID=0 MXC_ACTION=org.mxc1.Manager.Reload
        assert_refused Error.Denied inside busctl call "${MANAGER[@]}" Spawn 'sasa{sv}' '' 1 true 0
        assert_refused Error.Denied inside busctl get-property org.mxc1 "$sandbox" org.mxc1.Sandbox Argv
        assert_record MXC_EVENT=control MXC_REASON=caller-in-sandbox MXC_CALLER_UID=0 MXC_ACTION=org.freedesktop.DBus.Properties.Get
        assert_fails inside mxcctl run -- true
        assert_contains "$output" 'inside a sandbox'
        assert_lacks "$(inside busctl call "${MANAGER[@]}" ListSandboxes 2>&1 || true)" "${sandbox##*/}"
        assert_no_record MXC_EVENT=spawn MXC_DECISION=allow MXC_CALLER_UID=0
        assert_ok busctl call "${MANAGER[@]}" Reload
}

# What is asked under one name is never answered by what is known of another. Those of bob's that are alike are counted.
test_names_are_looked_up_each() {
        local user
        counts_begin
        for user in alice bob alice bob alice bob; do
                if [ $user = alice ]; then
                        assert_ok spawn_quietly alice
                else
                        assert_refused InteractiveAuthorizationRequired spawn_quietly bob
                fi
        done
        counts_told
        assert_eq 3 "$(records MXC_EVENT=spawn MXC_DECISION=allow MXC_CALLER_UID="$(id -u alice)")"
        assert_eq 3 "$(refusals MXC_EVENT=spawn MXC_CALLER_UID="$(id -u bob)")"
}

# polkit that stands still: a list of one's own comes all the same, and --all is for whom it answers.
test_a_list_does_not_wait_for_polkit() {
        local polkit id
        idle alice
        id=${sandbox##*/}
        assert_lacks "$(as bob mxcctl list --all --no-ask-password --full)" "$id"
        polkit=$(systemctl show -P MainPID polkit.service)
        defer kill -CONT "$polkit"
        sleep 6 # what it said of bob is forgotten
        kill -STOP "$polkit"
        assert_ok as bob timeout 20 sh -c 'for i in 1 2 3 4 5; do mxcctl list; done' # a second, once; polkit had thirty, each time
        kill -CONT "$polkit"
        assert_ok as alice mxcctl list
}

# Not root, and yet an administrator: sees what polkit says that they may, and nobody else does; nobody is asked for a password for a list.
test_an_administrator_sees_what_is_others() {
        local rule=/etc/polkit-1/rules.d/10-mxc-inspect.rules id
        idle alice
        id=${sandbox##*/}
        assert_lacks "$(as bob mxcctl list --full)" "$id"
        assert_fails as bob mxcctl show "$id"
        defer eval "rm -f $rule; systemctl restart polkit.service"
        mkdir -p /etc/polkit-1/rules.d
        printf 'polkit.addRule(function (action, subject) {
                if (action.id == "org.mxc1.inspect" && subject.user == "bob") return polkit.Result.YES; });\n' >$rule
        wait_until 20 eval "as bob mxcctl list --full | grep -q $id"
        assert_record MXC_EVENT=inspect MXC_DECISION=allow MXC_ACTION=org.mxc1.Manager.ListSandboxes MXC_CALLER_UID="$(id -u bob)"
        # a look asks nobody: it goes by a yes that is remembered for a few seconds, which a list has; how long the records above took is the machine's matter
        wait_until 20 eval "as bob mxcctl list >/dev/null && as bob mxcctl show $id >/dev/null 2>&1"
        assert_record MXC_EVENT=inspect MXC_ACTION=org.freedesktop.DBus.Properties.Get MXC_SANDBOX="$id" MXC_CALLER_UID="$(id -u bob)"
        # each with another property: one record, and how many more there were
        assert_le "$(records MXC_EVENT=inspect MXC_SANDBOX="$id")" 2 'a look is written down property by property'
        assert_ok as bob mxcctl dump
        assert_record MXC_EVENT=inspect MXC_ACTION=org.mxc1.Manager.Dump MXC_CALLER_UID="$(id -u bob)"
        # by a yes that is remembered, which a list may have been the last to have
        wait_until 20 eval "as bob mxcctl list >/dev/null && as bob busctl tree org.mxc1 | grep -q $id"
        assert_record MXC_EVENT=inspect MXC_ACTION=org.freedesktop.DBus.Introspectable.Introspect MXC_CALLER_UID="$(id -u bob)"
        assert_ok as alice mxcctl show "$id"
        assert_ok as alice busctl tree org.mxc1
        assert_ok mxcctl show "$id"
        assert_ok busctl tree org.mxc1
        assert_no_record MXC_EVENT=inspect MXC_CALLER_UID="$(id -u alice)"
        assert_no_record MXC_EVENT=inspect MXC_CALLER_UID=0
        assert_contains "$output" "$id"
        assert_contains "$(as bob mxcctl agent list)" "user-$(id -u alice)"
        assert_ok as bob mxcctl agent show "user-$(id -u alice)"
        assert_refused InteractiveAuthorizationRequired quietly bob "$sandbox" org.mxc1.Sandbox Stop # seeing is not doing
        rm -f $rule
        wait_until 20 eval "! as bob mxcctl list --full | grep -q $id"
        assert_refused Denied as bob busctl get-property org.mxc1 "$sandbox" org.mxc1.Sandbox State
        assert_record MXC_EVENT=control MXC_REASON=not-owner MXC_SANDBOX="$id" MXC_CALLER_UID="$(id -u bob)"
}

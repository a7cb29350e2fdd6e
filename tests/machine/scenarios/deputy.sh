# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# The confused deputy: everything that mxcd can be asked for, at both doors, by somebody who may use it for himself (bob) and has no business with
# what is alice's; and by root without a journal. The list is compared with what introspection shows: a method or a property that is not in it fails.

DEPUTY=$MXC_TEST_SRC/tests/machine/deputy.py

# What deputy.py makes of a line is at its head. The last column: the event of the record of a stranger's refusal; of "control", MXC_ACTION is the
# method, and "look" is one whose MXC_ACTION is the reading of properties. As root the lines are gone through in this order, so what ends something comes last.
cases() {
        cat <<'END'
Peer.Ping - [] ok ok ok -
ObjectManager.GetManagedObjects - [] ok ok ok -
Manager:Version - [] ok ok ok -
Manager:Features - [] ok ok ok -
Manager:NSandboxes - [] ok ok ok -
Manager:* - [] ok ok ok -
Manager=Version s ["2"] AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly -
Agent:Name - [] Denied ok ok look
Agent:Uuid - [] Denied ok ok look
Agent:Owner - [] Denied ok ok look
Agent:State - [] Denied ok ok look
Agent:Policy - [] Denied ok ok look
Agent:PolicyDigest - [] Denied ok ok look
Agent:Description - [] Denied ok ok look
Agent:Unit - [] Denied ok ok look
Agent:NSandboxes - [] Denied ok ok look
Agent:* - [] Denied ok ok look
Agent=Policy s ["developer"] AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly -
Sandbox:Id - [] Denied ok ok look
Sandbox:Agent - [] Denied ok ok look
Sandbox:Policy - [] Denied ok ok look
Sandbox:PolicyDigest - [] Denied ok ok look
Sandbox:Tier - [] Denied ok ok look
Sandbox:Unit - [] Denied ok ok look
Sandbox:ControlGroup - [] Denied ok ok look
Sandbox:Leader - [] Denied ok ok look
Sandbox:State - [] Denied ok ok look
Sandbox:OnBehalfOf - [] Denied ok ok look
Sandbox:Started - [] Denied ok ok look
Sandbox:ExitCode - [] Denied ok ok look
Sandbox:Argv - [] Denied ok ok look
Sandbox:Workspace - [] Denied ok ok look
Sandbox:Labels - [] Denied ok ok look
Sandbox:Walls - [] Denied ok ok look
Sandbox:Unheld - [] Denied ok ok look
Sandbox:Cut - [] Denied ok ok look
Sandbox:* - [] Denied ok ok look
Sandbox=State s ["exited"] AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly AccessDenied|PropertyReadOnly -
Manager.ListAgents - [] ok ok ok -
Manager.ListSandboxes - [] ok ok ok -
Manager.ListPolicies - [] ok ok ok -
Manager.GetPolicy s ["workspace"] ok ok ok -
Manager.CheckPolicy s ["{}"] ok ok ok -
Manager.Explain ssa{sv} ["workspace","read",{"target":["s","/etc/passwd"]}] ok ok ok -
Manager.WhoIs h ["@leader"] ok ok ok -
Manager.Plan sasa{sv} ["@agent",["true"],{}] InteractiveAuthorizationRequired ok ok plan
Manager.Spawn sasa{sv} ["@agent",["true"],{}] InteractiveAuthorizationRequired ok AuditUnavailable spawn
Manager.CreateSandbox sa{sv} ["@agent",{}] InteractiveAuthorizationRequired ok AuditUnavailable spawn
Manager.RegisterAgent s ["{\"name\":\"@new\",\"owner\":\"alice\",\"policy\":\"workspace\"}"] InteractiveAuthorizationRequired ok AuditUnavailable control
Manager.RevokeAgent ss ["@other","no"] InteractiveAuthorizationRequired ok stored control
Manager.Reload - [] InteractiveAuthorizationRequired ok AuditUnavailable control
Manager.Dump - [] InteractiveAuthorizationRequired ok ok control
Sandbox.ListConnections - [] InteractiveAuthorizationRequired ok ok control
Sandbox.Grant st ["{\"to\":[{\"host\":\"x.example.com\"}]}",3600000000] InteractiveAuthorizationRequired Unsupported Unsupported control
Sandbox.RevokeGrant u [1] InteractiveAuthorizationRequired InvalidArgument InvalidArgument control
Sandbox.Exec asa{sv} [["true"],{}] InteractiveAuthorizationRequired ok AuditUnavailable exec
Sandbox.Attach u [0] InteractiveAuthorizationRequired ok AuditUnavailable control
Sandbox.Freeze - [] InteractiveAuthorizationRequired ok stored control
Sandbox.Thaw - [] InteractiveAuthorizationRequired ok AuditUnavailable control
Sandbox.Kill si ["main",28] InteractiveAuthorizationRequired ok AuditUnavailable control
Sandbox.Stop - [] InteractiveAuthorizationRequired ok stored control
Agent.Suspend s ["no"] InteractiveAuthorizationRequired ok stored control
Agent.Resume - [] InteractiveAuthorizationRequired ok AuditUnavailable control
Agent.SetPolicy s ["developer"] InteractiveAuthorizationRequired ok AuditUnavailable control
Agent.KillAll - [] InteractiveAuthorizationRequired ok stored control
Agent.Revoke s ["no"] InteractiveAuthorizationRequired ok stored control
END
}

# register NAME: an agent of alice's
register() { call /org/mxc1 Manager RegisterAgent s "{\"name\":\"$1\",\"owner\":\"alice\",\"policy\":\"workspace\"}" >/dev/null; }

# What is alice's: two agents, one of which runs a sandbox; all of it in the environment, for deputy.py.
hers() {
        local id
        id=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ') # names of agents stay taken
        export AGENT_NAME=hers-$id OTHER_NAME=other-$id NEW_NAME=new-$id AGENT=/org/mxc1/agent/hers_2d$id
        register "$AGENT_NAME"
        register "$OTHER_NAME"
        workspace alice
        spawn_for alice "$AGENT_NAME" workspace s "$ws" -- sh -c "$HEART"
        defer end_quietly "$sandbox"
        wait_until 10 has_beaten
        LEADER=$(leader "$sandbox")
        export LEADER SANDBOX=$sandbox SECRETS="$AGENT_NAME ${AGENT##*/} $OTHER_NAME ${sandbox##*/} $ws"
        cases >"$work/cases"
        chmod 644 "$work/cases"
}

# All that there is, here and on the disk.
everything() {
        python3 "$DEPUTY" dump
        (cd /var/lib/mxc && find . -type f -exec sha256sum {} + | sort)
        cat "$(leaf "$sandbox")/cgroup.freeze"
}

# bob has what an ordinary user can have: he may run agents of his own.
bob_may_spawn() {
        local rule=/etc/polkit-1/rules.d/10-mxc-deputy.rules
        defer eval "rm -f $rule; systemctl restart polkit.service"
        mkdir -p /etc/polkit-1/rules.d
        printf 'polkit.addRule(function (action, subject) {
                if (action.id == "org.mxc1.spawn" && subject.user == "bob") return polkit.Result.YES; });\n' >$rule
        wait_until 20 spawn_quietly bob
}

# walk USER DOOR COLUMN
walk() { assert_ok as "$1" python3 "$DEPUTY" walk "$2" "$3" <"$work/cases"; }

test_a_stranger_is_refused_by_name_at_both_doors() {
        local before what record wanted bob door
        bob=$(id -u bob)
        hers
        bob_may_spawn
        counts_begin
        before=$(everything)
        for door in bus door; do walk bob $door stranger; done
        assert_eq "$before" "$(everything)" 'a stranger has changed something'
        wait_until 10 beats
        counts_told
        while read -r what _ _ _ _ _ record; do
                case $record in
                -) continue ;;
                look) wanted="MXC_EVENT=control MXC_ACTION=org.freedesktop.DBus.Properties.Get MXC_REASON=not-owner" ;;
                control) wanted="MXC_EVENT=control MXC_ACTION=org.mxc1.$what MXC_REASON=not-authorized" ;;
                *) wanted="MXC_EVENT=$record MXC_REASON=not-authorized MXC_AGENT=$AGENT_NAME" ;;
                esac
                printf '%s\n' "$wanted"
        done <"$work/cases" | sort | uniq -c >"$work/wanted"
        while read -r number wanted; do
                # shellcheck disable=SC2086 # words
                assert_eq $((2 * number)) "$(refusals $wanted MXC_CALLER_UID="$bob")" "$wanted"
        done <"$work/wanted"
        # and whose it was
        assert_has_refusal MXC_ACTION=org.mxc1.Sandbox.Kill MXC_SANDBOX="${sandbox##*/}" MXC_AGENT="$AGENT_NAME"
        assert_has_refusal MXC_ACTION=org.mxc1.Agent.Revoke MXC_AGENT="$AGENT_NAME" MXC_ON_BEHALF_UID="$(id -u alice)"
        assert_has_refusal MXC_ACTION=org.freedesktop.DBus.Properties.Get MXC_SANDBOX="${sandbox##*/}"
        assert_eq 0 "$(records MXC_DECISION=allow MXC_CALLER_UID="$bob" MXC_AGENT="$AGENT_NAME")"
}
assert_has_refusal() { assert_ne 0 "$(refusals MXC_CALLER_UID="$(id -u bob)" "$@")" "no refusal with $*"; }

# What proves nothing where the calls themselves are not good: for root they are.
test_what_a_stranger_is_refused_can_be_done() {
        local door
        for door in bus door; do
                hers
                walk root $door root
                wait_until 10 is_gone "$sandbox"
        done
}

# unrecorded: nothing that gives anything or changes it is done, by root even; what is only read is answered
unrecorded() {
        local before=$1 door walking=()
        for door in bus door; do # side by side: each of them waits for the journal's room, two seconds a line
                walk root $door unrecorded &
                walking+=($!)
        done
        for door in "${walking[@]}"; do wait "$door" || fail 'not as it should be'; done
        assert_eq "$before" "$(everything)" 'something was changed, unrecorded'
        wait_until 10 beats
        [ -d "/proc/$LEADER" ] || fail 'it is killed, unrecorded'
}
# What takes something away is done, once its record is on disk; and the journal gets that.
test_without_a_journal_what_ends_something_is_stored() {
        local door one ended=(stop freeze suspend kill revoke) # RevokeAgent and Revoke
        for door in bus door; do
                hers
                journal_away
                walk root $door stored
                wait_until 10 is_gone "$sandbox"
                journal_back
                wait_until 10 eval "[ \$(records MXC_EVENT=revoke MXC_AGENT=$AGENT_NAME) = 1 ]"
                for one in "${ended[@]}"; do
                        assert_eq 1 "$(records MXC_EVENT="$one" MXC_DECISION=allow MXC_AGENT="$AGENT_NAME" MXC_CALLER_UID=0)" "$one"
                done
                assert_eq 1 "$(records MXC_EVENT=revoke MXC_AGENT="$OTHER_NAME" MXC_CALLER_UID=0)"
                assert_eq '' "$(find /run/mxc/audit -type f)" 'what is in the journal stays on disk'
        done
}

a_policy_to_come() {
        defer busctl call "${MANAGER[@]}" Reload
        defer rm -rf /run/mxc/policies
        put /run/mxc/policies/to-come.json '{"schema": "mxc-policy/1", "name": "to-come"}'
}
has_come() { busctl call "${MANAGER[@]}" ListPolicies | grep -q to-come; }

test_without_a_journal_nothing_is_changed() {
        local before
        hers
        before=$(everything)
        journal_away
        a_policy_to_come
        unrecorded "$before"
        journal_back
        wait_until 10 has_come
        assert_record MXC_EVENT=policy-load MXC_POLICY=to-come
}

test_with_a_journal_that_is_full_nothing_is_changed() {
        local before
        hers
        before=$(everything)
        journal_stops
        journal_fills
        a_policy_to_come
        unrecorded "$before"
        kill -CONT "$journald"
        wait_until 20 has_come
}

# Refusals, thousands of them at both doors, keep nobody from working; and all of them are on record, those among them that were too many at once.
test_a_flood_of_refusals_costs_nobody_else_anything() {
        local of i door pid n=1500
        hers
        counts_begin
        of=(MXC_EVENT=control MXC_ACTION=org.mxc1.Sandbox.Kill MXC_SANDBOX="${sandbox##*/}" MXC_CALLER_UID="$(id -u bob)")
        for door in bus door; do
                as bob python3 "$DEPUTY" flood $door $n "$sandbox" >"$work/$door" 2>&1 &
                pid="${pid:-} $!"
        done
        for ((i = 0; i < 10; i++)); do
                assert_ok spawn_quietly alice
                assert_ok run alice true
        done
        # shellcheck disable=SC2086 # words
        wait $pid
        for door in bus door; do
                assert_eq $n "$(awk '{ n += $2 } END { print n }' "$work/$door")" "$(cat "$work/$door")"
                assert_eq '' "$(grep -vE '^org\.mxc1\.Error\.(InteractiveAuthorizationRequired|LimitReached) ' "$work/$door" || true)"
        done
        wait_until 10 beats
        counts_told
        assert_eq $((2 * n)) "$(refusals "${of[@]}")"
        assert_le "$(records "${of[@]}")" 50 'a flood is written down one by one'
}

# LIMIT_PENDING_PER_UID, and one more: while polkit stands still all of them wait.
test_so_many_wait_and_one_more_is_refused() {
        local polkit
        hers
        polkit=$(systemctl show -P MainPID polkit)
        defer kill -CONT "$polkit"
        kill -STOP "$polkit"
        as bob python3 "$DEPUTY" flood door 65 "$sandbox" >"$work/door" 2>&1 &
        wait_until 10 one_is_refused_for_their_number
        assert_ok spawn_quietly root
        kill -CONT "$polkit"
        wait $!
        assert_eq 'org.mxc1.Error.InteractiveAuthorizationRequired 64 org.mxc1.Error.LimitReached 1' "$(sort "$work/door" | xargs)"
}
one_is_refused_for_their_number() { has_record MXC_EVENT=control MXC_REASON=limit MXC_CALLER_UID="$(id -u bob)"; }

# Who waits for polkit or for a turn when mxcd goes down is answered or cut off; it ends as it should, and comes back.
test_going_down_in_the_midst_of_it() {
        local i before
        hers
        for ((i = 0; i < 5; i++)); do
                before=$(systemctl show -P MainPID mxcd)
                as bob python3 "$DEPUTY" flood bus 5000 "$sandbox" >"$work/flood" 2>&1 &
                python3 "$DEPUTY" crowd "$(id -u bob)" >"$work/crowd" 2>&1 &
                wait_until 10 mxcd_has_pending
                counts_told
                assert_ne "$before" "$(systemctl show -P MainPID mxcd)"
                wait
        done
        assert_eq '' "$(journalctl -q --cursor="$cursor" -u mxcd.service -g 'code=(killed|dumped)' -o cat)"
        wait_until 10 beats
}
mxcd_has_pending() { python3 "$DEPUTY" pending | grep -q "^uid $(id -u bob): [1-9]"; }

# Reading and comparing long documents is done piece by piece, between what others ask for. Sixty wait; the daemon says itself how many are left.
test_long_documents_wait_for_their_turn() {
        local most step
        assert_ok python3 "$DEPUTY" crowd "$(id -u bob)"
        read -r most step <<<"$output"
        assert_le 20 "$most" 'they did not wait'
        assert_le "$step" 2 'others are kept waiting'
}

# Neither does it keep anybody waiting who has everything told of, again and again.
test_all_objects_wait_for_their_turn() {
        local most step
        assert_ok python3 "$DEPUTY" crowd "$(id -u bob)" objects
        read -r most step <<<"$output"
        assert_le 20 "$most" 'they did not wait'
        assert_le "$step" 2 'others are kept waiting'
}

# Nor who makes agents of one's own and takes them away: each waits for the disk.
test_agents_of_one_s_own_wait_for_their_turn() {
        local what most step
        for what in register revoke; do
                call /org/mxc1 Manager Reload >/dev/null # who alice is has to be looked up again, and all wait for that together
                # in her session, where polkit says yes
                assert_ok sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$(session_cgroup alice)" python3 "$DEPUTY" crowd "$(id -u alice)" "$what"
                read -r most step <<<"$output"
                assert_le 20 "$most" 'they did not wait'
                assert_le "$step" 2 'others are kept waiting'
                wait_until 30 eval "[ \$(records MXC_EVENT=$what MXC_DECISION=allow MXC_CALLER_UID=$(id -u alice)) = 60 ]"
        done
}

# An answer that repeats a word as long as the bus lets it be is longer than that, and then the bus hangs up on mxcd.
test_a_word_as_long_as_a_message_is_not_repeated() {
        local pid
        pid=$(systemctl show -P MainPID mxcd.service)
        assert_ok sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$(session_cgroup alice)" python3 "$DEPUTY" longest
        awk '$3 > 100000' <<<"$output" | grep . && fail 'it was repeated'
        grep -E 'LimitsExceeded|NoReply|ServiceUnknown' <<<"$output" && fail 'mxcd was not asked'
        assert_eq "$pid" "$(systemctl show -P MainPID mxcd.service)" 'mxcd has begun afresh'
}

test_what_is_managed_is_what_is_seen() {
        hers
        output=$(busctl --json=short call org.mxc1 /org/mxc1 org.freedesktop.DBus.ObjectManager GetManagedObjects)
        printf '%s\n' "$output" >"$work/objects"
        python3 - "$sandbox" "$AGENT" "$LEADER" "$work/objects" <<'END'
import json, sys
objects = json.load(open(sys.argv.pop()))["data"][0]
sandbox, agent, leader = sys.argv[1:]
assert objects[sandbox]["org.mxc1.Sandbox"]["Leader"]["data"] == int(leader), objects[sandbox]
assert objects[agent]["org.mxc1.Agent"]["State"]["data"] == "active", objects[agent]
END
        assert_lacks "$(as bob busctl call org.mxc1 /org/mxc1 org.freedesktop.DBus.ObjectManager GetManagedObjects)" "${sandbox##*/}"
        assert_contains "$(as alice busctl call org.mxc1 /org/mxc1 org.freedesktop.DBus.ObjectManager GetManagedObjects)" "${sandbox##*/}"
}

test_a_name_that_one_claims_counts_for_nothing() {
        local root
        hers
        root=$(busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetNameOwner s org.mxc1 | cut -d'"' -f2)
        assert_ok as bob python3 "$DEPUTY" forge "$sandbox" "$root"
        assert_eq org.mxc1.Error.InteractiveAuthorizationRequired "$output"
        wait_until 10 beats
}

# A signal is for everybody on the bus: it says that something has changed, and not to what.
test_signals_tell_a_stranger_nothing() {
        local listener
        hers
        as bob python3 "$DEPUTY" listen $((4 * SLOW)) >"$work/heard" 2>&1 &
        listener=$!
        wait_until 10 grep -q listening "$work/heard"
        assert_ok call "$AGENT" Agent SetPolicy s developer
        assert_ok call "$AGENT" Agent Suspend s why-ever
        assert_ok call "$AGENT" Agent Resume
        assert_ok call "$sandbox" Sandbox Freeze
        assert_ok call "$sandbox" Sandbox Thaw
        assert_ok call "$sandbox" Sandbox Stop
        wait $listener
        output=$(cat "$work/heard")
        assert_contains "$output" PropertiesChanged
        assert_contains "$output" SandboxRemoved
        for word in developer suspended active why-ever frozen running Exited "$ws"; do
                assert_lacks "$output" "$word"
        done
}

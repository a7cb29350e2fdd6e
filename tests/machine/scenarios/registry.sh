# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Policies and agents: what is in force, what a bad file does, and what stays said.

policy_file=/etc/mxc/policies/mine.json
agent_file=/etc/mxc/agents/robot.json

put_policy() { put "$policy_file" "{\"schema\": \"mxc-policy/1\", \"name\": \"mine\", \"extends\": \"${1:-workspace}\", \"description\": \"${2:-}\"}"; }
put_agent() { put "$agent_file" "{\"schema\": \"mxc-agent/1\", \"name\": \"robot\", \"owner\": \"$1\", \"policy\": \"${2:-workspace}\"}"; }

# policy_field NAME N: of ListPolicies: 2 digest, 3 file, 4 error
policy_field() {
        busctl --json=short call "${MANAGER[@]}" ListPolicies |
                python3 -c 'import json, sys
for p in json.load(sys.stdin)["data"][0]:
    if p[0] == sys.argv[1]: print(p[int(sys.argv[2]) - 1])' "$@"
}
digest() { policy_field "$1" 2; }
complaint() { policy_field "$1" 4; }
is_good() { [ -n "$(digest "$1")" ] && [ -z "$(complaint "$1")" ]; }
is_good_of() { [ "$(policy_field "$1" 3)" = "$2" ] && is_good "$1"; }
is_bad() { [ -n "$(complaint "$1")" ]; }
has_no_policy() { [ -z "$(policy_field "$1" 1)" ]; }
agent() { printf '/org/mxc1/agent/%s\n' "${1//-/_2d}"; }
agent_state() { property "$(agent "$1")" State; }
is_agent() { agent_state "$1"; }
is_no_agent() { ! agent_state "$1"; }
agent_is() { [ "$(agent_state "$1")" = "$2" ]; }

restart() {
        systemctl restart mxcd.service
        wait_until 20 mxcd_is_up
}
register() { call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$1\", \"owner\": \"${2:-alice}\", \"policy\": \"${3:-workspace}\"}"; }
# A name that no other test of this machine had: names stay taken for ever.
fresh_name() { printf 'robot-%s\n' "$(date +%s%N)"; }

test_a_policy_file_comes_into_force_and_goes() {
        put_policy
        wait_until 10 is_good mine
        assert_record MXC_EVENT=policy-load MXC_POLICY=mine MXC_DECISION=allow MXC_TARGET="$policy_file" MXC_POLICY_DIGEST="$(digest mine)"
        spawn alice policy s mine -- sleep infinity
        defer end_quietly "$sandbox"
        assert_eq mine "$(property "$sandbox" Policy)"
        # what it runs under is another: of her home, and met with the ceiling; the record leads to both
        assert_ne "$(digest mine)" "$(property "$sandbox" PolicyDigest)"
        assert_record MXC_EVENT=spawn MXC_DECISION=allow MXC_STORED_DIGEST="$(digest mine)" \
                MXC_POLICY_DIGEST="$(property "$sandbox" PolicyDigest)"
        rm "$policy_file"
        wait_until 10 has_no_policy mine
        assert_record MXC_EVENT=policy-load MXC_POLICY=mine MXC_DECISION=none
        assert_refused NoSuchPolicy spawn alice policy s mine -- true
        assert_eq running "$(state "$sandbox")" 'what runs already is not touched'
}

test_a_bad_policy_file_keeps_the_last_good_one() {
        local before effective
        put_policy
        wait_until 10 is_good mine
        before=$(digest mine)
        spawn alice policy s mine -- sleep infinity
        defer end_quietly "$sandbox"
        effective=$(property "$sandbox" PolicyDigest) # of what holds for her: the ceiling and her home are in it
        put "$policy_file" '{"schema": "mxc-policy/1", "name": "mine", "colour": "blue"}'
        wait_until 10 is_bad mine
        assert_contains "$(complaint mine)" "$policy_file:1:44: /colour: unknown key"
        assert_eq "$before" "$(digest mine)"
        assert_record MXC_EVENT=policy-load MXC_POLICY=mine MXC_DECISION=deny
        assert_contains "$(record MXC_NOTE MXC_EVENT=policy-load MXC_POLICY=mine)" colour
        spawn alice policy s mine -- sleep infinity
        defer end_quietly "$sandbox"
        assert_eq "$effective" "$(property "$sandbox" PolicyDigest)"
        put_policy locked
        wait_until 10 is_good mine
        assert_ne "$before" "$(digest mine)"
        assert_eq "$effective" "$(property "$sandbox" PolicyDigest)" 'what runs already keeps its policy'
        spawn alice policy s mine -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ne "$effective" "$(property "$sandbox" PolicyDigest)"
}

# Not every editor renames: a file that is written in place has half of its text for a while, and what it says at last is in force.
test_a_file_that_is_written_in_place_is_good_at_last() {
        local text before i
        defer rm -f "$policy_file"
        for i in 1 2 3; do
                before=$(digest mine)
                text='{"schema": "mxc-policy/1", "name": "mine", "extends": "workspace", "resources": {"tasksMax": '$((100 + i))'}}'
                {
                        printf '%s' "${text:0:40}"
                        call /org/mxc1 Manager Reload >/dev/null # another change may have it read by then
                        is_bad mine || fail 'half a file is taken for a policy'
                        printf '%s\n' "${text:40}"
                } >"$policy_file"
                wait_until 10 is_good_of mine "$policy_file"
                assert_ne "$before" "$(digest mine)"
                assert_ok spawn alice policy s mine -- true
        done
}

# Bad from the beginning: there is no such policy, whatever a layer below says.
bad_from_the_beginning() {
        wait_until 10 is_bad mine
        assert_contains "$(complaint mine)" "$1"
        assert_refused NoSuchPolicy spawn alice policy s mine -- true
        rm -rf "$policy_file"
        wait_until 10 has_no_policy mine
}
test_what_others_could_have_written_is_no_policy() {
        put_policy
        call /org/mxc1 Manager Reload >/dev/null # or the one of the test before may still be there
        wait_until 10 is_good mine
        local before
        before=$(digest mine)
        chmod 666 "$policy_file"
        wait_until 10 is_bad mine
        assert_contains "$(complaint mine)" writable
        assert_eq "$before" "$(digest mine)" 'the last good one stays'
        chmod 644 "$policy_file"
        wait_until 10 is_good mine
        chown alice "$policy_file"
        wait_until 10 is_bad mine
        assert_contains "$(complaint mine)" 'not owned by root'
        rm "$policy_file"
        wait_until 10 has_no_policy mine

        ln -s /usr/lib/mxc/policies/workspace.json "$policy_file"
        bad_from_the_beginning 'symbolic link'
        mkfifo "$policy_file"
        call /org/mxc1 Manager Reload >/dev/null # and does not hang in it
        bad_from_the_beginning 'not a regular file'
        install -o alice -m 644 /usr/lib/mxc/policies/workspace.json "$policy_file"
        bad_from_the_beginning 'not owned by root'
        head -c 300000 /dev/zero >"$policy_file"
        bad_from_the_beginning 'too large'
}

test_a_mask_takes_a_vendor_policy_away() {
        defer rm -f /etc/mxc/policies/developer.json
        ln -s /dev/null /etc/mxc/policies/developer.json
        wait_until 10 has_no_policy developer
        assert_refused NoSuchPolicy spawn alice policy s developer -- true
        rm /etc/mxc/policies/developer.json
        wait_until 10 is_good developer
}

test_a_directory_that_others_can_write_brings_nothing() {
        put_policy
        wait_until 10 is_good mine
        defer chmod 755 /etc/mxc/policies
        chmod 777 /etc/mxc/policies
        as bob sh -c 'rm /etc/mxc/policies/mine.json
                printf "{\"schema\": \"mxc-policy/1\", \"name\": \"his\", \"extends\": \"workspace\"}\n" >/etc/mxc/policies/his.json'
        assert_ok call /org/mxc1 Manager Reload
        assert_contains "$output" '"/etc/mxc/policies" "/etc/mxc/policies: is writable by others than root'
        assert_ok spawn alice policy s mine -- true
        assert_refused NoSuchPolicy spawn root policy s his -- true
        rm /etc/mxc/policies/his.json
}

test_a_ceiling_of_the_administrator_bounds_everybody() {
        idle alice
        local before=$sandbox
        put /etc/mxc/ceiling.json "$(sed 's|"/srv", ||; s|"${home}", ||; s|"readwritePaths": \[.*\]|"readwritePaths": ["/mnt"]|' /usr/lib/mxc/ceiling.json)"
        wait_until 10 is_good_of ceiling /etc/mxc/ceiling.json
        workspace alice
        assert_refused Denied spawn alice workspace s "$ws" -- true
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling
        assert_eq running "$(state "$before")"
        put /etc/mxc/ceiling.json '{'
        wait_until 10 is_bad ceiling
        assert_refused Denied spawn alice workspace s "$ws" -- true
        rm /etc/mxc/ceiling.json
        wait_until 10 is_good ceiling
        assert_ok spawn alice workspace s "$ws" -- true
}

test_an_agent_of_a_file() {
        put_agent alice locked
        wait_until 10 agent_is robot active
        assert_eq "$(id -u alice)" "$(property "$(agent robot)" Owner)"
        assert_eq locked "$(property "$(agent robot)" Policy)"
        assert_record MXC_EVENT=register MXC_ORIGIN=file MXC_TARGET="$agent_file" MXC_AGENT=robot MXC_DECISION=allow MXC_POLICY=locked \
                MXC_AGENT_UUID="$(property "$(agent robot)" Uuid)" MXC_ON_BEHALF_UID="$(id -u alice)" MXC_POLICY_DIGEST="$(digest locked)"
        spawn_for alice robot -- sleep infinity
        defer end_quietly "$sandbox"
        assert_record MXC_EVENT=spawn MXC_DECISION=allow MXC_AGENT=robot
        assert_refused '' spawn_for bob robot -- true
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_CALLER_UID="$(id -u bob)"
        # the file is the word on its policy
        assert_fails call "$(agent robot)" Agent SetPolicy s developer
        put_agent alice workspace
        wait_until 10 eval '[ "$(property "$(agent robot)" Policy)" = workspace ]'
        assert_record MXC_EVENT=set-policy MXC_ORIGIN=file MXC_TARGET="$agent_file" MXC_AGENT=robot MXC_POLICY=workspace
        assert_eq running "$(state "$sandbox")"

        # its file goes while it runs something: it starts nothing more, and what runs can be seen and ended
        rm "$agent_file"
        wait_until 10 agent_is robot revoked
        assert_record MXC_EVENT=revoke MXC_ORIGIN=file MXC_TARGET="$agent_file" MXC_AGENT=robot MXC_DECISION=none
        assert_refused AgentRevoked spawn_for alice robot -- true
        assert_eq running "$(state "$sandbox")"
        assert_ok call "$sandbox" Sandbox Stop
}

# What runs as alice stays hers, and her records tell of her; only what begins now is bob's.
test_an_agent_that_another_user_gets() {
        put_agent alice
        wait_until 10 agent_is robot active
        spawn_for alice robot -- sleep infinity
        defer end_quietly "$sandbox"
        put_agent bob
        wait_until 10 eval '[ "$(property "$(agent robot)" Owner)" = "$(id -u bob)" ]'
        assert_eq "$(id -u alice)" "$(property "$sandbox" OnBehalfOf)"
        assert_refused '' quietly bob "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 1 true 0
        assert_record MXC_EVENT=exec MXC_DECISION=deny MXC_REASON=not-authorized MXC_CALLER_UID="$(id -u bob)" MXC_ON_BEHALF_UID="$(id -u alice)"
        assert_refused '' quietly bob "$sandbox" org.mxc1.Sandbox Freeze
        assert_lacks "$(quietly bob /org/mxc1 org.mxc1.Manager ListSandboxes)" "${sandbox##*/}"
        assert_ok quietly alice "$sandbox" org.mxc1.Sandbox Exec 'asa{sv}' 1 true 0
        assert_refused '' spawn_for alice robot -- true
        assert_ok quietly alice "$sandbox" org.mxc1.Sandbox Stop
        rm "$agent_file"
        call /org/mxc1 Manager Reload >/dev/null
}

test_a_bad_agent_file_keeps_the_last_good_agent() {
        put_agent alice
        wait_until 10 agent_is robot active
        put "$agent_file" '{"schema": "mxc-agent/1", "name": "robot", "owner": "no such user", "policy": "workspace"}'
        assert_contains "$(call /org/mxc1 Manager Reload)" 'no such user'
        assert_eq active "$(agent_state robot)"
        assert_record MXC_EVENT=register MXC_ORIGIN=file MXC_TARGET="$agent_file" MXC_AGENT=robot MXC_DECISION=deny
        assert_ok spawn_for alice robot -- true
        rm "$agent_file"
        call /org/mxc1 Manager Reload >/dev/null
}

test_everything_said_of_an_agent_survives() {
        local name uuid
        name=$(fresh_name)
        assert_ok register "$name"
        uuid=$(property "$(agent "$name")" Uuid)
        assert_record MXC_EVENT=register MXC_AGENT="$name" MXC_ON_BEHALF_UID="$(id -u alice)"
        assert_ok spawn_for alice "$name" -- true
        assert_ok call "$(agent "$name")" Agent SetPolicy s locked
        assert_ok call "$(agent "$name")" Agent Suspend s 'looked odd'
        assert_record MXC_EVENT=suspend MXC_AGENT="$name" MXC_NOTE='looked odd'
        restart
        assert_eq suspended "$(agent_state "$name")"
        assert_eq locked "$(property "$(agent "$name")" Policy)"
        assert_eq "$uuid" "$(property "$(agent "$name")" Uuid)"
        assert_refused AgentSuspended spawn_for alice "$name" -- true
        assert_contains "$output" 'looked odd'
        assert_ok call "$(agent "$name")" Agent Resume
        restart
        assert_ok spawn_for alice "$name" -- true
        assert_ok call /org/mxc1 Manager RevokeAgent ss "$name" 'was odd'
        assert_record MXC_EVENT=revoke MXC_AGENT="$name" MXC_NOTE='was odd'
        restart
        assert_eq revoked "$(agent_state "$name")"
        assert_refused AgentRevoked spawn_for alice "$name" -- true
        assert_refused AgentRevoked call "$(agent "$name")" Agent Resume
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_REASON=agent-revoked MXC_ACTION=org.mxc1.Agent.Resume MXC_AGENT="$name"
        assert_refused AgentRevoked call /org/mxc1 Manager RevokeAgent ss "$name" again
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_REASON=agent-revoked MXC_ACTION=org.mxc1.Manager.RevokeAgent MXC_AGENT="$name"
        scenario_cursor
        assert_refused AgentRevoked call "$(agent "$name")" Agent SetPolicy s workspace
        assert_eq 0 "$(records MXC_EVENT=set-policy MXC_AGENT="$name")" 'what was refused is on record as done'
}

test_a_policy_that_a_file_says_is_changed_there() {
        put_agent alice
        wait_until 10 agent_is robot active
        assert_refused InvalidArgument call "$(agent robot)" Agent SetPolicy s locked
        assert_contains "$output" "$agent_file"
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_ACTION=org.mxc1.Agent.SetPolicy MXC_AGENT=robot
        assert_eq 0 "$(records MXC_EVENT=set-policy MXC_AGENT=robot MXC_CALLER_UID=0)" 'what was refused is on record as done'
        assert_eq workspace "$(property "$(agent robot)" Policy)"
}

test_a_revoked_name_stays_taken() {
        local name
        name=$(fresh_name)
        assert_ok register "$name"
        assert_ok call "$(agent "$name")" Agent Revoke s enough
        assert_refused AgentExists register "$name"
        assert_refused AgentExists register "$name" bob
        assert_eq 1 "$(records MXC_EVENT=register MXC_AGENT="$name")" 'what was refused is on record as done'
        restart
        assert_refused AgentExists register "$name"
        put "/etc/mxc/agents/$name.json" "{\"schema\": \"mxc-agent/1\", \"name\": \"$name\", \"owner\": \"bob\", \"policy\": \"developer\"}"
        assert_contains "$(call /org/mxc1 Manager Reload)" 'taken by an agent that was registered'
        assert_eq revoked "$(agent_state "$name")"
        assert_eq "$(id -u alice)" "$(property "$(agent "$name")" Owner)"
}

# kill -9 between any two instructions: the agent is there whole, or not at all
test_a_registration_is_whole_or_not_there() {
        local name pid i
        for i in 1 2 3 4 5; do
                name=$(fresh_name)
                pid=$(systemctl show -P MainPID mxcd.service)
                register "$name" >/dev/null 2>&1 &
                sleep "0.00$i"
                kill -9 "$pid"
                wait $! || true
                wait_until 20 mxcd_is_up
                call /org/mxc1 Manager Reload >"$work/reload"
                assert_lacks "$(cat "$work/reload")" "$name"
                if [ -e "/var/lib/mxc/agents/$name.json" ]; then
                        assert_eq active "$(agent_state "$name")"
                else
                        is_no_agent "$name" || fail "$name is an agent without a record"
                        assert_ok register "$name"
                fi
        done
}

test_a_default_agent_can_be_suspended() {
        local name
        name=user-$(id -u bob)
        defer call "$(agent "$name")" Agent Resume
        assert_ok spawn alice -- true
        as bob mxcctl run -- true 2>/dev/null || true # whether or not he may: it is asked for
        call /org/mxc1 Manager ListAgents >/dev/null
        assert_ok call "$(agent "user-$(id -u alice)")" Agent Suspend s 'all of hers'
        defer call "$(agent "user-$(id -u alice)")" Agent Resume
        assert_refused AgentSuspended spawn alice -- true
        restart
        assert_refused AgentSuspended spawn alice -- true
        assert_ok call "$(agent "user-$(id -u alice)")" Agent Resume
        assert_ok spawn alice -- true
}

test_names_of_default_agents_cannot_be_registered() {
        assert_fails register user-4711
        put /etc/mxc/agents/user-4711.json '{"schema": "mxc-agent/1", "name": "user-4711", "owner": "alice", "policy": "workspace"}'
        assert_contains "$(call /org/mxc1 Manager Reload)" 'default agents'
        assert_lacks "$(call /org/mxc1 Manager ListAgents)" user-4711
}

test_documents_of_agents_are_closed() {
        local document
        for document in '{}' '[]' '{"name": "x"}' '{"name": "X", "policy": "workspace"}' '{"name": "x", "policy": "workspace", "uuid": "1"}' \
                '{"name": "x", "policy": "workspace", "owner": "no-such-user-here"}' '{"name": "x", "policy": "no-such-policy"}' \
                '{"name": "x", "policy": "workspace", "owner": 4294967295}' '{"name": "x", "policy": "workspace"} x'; do
                assert_fails call /org/mxc1 Manager RegisterAgent s "$document"
        done
        is_no_agent x || fail 'it is an agent'
        assert_eq '' "$(find /var/lib/mxc/agents -name 'x*')"
}

# Before its first request there is nothing of it but its name, and that is enough for an administrator; a stranger makes nothing of it.
test_a_default_agent_that_never_ran_is_suspended() {
        local user uid
        user=never-$RANDOM
        useradd "$user"
        defer userdel "$user"
        uid=$(id -u "$user")
        defer eval "rm -f /var/lib/mxc/agents/user-$uid.json; systemctl restart mxcd"
        assert_refused InteractiveAuthorizationRequired quietly bob "$(agent "user-$uid")" org.mxc1.Agent Suspend s no
        assert_record MXC_EVENT=control MXC_AGENT="user-$uid" MXC_ON_BEHALF_UID="$uid" MXC_REASON=not-authorized
        assert_refused Denied as bob busctl get-property org.mxc1 "$(agent "user-$uid")" org.mxc1.Agent State
        assert_lacks "$(mxcctl agent list)" "user-$uid" 'a stranger has made an agent'
        assert_ok mxcctl agent suspend "user-$uid" --reason 'not yet'
        assert_record MXC_EVENT=suspend MXC_AGENT="user-$uid" MXC_DECISION=allow
        assert_contains "$(mxcctl agent list)" "user-$uid"
        restart
        assert_eq suspended "$(agent_state "user-$uid")"
        assert_refused AgentSuspended spawn_for root "user-$uid" -- true
        assert_ok mxcctl agent revoke "user-$uid"
        assert_refused AgentRevoked spawn_for root "user-$uid" -- true
        assert_refused NoSuchAgent call /org/mxc1 Manager RevokeAgent ss '' no
        assert_refused NoSuchAgent call "$(agent user-0123)" Agent Suspend s no
}

# register_own USER NAME: as that user, with nobody to ask for a password
register_own() { quietly "$1" /org/mxc1 org.mxc1.Manager RegisterAgent s "{\"name\": \"$2\", \"policy\": \"workspace\"}"; }
revoke_own() { quietly "$1" /org/mxc1 org.mxc1.Manager RevokeAgent ss "$2" "is over"; }

test_users_make_further_agents_of_their_own() {
        local alice bob name uuid
        alice=user-$(id -u alice) bob=user-$(id -u bob) name=user-$(id -u alice)-x$RANDOM
        defer eval "revoke_own alice $name >/dev/null 2>&1"
        assert_ok register_own alice "$name"
        assert_record MXC_EVENT=register MXC_DECISION=allow MXC_AGENT="$name" MXC_ON_BEHALF_UID="$(id -u alice)"
        uuid=$(property "$(agent "$name")" Uuid)
        assert_record MXC_EVENT=register MXC_AGENT="$name" MXC_AGENT_UUID="$uuid"
        assert_refused AgentExists register_own alice "$name"
        # not another's, nobody's, and no other name
        assert_refused '' register_own alice "$bob-x"
        assert_refused '' register_own alice user-0-x
        assert_refused '' register_own alice "other-$RANDOM"
        assert_refused InteractiveAuthorizationRequired quietly alice /org/mxc1 org.mxc1.Manager RegisterAgent s "{\"name\": \"$alice-y\", \"owner\": \"bob\", \"policy\": \"workspace\"}"
        # it is one agent more, with a scope of its own, and goes no further than the first
        spawn_for alice "$name" policy s developer -- sleep infinity
        assert_contains "$(property "$sandbox" Unit)" "$name"
        # what is said of the user's slice holds for it as well
        local slice
        slice=mxc-u$(id -u alice).slice
        defer systemctl set-property --runtime "$slice" TasksMax=infinity
        assert_ok systemctl set-property --runtime "$slice" TasksMax=777
        assert_contains "$(property "$sandbox" ControlGroup)" "/mxc.slice/$slice/"
        assert_ok spawn_for alice "$name" -- true
        assert_eq 777 "$(systemctl show -P TasksMax "$slice")"
        assert_refused Denied spawn_for alice "$name" policy s '{"schema": "mxc-policy/1", "name": "wide", "filesystem": {"readonlyPaths": ["/var/log"]}}' -- true
        assert_refused '' quietly bob /org/mxc1 org.mxc1.Manager RevokeAgent ss "$name" mine
        restart
        assert_eq running "$(state "$sandbox")"
        assert_eq "$uuid" "$(property "$(agent "$name")" Uuid)"
        # as mxcctl does it: the method of the agent's own object would take an administrator
        assert_ok as alice mxcctl agent revoke --no-ask-password --reason 'is over' "$name"
        assert_record MXC_EVENT=revoke MXC_AGENT="$name" MXC_NOTE='is over' MXC_CALLER_UID="$(id -u alice)"
        wait_until 10 is_gone "$sandbox"
        assert_refused AgentRevoked spawn_for alice "$name" -- true
        wait_until 90 eval "register_own alice $name" # when its scope has gone too
        assert_ne "$uuid" "$(property "$(agent "$name")" Uuid)"
        assert_ok revoke_own alice "$name"
}

# ask_as_uid METHOD SIGNATURE VALUES: as $uid in alice's session; the values as Python has them. The bus lets in no uid that is nobody's; our own
# door does.
ask_as_uid() {
        sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec setpriv --clear-groups --reuid="$@"' sh "$(session_cgroup alice)" "$uid" \
                python3 -c '
import ast, sys
sys.path.insert(0, sys.argv[1])
from wire import Connection
a = Connection("door").ask("/org/mxc1", "org.mxc1.Manager", *sys.argv[2:4], ast.literal_eval(sys.argv[4]))
sys.exit(a.error and f"{a.error}: {a.body}")' "$MXC_TEST_SRC/tests/machine" "$@"
}

# Uids of user namespaces are in their owner's session, and there are 65536 of them for each: no agents are theirs, with the ceiling and a slice for
# each, but what an administrator registers.
test_who_is_nobody_has_no_agents() {
        local uid=300000 document run
        document="[\"\"\"{\"name\": \"user-$uid-x\", \"policy\": \"workspace\"}\"\"\"]"
        run='["", ["true"], {}]'
        assert_refused "Uid $uid is no user of this host" ask_as_uid RegisterAgent s "$document"
        assert_refused "by another name than user-UID-" \
                call /org/mxc1 Manager RegisterAgent s "{\"name\": \"user-$uid-x\", \"owner\": $uid, \"policy\": \"workspace\"}"
        is_no_agent "user-$uid-x" || fail 'it is an agent'
        assert_refused "Error.Denied: ['Uid $uid is no user of this host" ask_as_uid Spawn 'sasa{sv}' "$run"
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=not-authorized MXC_CALLER_UID=$uid
        assert_refused "Uid $uid is no user of this host" ask_as_uid CreateSandbox 'sa{sv}' '["", {}]'
        assert_eq '' "$(systemctl list-units --all --plain --no-legend "mxc-u$uid*")"
        defer eval "call /org/mxc1 Manager RevokeAgent ss somebody-s-$uid over >/dev/null 2>&1"
        assert_ok call /org/mxc1 Manager RegisterAgent s "{\"name\": \"somebody-s-$uid\", \"owner\": $uid, \"policy\": \"workspace\"}"
        assert_ok ask_as_uid Spawn 'sasa{sv}' "[\"somebody-s-$uid\", [\"true\"], {}]"
        useradd --uid $uid somebody-$uid
        defer eval "userdel somebody-$uid; call /org/mxc1 Manager RevokeAgent ss user-$uid-x over >/dev/null 2>&1"
        call /org/mxc1 Manager Reload >/dev/null # who is nobody is remembered for a while
        assert_ok ask_as_uid RegisterAgent s "$document"
        assert_ok ask_as_uid Spawn 'sasa{sv}' "$run"
}

# What is suspended is not revoked and made anew by who it is said against.
test_a_suspended_further_agent_is_an_administrator_s() {
        local name
        name=user-$(id -u alice)-s$RANDOM
        defer eval "call /org/mxc1 Manager RevokeAgent ss $name over >/dev/null 2>&1"
        assert_ok register_own alice "$name"
        assert_ok mxcctl agent suspend "$name" --reason odd
        assert_refused InteractiveAuthorizationRequired revoke_own alice "$name"
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_REASON=not-authorized MXC_ACTION=org.mxc1.Manager.RevokeAgent MXC_CALLER_UID="$(id -u alice)"
        assert_eq suspended "$(agent_state "$name")"
        assert_refused AgentExists register_own alice "$name"
        assert_ok call "$(agent "$name")" Agent Resume
        assert_ok revoke_own alice "$name"
}

test_a_user_is_barred_with_all_agents() {
        local user uid
        user=barred-$RANDOM
        useradd --create-home "$user"
        defer userdel -r "$user"
        uid=$(id -u "$user")
        defer eval "rm -f /var/lib/mxc/agents/user-$uid*.json; systemctl restart mxcd"
        assert_ok register "user-$uid-x" "$user"
        spawn_for root "user-$uid-x" -- sleep infinity
        assert_ok mxcctl agent suspend "user-$uid" --reason odd
        assert_refused AgentSuspended spawn_for root "user-$uid-x" -- true
        assert_contains "$output" "user-$uid is suspended: odd"
        assert_eq suspended "$(agent_state "user-$uid-x")"
        assert_refused AgentSuspended call "$sandbox" Sandbox Exec 'asa{sv}' 1 true 0
        assert_ok call "$(agent "user-$uid")" Agent Resume
        assert_ok call "$sandbox" Sandbox Exec 'asa{sv}' 1 true 0
        assert_ok mxcctl agent revoke "user-$uid"
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=stop MXC_REASON=revoked MXC_AGENT="user-$uid-x"
        assert_refused AgentRevoked spawn_for root "user-$uid-x" -- true
}

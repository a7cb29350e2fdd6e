# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# What a sandbox that runs may reach, while that changes: what is taken away is taken away at once.
# shellcheck source=tests/machine/world/world.sh
. "$MXC_TEST_SRC/tests/machine/world/world.sh"

# policy NAME HOST…: an administrator's file, in force
policy() {
        local name=$1 hosts
        shift
        hosts=$(printf '{"host": "%s"}, ' "$@")
        printf '{"schema": "mxc-policy/1", "name": "%s", "extends": "workspace", "network": {"egress": {"allow": [{"to": [%s]}]}}}\n' \
                "$name" "${hosts%, }" >"$work/$name.json"
        defer rm -f "/etc/mxc/policies/$name.json"
        mv "$work/$name.json" "/etc/mxc/policies/$name.json"
        call /org/mxc1 Manager Reload >/dev/null
}

# talker: an agent of alice's that holds a connection to web.example.com, and says in "told" what becomes of it; $agent, $sandbox
TALK='
import socket, time
s = socket.create_connection(("web.example.com", 7), timeout=60)
s.sendall(b"\0one")
assert s.recv(10) == b"\0one"
open("told", "w").write("talks\n")
try:
    while True:
        s.sendall(b"x" * 1000)
        if not s.recv(65536):
            raise ConnectionError("closed")
        time.sleep(0.01)
except ConnectionError:
    open("told", "w").write("cut\n")
while True:
    try:
        again = socket.create_connection(("web.example.com", 7), timeout=60)
        again.sendall(b"\0")
        open("told", "w").write("again\n" if again.recv(1) else "refused\n")
    except OSError:
        open("told", "w").write("refused\n")
    time.sleep(0.2)
'
told() { [ "$(cat "$ws/told" 2>/dev/null)" = "$1" ]; }
talker() {
        world_up
        workspace alice
        policy live-both web.example.com other.example.net
        policy live-other other.example.net
        agent=live-$RANDOM$RANDOM
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$agent\", \"owner\": \"alice\", \"policy\": \"live-both\"}" >/dev/null
        spawn_for alice "$agent" workspace s "$ws" -- python3 -c "$TALK"
        defer end_quietly "$sandbox"
        wait_until 30 told talks
}
agent_path() { printf '/org/mxc1/agent/%s\n' "${agent//-/_2d}"; }
relay_of() { cat "$(leaf "$1").egress/cgroup.procs" 2>/dev/null || true; }

test_another_policy_of_the_agent_cuts_what_it_forbids() {
        talker
        local before=$sandbox
        assert_ok call "$(agent_path)" Agent SetPolicy s live-other
        wait_until 10 told refused
        assert_record MXC_EVENT=lease MXC_REASON=set-policy MXC_SANDBOX="${sandbox##*/}"
        assert_record MXC_EVENT=disconnect MXC_REASON=revoked MXC_TARGET=tcp/web.example.com:7
        assert_eq running "$(state "$before")"
        # and back: what it began with, without a new start
        assert_ok call "$(agent_path)" Agent SetPolicy s live-both
        wait_until 10 told again
}

test_a_file_that_changes_cuts_what_it_forbids() {
        talker
        policy live-both other.example.net
        wait_until 10 told refused
        assert_record MXC_EVENT=lease MXC_REASON=policy-load MXC_SANDBOX="${sandbox##*/}"
        # never more than it began with
        policy live-both web.example.com other.example.net api.example.com
        wait_until 10 told again
        assert_ok call "$sandbox" Sandbox Exec 'asa{sv}' 3 sh -c 'curl -sS -m 20 http://api.example.com/live-more; echo done >more' 0
        wait_until 30 test -s "$ws/more"
        ! world_saw /live-more || fail 'a sandbox that runs reaches more than it began with'
}

test_it_is_held_to_it_by_the_next_mxcd_and_the_next_relay() {
        talker
        systemctl stop mxcd
        printf '{"schema": "mxc-policy/1", "name": "live-both", "extends": "workspace"}\n' >/etc/mxc/policies/live-both.json
        systemctl start mxcd
        wait_until 20 mxcd_is_up
        wait_until 20 told refused
        assert_record MXC_EVENT=lease MXC_REASON=adopt MXC_SANDBOX="${sandbox##*/}"
        kill -KILL "$(relay_of "$sandbox")"
        sleep 1
        scenario_cursor
        wait_until 30 has_record MXC_EVENT=resolve MXC_DECISION=deny MXC_TARGET=dns/web.example.com
        assert_no_record MXC_EVENT=connect MXC_DECISION=allow MXC_SANDBOX="${sandbox##*/}"
}

test_a_relay_that_stands_still_is_killed() {
        talker
        local relay
        relay=$(relay_of "$sandbox")
        kill -STOP "$relay"
        assert_ok call "$(agent_path)" Agent SetPolicy s live-other
        wait_until 10 test ! -d "/proc/$relay"
        assert_record MXC_EVENT=lease MXC_REASON=late MXC_SANDBOX="${sandbox##*/}"
        assert_record MXC_EVENT=disconnect MXC_REASON=revoked MXC_TARGET=tcp/web.example.com:7
        wait_until 30 told refused
        assert_eq running "$(state "$sandbox")"
}

test_a_revoked_agent_says_nothing_more() {
        talker
        local relay
        relay=$(relay_of "$sandbox")
        kill -STOP "$relay"
        assert_ok call "$(agent_path)" Agent Revoke s 'it went wrong'
        wait_until 10 test ! -d "/proc/$relay"
        wait_until 10 is_gone "$sandbox"
        assert_record MXC_EVENT=lease MXC_REASON=revoke MXC_SANDBOX="${sandbox##*/}"
}

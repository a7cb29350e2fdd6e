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
        put "/etc/mxc/policies/$name.json" \
                '{"schema": "mxc-policy/1", "name": "'"$name"'", "extends": "workspace", "network": {"egress": {"allow": [{"to": ['"${hosts%, }"']}]}}}'
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

# The credentials of the host's proxy are in its memory.
test_a_relay_leaves_no_core() {
        local pid
        talker
        pid=$(relay_of "$sandbox")
        assert_ne '' "$pid" 'there is no relay'
        assert_eq 'Max core file size 0 0 bytes' "$(sed -n 's/  */ /g; s/ $//; /^Max core/p' "/proc/$pid/limits")"
}

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
        put /etc/mxc/policies/live-both.json '{"schema": "mxc-policy/1", "name": "live-both", "extends": "workspace"}'
        systemctl start mxcd
        wait_until 20 mxcd_is_up
        wait_until 20 told refused
        assert_record MXC_EVENT=lease MXC_REASON=adopt MXC_SANDBOX="${sandbox##*/}"
        local relay
        relay=$(relay_of "$sandbox")
        kill -KILL "$relay"
        wait_until 10 test ! -d "/proc/$relay"
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

# ---- races

# racer POLICY: an agent that never stops trying, by old connections and new ones, and tells web.example.com what the file "phase" says at that
# moment. So whatever is told of a phase was sent in it. In "tried" is a line for each attempt that failed: the phase that it was begun in.
RACER='
import os, socket, threading, time
def phase():
    try:
        return open("phase").read().strip()
    except OSError:
        return "none"
def known():
    while True:
        try:
            return socket.gethostbyname("web.example.com")
        except OSError:
            time.sleep(0.05)
address = None
def resolve():
    global address
    while True:
        address = known()
        time.sleep(0.02)
def tell(most):
    while True:
        now = phase()
        try:
            with socket.create_connection((address or known(), 80), timeout=20) as s:
                for _ in range(most):
                    s.sendall(f"GET /{phase()} HTTP/1.1\r\nHost: web.example.com\r\n\r\n".encode())
                    if not s.recv(4096):
                        break
                    time.sleep(0.002)
        except OSError:
            with open("tried", "a") as f:
                f.write(now + "\n")
            time.sleep(0.005)
threads = [threading.Thread(target=resolve)] + [threading.Thread(target=tell, args=[1 if i % 2 else 1 << 30]) for i in range(8)]
for t in threads:
    t.start()
'
racer() {
        world_up
        workspace alice
        policy live-both web.example.com other.example.net
        policy live-other other.example.net
        agent=live-$RANDOM$RANDOM
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$agent\", \"owner\": \"alice\", \"policy\": \"$1\"}" >/dev/null
        spawn_for alice "$agent" workspace s "$ws" -- python3 -c "$RACER"
        defer end_quietly "$sandbox"
}
phase() {
        printf '%s\n' "$1" >"$ws/.phase"
        mv "$ws/.phase" "$ws/phase"
}
# settled: whatever was changed before is in force: this changes something, is answered when that is, and undoes it
settled() {
        local number
        number=$(mxcctl grant "${sandbox##*/}" other.example.net:9 1h) && mxcctl ungrant "${sandbox##*/}" "$number" >/dev/null
}
# disturb WORD: what happens to whom it depends on
disturb() {
        local relay
        relay=$(relay_of "$sandbox")
        case $1 in
        nothing) ;;
        relay) kill -KILL "$relay" || true ;;
        still) kill -STOP "$relay" || true ;;
        mxcd) systemctl kill -s KILL mxcd ;;
        both)
                systemctl kill -s KILL mxcd
                kill -KILL "$relay" || true
                ;;
        esac
}
# opened N, closed N: from now on it may be told, which it is; and not, which it is not
opened() {
        phase "open-$1"
        wait_until 40 world_saw "/open-$1 "
}
closed() {
        phase "closed-$1"
        sleep 1
        wait_until 20 has_tried "closed-$1" # which takes a slow machine longer
        ! world_saw "/closed-$1 " || fail "after that ($2) it is told"
}

has_tried() { [ "$(grep -cx "$1" "$ws/tried")" -ge 16 ]; }

test_tightening_while_it_is_raced() {
        racer live-both
        local i=0 what
        for what in nothing relay mxcd still both relay mxcd both; do
                i=$((i + 1))
                wait_until 30 call "$(agent_path)" Agent SetPolicy s live-both
                wait_until 20 settled
                opened $i
                call "$(agent_path)" Agent SetPolicy s live-other >/dev/null 2>&1 &
                sleep "0.00$((RANDOM % 10))"
                disturb $what
                wait $! || true
                wait_until 30 mxcd_is_up
                wait_until 30 call "$(agent_path)" Agent SetPolicy s live-other # it was killed before it heard of it, maybe
                wait_until 20 settled
                closed $i $what
        done
        assert_eq running "$(state "$sandbox")"
        assert_record MXC_EVENT=disconnect MXC_REASON=revoked MXC_TARGET=tcp/web.example.com:80
}

# ---- grants

HOUR=3600000000
RULE='{"to": [{"host": "web.example.com"}], "ports": [{"protocol": "tcp", "port": 7}]}'

# waiter: the same agent under a policy that does not reach web.example.com
waiter() {
        world_up
        workspace alice
        policy live-other other.example.net
        agent=live-$RANDOM$RANDOM
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$agent\", \"owner\": \"alice\", \"policy\": \"live-other\"}" >/dev/null
        spawn_for alice "$agent" workspace s "$ws" -- python3 -c "$WAIT$TALK"
        defer end_quietly "$sandbox"
        wait_until 30 told refused
}
WAIT='
import socket, time
while True:
    try:
        socket.create_connection(("web.example.com", 7), timeout=60).close()
        break
    except OSError:
        open("told", "w").write("refused\n")
        time.sleep(0.2)
'

test_a_grant_opens_and_closes_by_itself() {
        waiter
        local id=${sandbox##*/}
        assert_ok mxcctl grant "$id" web.example.com:7 8s
        assert_eq 1 "$output"
        assert_record MXC_EVENT=grant MXC_DECISION=allow MXC_GRANT=1 MXC_SANDBOX="$id" MXC_CALLER_UID=0
        wait_until 7 told talks
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:7 MXC_CLAUSE='grant-1#/network/egress/allow/0'
        wait_until 20 told refused
        assert_record MXC_EVENT=grant-over MXC_REASON=expired MXC_GRANT=1 MXC_SANDBOX="$id"
        assert_record MXC_EVENT=disconnect MXC_REASON=revoked MXC_TARGET=tcp/web.example.com:7
}

test_a_grant_before_anything_is_dialled() {
        world_up
        workspace alice
        policy live-other other.example.net
        agent=live-$RANDOM$RANDOM
        call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$agent\", \"owner\": \"alice\", \"policy\": \"live-other\"}" >/dev/null
        spawn_for alice "$agent" workspace s "$ws" -- python3 -c "
import os, time
while not os.path.exists('go'):
    time.sleep(0.1)
$TALK"
        defer end_quietly "$sandbox"
        assert_ok mxcctl grant "${sandbox##*/}" web.example.com:7 1h
        assert_eq '' "$(relay_of "$sandbox")"
        touch "$ws/go"
        wait_until 20 told talks
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/web.example.com:7 MXC_CLAUSE='grant-1#/network/egress/allow/0'
}

test_a_grant_that_is_shown_and_revoked() {
        waiter
        local id=${sandbox##*/}
        assert_ok mxcctl grant "$id" web.example.com:7 1h
        wait_until 20 told talks
        assert_ok as alice mxcctl net --full "$id"
        assert_contains "$output" granted
        assert_contains "$output" grant-1
        assert_contains "$output" tcp/web.example.com:7
        assert_contains "$(mxcctl audit --sandbox "$id" --event grant)" 'tcp/web.example.com:7, grant 1, for 1h'
        assert_ok as alice mxcctl ungrant "$id" 1
        wait_until 10 told refused
        assert_record MXC_EVENT=grant-over MXC_REASON=revoked MXC_GRANT=1 MXC_ON_BEHALF_USER=alice
        assert_refused InvalidArgument call "$sandbox" Sandbox RevokeGrant u 1
}

test_a_grant_outlives_mxcd_and_the_relay_but_not_its_time() {
        waiter
        assert_ok call "$sandbox" Sandbox Grant st "$RULE" $HOUR
        wait_until 20 told talks
        local relay
        relay=$(relay_of "$sandbox") # which mxcd is asked for
        systemctl kill -s KILL mxcd
        kill -KILL "$relay"
        wait_until 20 mxcd_is_up
        wait_until 30 told again
        # its time is over while mxcd is not there: the relay closes it, and its record is made later
        assert_ok call "$sandbox" Sandbox RevokeGrant u 1
        wait_until 10 told refused
        assert_ok call "$sandbox" Sandbox Grant st "$RULE" 6000000
        assert_ok call "$sandbox" Sandbox Exec 'asa{sv}' 3 python3 -c "$HOLD" 0
        wait_until 5 test -e "$ws/held"
        systemctl stop mxcd
        wait_until 20 test -e "$ws/lost"
        systemctl start mxcd
        wait_until 20 mxcd_is_up
        assert_record MXC_EVENT=grant-over MXC_REASON=expired MXC_GRANT=2
        wait_until 10 told refused
}
HOLD='
import socket, time
s = socket.create_connection(("web.example.com", 7), timeout=60)
s.sendall(b"\0held")
s.recv(10)
open("held", "w").close()
try:
    s.recv(1)
except OSError:
    pass
open("lost", "w").close()
'

test_the_clock_that_is_set_does_not_prolong_a_grant() {
        waiter
        assert_ok call "$sandbox" Sandbox Grant st "$RULE" 6000000
        wait_until 5 told talks
        if date -s '-1 hour' >/dev/null 2>&1; then # a container has no clock of its own
                defer date -s '+1 hour'
        fi
        wait_until 20 told refused
        assert_record MXC_EVENT=grant-over MXC_REASON=expired MXC_GRANT=1
}

# LIMIT_GRANTS, at n and at n+1: one more is refused, on record and without effect, until one goes.
test_as_many_grants_as_a_sandbox_can_have() {
        waiter
        local id=${sandbox##*/} i
        for ((i = 1; i <= 32; i++)); do
                assert_ok mxcctl grant "$id" "web.example.com:$((9000 + i))" 1h
                assert_eq $i "$output"
        done
        assert_refused LimitReached call "$sandbox" Sandbox Grant st "$RULE" $HOUR
        assert_record MXC_EVENT=grant MXC_DECISION=deny MXC_REASON=limit MXC_SANDBOX="$id"
        assert_fails mxcctl grant "$id" web.example.com:7 1h
        assert_contains "$output" 'as many grants as a sandbox can have'
        told refused || fail 'it was granted all the same'
        assert_ok mxcctl ungrant "$id" 17
        assert_ok mxcctl grant "$id" web.example.com:7 1h
        assert_refused LimitReached call "$sandbox" Sandbox Grant st "$RULE" $HOUR
        wait_until 20 told talks
}

test_what_may_be_granted_by_whom() {
        waiter
        local id=${sandbox##*/}
        # what her agent's policy allows, alice may grant; what is more, she may not, and bob nothing
        assert_ok as alice mxcctl grant --no-ask-password "$id" other.example.net:80 1h
        assert_fails as alice mxcctl grant --no-ask-password "$id" web.example.com:7 1h
        assert_record MXC_EVENT=control MXC_DECISION=deny MXC_REASON=beyond-agent MXC_CALLER_UID="$(id -u alice)"
        assert_fails as bob busctl --timeout=60 call org.mxc1 "$sandbox" org.mxc1.Sandbox Grant st "$RULE" $HOUR
        assert_fails as bob busctl --timeout=60 call org.mxc1 "$sandbox" org.mxc1.Sandbox RevokeGrant u 1
        assert_no_record MXC_EVENT=grant MXC_DECISION=allow MXC_GRANT=2
        told refused || fail 'it was granted all the same'
        # a sandbox asks for itself
        assert_ok call "$sandbox" Sandbox Exec 'asa{sv}' 3 sh -c "busctl call org.mxc1 $sandbox org.mxc1.Sandbox Grant st '$RULE' $HOUR; mxcctl grant $id web.example.com:7 1h; touch asked" 0
        wait_until 30 test -e "$ws/asked"
        assert_no_record MXC_EVENT=grant MXC_DECISION=allow MXC_CALLER_UID="$(id -u alice)" MXC_GRANT=3
        # no time is no time, for ever neither
        assert_refused InvalidArgument call "$sandbox" Sandbox Grant st "$RULE" 0
        assert_refused InvalidArgument call "$sandbox" Sandbox Grant st "$RULE" $((24 * HOUR + 1))
        assert_refused PolicyInvalid call "$sandbox" Sandbox Grant st '{"to": []}' $HOUR
        # as many as there may be, and one more
        local i
        for ((i = 0; i < 31; i++)); do
                call "$sandbox" Sandbox Grant st "$RULE" $HOUR >/dev/null
        done
        assert_refused LimitReached call "$sandbox" Sandbox Grant st "$RULE" $HOUR
}

test_grants_while_they_are_raced() {
        racer live-other
        local i=0 what number begun
        for what in nothing relay mxcd both still; do
                i=$((i + 1))
                wait_until 30 mxcd_is_up
                begun=$EPOCHREALTIME
                number=$(mxcctl grant "${sandbox##*/}" web.example.com:80 8s)
                opened $i
                sleep "$(awk -v begun="$begun" -v now="$EPOCHREALTIME" 'BEGIN { rest = 7.9 - (now - begun); print(rest > 0 ? rest : 0) }')" # just before it is over
                disturb "$what"
                wait_until 30 mxcd_is_up
                wait_until 30 has_record MXC_EVENT=grant-over MXC_REASON=expired MXC_GRANT="$number"
                wait_until 20 settled
                closed $i "$what"
        done
}

test_no_grant_beyond_the_ceiling() {
        waiter
        defer call /org/mxc1 Manager Reload
        local tighter
        tighter=$(python3 -c '
import json
ceiling = json.load(open("/usr/lib/mxc/ceiling.json"))
ceiling.setdefault("network", {}).setdefault("egress", {})["deny"] = [{"to": [{"host": "web.example.com"}]}]
print(json.dumps(ceiling))')
        assert_ok call "$sandbox" Sandbox Grant st "$RULE" $HOUR
        wait_until 20 told talks
        put /etc/mxc/ceiling.json "$tighter"
        call /org/mxc1 Manager Reload >/dev/null
        wait_until 10 told refused
        assert_refused Denied call "$sandbox" Sandbox Grant st "$RULE" $HOUR
        assert_contains "$output" '(ceiling, beyond-ceiling)'
        assert_record MXC_EVENT=grant MXC_DECISION=deny MXC_REASON=beyond-ceiling
        rm /etc/mxc/ceiling.json
        # nor where there is nothing that could be opened
        idle alice
        assert_refused Unsupported call "$sandbox" Sandbox Grant st "$RULE" $HOUR
}

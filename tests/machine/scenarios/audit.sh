# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# The audit with the real journal: nothing happens unrecorded, and nothing that a stranger writes looks like a record.

# what runs in cages right now, by the kernel's own word
cages() { find /sys/fs/cgroup/mxc.slice -name cgroup.procs -path '*/mxc-*.scope/*' -exec cat {} + 2>/dev/null | wc -l; }

test_without_a_journal_nothing_starts() {
        local before
        workspace alice
        idle alice
        before=$(cages)
        journal_away
        assert_refused AuditUnavailable spawn alice workspace s "$ws" -- touch started
        assert_refused AuditUnavailable call "$sandbox" Sandbox Exec 'asa{sv}' 1 true 0
        assert_refused AuditUnavailable call "$sandbox" Sandbox Thaw
        assert_refused AuditUnavailable call "$sandbox" Sandbox Kill si all 10
        assert_refused AuditUnavailable call /org/mxc1 Manager RegisterAgent s '{"name": "unrecorded", "policy": "workspace"}'
        assert_fails run alice touch started
        assert_contains "$output" 'The journal takes no records'
        [ ! -e "$ws/started" ] || fail 'it ran, unrecorded'
        assert_eq "$before" "$(cages)"
        assert_eq running "$(state "$sandbox")"
        [ ! -e /var/lib/mxc/agents/unrecorded.json ] || fail 'it is registered, unrecorded'
        journal_back
        assert_ok spawn alice workspace s "$ws" -- touch started
        wait_until 5 test -e "$ws/started"
}

test_what_happened_meanwhile_is_told_later() {
        workspace alice
        spawn alice workspace s "$ws" timeout t 60000000 -- sh -c 'until [ -e end ]; do sleep 0.1; done; exit 7'
        local id=${sandbox##*/}
        journal_away
        touch "$ws/end"
        wait_until 10 is_gone "$sandbox"
        journal_back
        wait_until 10 eval "[ \$(records MXC_EVENT=exit MXC_SANDBOX=$id) = 1 ]"
        assert_eq 7 "$(record MXC_EXIT_CODE MXC_EVENT=exit MXC_SANDBOX="$id")"
        assert_ne '' "$(record MXC_TIME MXC_EVENT=exit MXC_SANDBOX="$id")"
}

# A journal that is stuck, and not gone: the queue is full, and mxcd waits for nobody.
test_a_journal_that_is_stuck() {
        idle alice
        journal_stops
        assert_ok call "$sandbox" Sandbox Freeze
        assert_ok call "$sandbox" Sandbox Thaw
        journal_fills
        assert_refused AuditUnavailable call "$sandbox" Sandbox Thaw
        assert_refused AuditUnavailable spawn alice -- true
        assert_ok busctl --timeout=20 call "${MANAGER[@]}" ListSandboxes
        assert_eq running "$(state "$sandbox")"
        kill -CONT "$journald"
        wait_until 20 call "$sandbox" Sandbox Freeze
        journalctl --sync
        assert_eq 2 "$(records MXC_EVENT=freeze MXC_SANDBOX="${sandbox##*/}")" 'what was said to be recorded is not'
        assert_eq 1 "$(records MXC_EVENT=thaw MXC_SANDBOX="${sandbox##*/}")"
}

# What must be possible of all times: it is done, its record is on disk by then, and mxcd's end and a new one do not lose it.
test_a_kill_while_the_journal_is_stuck() {
        idle alice
        local id=${sandbox##*/}
        journal_stops
        journal_fills
        call "$sandbox" Sandbox Kill si all 9 &
        local killing=$!
        assert_ok timeout 20 mxcctl list # while that waits
        wait $killing || fail 'it is not killed'
        wait_until 10 is_gone "$sandbox"
        assert_eq 1 "$(find /run/mxc/audit -type f | wc -l)" 'the record is not on disk'
        kill -9 "$(systemctl show -P MainPID mxcd)"
        wait_until 20 mxcd_is_up
        assert_eq 1 "$(find /run/mxc/audit -type f | wc -l)" 'the next mxcd has forgotten it'
        kill -CONT "$journald"
        wait_until 20 eval "[ \$(records MXC_EVENT=kill MXC_SANDBOX=$id) = 1 ]"
        assert_eq 'SIGKILL all' "$(record MXC_TARGET MXC_EVENT=kill MXC_SANDBOX="$id")"
        assert_ne '' "$(record MXC_TIME MXC_EVENT=kill MXC_SANDBOX="$id")"
        wait_until 5 eval '[ -z "$(find /run/mxc/audit -type f)" ]'
}

# Twenty acts wait for it, each about the same agent, and by the time that there is room one more comes, by a connection that is served among them: it is
# done last, as it was asked for last. mxcd stands still until both are there.
test_what_waits_is_not_overtaken() {
        local name=overtaken-$RANDOM daemon
        daemon=$(systemctl show -P MainPID mxcd)
        assert_ok call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"workspace\"}"
        journal_stops
        journal_fills
        defer kill -CONT "$daemon"
        assert_ok python3 - "$journald" "$daemon" "/org/mxc1/agent/${name//-/_2d}" <<'END'
import os, signal, sys, time
sys.path.insert(0, "/opt/mxc-test/src/tests/machine")
from wire import Connection
journal, daemon, agent = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
one, other = Connection("door"), Connection("door")
other.ask("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping")
for i in range(10):
    one.send(agent, "org.mxc1.Agent", "Suspend", "s", [f"number {i}"])
    one.send(agent, "org.mxc1.Agent", "Resume")
one.ask("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping")  # all of them are there
os.kill(daemon, signal.SIGSTOP)
other.send(agent, "org.mxc1.Agent", "Suspend", "s", ["the last word"])
os.kill(journal, signal.SIGCONT)
time.sleep(0.5)  # it reads what there is; how far it comes changes nothing
os.kill(daemon, signal.SIGCONT)
answer = other.next()
assert answer.error is None, answer.error
for _ in range(20 - len(one.unread)):
    one.next()
END
        assert_eq suspended "$(property "/org/mxc1/agent/${name//-/_2d}" State)" 'what was asked for before was done after it'
        journalctl --sync
        assert_eq 'the last word' "$(journalctl -q --cursor="$cursor" -o json _SYSTEMD_UNIT=mxcd.service MXC_AGENT="$name" | python3 -c '
import json, sys
states = [r for r in map(json.loads, sys.stdin) if r["MXC_EVENT"] in ("suspend", "resume")]
print(states[-1].get("MXC_NOTE"))')"
}

# What an owner does with its own waits twenty times, an administrator comes later, and is first when there is room. Where this machine is too slow for all
# of them to be there before their time is over, it is tried again.
test_owners_are_in_no_administrators_way() {
        local i owner ok=no
        workspace alice
        idle alice
        for i in 1 2 3 4 5; do
                rm -f "$ws/ready" "$ws/go" "$ws/sent"
                as alice python3 - "$sandbox" "$ws" <<'END' &
import os, sys, time
sys.path.insert(0, "/opt/mxc-test/src/tests/machine")
from wire import Connection
sandbox, place = sys.argv[1:]
c = Connection("door")
assert c.ask(sandbox, "org.mxc1.Sandbox", "Thaw").error is None  # and polkit need not be asked again
open(f"{place}/ready", "w").close()
while not os.path.exists(f"{place}/go"):
    time.sleep(0.01)
sent = {c.send(sandbox, "org.mxc1.Sandbox", "Thaw") for _ in range(20)}
c.ask("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping")  # all of them are there
early = sum(m.answers in sent for m in c.unread)
open(f"{place}/sent", "w").close()
sys.exit(early > 0 or any([c.next().error for _ in sent]))
END
                owner=$!
                wait_until 10 test -e "$ws/ready"
                journal_stops
                journal_fills
                touch "$ws/go"
                wait_until 10 test -e "$ws/sent"
                ok=yes
                python3 - "$journald" "$sandbox" <<'END' || ok=no
import os, signal, sys
sys.path.insert(0, "/opt/mxc-test/src/tests/machine")
from wire import Connection
c = Connection("door")
number = c.send(sys.argv[2], "org.mxc1.Sandbox", "Kill", "si", ["all", signal.SIGCONT])
c.ask("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping")  # it is there
os.kill(int(sys.argv[1]), signal.SIGCONT)
answer = next((m for m in c.unread if m.answers == number), None) or c.answer(number)
sys.exit(answer.error is not None)
END
                kill -CONT "$journald"
                wait $owner || ok=no
                [ $ok = no ] || break
        done
        assert_eq yes $ok 'none of five times all that waited was done'
        journalctl --sync
        assert_eq "kill$(printf ' thaw%.0s' {1..20})" "$(journalctl -q --cursor="$cursor" -o json _SYSTEMD_UNIT=mxcd.service MXC_SANDBOX="${sandbox##*/}" |
                python3 -c '
import json, sys
events = [r["MXC_EVENT"] for r in map(json.loads, sys.stdin) if "MXC_EVENT" in r]
print(*[e for e in events if e in ("kill", "thaw")][-21:])')" 'it waited behind them'
}

# What begins something waits as well, a little, and is then done; one after the other, each while the journal is full when it is asked for. Where this
# machine is slower than that little, it is asked for again.
test_what_begins_something_waits_for_the_journal() {
        local name=patient-$RANDOM
        idle alice
        journal_stops
        assert_ok python3 - "$journald" "$sandbox" "$name" <<'END'
import os, signal, socket, sys
sys.path.insert(0, "/opt/mxc-test/src/tests/machine")
from wire import Connection
journal, sandbox, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
manager = ("/org/mxc1", "org.mxc1.Manager")
document = '{"name": "%s", "owner": "alice", "policy": "workspace"}' % name
acts = [(*manager, "Spawn", "sasa{sv}", ["", ["true"], {}]), (*manager, "CreateSandbox", "sa{sv}", ["", {}]),
        (sandbox, "org.mxc1.Sandbox", "Exec", "asa{sv}", [["true"], {}]), (*manager, "RegisterAgent", "s", [document]), (*manager, "Reload")]


def fill():
    sockets = []
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        s.connect("/run/systemd/journal/socket")
        sockets.append(s)
        sent = 0
        try:
            while True:
                sent += s.send(b"MESSAGE=flood\n")
        except BlockingIOError:
            if sent == 0:
                return


def stands():
    with open(f"/proc/{journal}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def waited(act):
    os.kill(journal, signal.SIGSTOP)
    while not stands():
        pass
    fill()
    c = Connection("door")
    number = c.send(*act)
    c.ask("/org/mxc1", "org.freedesktop.DBus.Peer", "Ping")  # it is there
    with os.fdopen(Connection("door").ask(*manager, "Dump").fds[0]) as text:
        waits = "uid 0: 2 requests under way" in text.read()  # that, and Dump
    os.kill(journal, signal.SIGCONT)
    answer = next((m for m in c.unread if m.answers == number), None) or c.answer(number)
    if answer.error:
        print(act[2], answer.error, answer.body)
    elif act[2] == "CreateSandbox":
        c.ask(answer.body[0], "org.mxc1.Sandbox", "Stop")
    return waits and not answer.error


for act in acts:
    assert any(waited(act) for _ in range(5)), act[2]
END
        assert_eq 1 "$(records MXC_EVENT=register MXC_AGENT="$name")"
        assert_no_record MXC_EVENT=gap
}

# Others write as fast as the journal reads: there is hardly ever room. All of it is killed, and all of it is told.
test_a_kill_in_a_flood() {
        local i n=40 name=flooded-$RANDOM flood=()
        assert_ok call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"workspace\"}"
        for ((i = 0; i < n; i++)); do spawn_for alice "$name" -- sleep infinity; done
        for i in 1 2 3; do # each socket may hold less unread than the queue
                python3 -c '
import socket
sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(4)]
for s in sockets: s.connect("/run/systemd/journal/socket")
while True:
    for s in sockets: s.send(b"MESSAGE=flood\n")' &
                flood+=($!)
                defer kill $!
        done
        wait_until 10 journal_is_full
        assert_ok call "/org/mxc1/agent/${name//-/_2d}" Agent KillAll
        wait_until 20 eval "[ \"\$(property /org/mxc1/agent/${name//-/_2d} NSandboxes)\" = 0 ]"
        kill "${flood[@]}"
        wait_until 30 eval "[ \$(records MXC_EVENT=exit MXC_AGENT=$name) = $n ]"
        assert_eq 1 "$(records MXC_EVENT=kill MXC_AGENT="$name" MXC_TARGET='SIGKILL all sandboxes')"
        assert_eq "$n" "$(records MXC_EVENT=stop MXC_AGENT="$name" MXC_REASON=killed)"
        assert_no_record MXC_EVENT=gap
}
journal_is_full() {
        python3 -c '
import select, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/socket")
p = select.poll()
p.register(s, select.POLLOUT)
raise SystemExit(bool(p.poll(0)))'
}

# What mxcd says to its log goes by a stream to the same journal, which must not hold it up either.
test_a_log_that_nobody_reads() {
        local name=gone-$RANDOM
        assert_ok call /org/mxc1 Manager RegisterAgent s "{\"name\": \"$name\", \"owner\": \"alice\", \"policy\": \"workspace\"}"
        assert_ok call /org/mxc1 Manager RevokeAgent ss "$name" ''
        journal_stops
        journal_fills
        assert_ok python3 - "/org/mxc1/agent/${name//-/_2d}" <<'END'
import sys
sys.path.insert(0, "/opt/mxc-test/src/tests/machine")
from wire import Connection
c = Connection("door")
for _ in range(800): # 40000, as systemd gives the stream 8 MiB; each is refused at once, and that this is not on record goes there
    for _ in range(50):
        c.send(sys.argv[1], "org.mxc1.Agent", "Resume")
    for _ in range(50):
        answer = c.next()
        assert answer.error == "org.mxc1.Error.AgentRevoked", answer.error
END
        assert_ok busctl --timeout=20 call "${MANAGER[@]}" ListSandboxes
}

test_what_others_write_is_no_record() {
        local id=00000000000000000000000000000bad
        idle alice
        # alice says the same to the journal that mxcd would, byte for byte
        as alice python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("/run/systemd/journal/socket")
s.send(b"\n".join([b"MESSAGE=Sandbox may run", b"MESSAGE_ID=2e206dc4b4cd6383fa42b4bcf7a5bba5", b"PRIORITY=6",
        b"SYSLOG_IDENTIFIER=mxcd", b"MXC_EVENT=spawn", b"MXC_DECISION=allow", b"MXC_AGENT=forged-agent", b"MXC_SANDBOX='$id'",
        b"_UID=0", b"_SYSTEMD_UNIT=mxcd.service", b"_PID=1", b""]))'
        journalctl --sync
        assert_ne '' "$(journalctl -q --cursor="$cursor" MXC_SANDBOX=$id)" 'the forgery is not in the journal at all'
        assert_eq 0 "$(records MXC_SANDBOX=$id)"
        output=$(mxcctl audit --no-pager --since '-10min' 2>&1 || mxcctl audit --no-pager)
        assert_contains "$output" "user-$(id -u alice)"
        assert_lacks "$output" forged-agent
        assert_lacks "$output" $id
}

test_strange_bytes_stay_where_they_are() {
        workspace alice
        local odd=$'x\nMXC_DECISION=deny\nMESSAGE=no\e[31m\u202e"\\' id
        spawn alice workspace s "$ws" -- sh -c 'sleep infinity' "$odd"
        defer end_quietly "$sandbox"
        id=${sandbox##*/}
        journalctl --sync
        journalctl -q --all --cursor="$cursor" -o json MXC_EVENT=spawn MXC_SANDBOX="$id" >"$work/record"
        python3 - "$work/record" "$odd" <<'END'
import json, sys
record = json.loads(open(sys.argv[1]).read())
assert json.loads(record["MXC_TARGET"]) == ["sh", "-c", "sleep infinity", sys.argv[2]], record["MXC_TARGET"]
assert record["MXC_DECISION"] == "allow", record["MXC_DECISION"]
message = record["MESSAGE"]
assert isinstance(message, str) and all(c.isprintable() for c in message), message
END
}

test_a_long_command_is_cut_and_says_so() {
        idle alice
        local words
        mapfile -t words < <(seq 100000 103999)
        assert_refused NoSuchCommand spawn alice -- /no/such/command "${words[@]}"
        journalctl --sync
        journalctl -q --cursor="$cursor" --all -o json MXC_EVENT=spawn MXC_TRUNCATED=MXC_TARGET | tail -n 1 | python3 -c '
import json, sys
words = json.loads(json.loads(sys.stdin.read())["MXC_TARGET"])
assert words[:2] == ["/no/such/command", "100000"] and len(words) > 500, words[:3]'
}

# Refusals that are alike are counted, and none is dropped: the sum is how many there were, in a handful of records.
test_a_flood_of_refusals_is_counted() {
        local of
        of=(MXC_EVENT=control MXC_CALLER_UID="$(id -u bob)")
        counts_begin
        as bob python3 - <<'END'
import subprocess
argv = ["busctl", "--allow-interactive-authorization=no", "call", "org.mxc1", "/org/mxc1", "org.mxc1.Manager", "Reload"]
for _ in range(20):
    running = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(15)]
    assert all(p.wait() != 0 for p in running)
END
        wait_until 20 eval "[ \"\$(refusals ${of[*]})\" = 300 ]"
        [ "$(records "${of[@]}")" -le 10 ] || fail 'a flood is written down one by one'
}

# What is counted when mxcd goes down is told before it does.
test_a_count_is_told_before_the_end() {
        local of
        of=(MXC_EVENT=control MXC_CALLER_UID="$(id -u bob)")
        counts_begin
        for _ in 1 2 3 4 5; do
                assert_refused InteractiveAuthorizationRequired quietly bob /org/mxc1 org.mxc1.Manager Reload
        done
        counts_told
        assert_eq 5 "$(refusals "${of[@]}")"
}

test_every_record_is_explained() {
        local id
        journalctl --update-catalog
        for id in $(journalctl -q -o json _SYSTEMD_UNIT=mxcd.service _UID=0 --output-fields=MESSAGE_ID,MXC_EVENT |
                python3 -c 'import json, sys
print("\n".join(sorted({r["MESSAGE_ID"] for r in map(json.loads, sys.stdin) if "MXC_EVENT" in r})))'); do
                assert_ok journalctl --dump-catalog "$id"
                assert_contains "$output" 'Subject:'
        done
}

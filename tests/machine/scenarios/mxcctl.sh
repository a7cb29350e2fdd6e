# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016,SC2034
# mxcctl as people and scripts use it, against the real mxcd.

# ids [USER]: the ids of the sandboxes that the user sees
ids() { as "${1:-alice}" mxcctl list --json=short | python3 -c 'import json, sys; [print(s["Id"]) for s in json.load(sys.stdin)]'; }
# in_background USER COMMAND…: mxcctl run in $ws, waited for until it is up. $runner, and $id of the sandbox
in_background() {
        local user=$1 before
        shift
        before=$(ids "$user")
        rm -f "$ws/up"
        (as "$user" mxcctl run -- "$@" >"$work/out" 2>&1) &
        runner=$!
        wait_until 20 test -e "$ws/up"
        id=$(comm -13 <(sort <<<"$before") <(ids "$user" | sort) | head -n 1)
        defer end_quietly "/org/mxc1/sandbox/$id"
}
# the process of mxcctl itself, of the last in_background
client() { pgrep -u "$1" -x mxcctl -n; }

# --- run

test_the_exit_status_is_the_command_s() {
        workspace alice
        local status
        for status in 0 1 3 125 255; do
                assert_status $status run alice sh -c "exit $status"
        done
        assert_status 143 run alice sh -c 'kill -TERM $$'
        assert_status 137 run alice sh -c 'kill -KILL $$'
        assert_status 134 run alice sh -c 'kill -ABRT $$'
}

test_what_cannot_be_run_has_a_status_of_its_own() {
        workspace alice
        as alice sh -c 'echo text >file'
        assert_status 127 run alice there-is-no-such-thing
        assert_contains "$output" 'mxcctl: cannot run there-is-no-such-thing: '
        assert_status 126 run alice ./file
        assert_status 125 as alice mxcctl run --agent nobody-of-that-name true
        assert_contains "$output" 'mxcctl agent list'
        assert_status 125 as alice mxcctl run --policy nowhere true
        assert_status 125 as alice mxcctl run --containment microvm true
        assert_status 125 as alice mxcctl run --policy - true <<<'{"schema": "mxc-policy/1", "filesystem": {"readonlyPaths": ["/etc/shadow"]}}'
        assert_contains "$output" /filesystem/readonlyPaths/0
        ! grep -qv '^mxcctl: ' <<<"$output" || fail "not in sentences of mxcctl's: $output"
        # mxcd says nothing to one whom it does not know
        assert_status 125 setpriv --reuid=65534 --regid=65534 --clear-groups mxcctl run true
        assert_contains "$output" 'ask as another user'
}

test_standard_input_and_output_are_the_command_s() {
        workspace alice
        assert_eq 'hello' "$(as alice mxcctl run cat <<<hello)"
        assert_eq "$(seq 200000 | sha256sum)" "$(seq 200000 | as alice mxcctl run sha256sum)"
        assert_eq err "$(as alice mxcctl run sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)"
        assert_eq 0 "$(as alice mxcctl run sh -c 'wc -c' <&-)" 'closed is empty'
        assert_ok as alice sh -c 'mxcctl run true >&- 2>&-'
        assert_status 141 as alice bash -c 'set -o pipefail; mxcctl run yes | head -n 1' # the reader is gone: SIGPIPE, as without us
}

test_a_policy_from_a_file_and_its_labels() {
        workspace alice
        as alice sh -c 'cat >mine.json' <<<'
{ "schema": "mxc-policy/1", "name": "mine", "extends": "workspace" }'
        assert_status 125 as alice mxcctl run --policy ./mine.json true # it has to begin with {
        as alice sh -c 'cat >mine.json' <<<'{ "schema": "mxc-policy/1", "name": "mine", "extends": "locked" }'
        assert_fails as alice mxcctl run --policy mine.json --label task=42 --label 'note=a b' -- touch new
        assert_eq mine "$(record MXC_POLICY MXC_EVENT=spawn)"
        assert_contains "$(record MXC_LABELS MXC_EVENT=spawn)" '"a b"'
}

test_the_workspace_and_where_one_is_in_it() {
        workspace alice
        as alice mkdir -p "$ws/a/b"
        assert_eq "$ws" "$(as alice mxcctl run pwd)"
        export AS_CWD=$ws/a/b
        assert_eq "$ws/a/b" "$(as alice mxcctl run --workspace ../.. pwd)"
        assert_eq "$ws/a" "$(as alice mxcctl run --workspace ../.. --cwd "$ws/a" pwd)"
        export AS_CWD=/
        assert_eq "$ws" "$(as alice mxcctl run --workspace "$ws" pwd)"
        as alice ln -s "$ws/a" "$ws/link"
        assert_eq "$ws/a" "$(as alice mxcctl run --workspace "$ws/link" pwd)"
}

test_the_environment_is_offered() {
        workspace alice
        assert_eq 'fr x ' "$(as alice env LANGUAGE=de mxcctl run --env LANGUAGE=fr --env CI=x --env SECRET=1 -- sh -c 'echo "$LANGUAGE $CI $SECRET"')"
        # a name of what one has not is told of, and nothing else comes of it; of one name the last holds
        assert_eq 'no' "$(as alice mxcctl run -E LANGUAGE -- sh -c 'echo "${LANGUAGE-no}"' 2>"$work/said")"
        assert_eq 'mxcctl: --env=LANGUAGE: you have no such variable, so it is not offered; --env=LANGUAGE= is an empty one' "$(cat "$work/said")"
        assert_eq fr "$(as alice env LANGUAGE=fr mxcctl run -E LANGUAGE -- sh -c 'echo "$LANGUAGE"' 2>&1)"
        assert_eq fr "$(as alice mxcctl run -E LANGUAGE -E LANGUAGE=fr -- sh -c 'echo "$LANGUAGE"' 2>&1)"
        assert_contains "$(as alice bash -c 'LANGUAGE=$(printf "\377") exec mxcctl run -E LANGUAGE -- true' 2>&1)" '--env=LANGUAGE: yours is not UTF-8'
        # more than fits, and what D-Bus cannot carry, costs no more than itself
        assert_ok as alice bash -c 'for ((i = 0; i < 1100; i++)); do export "V$i=x"; done; export BAD=$(printf "\377"); export LANGUAGE=eo; exec mxcctl run -- sh -c "echo done"'
        assert_contains "$output" 'are not offered'
        assert_status 125 as alice mxcctl run -- echo "$(printf '\377')"
        assert_contains "$output" 'not UTF-8'
}

test_the_timeout_has_a_status_of_its_own() {
        workspace alice
        assert_status 124 as alice mxcctl run --timeout 300ms -- sleep 60
        assert_contains "$output" 'longer than its timeout'
}

test_dry_run_does_nothing() {
        workspace alice
        local before
        before=$(records MXC_EVENT=start)
        assert_eq allow "$(json 'x["verdict"]' as alice mxcctl run --dry-run -- touch new)"
        assert_fails as alice mxcctl run --dry-run --policy no-such-policy -- touch new
        assert_record MXC_EVENT=plan MXC_DECISION=deny MXC_REASON=no-such-policy MXC_TARGET='["touch","new"]'
        assert_no_record MXC_EVENT=spawn # which it is not
        [ ! -e "$ws/new" ] || fail 'it was done'
        assert_eq "$before" "$(records MXC_EVENT=start)"
}

test_run_tells_of_the_end_as_json() {
        local told id
        workspace alice
        # what the command says is its own, and what is told is the last line
        assert_eq out "$(as alice mxcctl run --json=short -- sh -c 'echo out; echo err >&2; printf "#!/bin/sh\n" >"gi\"t"; mkdir -p sub; echo x >.envrc-not; exit 7' 2>"$work/told" || true)"
        assert_eq 2 "$(wc -l <"$work/told")"
        told=$(tail -n 1 "$work/told")
        assert_eq 'user-1001 workspace exited 7 None 7 True process' \
                "$(json '" ".join(str(x[k]) for k in ("agent", "policy", "reason", "code", "signal", "status", "handoff-whole", "tier"))' cat <<<"$told")"
        id=$(json 'x["id"]' cat <<<"$told")
        assert_eq "$(json 'x["digest"]' cat <<<"$told")" "$(record MXC_POLICY_DIGEST MXC_EVENT=start MXC_SANDBOX="$id")"
        assert_contains "$(json 'x["walls"]' cat <<<"$told")" seccomp
        told=$(as alice mxcctl run --json -- sh -c 'kill -9 $$' 2>&1 || true)
        assert_eq 'SIGKILL None 137' "$(json '" ".join(str(x[k]) for k in ("signal", "code", "status"))' cat <<<"$told")"
        assert_contains "$told" $'\n  "id": '
        told=$(as alice mxcctl run --json=short --timeout 300ms -- sleep 60 2>&1 || true)
        assert_eq 'timeout 124' "$(json '" ".join(str(x[k]) for k in ("reason", "status"))' cat <<<"$told")"
        # a repository that the agent made has hooks, which git would run
        told=$(as alice mxcctl run --json=short -- sh -c 'mkdir new; cd new; git init -q .; echo x >.git/hooks/pre-commit' 2>&1 || true)
        assert_contains "$(json 'x["handoff"]' cat <<<"$told")" pre-commit
        assert_eq '' "$(run alice true 2>&1)" # nothing is told that was not asked for
        assert_eq 1 "$(as alice mxcctl run --dry-run --json=short -- true | wc -l)"
        assert_status 125 as alice mxcctl run --json=short --policy no-such-policy true
        assert_contains "$output" 'mxcctl: '
        idle
        told=$(as alice mxcctl exec --json=short "${sandbox##*/}" sh -c 'exit 3' 2>&1 || true)
        assert_eq "${sandbox##*/} 1 3" "$(json '" ".join(str(x[k]) for k in ("id", "exec", "status"))' cat <<<"$told")"
}

# What --clamp took is told: with the answer, on a terminal, of a sandbox that runs, also after a restart, and on record.
test_what_is_cut_down_is_told() {
        local told first='" ".join(x["cut"][0])' id
        workspace alice
        echo '{"schema": "mxc-policy/1", "extends": "workspace", "filesystem": {"readonlyPaths": ["/var/log"]}}' >"$work/wide.json"
        chmod 644 "$work/wide.json"
        told=$(as alice mxcctl run --json=short --clamp --policy "$work/wide.json" true 2>&1)
        assert_contains "$(json "$first" cat <<<"$told")" 'reading /var/log nothing ceiling'
        assert_contains "$(record MXC_CUT MXC_EVENT=spawn)" '"reading /var/log","nothing","ceiling"]'
        assert_contains "$(json "$first" mxcctl audit --event spawn --lines 1 --json=short)" 'reading /var/log'
        assert_contains "$(json "$first" as alice mxcctl run --dry-run --clamp --policy "$work/wide.json" true)" 'reading /var/log nothing ceiling'
        output=$(as alice script -qec "mxcctl run --clamp --policy $work/wide.json true" /dev/null </dev/null)
        assert_contains "$output" 'mxcctl: the policy was cut down to what is allowed: '
        assert_contains "$output" '(reading /var/log; what holds: nothing, by the ceiling)'
        # nothing was
        told=$(as alice mxcctl run --json=short --clamp true 2>&1)
        assert_eq '[]' "$(json 'x["cut"]' cat <<<"$told")"
        assert_eq '' "$(as alice script -qec 'mxcctl run --clamp true' /dev/null </dev/null | grep 'cut down' || true)"
        spawn alice clamp b true policy s "$(cat "$work/wide.json")" workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        id=${sandbox##*/}
        assert_contains "$(json '" ".join(x["Cut"][0])' as alice mxcctl show --json "$id")" 'reading /var/log nothing ceiling'
        systemctl restart mxcd.service
        wait_until 20 mxcd_is_up
        assert_contains "$(json '" ".join(x["Cut"][0])' as alice mxcctl show --json "$id")" 'reading /var/log nothing ceiling'
}

# Where a controller is missing, its limits are nowhere but in the policy, and whoever asks for the policy is told.
test_limits_that_do_not_hold_are_told() {
        local told missing='' pair
        for pair in memory.max:memory pids.max:pids; do
                grep -qw "${pair#*:}" /sys/fs/cgroup/cgroup.controllers || missing+="${missing:+ }${pair%:*}"
        done
        workspace alice
        told=$(as alice mxcctl run --json=short --policy locked true 2>&1)
        assert_eq "$missing" "$(json '" ".join(x["unheld"])' cat <<<"$told")"
        assert_eq 'memory.max pids.max' "$(json '" ".join(sorted(w for w in x["walls"] + x["unheld"] if w.endswith(".max")))' cat <<<"$told")"
        assert_eq "$missing" "$(record MXC_UNHELD MXC_EVENT=spawn)"
        assert_eq "$missing" "$(json 'x["unheld"]' as alice mxcctl run --dry-run --policy locked true)"
        idle
        assert_eq "$missing" "$(json '" ".join(w for w in x["Unheld"] if w in ("memory.max", "pids.max"))' as alice mxcctl show --json "${sandbox##*/}")"
        output=$(as alice script -qec 'mxcctl run --policy locked true' /dev/null </dev/null)
        told=$(as alice mxcctl policy explain locked resource memoryMax --amount 1M)
        if [[ $missing == *memory* ]]; then
                assert_contains "$output" "do not hold here, for want of control group controllers: ${missing// /, }"
                assert_contains "$told" 'This host cannot hold it'
        else
                assert_lacks "$output" 'do not hold here'
                assert_lacks "$told" 'cannot hold it'
        fi
}

# What it says of why is what is so: the command was killed in both, the one that looks in one of them.
test_why_not_everything_was_looked_at() {
        workspace alice
        assert_status 137 as alice mxcctl run -- sh -c 'mkdir shut; chmod 0 shut; kill -9 $$'
        assert_contains "$output" 'not everything was looked at'
        assert_lacks "$output" 'was killed before'
        rmdir "$ws/shut"
        assert_status 137 as alice mxcctl run -- sh -c 'kill -9 $$'
        assert_lacks "$output" 'looked at'
        run alice sh -c 'touch there; exec sleep 600' >"$ws/said" 2>&1 &
        wait_until 10 test -e "$ws/there"
        assert_ok as alice mxcctl kill "$(ids)"
        wait $! || :
        assert_contains "$(cat "$ws/said")" 'it was killed before its files could be looked at'
}

test_what_was_made_for_other_programs_is_shown() {
        workspace alice
        assert_ok run alice sh -c 'mkdir -p a && echo x >a/.envrc && d=$(printf "b\033[31m") && mkdir "$d" && echo x >"$d/.envrc"'
        assert_contains "$output" "mxcctl:   $ws/a/.envrc"
        assert_contains "$output" 'b\x1b[31m/.envrc'
        assert_lacks "$output" $'\033'
        assert_eq '' "$(run alice true 2>&1)" 'where there is nothing to say nothing is said'
}

# --- signals

test_signals_are_sent_on() {
        workspace alice
        local name status
        for name in INT TERM HUP QUIT; do
                in_background alice bash -c "trap 'echo got $name; exit 7' $name; touch up; while :; do sleep 0.1; done"
                kill -"$name" "$(client alice)"
                status=0
                wait $runner || status=$?
                assert_eq 7 $status "$name"
                assert_contains "$(cat "$work/out")" "got $name"
        done
        in_background alice bash -c 'trap "touch one" USR1; trap "touch two" USR2; touch up; until [ -e one ] && [ -e two ]; do sleep 0.1; done; exit 4'
        kill -USR1 "$(client alice)"
        kill -USR2 "$(client alice)"
        status=0
        wait $runner || status=$?
        assert_eq 4 $status USR
}

test_the_third_signal_is_a_kill() {
        workspace alice
        in_background alice bash -c 'trap "echo no" INT; touch up; while :; do sleep 0.1; done'
        local pid status=0
        pid=$(client alice)
        kill -INT "$pid"
        wait_until 10 eval 'grep -c no "$work/out" | grep -qx 1'
        kill -INT "$pid"
        wait_until 10 eval 'grep -c no "$work/out" | grep -qx 2'
        kill -INT "$pid"
        wait $runner || status=$?
        assert_eq 137 $status
}

test_what_runs_ends_with_mxcctl() {
        workspace alice
        in_background alice sh -c 'touch up; exec sleep 600'
        kill -KILL "$(client alice)"
        wait_until 20 eval '[ -z "$(ids)" ]'
        assert_record MXC_EVENT=stop MXC_REASON=tie
}

# --- terminals

test_a_terminal_of_its_own() {
        workspace alice
        assert_status 3 on_terminal alice expect=24\ 80 raw resize=50x132 'send=\r' expect=50\ 132 -- \
                mxcctl run -- sh -c 'test -t 0 && test -t 1 && test -t 2 || exit 9; stty size; read x; stty size; exit 3'
        assert_status 0 on_terminal alice expect=1 -- mxcctl run -- sh -c 'ps -o tpgid= -p $$; ls -l /proc/self/fd >/dev/null; echo 1'
        # ^C is a key, for whoever has the terminal inside
        assert_status 130 on_terminal alice expect=go raw 'send=\x03' -- mxcctl run -- sh -c 'echo go; exec sleep 60'
        # everything that was written comes out before the end
        assert_ok on_terminal alice -- mxcctl run -- seq 20000
        assert_contains "$output" 19999
        # but for what mxcctl says itself of a host without controllers
        assert_eq 20000 "$(tr -d '\r' <<<"$output" | grep -v '^mxcctl: ' | tail -n 1)"
}

test_a_terminal_is_never_handed_over() {
        workspace alice
        assert_ok on_terminal alice 'expect=none 0' cooked 'send=line\r' 'expect=got line' 'send=\x04' expect=end -- \
                mxcctl run --no-pty -- sh -c 'for fd in 0 1 2; do test ! -t $fd || exit 9; done; echo none 0; read x; echo got $x; read x; echo end >&2'
        # in the background it has no input at all: what is typed there is the shell's
        assert_ok on_terminal alice expect=background expect=over -- \
                bash -c 'set -m; mxcctl run -- sh -c "for fd in 0 1 2; do test ! -t \$fd || exit 9; done; cat; echo background" & wait $!; echo over'
        # what is typed is for whoever asks for it: a pager behind a pipe, the shell afterwards
        assert_ok on_terminal alice 'send=typed\r' 'expect=shell got typed' -- bash -c 'mxcctl run -- cat | cat; read x; echo "shell got $x"'
        # and output of a redirected run is handed over as it is
        assert_ok on_terminal alice -- bash -c 'mxcctl run -- sh -c "test ! -t 0 && test -f /proc/self/fd/1 && echo file" >out; grep -qx file out'
}

test_the_terminal_is_as_it_was() {
        workspace alice
        local status=0
        on_terminal alice expect=go raw signal=TERM -- mxcctl run -- sh -c 'echo go; exec sleep 60' >"$work/out" 2>&1 || status=$?
        assert_eq 143 $status "$(cat "$work/out")" # and not 99
        status=0
        on_terminal alice expect=go raw signal=INT expect=no signal=INT expect=no signal=INT -- \
                mxcctl run -- bash -c 'trap "echo no" INT; echo go; while :; do sleep 0.1; done' \
                >"$work/out" 2>&1 || status=$?
        assert_eq 137 $status "$(cat "$work/out")"
        assert_status 127 on_terminal alice -- mxcctl run there-is-no-such-thing
        assert_status 0 on_terminal alice expect=one signal=STOP signal=CONT raw 'send=\r' -- mxcctl run -- sh -c 'echo one; read x'
}

test_a_pty_without_a_terminal() {
        workspace alice
        assert_eq 'tty 5' "$(as alice mxcctl run --pty -- sh -c 'test -t 0 && test -t 1 && echo "tty $(wc -l)"' < <(seq 5) | tr -d '\r' | tail -n 1)"
}

test_a_pty_that_nobody_reads_hangs_up() {
        workspace alice
        assert_status 129 as alice bash -c 'set -o pipefail; mxcctl run --pty -- yes | head -n 1'
        assert_contains "$output" y
}

test_polkit_asks_on_the_terminal() {
        workspace bob
        local status=0
        on_terminal bob 'expect=AUTHENTICATING FOR' 'send=\x03' -- mxcctl run -- true >"$work/out" 2>&1 || status=$?
        assert_ne 0 $status "$(cat "$work/out")"
        assert_ne 98 $status "$(cat "$work/out")"
        assert_ne 99 $status "$(cat "$work/out")"
        assert_status 125 on_terminal bob -- mxcctl run --no-ask-password -- true
        assert_lacks "$output" AUTHENTICATING
}

# --- the system bus, where nobody opens at the second door

test_run_over_the_system_bus() {
        workspace alice
        mv /run/mxc/bus /run/mxc/bus.away
        defer mv -T /run/mxc/bus.away /run/mxc/bus
        assert_status 5 run alice sh -c 'exit 5'
        assert_eq hello "$(as alice mxcctl run cat <<<hello)"
        assert_ok on_terminal alice expect=24\ 80 -- mxcctl run -- stty size
}

test_a_restart_over_the_system_bus() {
        workspace alice
        local status=0
        mv /run/mxc/bus /run/mxc/bus.away
        defer mv -T /run/mxc/bus.away /run/mxc/bus
        in_background alice sh -c 'touch up; until [ -e go ]; do sleep 0.1; done; exit 42'
        kill -9 "$(systemctl show -P MainPID mxcd.service)"
        wait_until 20 mxcd_is_up
        touch "$ws/go"
        wait $runner || status=$?
        assert_eq 42 $status "$(cat "$work/out")"
}

test_nobody_else_can_say_that_it_ended() {
        workspace alice
        mv /run/mxc/bus /run/mxc/bus.away
        defer mv -T /run/mxc/bus.away /run/mxc/bus
        in_background alice sh -c 'touch up; until [ -e go ]; do sleep 0.1; done; exit 42'
        local name told=0 status=0
        for name in $(busctl list --no-legend --unique | awk '$3 == "mxcctl" { print $1 }'); do
                as bob busctl emit --destination="$name" "/org/mxc1/sandbox/$id" org.mxc1.Sandbox Exited 'uiisasa{sv}' 0 0 0 exited 0 0
                told=$((told + 1))
        done
        assert_ne 0 $told 'nobody was told'
        touch "$ws/go" # what is true comes after that
        wait $runner || status=$?
        assert_eq 42 $status
}

# --- sandboxes

test_exec() {
        workspace alice
        in_background alice sh -c 'echo inside >/tmp/mark; touch up; exec sleep 600'
        assert_eq inside "$(as alice mxcctl exec "$id" cat /tmp/mark)"
        assert_status 9 as alice mxcctl exec "${id:0:8}" -- sh -c 'exit 9'
        assert_eq hello "$(as alice mxcctl exec "$id" -- cat <<<hello)"
        assert_status 127 as alice mxcctl exec "$id" there-is-no-such-thing
        assert_status 4 on_terminal alice expect=24\ 80 raw 'send=\r' -- mxcctl exec "$id" -- sh -c 'stty size; read x; exit 4'
        assert_status 3 on_terminal alice expect=24\ 80 raw resize=50x132 'send=\r' expect=50\ 132 -- mxcctl exec "$id" -- sh -c 'test -t 0 && test -t 1 && test -t 2 || exit 9; stty size; read x; stty size; exit 3'
        assert_status 130 on_terminal alice expect=go raw 'send=\x03' -- mxcctl exec "$id" -- sh -c 'echo go; exec sleep 60'
        assert_status 143 on_terminal alice expect=go raw signal=TERM -- mxcctl exec "$id" -- sh -c 'echo go; exec sleep 60'
        # the third is a kill, of the command and what it began alone
        assert_status 137 on_terminal alice expect=go raw signal=INT expect=no signal=INT expect=no signal=INT -- \
                mxcctl exec "$id" -- bash -c '(setsid sleep 98759 &); trap "echo no" INT; echo go; while :; do sleep 0.1; done'
        wait_until 10 eval "! pgrep -u alice -f 'sleep 98759\$'"
        # who is left behind with its terminal, and writes there for ever, does not keep us
        assert_status 5 on_terminal alice -- mxcctl exec "$id" -- sh -c 'setsid sh -c "while echo left; do touch wrote; sleep 0.05; done" & until [ -e wrote ]; do sleep 0.05; done; exit 5'
        assert_contains "$output" left
        assert_status 125 as alice mxcctl exec ffffffffffffffffffffffffffffffff true
        assert_contains "$output" 'mxcctl list'
        assert_status 125 as alice mxcctl exec zzz true
        (as alice mxcctl exec "$id" -- bash -c 'trap "exit 7" TERM; touch exec-is-up; while :; do sleep 0.1; done') &
        local exec=$! status=0
        wait_until 10 test -e "$ws/exec-is-up"
        kill -TERM "$(client alice)"
        wait $exec || status=$?
        assert_eq 7 $status
        assert_eq "$id" "$(ids)" 'the sandbox goes on without it'
        as alice mxcctl stop "$id"
        wait $runner || true
}

test_freeze_thaw_kill_and_stop() {
        workspace alice
        in_background alice bash -c 'trap "" TERM; touch up; while :; do sleep 1; done'
        assert_ok as alice mxcctl freeze "${id:0:8}"
        assert_contains "$(as alice mxcctl list)" frozen
        assert_ok as alice mxcctl thaw "$id"
        assert_contains "$(as alice mxcctl list)" running
        assert_ok as alice mxcctl kill --signal=term --whom=main "$id"
        assert_eq "$id" "$(ids)" 'it is deaf'
        assert_status 1 as bob mxcctl kill --no-ask-password "$id"
        assert_eq "$id" "$(ids)" 'it is not his'
        assert_ok as alice mxcctl kill "$id"
        local status=0
        wait $runner || status=$?
        assert_eq 137 $status

        in_background alice bash -c 'trap "exit 3" TERM; touch up; while :; do sleep 0.1; done'
        assert_ok as alice mxcctl stop "$id"
        status=0
        wait $runner || status=$?
        assert_ne 0 $status
        assert_contains "$(cat "$work/out")" 'was stopped'
        assert_status 1 as alice mxcctl stop "$id"
}

test_lists_and_objects() {
        workspace alice
        in_background alice sh -c 'touch up; exec sleep 600' '' "$(printf 'evil\033[31m\342\200\256')"
        assert_contains "$(as alice mxcctl list)" "${id:0:12}"
        assert_contains "$(as alice mxcctl list --full)" "$id"
        assert_lacks "$(as alice mxcctl list --no-legend)" SANDBOX
        assert_lacks "$(as bob mxcctl list)" "${id:0:12}"
        assert_eq "$id" "$(json 'x[0]["Id"]' as alice mxcctl list --json=short)"
        assert_eq sleep "$(json 'x["Argv"][2].split()[-2]' as alice mxcctl show --json "$id")"
        assert_contains "$(as alice mxcctl show "$id")" "ControlGroup: /mxc.slice/"
        # those that there are, and of the other it is told
        local none=ffffffffffffffffffffffffffffffff
        assert_status 1 as alice mxcctl show "$none" "$id" zzz
        assert_contains "$output" "that was $none"
        assert_contains "$output" 'that was zzz'
        assert_contains "$output" "ControlGroup: /mxc.slice/"
        assert_eq "$id" "$(json 'x[0]["Id"]' as alice mxcctl show --json "$none" "$id" 2>"$work/said")" 'one of several is a list'
        assert_status 1 as alice mxcctl show "$none"
        assert_lacks "$output" 'that was'
        assert_contains "$(as alice mxcctl list)" 'evil\x1b[31m\u202e'
        local shown
        for shown in list "show $id" "top"; do
                # shellcheck disable=SC2086 # words
                assert_lacks "$(as alice mxcctl $shown)" $'\033' "$shown"
        done
        assert_contains "$(on_terminal alice -- mxcctl --no-pager list)" $'\033[32mrunning\033[0m'
        assert_lacks "$(on_terminal alice -- env NO_COLOR=1 mxcctl --no-pager list)" $'\033['
        assert_contains "$(as alice mxcctl top)" "${id:0:12}"
        assert_contains "$(as alice mxcctl top "user-$(id -u alice)" -n 2 -d 200ms)" "${id:0:12}"
        assert_status 1 as alice mxcctl top nobody-of-that-name
        assert_contains "$output" 'mxcctl agent list'
        assert_ok on_terminal alice "expect=${id:0:12}" send=m "expect=${id:0:12}" send=q -- mxcctl top
        as alice mxcctl kill "$id"
        wait $runner || true
}

test_status() {
        assert_eq True "$(json 'x["Features"]["seccomp"]' as alice mxcctl status --json)"
        assert_contains "$(as alice mxcctl status)" 'landlock'
        assert_eq True "$(json 'x["Features"]["sk-lookup"] and x["Features"]["relay"]' as alice mxcctl status --json)"
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        mv /usr/share/dbus-1/system-services/org.mxc1.service "$work/away"
        defer busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
        defer mv "$work/away" /usr/share/dbus-1/system-services/org.mxc1.service
        busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
        assert_status 2 as alice mxcctl status
        assert_contains "$output" 'systemctl status mxcd.service'
}

# sshd is not needed to see that the bus is reached through ssh: what stands in for ssh does what it is told, here.
test_another_host() {
        workspace alice
        mkdir "$work/bin"
        printf '#!/bin/sh\necho "$*" >"%s/asked"\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec "$@"\n' "$ws" >"$work/bin/ssh"
        chmod 755 "$work/bin" "$work/bin/ssh"
        assert_contains "$(as alice env PATH="$work/bin:$PATH" mxcctl --host alice@elsewhere policy list)" workspace
        assert_contains "$(cat "$ws/asked")" '-- alice@elsewhere systemd-stdio-bridge'
        assert_contains "$(as alice env PATH="$work/bin:$PATH" mxcctl -H elsewhere status)" 'of elsewhere'
        assert_status 2 as alice env PATH=/nonexistent "$(command -v mxcctl)" -H elsewhere list
        assert_status 125 as alice mxcctl run --host elsewhere true
        assert_status 125 as alice mxcctl -H elsewhere run true
        assert_contains "$output" 'ssh elsewhere mxcctl run'
        assert_status 2 as alice mxcctl -H elsewhere audit
}

# --- agents and policies

test_agents() {
        workspace alice
        assert_status 1 as alice mxcctl agent register --no-ask-password coder
        assert_ok mxcctl agent register coder --owner alice --description "it's red"
        assert_status 1 mxcctl agent register coder --owner alice
        assert_contains "$output" 'for ever'
        assert_contains "$(as alice mxcctl agent list)" "it's red"
        assert_eq "coder workspace active" "$(json '" ".join((x["Name"], x["Policy"], x["State"]))' mxcctl agent show coder --json)"
        assert_ok as alice mxcctl run --agent coder true
        assert_status 125 as bob mxcctl run --no-ask-password --agent coder true
        assert_ok mxcctl agent set-policy coder locked
        assert_fails as alice mxcctl run --agent coder touch new
        assert_ok mxcctl agent suspend coder --reason 'a test'
        assert_status 125 as alice mxcctl run --agent coder true
        assert_contains "$output" 'a test'
        assert_ok mxcctl agent resume coder
        in_background alice sh -c 'touch up; exec sleep 600'
        assert_ok mxcctl agent kill "user-$(id -u alice)"
        local status=0
        wait $runner || status=$?
        assert_eq 137 $status
        assert_ok mxcctl agent revoke coder
        assert_status 125 as alice mxcctl run --agent coder true
        assert_status 1 mxcctl agent resume coder
        assert_status 1 mxcctl agent show nobody-of-that-name
}

test_policies() {
        workspace alice
        assert_contains "$(as alice mxcctl policy list)" /usr/lib/mxc/policies/locked.json
        assert_eq locked "$(json 'x["name"]' as alice mxcctl policy show locked)"
        assert_status 1 as alice mxcctl policy show nowhere
        assert_status 0 as alice mxcctl policy explain workspace write "$ws/x"
        assert_contains "$output" '/filesystem/readwritePaths/0'
        assert_status 1 as alice mxcctl policy explain workspace read /etc/shadow
        assert_contains "$output" 'denied'
        assert_status 1 as alice mxcctl policy explain workspace connect example.com --port 443
        assert_status 2 as alice mxcctl policy explain workspace connect example.com
        assert_contains "$output" 'port: which one must be said'
        assert_status 2 as alice mxcctl policy explain workspace connect https://example.com/
        assert_contains "$output" 'as in api.github.com:443'
        assert_status 1 as alice mxcctl policy explain workspace connect example.com --protocol icmp
        assert_status 0 as alice mxcctl policy explain workspace write x
        assert_contains "$output" "allows writing $ws/x"
        assert_status 0 as alice mxcctl policy explain workspace read ./x
        assert_status 2 as alice mxcctl policy explain workspace read ../x
        assert_eq deny "$(json 'x["verdict"]' as alice mxcctl policy explain --json workspace syscall ptrace)"
        assert_status 2 as alice mxcctl policy explain nowhere read /
        # what can be nothing is no question: "denied" would be taken for an answer
        local nothing
        while read -r nothing; do
                # shellcheck disable=SC2086 # words
                assert_status 2 as alice mxcctl policy explain workspace $nothing
                assert_contains "$output" 'target: '
        done <<'END'
syscall opennat
syscall
connect no_host!:443
connect *.example.com:443
publish localhost:8080
env LANG=C
env
END
        assert_status 2 as alice mxcctl policy explain workspace syscall opennat
        assert_contains "$output" 'did you mean openat?'
        assert_status 2 as alice mxcctl policy explain workspace publish 8080 --value=anybody
        assert_contains "$output" 'owner or any'
        assert_status 2 as alice mxcctl policy explain workspace read / --port 80
        assert_contains "$output" '--port is of connect and publish'
        assert_status 1 as alice mxcctl policy explain workspace spawn
        assert_status 0 as alice mxcctl policy explain locked resource runtimeMax --amount 1min
        assert_contains "$output" 'allowed: resource runtimeMax 1min'
        assert_status 1 as alice mxcctl policy explain locked resource runtimeMax --amount infinity
        assert_contains "$output" 'clause /resources'
        assert_status 2 as alice mxcctl policy explain locked resource runtimeMax
        assert_contains "$output" 'how much of runtimeMax'
        assert_status 2 as alice mxcctl policy explain locked resource nonsense
        assert_contains "$output" 'such as memoryMax'
        assert_status 2 as alice mxcctl policy explain locked resource runtimeMax --amount soon
        assert_refused InvalidArgument call /org/mxc1 Manager Explain 'ssa{sv}' locked resource 1 target s tasksMax
        assert_status 0 as alice mxcctl policy check /usr/lib/mxc/policies/locked.json
        assert_status 1 as alice mxcctl policy check - <<<'{"schema": "mxc-policy/1", "filesystem": {"readwritePaths": ["/"]}}'
        assert_contains "$output" 'ceiling: /filesystem/readwritePaths/0'
        # what run refuses as Unsupported, check does not call good
        local one unsupported=('"containment": "microvm"' '"audit": {"exec": "all"}'
                '"network": {"egress": {"allow": [{"to": [{"host": "a.example.com"}], "ports": [{"protocol": "icmp"}]}]}}'
                '"network": {"egress": {"allow": [{"to": [{"host": "a.example.com"}], "ports": [{"protocol": "udp", "port": 53}]}]}}')
        for one in "${unsupported[@]}"; do
                printf '{"schema": "mxc-policy/1", "name": "p", %s}\n' "$one" >"$work/unsupported.json"
                assert_status 1 as alice mxcctl policy check "$work/unsupported.json"
                assert_contains "$output" 'host:'
                assert_refused Unsupported spawn alice policy s "$(cat "$work/unsupported.json")" -- true
        done
        assert_status 0 as alice mxcctl policy diff workspace locked
        assert_status 1 as alice mxcctl policy diff locked workspace
        assert_eq True "$(json 'x["wider"]' as alice mxcctl policy diff --json locked /usr/lib/mxc/policies/workspace.json)"
}

test_reload_tells_of_a_bad_file() {
        defer mxcctl reload
        put /etc/mxc/policies/broken.json '{'
        assert_status 1 mxcctl reload
        assert_contains "$output" broken.json
        assert_contains "$(mxcctl policy list 2>&1)" broken
        assert_status 1 as alice mxcctl reload --no-ask-password
        assert_contains "$(mxcctl dump)" 'mxcd '
}

# --- the audit

test_the_audit_and_its_filters() {
        workspace alice
        local since
        since=$(date '+%Y-%m-%d %H:%M:%S')
        run alice true
        as alice mxcctl run --agent nobody-of-that-name false || true
        journalctl --sync
        assert_status 2 as alice mxcctl audit
        assert_contains "$output" 'systemd-journal'
        local all=(mxcctl audit --since "$since" --json=short)
        assert_contains "$(mxcctl audit --since "$since")" "user-$(id -u alice)"
        assert_eq deny "$("${all[@]}" --decision deny -n 1 | json 'x["decision"]' cat)"
        assert_eq '["false"]' "$("${all[@]}" --decision deny --event spawn -n 1 | json 'json.dumps(x["target"])' cat)"
        local id
        id=$("${all[@]}" --event start -n 1 | json 'x["sandbox"]' cat)
        assert_eq 3 "$("${all[@]}" --sandbox "${id:0:10}" | wc -l)" 'spawn, start, exit'
        assert_eq 1 "$("${all[@]}" --sandbox "$id" --event exit | wc -l)"
        assert_eq 3 "$("${all[@]}" --sandbox "$id" -n 3 | wc -l)" 'the last three of three'
        assert_eq 2 "$("${all[@]}" --sandbox "$id" -n 2 | wc -l)" 'the last two of three'
        assert_eq 1 "$("${all[@]}" --sandbox "$id" --target tru | wc -l)"
        assert_eq 0 "$("${all[@]}" --sandbox "$id" --target 'tr' --decision deny | wc -l)"
        assert_eq 0 "$("${all[@]}" somebody-else | wc -l)"
        assert_eq 0 "$("${all[@]}" somebody-else --sandbox ffffffffffff 2>"$work/said" | wc -l)"
        assert_contains "$(cat "$work/said")" 'no record is of an agent somebody-else'
        assert_contains "$(cat "$work/said")" 'no record is of a sandbox whose id begins with ffffffffffff'
        assert_eq '' "$("${all[@]}" "user-$(id -u alice)" --sandbox "$id" --decision deny 2>&1)" 'both are known'
        assert_eq 0 "$(mxcctl audit --json=short --until "$(date -d '-1 day' '+%Y-%m-%d %H:%M')" | wc -l)"
        assert_eq 2 "$("${all[@]}" --lines 2 | wc -l)"
        assert_lacks "$(mxcctl audit -n 1)" 'Jan 01 00:00'
}

test_a_forged_record_is_not_shown() {
        local field
        for field in alice root; do
                as "$field" logger --journald <<<$'MESSAGE=forged\nMXC_EVENT=spawn\nMXC_DECISION=allow\nMXC_AGENT=forged-by-'"$field"$'\nMESSAGE_ID=2e206dc4b4cd6383fa42b4bcf7a5bba5\n_SYSTEMD_UNIT=mxcd.service\n'
        done
        journalctl --sync
        wait_until 5 eval 'journalctl -q MXC_AGENT=forged-by-alice | grep -q forged'
        assert_eq 0 "$(mxcctl audit --json=short forged-by-alice forged-by-root | wc -l)"
}

test_the_audit_is_followed() {
        workspace alice
        mxcctl audit --follow --json=short --event spawn >"$work/followed" &
        local follower=$!
        defer kill $follower
        run alice echo something-new
        wait_until 10 grep -q something-new "$work/followed"
        python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$work/followed"
}

test_the_audit_of_another_directory() {
        workspace alice
        run alice echo elsewhere
        journalctl --sync
        mkdir "$work/journals"
        journalctl -o export --after-cursor="$cursor" >"$work/export"
        /lib/systemd/systemd-journal-remote -o "$work/journals/remote.journal" "$work/export" >/dev/null 2>&1 ||
                cp -r /run/log/journal/*/. /var/log/journal/*/. "$work/journals" 2>/dev/null || true
        assert_contains "$(mxcctl audit --directory "$work/journals" --target elsewhere)" elsewhere
        assert_fails mxcctl audit --directory "$work/nowhere"
}

test_what_an_agent_wrote_does_not_reach_the_terminal() {
        workspace alice
        as alice mxcctl run -- true $'\033]0;title\a' "$(printf '\342\200\256')"
        journalctl --sync
        assert_lacks "$(mxcctl audit -n 3)" $'\033'
        assert_contains "$(mxcctl audit -n 3)" '\x1b]0;title\a'
}

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# lxc-exec as Microsoft's MXC SDK calls it, by an ordinary user, against the real mxcd: what comes back, what is left, and MXC's own Linux scenarios.
# shellcheck source=tests/machine/world/world.sh
. "$MXC_TEST_SRC/tests/machine/world/world.sh"

case $(uname -m) in
aarch64) LXC=/usr/lib/mxc/sdk/arm64/lxc-exec ;;
*) LXC=/usr/lib/mxc/sdk/x64/lxc-exec ;;
esac

# place: $ws, in alice's home, since the ceiling lets nobody grant what is elsewhere
place() {
        ws=/home/alice/mxc-exec
        rm -rf --one-file-system "$ws"
        install -d -o alice -g alice "$ws"
        defer rm -rf --one-file-system "$ws"
        export AS_CWD=$ws
}

# config COMMAND [MEMBERS [VERSION [PROCESS]]]: a configuration that runs it; MEMBERS and PROCESS are of the document and of its process
config() {
        python3 -c '
import json, sys
command, members, version, process = sys.argv[1:] + ["{}", "1.0.0", "{}"][len(sys.argv) - 2:]
print(json.dumps({"version": version, "process": {"commandLine": command, **json.loads(process)}, **json.loads(members)}))' "$@"
}
# lx COMMAND [MEMBERS [VERSION [PROCESS]]]: as alice, in $ws, where it may write
lx() { as alice "$LXC" --config-base64 "$(config "$@" | base64 -w 0)"; }
# granted: $ws, for writing
granted() { printf '{"filesystem": {"readwritePaths": ["%s"]}}' "$ws"; }

envelope() { grep '^{' <<<"$output" | python3 -c 'import json, sys; e = json.load(sys.stdin)["error"]; print(e["code"], e["message"])'; }

test_the_exit_status_is_the_command_s() {
        place
        local status
        for status in 0 1 3 125 255; do
                assert_status $status lx "exit $status"
                assert_eq '' "$output"
        done
        assert_status 127 lx there-is-no-such-thing
        assert_status 143 lx 'kill -TERM $$'
        assert_status 137 lx 'kill -KILL $$'
}

test_usage_is_told_as_mxc_tells_it() {
        place
        assert_status 2 as alice "$LXC" --bogus
        assert_contains "$output" "error: unexpected argument '--bogus' found"
        assert_status 2 as alice "$LXC" --version
        assert_status 2 as alice "$LXC" --config a --config b
        assert_contains "$output" "cannot be used multiple times"
        assert_status 2 as alice "$LXC" --config
        assert_contains "$output" "a value is required for '--config <CONFIG>' but none was supplied"
        assert_status 2 as alice "$LXC" one two
        assert_status 1 as alice "$LXC"
        assert_contains "$output" 'Error: No config provided.'
        assert_status 1 as alice "$LXC" /nowhere
        assert_contains "$output" 'Configuration file not found: /nowhere'
        assert_status 1 as alice "$LXC" --config-base64 '!'
        assert_contains "$output" 'Failed to decode base64 configuration'
        assert_status 1 as alice "$LXC" --config-base64 /w==
        assert_contains "$output" 'not valid UTF-8'
        assert_ok as alice "$LXC" --help
        assert_contains "$output" '--config-base64 <CONFIG_BASE64>'
        assert_status 1 as alice "$LXC" --delete
        assert_contains "$output" 'Error: --containername is required with --delete'
        assert_status 1 as alice "$LXC" --delete --containername one
        assert_eq "Container 'one' does not exist." "$output"
}

test_a_configuration_comes_in_every_way() {
        place
        config 'echo file' >"$ws/c.json"
        assert_ok as alice "$LXC" c.json
        assert_eq file "$output"
        assert_ok as alice "$LXC" --config=c.json
        assert_eq file "$output"
        assert_ok as alice "$LXC" --config c.json --config-base64 "$(config 'echo words' | base64 -w 0)"
        assert_eq words "$output"
        config 'echo piped' >"$work/piped"
        assert_ok as alice sh -c '"$1" --config /dev/stdin <"$2"' sh "$LXC" "$work/piped"
        assert_eq piped "$output"
}

test_a_configuration_that_is_wrong_is_one_and_no_envelope() {
        place
        assert_status 1 lx true '{"colour": 1}'
        assert_contains "$output" $'Request error\nConfiguration parse error: '
        assert_contains "$output" 'unknown field `colour`'
        assert_lacks "$output" '{"error"'
}

# The SDK looks for it at the beginning of a line; MXC's own glues it to the sentence.
test_the_envelope_has_a_line_of_its_own() {
        place
        assert_status 255 lx true '{"network": {"ingress": {"default": "allow"}}}'
        assert_contains "$(envelope)" "network.ingress.default='allow' is not supported"
        assert_contains "$(head -n 1 <<<"$output")" "network.ingress.default='allow' is not supported"
        assert_lacks "$(head -n 1 <<<"$output")" '{"error"'
}

test_a_timeout_leaves_nothing() {
        place
        assert_status 255 lx 'setsid sleep 98765 & env -i sh -c "trap \"\" TERM HUP INT; sleep 98765; sleep 98765" & sleep 98765' '{}' 1.0.0 '{"timeout": 1500}'
        assert_contains "$(envelope)" 'script timed out after 1500ms'
        ! pgrep -u alice -f 'sleep 98765' || fail 'something goes on'
        assert_record MXC_EVENT=exit MXC_REASON=timeout
}

# client_runs COMMAND: lxc-exec in the background, until the command has made $ws/up. $client is its process.
client_runs() {
        rm -f "$ws/up" "$work/status"
        (
                status=0
                as alice "$LXC" --config-base64 "$(config "$1" "$(granted)" | base64 -w 0)" >"$work/out" 2>&1 || status=$?
                echo $status >"$work/status"
        ) &
        wait_until 20 test -e "$ws/up"
        client=$(pgrep -u alice -x lxc-exec -n)
}
nothing_sleeps() { ! pgrep -u alice -f 'sleep 98764'; }

test_a_signal_to_the_client_is_the_commands() {
        place
        local name
        for name in HUP INT QUIT TERM; do
                client_runs "trap 'echo got $name; exit 7' $name; touch up; while :; do sleep 0.1; done"
                kill -$name "$client"
                wait_until 20 test -s "$work/status"
                assert_eq "$((128 + $(kill -l $name))) got $name" "$(cat "$work/status" "$work/out" | xargs)"
        done
        # by default it is its end
        client_runs 'setsid sleep 98764 & touch up; sleep 98764'
        kill -TERM "$client"
        wait_until 4 test -s "$work/status"
        assert_eq 143 "$(cat "$work/status")"
        nothing_sleeps || fail 'something is left'
        # these end nothing but what has no use for them
        client_runs "trap 'touch one' USR1; trap 'touch two' USR2; touch up; until [ -e one ] && [ -e two ]; do sleep 0.1; done; exit 4"
        kill -USR1 "$client"
        kill -USR2 "$client"
        kill -WINCH "$client"
        wait_until 20 test -s "$work/status"
        assert_eq 4 "$(cat "$work/status")"
        client_runs 'touch up; sleep 98764'
        kill -USR1 "$client"
        wait_until 20 test -s "$work/status"
        assert_eq "$((128 + $(kill -l USR1)))" "$(cat "$work/status")"
        # the third is a kill
        client_runs 'trap "echo no" TERM; touch up; while :; do sleep 0.1; done'
        for name in 1 2; do
                kill -TERM "$client"
                wait_until 4 eval '[ "$(grep -c no "$work/out")" = '$name' ]'
        done
        kill -TERM "$client"
        wait_until 4 test -s "$work/status"
        assert_eq 143 "$(cat "$work/status")"
        assert_record MXC_EVENT=exit MXC_REASON=killed
}

test_a_signal_while_mxcd_is_away_arrives() {
        place
        client_runs "trap 'echo heard; exit 7' TERM; touch up; while :; do sleep 0.1; done"
        systemctl stop mxcd.service
        kill -TERM "$client"
        wait_until 20 test -s "$work/status"
        assert_contains "$(cat "$work/out")" heard
        assert_eq 143 "$(cat "$work/status")"
        wait_until 20 mxcd_is_up
        nothing_sleeps
}

# What heeds none of them is killed after a while.
test_a_signal_to_the_client_ends_all_of_it() {
        place
        local number
        for number in 1 2 3 15; do
                client_runs 'trap "" HUP INT QUIT TERM; setsid sleep 98764 & touch up; sleep 98764'
                kill -$number "$client"
                wait_until 20 test -s "$work/status"
                nothing_sleeps || fail "signal $number left something"
                assert_eq $((128 + number)) "$(cat "$work/status")"
        done
}

test_whatever_ends_the_client_ends_all_of_it() {
        place
        local number
        for number in 9 11 6 14; do
                client_runs 'trap "" HUP INT QUIT TERM; setsid sleep 98764 & touch up; sleep 98764'
                kill -$number "$client"
                wait_until 20 nothing_sleeps
        done
        # one that stands still ends nothing, and when it is killed all the same, it is over
        client_runs 'touch up; sleep 98764'
        kill -STOP "$client"
        ! nothing_sleeps || fail 'it was not there'
        kill -KILL "$client"
        wait_until 20 nothing_sleeps
}

test_a_restart_of_mxcd_goes_unnoticed() {
        place
        client_runs 'touch up; until [ -e go ]; do sleep 0.1; done; echo done; exit 7'
        systemctl restart mxcd
        wait_until 10 mxcd_is_up
        touch "$ws/go"
        wait_until 20 test -s "$work/status"
        assert_eq '7 done' "$(cat "$work/status") $(cat "$work/out")"
}

# What a launcher inherits is nobody's business in there: MXC's own hands descriptors on, and blocks three signals.
test_no_descriptor_and_no_blocked_signal_gets_in() {
        place
        echo secret >"$work/secret"
        cat >"$ws/start.py" <<'END'
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1})
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.dup2(os.open(sys.argv[1], os.O_RDONLY), 9)
os.execv(sys.argv[2], sys.argv[2:])
END
        assert_ok as alice python3 start.py "$work/secret" "$LXC" --config-base64 \
                "$(config 'ls /proc/self/fd | tr "\n" " "; cat <&9 2>&1; grep -E "Sig(Blk|Ign)" /proc/self/status' | base64 -w 0)"
        assert_contains "$output" '0 1 2 3 ' # ls has its directory open
        assert_lacks "$output" ' 9 '
        assert_lacks "$output" secret
        assert_contains "$output" $'SigBlk:\t0000000000000000'
        assert_contains "$output" $'SigIgn:\t0000000000000000'
        assert_status 143 as alice python3 start.py "$work/secret" "$LXC" --config-base64 "$(config 'kill -TERM $$; echo survived' | base64 -w 0)"
        assert_lacks "$output" survived
}

test_standard_input_output_and_error_are_the_command_s() {
        place
        local script
        script=$(config 'read x; printf "got %s" "$x"; echo wrong >&2; cat; exit 4' | base64 -w 0)
        printf 'one\ntwo' >"$work/in"
        assert_status 4 as alice sh -c '"$1" --config-base64 "$2" <"$3" 2>err >out' sh "$LXC" "$script" "$work/in"
        assert_eq 'got onetwo' "$(cat "$ws/out")"
        assert_eq wrong "$(cat "$ws/err")"
        # closed ones are /dev/null
        assert_status 4 as alice sh -c '"$1" --config-base64 "$2" <&- >&- 2>&-' sh "$LXC" "$script"
}

test_a_terminal_is_shown_and_not_handed_over() {
        place
        assert_status 5 as alice env TERM=xterm "$MXC_TEST_SRC/tests/machine/terminal.py" expect=24x80 resize=30x90 expect=ready \
                send='word\n' expect='<word>' -- "$LXC" --config-base64 "$(config '
                        test -t 0 && test -t 1 && test -t 2 || exit 9
                        stty size | tr " " x
                        until [ "$(stty size)" = "30 90" ]; do sleep 0.1; done
                        echo ready; read x; echo "<$x>"; exit 5' | base64 -w 0)"
        assert_status 143 as alice env TERM=xterm "$MXC_TEST_SRC/tests/machine/terminal.py" expect=ready signal=TERM -- \
                "$LXC" --config-base64 "$(config 'stty raw; echo ready; sleep 98763' | base64 -w 0)"
}

test_a_dry_run_runs_nothing() {
        place
        assert_ok as alice "$LXC" --dry-run --config-base64 "$(config 'touch made' "$(granted)" 1.0.0 '{"timeout": 9}' | base64 -w 0)"
        assert_eq $'Script code length: 10\nWorking directory: \nScript timeout: 9\nContainer name: \nRunner completed in 0ms\nDry run completed. Result: validation passed' "$output"
        [ ! -e "$ws/made" ] || fail 'it ran'
        assert_status 255 as alice "$LXC" --dry-run --config-base64 "$(config true '{"network": {"ingress": {"default": "allow"}}}' | base64 -w 0)"
        assert_contains "$output" "validation failed: Bubblewrap: network.ingress.default='allow'"
}

test_backends_are_told_truthfully() {
        place
        assert_ok as alice "$LXC" --available-backends --config nowhere
        python3 -c 'import json, sys; b, = json.loads(sys.argv[1]); assert b["backend"] == "bubblewrap", b' "$output" || fail "$output"
        systemctl stop mxcd.socket mxcd.service
        defer systemctl start mxcd.socket mxcd.service
        systemctl mask --runtime --quiet mxcd.service
        assert_ok as alice "$LXC" --available-backends
        systemctl unmask --runtime --quiet mxcd.service
        assert_eq '[]' "$output"
        systemctl start mxcd.socket mxcd.service
}

test_a_log_has_whole_lines() {
        place
        assert_status 3 as alice "$LXC" --log-file log --config-base64 "$(config 'echo said; exit 3' | base64 -w 0)"
        assert_eq said "$output"
        assert_contains "$(cat "$ws/log")" '] Exit code: 3 (0x00000003)'
        ! grep -vqE '^\[[0-9]+\] .' "$ws/log" || fail "not in lines: $(cat "$ws/log")"
        assert_ok as alice "$LXC" --log-file /nowhere/log --config-base64 "$(config true | base64 -w 0)"
        assert_contains "$output" "Warning: could not open log file '/nowhere/log': "
        assert_status 3 as alice "$LXC" --debug --config-base64 "$(config 'echo said; exit 3' | base64 -w 0)"
        assert_contains "$output" 'Script code length: 17'
        assert_contains "$output" 'Exit code: 3 (0x00000003)'
}

# What a configuration asks for, as a policy that something else is run under.
test_a_configuration_is_translated() {
        place
        as alice sh -c 'mkdir in in/denied && echo secret >in/denied/key'
        config true "$(filesystem "\"$ws/in\"" '' "\"$ws/in/denied\"")" >"$ws/c.json"
        assert_ok as alice sh -c 'cd in && mxcctl policy translate ../c.json | mxcctl run --clamp --policy - -- sh -c "$1"' sh \
                'echo mine >made; ! cat denied/key'
        assert_lacks "$output" secret
        assert_eq mine "$(cat "$ws/in/made")"
        echo '{"version": "1.0.0", "colour": 1}' >"$ws/c.json"
        assert_status 1 as alice mxcctl policy translate c.json
        assert_contains "$output" 'unknown field `colour`'
}

# phase PHASE MEMBERS: the answer to a request of SDK 0.8
phase() { as alice "$LXC" --experimental --config-base64 "$(phase_config "$@")"; }
phase_config() { printf '{"version": "0.8.0-alpha", "phase": "%s", %s}' "$1" "$2" | base64 -w 0; }

test_phases_are_answered_by_one_object() {
        place
        local id members
        # also one that cannot be read
        for members in '"sandboxId": "x", "process": 7' '"containment": "wslc", "no-such": 1' '"sandboxId": "x", '; do
                assert_status 1 phase exec "$members"
                assert_eq 1 "$(wc -l <<<"$output")" "$members"
                assert_contains "$output" '{"error":{"code":"malformed_request"'
                assert_eq "$output" "$(phase exec "$members" 2>/dev/null)" 'not on standard output'
        done
        assert_ok phase provision '"containment": "wslc"'
        id=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["result"]["sandboxId"])' "$output")
        defer phase deprovision '"sandboxId": "'"$id"'"'
        assert_status 255 phase exec '"sandboxId": "'"$id"'", "process": {"commandLine": "true"}'
        assert_contains "$output" '{"error":{"code":"not_started"'
        assert_ok phase start '"sandboxId": "'"$id"'"'
        assert_eq '{"result":{}}' "$output"
        assert_status 5 phase exec '"sandboxId": "'"$id"'", "process": {"commandLine": "echo in; ls /proc/self/fd | wc -l; exit 5"}'
        assert_eq $'in\n4' "$output"
        # who is left behind with its terminal, and writes there for ever, does not keep us
        assert_status 6 as alice env TERM=xterm "$MXC_TEST_SRC/tests/machine/terminal.py" -- "$LXC" --experimental --config-base64 "$(
                phase_config exec '"sandboxId": "'"$id"'", "process": {"commandLine": "setsid sh -c '"'while echo left; do touch /tmp/wrote; sleep 0.05; done'"' & until [ -e /tmp/wrote ]; do sleep 0.05; done; exit 6"}')"
        assert_contains "$output" left
        # a terminal of its own: its size, its keys, signals to the client
        # shellcheck disable=SC2317 # assert_status calls it
        on_a_terminal() { # COMMAND STEP…
                local command=$1
                shift
                as alice env TERM=xterm "$MXC_TEST_SRC/tests/machine/terminal.py" "$@" -- "$LXC" --experimental --config-base64 "$(
                        phase_config exec '"sandboxId": "'"$id"'", "process": {"commandLine": "'"$command"'"}')"
        }
        assert_status 3 on_a_terminal 'test -t 0 && test -t 1 && test -t 2 || exit 9; stty size; read x; stty size; exit 3' \
                'expect=24 80' raw resize=50x132 'send=\r' 'expect=50 132'
        assert_status 130 on_a_terminal 'echo go; exec sleep 98763' expect=go raw 'send=\x03'
        assert_status 143 on_a_terminal "trap 'echo bye; exit 5' TERM; echo go; while :; do sleep 0.1; done" expect=go raw signal=TERM expect=bye
        # and all that it began goes with a kill of it, and nothing else
        assert_ok phase exec '"sandboxId": "'"$id"'", "process": {"commandLine": "setsid sleep 98761 >/dev/null 2>&1 & true"}'
        assert_status 255 phase exec '"sandboxId": "'"$id"'", "process": {"timeout": 1500, "commandLine": "(setsid sh -c '"'trap : TERM HUP; sleep 98760; sleep 98760'"' &); sleep 98760"}'
        wait_until 20 eval "! pgrep -u alice -f 'sleep 98760\$'"
        pgrep -u alice -f 'sleep 98761$' >/dev/null || fail 'what another command left went with it'
        # what ends the client ends the command, and not the sandbox
        (phase exec '"sandboxId": "'"$id"'", "process": {"commandLine": "sleep 98762 & sleep 98762"}' >/dev/null 2>&1 || true) &
        wait_until 20 pgrep -u alice -f 'sleep 98762$'
        pkill -KILL -u alice -x mxc-lifecycle
        wait_until 20 eval "! pgrep -u alice -f 'sleep 98762\$'"
        assert_ok phase exec '"sandboxId": "'"$id"'", "process": {"commandLine": "true"}'
        assert_ok phase stop '"sandboxId": "'"$id"'"'
        assert_ok phase deprovision '"sandboxId": "'"$id"'"'
        assert_status 255 phase start '"sandboxId": "'"$id"'"'
        assert_eq 1 "$(wc -l <<<"$output")"
        assert_contains "$output" '{"error":{"code":"stale_id"'
}

# A port of the host that should lead in, of either kind of request.
test_ports_are_refused() {
        place
        local ports='"portMappings": [{"windowsPort": 8080, "containerPort": 80}]' before
        before=$(mxcctl agent list)
        assert_status 255 lx true '{"containment": "wslc", "wslc": {"image": "alpine", '"$ports"'}}' 1.1.0-alpha
        assert_contains "$(envelope)" "backend_unavailable the 'wslc' backend is not available"
        assert_status 255 as alice "$LXC" --experimental --config-base64 "$(
                printf '{"version": "1.1.0-alpha", "phase": "provision", "containment": "wslc", "wslc": {"provision": {%s}}}' "$ports" | base64 -w 0)"
        assert_contains "$output" '{"error":{"code":"backend_unavailable","message":"no port of this host leads into a sandbox of the lifecycle'
        assert_eq "$before" "$(mxcctl agent list)" 'an agent was made'
}

test_what_a_phase_names_and_loses_is_told() {
        place
        local id
        assert_ok phase provision '"containment": "wslc", "filesystem": {"readwritePaths": ["/tmp", "'"$ws"'"]}'
        id=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["result"]["sandboxId"])' "$output")
        defer phase deprovision '"sandboxId": "'"$id"'"'
        assert_ok phase start '"sandboxId": "'"$id"'"'
        assert_contains "$output" '{"result":{"warnings":["Filesystem path '"'/tmp' is not the host's"
        assert_ok phase stop '"sandboxId": "'"$id"'"'
}

# --- MXC's own scenarios of the file system

# tree: $ws with files and directories in it
tree() {
        place
        as alice sh -c 'mkdir -p a/b/c && echo a >a/f && echo b >a/b/f && echo c >a/b/c/f'
}
filesystem() { printf '{"filesystem": {"readwritePaths": [%s], "readonlyPaths": [%s], "deniedPaths": [%s]}}' "$1" "$2" "$3"; }

test_the_most_specific_path_decides_whatever_the_order() {
        tree
        local probe='echo x >a/f && echo x >a/b/c/f && ! echo x 2>/dev/null >a/b/f && cat a/b/f'
        assert_ok lx "$probe" "$(filesystem "\"$ws/a/b/c\", \"$ws\"" "\"$ws/a/b\"" '')"
        assert_eq b "$output"
        assert_ok lx "cd $ws; $probe" "$(filesystem "\"$ws\", \"$ws/a/b/c\"" "\"$ws/a/b/\"" '')"
        assert_eq 'x x b' "$(cat "$ws/a/f") $(cat "$ws/a/b/c/f") $(cat "$ws/a/b/f")"
        assert_ok lx 'cat a/b/c/f; ! cat a/b/f' "$(filesystem "\"$ws\"" "\"$ws/a/b/c\"" "\"$ws/a/b\"")"
        assert_contains "$output" x
}

# Where the caller is, or the configuration says, if only something below that is given: it is there, and holds nothing else.
test_a_command_begins_on_the_way_to_what_it_was_given() {
        tree
        local given
        given=$(filesystem '' "\"$ws/a/b\"" '')
        assert_ok lx 'pwd; cat a/b/f; ls a; ! cat a/f 2>/dev/null' "$given"
        assert_eq "$ws"$'\nb\nb' "$output"
        assert_ok lx 'pwd; cat b/f; ! mkdir new 2>/dev/null' "$given" 1.0.0 "{\"cwd\": \"$ws/a\"}"
        assert_eq "$ws/a"$'\nb' "$output"
        assert_ok lx 'pwd' "$(filesystem '' "\"$ws/a/b\"" "\"$ws\"")"
        assert_eq /home/alice "$output"
        assert_status 255 lx 'pwd' "$given" 1.0.0 "{\"cwd\": \"$ws/other\"}"
        assert_contains "$(envelope)" "working directory $ws/other"
}

test_the_same_path_twice_is_the_strictest() {
        tree
        assert_ok lx '! echo y 2>/dev/null >a/f && cat a/f' "$(filesystem "\"$ws\"" "\"$ws\"" '')"
        assert_ok lx '! cat a/f' "$(filesystem "\"$ws\"" "\"$ws/a\"" "\"$ws/a\"")"
        assert_ok lx '! cat a/f' "$(filesystem "\"$ws\", \"$ws/a\"" '' "\"$ws/a/\"")"
}

test_an_alias_of_a_denied_object_is_denied() {
        tree
        as alice sh -c 'echo secret >s && ln s hard && ln -s s soft && ln -s a dir'
        assert_ok lx '! cat s 2>/dev/null && ! cat hard 2>/dev/null && ! cat soft 2>/dev/null' \
                "$(filesystem "\"$ws\", \"$ws/hard\"" '' "\"$ws/s\"")"
        assert_ok lx '! cat s 2>/dev/null && ! cat soft 2>/dev/null' "$(filesystem "\"$ws\"" '' "\"$ws/soft\"")"
        assert_ok lx '! cat a/f 2>/dev/null && ! cat dir/f 2>/dev/null' "$(filesystem "\"$ws\"" '' "\"$ws/dir\"")"
        assert_ok lx '! cat a/f 2>/dev/null && ! cat dir/f 2>/dev/null' "$(filesystem "\"$ws\"" "\"$ws/dir\"" "\"$ws/a\"")"
}

# By its last part or one before, in the middle of a way with "..", before anything is there, or made inside.
test_what_a_link_leads_to_is_denied() {
        tree
        as alice sh -c 'echo secret >a/b/key && ln -s a/b way && ln -s gone dangling'
        local denied
        for denied in way/key way/../b/key ./a//b/key; do
                assert_ok lx '! cat a/b/key 2>/dev/null && ! cat way/key 2>/dev/null && cat a/b/f' "$(filesystem "\"$ws\"" '' "\"$ws/$denied\"")"
                assert_eq b "$output" "$denied"
        done
        assert_ok lx '! echo x 2>/dev/null >gone && ! echo x 2>/dev/null >dangling' "$(filesystem "\"$ws\"" '' "\"$ws/dangling\"")"
        [ ! -e "$ws/gone" ] || fail 'it was made on the host'
        assert_ok lx 'ln -s a/b/key made; ln -s "$PWD" up; ! cat made 2>/dev/null && ! cat up/a/b/key 2>/dev/null && ! mv a/b/key taken 2>/dev/null && ! ln a/b/key hard 2>/dev/null' \
                "$(filesystem "\"$ws\"" '' "\"$ws/a/b/key\"")"
        # what is given by a link is there under the name that was given
        assert_ok lx 'cat way/f && ! cat a/b/f 2>/dev/null && ! cat a/f 2>/dev/null' "$(filesystem '' "\"$ws/way\"" '')"
        assert_eq b "$output"
}

# MXC's own covers a denied directory with one that takes what is written and loses it, and makes one that is missing.
test_what_is_denied_takes_nothing_and_is_not_made() {
        tree
        assert_ok lx '! ls a 2>/dev/null && ! echo x 2>/dev/null >a/new && ! mkdir a/new 2>/dev/null' "$(filesystem "\"$ws\"" '' "\"$ws/a\"")"
        assert_ok lx '! echo x 2>/dev/null >missing && ! mkdir missing 2>/dev/null' "$(filesystem "\"$ws\"" '' "\"$ws/missing\"")"
        [ ! -e "$ws/missing" ] || fail 'it was made on the host'
        assert_ok lx '! cat /etc/passwd 2>/dev/null && cat /etc/group >/dev/null' "$(filesystem "\"$ws\"" '' '"/etc/passwd"')"
}

test_nothing_is_there_but_the_system_and_what_was_granted() {
        place
        as alice sh -c 'echo key >~/mxc-key && echo host >/tmp/mxc-host'
        defer rm -f /home/alice/mxc-key /tmp/mxc-host
        assert_ok lx '! cat /home/alice/mxc-key 2>/dev/null && ! cat /tmp/mxc-host 2>/dev/null && echo x >/tmp/mine && cat /tmp/mine && cat /etc/passwd >/dev/null'
        assert_eq x "$output"
        [ ! -e /tmp/mine ] || fail '/tmp is the host'"'"'s'
        assert_lacks "$(lx 'cat /proc/self/status; ls /home')" alice
}

# What the caller cannot open, its sandbox cannot: root opens nothing for it.
test_the_caller_cannot_delegate_what_it_does_not_have() {
        place
        install -d -m 700 "$work/root"
        install -m 600 /dev/null "$work/file"
        assert_status 255 lx "ls $work/root" "{\"filesystem\": {\"readonlyPaths\": [\"$work/file\"]}}"
        assert_contains "$(envelope)" 'cannot be delegated to the sandbox'
        assert_status 255 lx true "{\"filesystem\": {\"readwritePaths\": [\"$work/root\"]}}"
        assert_contains "$(envelope)" 'the invoking user does not have read+write access'
}

# --- MXC's own scenarios of the network

fetch='curl -sS --max-time 20'

test_rules_with_a_direction() {
        world_up
        place
        local to='{"cidr": "'$WORLD_WEB'/32"}' web
        web="$fetch http://$WORLD_WEB/rule"
        assert_fails lx "$web"
        assert_ok lx "$web" '{"network": {"egress": {"default": "deny", "allow": [{"to": ['"$to"'], "ports": [{"protocol": "tcp", "port": 80}]}]}}}'
        assert_contains "$output" /rule
        assert_fails lx "$web" '{"network": {"egress": {"allow": [{"to": ['"$to"'], "ports": [{"protocol": "tcp", "port": 443}]}]}}}'
        # to deny is stronger, however wide it is
        assert_fails lx "$web" '{"network": {"egress": {"default": "allow", "allow": [{"to": ['"$to"']}], "deny": [{"to": [{"cidr": "93.184.216.0/24"}]}]}}}'
        assert_ok lx "$web" '{"network": {"egress": {"default": "allow", "deny": [{"to": [{"cidr": "'$WORLD_OTHER'/32"}]}]}}}'
        assert_fails lx "$fetch http://$WORLD_OTHER/" '{"network": {"egress": {"allow": [{"to": [{"cidr": "93.184.216.0/24", "except": ["'$WORLD_OTHER'/32"]}]}]}}}'
}

test_a_firewall_of_hosts() {
        world_up
        place
        local hosts='"enforcementMode": "firewall", "allowedHosts": ["'$WORLD_WEB'/32"]' web
        web="$fetch http://$WORLD_WEB/legacy"
        assert_ok lx "$web" '{"network": {"defaultPolicy": "block", '"$hosts"'}}' 0.8.0
        assert_contains "$output" /legacy
        assert_fails lx "$fetch http://$WORLD_OTHER/" '{"network": {"defaultPolicy": "block", '"$hosts"'}}' 0.8.0
        assert_fails lx "$web" '{"network": {"defaultPolicy": "block", '"$hosts"', "blockedHosts": ["93.184.216.0/24"]}}' 0.8.0
        assert_fails lx "$web" '{"network": {"defaultPolicy": "block"}}' 0.8.0
        assert_status 255 lx "$web" '{"network": {"allowedHosts": ["'$WORLD_WEB'"]}}' 0.8.0
        assert_contains "$output" 'require an enforcement mechanism'
        assert_status 255 lx "$web" '{"network": {"defaultPolicy": "block", "enforcementMode": "firewall", "allowedHosts": ["web.example.com"]}}' 0.8.0
        assert_contains "$output" 'not an IP address or CIDR'
}

test_local_network_is_said_to_be_what_it_is() {
        place
        assert_status 255 lx true '{"network": {"defaultPolicy": "allow"}}' 0.8.0
        assert_contains "$output" 'is not enforced while the sandbox shares the host network namespace'
        assert_status 255 lx true '{"network": {"defaultPolicy": "block", "allowLocalNetwork": true}}' 0.8.0
        assert_contains "$output" "is confined to the sandbox's own network namespace"
        assert_status 1 lx true '{"network": {"egress": {"default": "deny"}}}' 0.7.0
        assert_contains "$output" 'require schema version 0.8 or later'
}

test_nobody_comes_in() {
        place
        assert_status 255 lx true '{"network": {"ingress": {"hostLoopback": "allow"}}}'
        assert_contains "$output" "network.ingress.hostLoopback='allow' is not supported"
        client_runs 'python3 -c "
import socket
s = socket.socket(); s.bind((\"0.0.0.0\", 45671)); s.listen()
socket.create_connection((\"127.0.0.1\", 45671))
open(\"up\", \"w\")
import time; time.sleep(60)"'
        ! timeout 5 bash -c '</dev/tcp/127.0.0.1/45671' 2>/dev/null || fail 'a listener of the sandbox is reached'
        kill "$client"
}

# --- what bounds take away

# ceiling STATEMENT: the vendor's, but for what Python makes of c, until the test ends
ceiling() {
        defer call /org/mxc1 Manager Reload # the next test begins with the vendor's
        put /etc/mxc/ceiling.json "$(python3 -c '
import json, sys
c = json.load(open("/usr/lib/mxc/ceiling.json"))
exec(sys.argv[1])
print(json.dumps(c))' "$1")"
        mxcctl reload >/dev/null
}
# outside: two directories of alice's, of which the vendor's ceiling lets one be read, and the other not
outside() {
        local dir
        for dir in /opt/mxc-cut /var/log/mxc-cut; do
                rm -rf --one-file-system $dir
                install -d -o alice -g alice $dir
                defer rm -rf --one-file-system $dir
        done
}

test_a_path_that_is_named_and_cut_is_told() {
        place
        outside
        local named='{"filesystem": {"readwritePaths": ["'$ws'", "/opt/mxc-cut", "/tmp"], "readonlyPaths": ["/var/log/mxc-cut"]}}'
        assert_ok lx "touch $ws/here; ! touch /opt/mxc-cut/x 2>/dev/null && test -r /opt/mxc-cut && ! test -e /var/log/mxc-cut" "$named"
        assert_contains "$output" "WARNING: Filesystem path '/opt/mxc-cut' is read-only: the ceiling of this host allows no writing there"
        assert_contains "$output" "WARNING: Filesystem path '/var/log/mxc-cut' is not there: the ceiling of this host does not allow it"
        assert_contains "$output" "WARNING: Filesystem path '/tmp' is not the host's"
        assert_eq 3 "$(wc -l <<<"$output")"
        test -e "$ws/here" || fail 'it did not run'
        json '"said" if ["writing /opt/mxc-cut", "reading", "ceiling"] in [r[1:] for r in x] else x' record MXC_CUT MXC_EVENT=spawn | grep -qx said || fail "$(record MXC_CUT MXC_EVENT=spawn)"
        # the log has it as well
        assert_ok as alice "$LXC" --log-file "$ws/log" --config-base64 "$(config true "$named" | base64 -w 0)"
        assert_contains "$(cat "$ws/log")" "'/opt/mxc-cut' is read-only"
}

# What the ceiling denies below a path that holds is on record: a home is named every day.
test_what_is_cut_below_a_named_path_is_on_record() {
        place
        assert_ok lx true '{"filesystem": {"readwritePaths": ["/home/alice"]}}'
        assert_eq '' "$output"
        assert_contains "$(record MXC_CUT MXC_EVENT=spawn)" 'writing /home/alice/.'
        assert_ok lx true "$(granted)"
        assert_eq '' "$output"
}

test_where_it_is_to_begin_is_there_or_it_is_refused() {
        place
        outside
        local named='{"filesystem": {"readwritePaths": ["'$ws'", "/var/log/mxc-cut", "/opt/mxc-cut"]}}'
        assert_status 255 lx "touch $ws/ran" "$named" 1.0.0 '{"cwd": "/var/log/mxc-cut"}'
        assert_contains "$(envelope)" "policy_validation process.cwd '/var/log/mxc-cut' is not there for the command: The policy ceiling does not allow reading /var/log/mxc-cut."
        assert_contains "$output" 'ask the administrator to widen the ceiling of this host'
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling
        test ! -e "$ws/ran" || fail 'it ran'
        # one that can only be read is one to begin in
        assert_ok lx pwd "$named" 1.0.0 '{"cwd": "/opt/mxc-cut"}'
        assert_contains "$output" /opt/mxc-cut
        assert_contains "$output" "WARNING: Filesystem path '/opt/mxc-cut' is read-only"
}

test_without_a_shell_nothing_is_started() {
        place
        ceiling 'c["filesystem"]["executePaths"] = ["/opt"]'
        assert_status 255 lx true "$(granted)"
        assert_contains "$(envelope)" 'process.commandLine cannot be run by /bin/sh: The policy ceiling does not allow executing /bin/sh.'
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_CLAUSE=/filesystem/executePaths
        # nor is what outlives a call, in which no command could run
        local id
        assert_ok phase provision '"containment": "wslc"'
        id=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["result"]["sandboxId"])' "$output")
        defer phase deprovision '"sandboxId": "'"$id"'"'
        assert_status 255 phase start '"sandboxId": "'"$id"'"'
        assert_contains "$output" '{"error":{"code":"policy_validation","message":"no process.commandLine can be run by /bin/sh: The policy ceiling does not allow executing /bin/sh.'
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_AGENT="user-$(id -u alice)-${id/:/-}"
}

test_a_destination_that_is_named_and_cut_is_told() {
        place
        local hosts='"enforcementMode": "firewall", "allowedHosts"'
        assert_ok lx true '{"network": {"defaultPolicy": "block", '"$hosts"': ["169.254.169.254/32"]}}' 0.8.0
        assert_contains "$output" 'WARNING: network: not all that {"to":[{"cidr":"169.254.169.254/32"}]} names can be reached'
        assert_ok lx true '{"network": {"defaultPolicy": "block", '"$hosts"': ["10.0.2.2/32"]}}' 0.8.0
        assert_contains "$output" "WARNING: network: the host's loopback (10.0.2.2) cannot be reached: the ceiling of this host has no hostLoopback"
        local open='{"network": {"egress": {"default": "allow"}}}'
        assert_ok lx true "$open" # but for what nobody may reach
        assert_eq '' "$output"
        ceiling 'c["network"]["egress"] = {"default": "deny"}'
        assert_ok lx true "$open"
        assert_contains "$output" 'WARNING: network: it is not open'
}

# Of limits, which a configuration has none of but its timeout, and of a display, which no sandbox has, nothing is said but on record.
test_a_limit_that_nobody_named_is_on_record() {
        place
        ceiling 'c["resources"] = {"runtimeMax": "20s", "tasksMax": 100}; c["process"]["environment"] = {"pass": ["PATH", "LANG"]}; c["ui"] = {"disable": True}'
        local ui='{"ui": {"disable": false, "clipboard": "all"}}'
        assert_ok lx true "$ui" 1.0.0 '{"timeout": 10000, "env": ["LANG=C"]}'
        assert_eq '' "$output"
        assert_contains "$(record MXC_CUT MXC_EVENT=spawn)" '["/resources/tasksMax","infinity","100","ceiling"]'
        assert_contains "$(record MXC_CUT MXC_EVENT=spawn)" '["/ui/clipboard","all","none","ceiling"]'
        assert_ok lx true "$ui" 1.0.0 '{"timeout": 60000, "env": ["LANG=C", "OTHER=x"]}'
        assert_contains "$output" 'WARNING: process.timeout: it ends after 20000ms: the ceiling of this host allows no more'
        assert_contains "$output" 'WARNING: process.env: OTHER is not there'
        assert_lacks "$output" LANG
        # and what it says then is when it was
        ceiling 'c["resources"] = {"runtimeMax": "1s"}'
        assert_status 255 lx 'sleep 98766' '{}' 1.0.0 '{"timeout": 60000}'
        assert_contains "$(envelope)" 'backend_error script timed out after 1000ms'
}

# A proxy of the host's loopback, by its name in there, and nothing else: once an administrator opens the loopback.
test_a_proxy_and_nothing_else() {
        world_up
        place
        local tinyproxy_at=18095
        printf 'Port %s\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\n' $tinyproxy_at >"$work/proxy.conf"
        tinyproxy -d -c "$work/proxy.conf" >"$work/proxy.log" 2>&1 &
        defer kill $!
        wait_until 10 bash -c "</dev/tcp/127.0.0.1/$tinyproxy_at"
        python3 -m http.server --bind 127.0.0.1 18096 >/dev/null 2>&1 &
        defer kill $!
        wait_until 10 bash -c '</dev/tcp/127.0.0.1/18096'
        local only='{"network": {"egress": {"default": "deny"}}, "runtimeConfig": {"networkProxy": "http://localhost:'$tinyproxy_at'"}}'
        local probe="env | grep -i proxy | sort; $fetch http://web.example.com/proxied"
        # the vendor's ceiling keeps the loopback closed, and then nothing could work
        assert_status 255 lx "$probe" "$only"
        assert_lacks "$output" 'http web.example.com'
        assert_contains "$(envelope)" "policy_validation the proxy localhost:$tinyproxy_at, which is all that can be reached, cannot be connected to: The policy ceiling does not allow"
        assert_contains "$output" "The policy ceiling does not allow connecting to 10.0.2.2, tcp port $tinyproxy_at."
        assert_record MXC_EVENT=spawn MXC_DECISION=deny MXC_REASON=beyond-ceiling MXC_CLAUSE=/network/ingress/hostLoopback
        ceiling 'c["network"]["ingress"]["hostLoopback"] = "allow"'
        assert_ok lx "$probe" "$only" 1.0.0 '{"env": ["PATH=/usr/bin:/bin", "HTTP_PROXY=http://elsewhere:1", "NO_PROXY=web.example.com"]}'
        assert_contains "$output" 'http web.example.com /proxied'
        assert_contains "$output" "http_proxy=http://10.0.2.2:$tinyproxy_at"
        assert_lacks "$output" elsewhere
        assert_lacks "$output" NO_PROXY
        # not around it, and to nothing else of the loopback
        assert_fails lx "$fetch --noproxy '*' http://$WORLD_WEB/" "$only"
        assert_fails lx "$fetch --noproxy '*' http://10.0.2.2:18096/" "$only"
        # the loopback by the lists of a firewall, as before 0.8
        assert_ok lx "$fetch -o /dev/null http://10.0.2.2:18096/" \
                '{"network": {"defaultPolicy": "block", "enforcementMode": "firewall", "allowedHosts": ["10.0.2.2/32"]}}' 0.8.0
}

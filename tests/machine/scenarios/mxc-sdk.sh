# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Microsoft's SDK as npm has it, unmodified, as an ordinary user: alice's programs find ours by the two variables, and run on mxcd. See
# tests/mxc/sdk-1.mjs for what they do.

SDK=$MXC_TEST_BUILD/cache/mxc-sdk
NODE=$SDK/node_modules/node/bin/node

# sdk USER NAME…: the tests of those names, of SDK 1.x, in $ws; $output
sdk() {
        [ -x "$NODE" ] || fail "there is no Node 24: see need_mxc_sdk in tests/machine/packages.sh"
        as "$1" env MXC_FFI_DIR=/usr/lib/mxc/sdk MXC_BIN_DIR=/usr/lib/mxc/sdk "${WITH[@]}" \
                "$NODE" "$MXC_TEST_SRC/tests/mxc/sdk-1.mjs" "$SDK/1.0.1" "${@:2}"
}
WITH=(LC_ALL=C)
# A directory of alice's in her home, where the host's ceiling lets agents work; $ws
home_of_work() {
        ws=/home/alice/sdk-$RANDOM
        defer rm -rf --one-file-system "$ws"
        install -d -o alice -g alice "$ws"
        export AS_CWD=$ws
        defer no_sandboxes_left
}
no_sandboxes_left() {
        local agent
        for agent in $(mxcctl list --json=short 2>/dev/null | grep -o "user-$(id -u alice)-[a-z]*-[0-9a-f]*" | sort -u); do
                mxcctl agent revoke "$agent"
        done
}
nothing_of_it_runs() {
        local there
        there=$(mxcctl list) && [[ $there != *alice* ]]
}
sdk_does() {
        home_of_work
        WITH=(LC_ALL=C)
        assert_ok sdk alice "$@"
        wait_until 5 nothing_of_it_runs
}
# container PHASE: of $container; $output
container() { WITH=(CONTAINER="${container:-}" COMMAND="${2:-}"); assert_ok sdk alice "$1"; }

# What MXC's binding for C# calls, and what its own library exports, ours has too.
test_the_interface_is_whole() {
        local bin=$SDK/1.0.1/node_modules/@microsoft/mxc-sdk/bin/x64
        assert_ok /usr/bin/python3 "$MXC_TEST_SRC/tests/mxc/abi.py" /usr/lib/mxc/sdk/libmxc_ffi.so "$bin/dotnet/NativeMethods.g.cs" "$bin/libmxc_ffi.so"
}

# Beside MXC's own programs, which bring what they need of bubblewrap: configurations made by chance, each run by both.
test_it_does_what_mxc_does() {
        home_of_work
        local theirs=() version pair
        for pair in 0.8.0=0.8.0 1.0.0=1.0.1; do
                version=${pair#*=}
                install -D -m 755 "$SDK/$version/node_modules/@microsoft/mxc-sdk/bin/x64/lxc-exec" "$work/mxc-$version/lxc-exec"
                theirs+=("${pair%=*}=$work/mxc-$version/lxc-exec")
        done
        chmod 755 "$work"
        assert_ok as alice env HOME=/home/alice /usr/bin/python3 "$MXC_TEST_SRC/tests/mxc/behaviour.py" "$ws" /usr/lib/mxc/sdk/x64/lxc-exec "${theirs[@]}"
}

# As the bindings for other languages use it.
test_streams_one_by_one() {
        home_of_work
        assert_ok as alice /usr/bin/python3 "$MXC_TEST_SRC/tests/mxc/streams.py" /usr/lib/mxc/sdk/libmxc_ffi.so \
                "$SDK/1.0.1/node_modules/@microsoft/mxc-sdk/bin/x64/dotnet/NativeMethods.g.cs"
        wait_until 5 nothing_of_it_runs
}

# mxc-sdk(7) as somebody follows it who has read nothing else: what npm brings is here already, and the machine has no network.
test_the_page_is_right() {
        local page number exported started words run
        home_of_work
        page=$(man -P cat -w 7 mxc-sdk) || fail 'there is no page'
        exported=$(sed -n 's/^\.Dl \(export MXC_BIN_DIR=.*\)/\1/p' "$page")
        assert_contains "$exported" MXC_FFI_DIR=
        # of what the service manager of a user starts
        started=$(as alice /usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator)
        for words in ${exported#export}; do
                assert_contains "$started" "$words"
        done
        for number in 0.8.0 1.0.1; do
                as alice mkdir -p "$number/node_modules/.bin"
                as alice sh -c 'ln -s "$1"/* "$3/" && ln -s "$2" "$3/.bin/node"' sh "$SDK/$number/node_modules" "$NODE" "$number/node_modules"
                awk -v number="$number" '/^\$ npm install /{at = index($0, "mxc-sdk@" number) > 0} /^\$ /{text = 0} at && text {print} at && /^\$ cat run.mjs/{text = 1}' \
                        "$page" >"$ws/$number/run.mjs"
                [ -s "$ws/$number/run.mjs" ] || fail "the page has no program for $number"
                run=$(awk -v number="$number" '/^\$ npm install /{at = index($0, "mxc-sdk@" number) > 0} at && /run.mjs$/ && !/cat/ {print substr($0, 3)}' "$page")
                assert_contains "$run" 'node run.mjs'
                # what npm installed is found by npx, and else the machine's own
                assert_ok as alice sh -c 'cd "$1" && eval "$2" && eval "$3"' sh "$number" "$exported" "$run"
                assert_contains "$output" 'uid='
                assert_contains "$output" 'ended with 0'
        done
}

test_run() {
        sdk_does run
        assert_record MXC_EVENT=spawn MXC_DECISION=allow MXC_AGENT="user-$(id -u alice)"
}
test_run_ends_in_every_way() { sdk_does run_ends_in_every_way; }
test_run_tells_what_was_cut() { sdk_does run_tells_what_was_cut; }
test_run_with_every_option() { sdk_does run_with_every_option; }
test_run_is_refused() { sdk_does run_is_refused; }
test_many_at_once() { sdk_does many_at_once; }
test_spawn() { sdk_does spawn; }
test_spawn_and_take_nothing() { sdk_does spawn_and_take_nothing; }
test_spawn_times_out() { sdk_does spawn_times_out; }
test_spawn_is_killed() { sdk_does spawn_is_killed; }
test_spawn_is_disposed() { sdk_does spawn_is_disposed; }
test_a_warning_does_not_end_node() { sdk_does spawn_with_something_to_warn_of; }
test_pty() { sdk_does pty; }
test_pty_says_all_before_it_ends() { sdk_does pty_says_all_before_it_ends; }
test_pty_is_killed() { sdk_does pty_is_killed; }
test_probes() { sdk_does what_there_is probe telemetry; }
test_all_that_is_exported_is_called() {
        sdk_does everything_is_called
        assert_ok sdk_0 everything_is_called
}
test_every_containment() { sdk_does every_containment; }
test_run_with_a_network() { sdk_does run_with_a_network; }
test_what_it_finds_is_a_policy() { sdk_does what_it_finds; }

# Whatever ends the program that asked ends what it asked for.
test_the_sandbox_ends_with_its_program() {
        local program leader
        home_of_work
        WITH=(LC_ALL=C)
        sdk alice hang >"$work/hang" 2>&1 &
        wait_until 30 grep -q '[0-9]' "$work/hang"
        leader=$(<"$work/hang")
        program=$(pgrep -u alice -f 'sdk-1.mjs .* hang')
        kill -KILL "$program"
        wait_until 10 eval "! [ -d /proc/$leader ]"
}

test_lifecycle() { sdk_does lifecycle; }
test_lifecycle_of_paths() { sdk_does lifecycle_of_paths; }
test_lifecycle_is_refused() { sdk_does lifecycle_is_refused; }
test_lifecycle_is_validated() { sdk_does validated_and_with_telemetry; }

# SDK 0.8, which runs lxc-exec; sdk_0 NAME…: in $ws
sdk_0() { as alice env MXC_BIN_DIR=/usr/lib/mxc/sdk "$NODE" "$MXC_TEST_SRC/tests/mxc/sdk-0.mjs" "$SDK/0.8.0" "$@"; }
sdk_0_does() {
        local name
        for name; do
                home_of_work
                assert_ok sdk_0 "$name"
                wait_until 5 nothing_of_it_runs
        done
}
test_sdk_0_8() { sdk_0_does pipes pty policy kill timeout support; }
test_sdk_0_8_policies_and_options() { sdk_0_does every_part_of_a_policy every_part_of_a_network every_option an_error_is_an_error what_it_finds; }
test_sdk_0_8_lifecycle() { sdk_0_does lifecycle lifecycle_of_others abort; }

test_each_sandbox_is_an_agent_with_a_scope() {
        local container agent unit
        home_of_work
        container provision
        container=$output
        agent=user-$(id -u alice)-${container/:/-}
        assert_record MXC_EVENT=register MXC_AGENT="$agent" MXC_ON_BEHALF_UID="$(id -u alice)"
        container start
        unit=$(property "/org/mxc1/agent/${agent//-/_2d}" Unit)
        assert_contains "$unit" "$agent"
        systemctl is-active --quiet "$unit" || fail 'its scope is not there'
        # another user's id means nothing
        WITH=(CONTAINER="$container")
        assert_fails sdk bob start
        assert_contains "$output" stale_id
        container deprovision
        assert_record MXC_EVENT=revoke MXC_AGENT="$agent"
}

test_a_sandbox_survives_a_restart() {
        local container
        home_of_work
        container provision
        container=$output
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        container start
        container exec 'echo $$ >pid; setsid sleep 987 >/dev/null 2>&1 & echo on'
        assert_eq on "$output"
        systemctl restart mxcd
        wait_until 20 mxcd_is_up
        container exec 'cat pid >/dev/null && ls /proc/*/comm | xargs grep -lx sleep 2>/dev/null | wc -l'
        assert_eq 1 "$output" 'what ran in it has gone'
        container deprovision
        assert_eq '' "$(pgrep -f 'sleep 987')"
}

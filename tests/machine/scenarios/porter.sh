# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Who stands at the doors: what it takes to be rid of a stranger's descriptor keeps nobody else waiting.

SLOW_CLOSE=$MXC_TEST_SRC/tests/machine/slow-close.py

# Everybody is served within the time that a stranger's last close would have taken many times over.
others_are_served() {
        assert_ok timeout 60 busctl call org.mxc1 /org/mxc1 org.mxc1.Manager ListSandboxes
        assert_ok timeout 60 mxcctl run -- true
}

says_it() {
        local out=$work/said.$2
        as alice python3 "$SLOW_CLOSE" "$1" "$2" >"$out" 2>&1 &
        defer kill $!
        wait_until 20 test -s "$out"
        assert_eq said "$(<"$out")"
}

test_a_slow_close_at_the_door() {
        local way pid
        pid=$(main_pid mxcd.service)
        for way in call refused queue noise unread mixed spawn; do
                says_it door "$way"
                others_are_served
        done
        assert_eq "$pid" "$(main_pid mxcd.service)" 'nobody was restarted'
}

# What is no message the bus does not let through, and what nobody reads it keeps for itself.
test_a_slow_close_at_the_bus() {
        local way pid
        pid=$(main_pid mxcd.service)
        for way in call refused queue mixed spawn; do
                says_it bus "$way"
                others_are_served
        done
        assert_eq "$pid" "$(main_pid mxcd.service)" 'nobody was restarted'
}

# On their way they count against who sends them, and all porters are one user.
test_a_flood_of_descriptors_costs_nobody_else_anything() {
        local pid
        pid=$(main_pid mxcd.service)
        # a user of its own: what is on its way of one uid counts wherever it is, also in a container beside this one
        setpriv --reuid 64123 --regid 64123 --clear-groups python3 "$MXC_TEST_SRC/tests/machine/descriptor-flood.py" fill >"$work/flood" 2>&1 &
        defer kill $!
        wait_until 30 grep -q full "$work/flood"
        assert_ok as bob timeout 300 python3 "$MXC_TEST_SRC/tests/machine/descriptor-flood.py" ask door
        assert_ok as bob timeout 300 python3 "$MXC_TEST_SRC/tests/machine/descriptor-flood.py" ask bus
        assert_eq full "$(<"$work/flood")" 'nobody was hung up on'
        assert_eq "$pid" "$(main_pid mxcd.service)" 'nobody was restarted'
}

# A way to the network that no rule is asked about.
test_a_connection_is_no_standard_input() {
        local door
        for door in door bus; do
                assert_ok as alice timeout 60 python3 "$SLOW_CLOSE" "$door" network
                assert_contains "$output" 'Invalid argument'
        done
}

test_a_further_command_has_its_socket() {
        local door
        for door in door bus; do
                assert_ok as alice timeout 60 python3 "$SLOW_CLOSE" "$door" further
                assert_eq 'it is heard' "$output"
        done
}

test_mxcd_is_back_after_its_porters() {
        idle alice
        local pid i
        for i in door bus; do
                pid=$(main_pid mxcd.service)
                kill -KILL "$(main_pid "mxc-porter@$i.service")"
                wait_until 20 eval '[ "$(main_pid mxcd.service)" != '"$pid"' ] && mxcd_is_up'
                assert_eq running "$(state "$sandbox")"
                others_are_served
        done
}

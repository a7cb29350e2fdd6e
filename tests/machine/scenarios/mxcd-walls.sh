# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# mxcd's own walls, each taken out of it (tests/sandbox/mutant-mxcd.c): the tests that are there for that wall fail then, and do not without.

MUTANT=$MXC_TEST_BUILD/plain/tests/sandbox/mxcd-mutant

# The mutant in the place of mxcd, until the test is over
mutant() {
        local dir=/run/systemd/system/mxcd.service.d
        defer end_what_should_not_run
        defer systemctl restart mxcd.service
        defer systemctl daemon-reload
        defer rm -rf $dir
        mkdir -p $dir
        printf '[Service]\nExecStart=\nExecStart=%s\n%s\n' "$MUTANT" "${1:+Environment=MXC_WITHOUT=$1}" >$dir/mutant.conf
        systemctl daemon-reload
        systemctl restart mxcd.service
        wait_until 10 mxcd_is_up
        assert_eq "$(readlink -f "$MUTANT")" "$(readlink "/proc/$(systemctl show -P MainPID mxcd.service)/exe")" 'another mxcd runs'
}

end_what_should_not_run() {
        local object
        wait_until 10 mxcd_is_up
        for object in $(sandboxes); do end_quietly "$object"; done
}

# without WALL TEST…: each of those tests passes with the mutant as it is, and fails when it has no such wall
without() {
        local wall=$1 test out
        shift
        [ -x "$MUTANT" ] || fail "there is no $MUTANT"
        for mutation in '' "$wall"; do
                mutant "$mutation"
                for test in "$@"; do
                        out=$("$MXC_TEST_SRC/tests/machine/suite.sh" "$test" 2>&1) || true
                        printf '%s\n' "$out"
                        [[ $out == *1..1 ]] || fail "'$test' is not one test"
                        case ${mutation:-none} in
                        none) [[ $out == ok* ]] || fail "'$test' fails with nothing taken out" ;;
                        *) [[ $out == *$'\n'not\ ok* ]] || fail "'$test' does not notice that there is no wall '$wall'" ;;
                        esac
                done
        done
}

test_authorize_is_noticed() { without authorize 'authorize: who_is_at_the_machine' 'authorize: managing_agents'; }
test_authorize_is_noticed_by_the_deputy() { without authorize 'deputy: a_stranger_is_refused_by_name'; }
test_sees_is_noticed() { without sees 'authorize: nobody_uses_another' 'deputy: a_stranger_is_refused_by_name'; }
test_in_sandbox_is_noticed() { without in-sandbox 'authorize: a_caller_inside_a_sandbox'; }
test_within_is_noticed() { without within 'spawn: more_than_the_ceiling' 'registry: a_ceiling_of_the_administrator'; }
test_meet_is_noticed() { without meet 'spawn: what_is_cut_down'; }
test_record_is_noticed() { without record 'audit: without_a_journal_nothing_starts'; }
test_record_is_noticed_by_the_deputy() { without record 'deputy: without_a_journal_nothing'; }
test_admit_is_noticed() { without admit 'registry: everything_said_of_an_agent'; }

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# tests/run demo: what it shows is what happens, and all of it is there.

DEMO=$MXC_TEST_SRC/tests/demo

# said N PATTERN…: so many lines of what the demo printed match
said() { assert_eq "$1" "$(grep -cE -- "$2" <<<"$shown" || true)" "lines like '$2'"; }
# in_chapter N PATTERN…: something in it does
in_chapter() {
        local chapter
        chapter=$(sed -n "/^=== $1\. /,/^=== /p" <<<"$shown")
        grep -qE -- "$2" <<<"$chapter" || fail "chapter $1 of the demo does not say '$2'"
}

test_all_that_should_works_and_nothing_else() {
        local shown status=0
        defer rm -rf /home/alice/.ssh /home/alice/words /home/alice/.gitconfig
        shown=$("$DEMO/demo.sh" 2>&1) || status=$?
        printf '%s\n' "$shown"
        assert_eq '' "$(grep -E 'FAILED|GOT IN|^  NO  ' <<<"$shown" || true)" 'what should work did not, or something else did'
        assert_eq 0 "$status" 'it ended with'

        # allowed: every line of the morning's work; refused: every attack. What has no line was not tried.
        said "$(grep -c "^did '" "$DEMO/agent/work.sh")" '^  allowed   '
        local attacks
        attacks=$(grep -cE '^ *@?attempt\("' "$DEMO/agent/attack.py")
        if grep -qw pids /sys/fs/cgroup/cgroup.controllers; then
                said "$attacks" '^  refused   '
                said 1 '^  refused   fork without end .*EAGAIN after [0-9]+ processes'
        else
                said $((attacks - 1)) '^  refused   '
                said 1 '^  not tried fork without end'
        fi
        said 1 '^  refused   read ~/\.ssh/id_ed25519 '
        said 1 '^  refused   read /etc/shadow '
        said 1 '^  refused   write \.git/hooks/pre-commit .*EACCES'
        said "$(grep -cE "^must ['\"]" "$DEMO/demo.sh")" '^  yes  '

        # views
        in_chapter 3 '^  [0-9a-f]{12} user-[0-9]+ +alice +workspace +running .*outlive\.sh'
        in_chapter 3 '^ +State: running'
        in_chapter 3 'mxcctl run ended with 137'
        in_chapter 4 "sleep $((3 * SLOW))"
        in_chapter 5 'landlock'
        in_chapter 5 'denied: read /etc/shadow'

        # the audit of the same run
        local event
        for event in spawn start freeze thaw kill exit adopt daemon; do
                in_chapter 6 "^  [A-Z][a-z]+ [0-9]+ [0-9:]+ $event "
        done
        in_chapter 6 ' exit .* exit status 42, after [0-9]+s'
}

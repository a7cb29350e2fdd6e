#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# mutant.sh LAUNCHER MUTANT EGRESS MUTANT DAEMON MUTANT SOURCE: what takes walls out of these is in those for tests only, and whatever
# these can take out some test does take out. TAP.
set -eu
word=MXC_WITHOUT source=$7
number=0 failed=0
tell() {
        number=$((number + 1))
        if [ "$1" = "$2" ]; then
                echo "ok $number - $3"
        else
                echo "not ok $number - $3"
                failed=1
        fi
}
programs() { # INSTALLED MUTANT NAME
        tell 0 "$(grep -ac "$word" "$1" || true)" "no installed $3 asks what to leave out"
        tell 1 "$(($(grep -ac "$word" "$2" || true) > 0))" "the one for tests does"
        tell 0 "$(nm -a "$1" | grep -c __wrap_ || true)" "no wall of an installed $3 leads elsewhere"
}
programs "$1" "$2" launcher
programs "$3" "$4" relay
programs "$5" "$6" mxcd
locks_of() { sed -n '/^static const char \*const locks/,/^}/s/^ *"\([a-z-]*\)",.*/\1/p' "$source/tests/sandbox/$1"; }

# Of fds and process the pieces are taken out; without landlock-rules there is nothing for landlock; maps are the guard's, and the
# gate is where currency waits.
pieces='fds gate guard-maps landlock-rules process'
rooms=$(sed -n 's/^ *{ LAUNCH_STEP_[A-Z]*, "\([a-z-]*\)", wall_.*/\1/p' "$source/daemon/launch/run.c")
locks=$(locks_of mutant.c)
tell 1 "$(($(echo "$rooms" | wc -w) > 15 && $(echo "$locks" | wc -w) > 30))" "rooms and locks are found"
for name in $rooms $locks; do
        case " $pieces " in *" $name "*) continue ;; esac
        tell 1 "$(($(cat "$source"/tests/sandbox/test-*.c | grep -cE "[\",]${name}[\",]" || true) > 0))" "some test goes without $name"
done
walls=$(sed -n '/^WALLS = {/,/^}/s/^ *"\([a-z-]*\)": .*/\1/p' "$source/tests/sandbox/egress.py")
tell "$(locks_of mutant-egress.c)" "$walls" "egress.py goes without each wall of the relay"
tell 1 "$(($(echo "$walls" | wc -w) > 15))" "which are found"
for name in $(locks_of mutant-mxcd.c); do
        tell 1 "$(($(grep -c "{ without $name '" "$source/tests/machine/scenarios/mxcd-walls.sh" || true) > 0))" "some scenario goes without mxcd's $name"
done
tell 1 "$(($(locks_of mutant-mxcd.c | wc -w) > 6))" "which are found"
echo "1..$number"
exit $failed

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# mutant.sh LAUNCHER MUTANT SOURCE: what takes walls out of the launcher is in the one for tests only, and whatever it can take
# out some test does take out. TAP.
set -eu
word=MXC_WITHOUT
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
tell 0 "$(grep -ac "$word" "$1" || true)" "no installed launcher asks what to leave out"
tell 1 "$(($(grep -ac "$word" "$2" || true) > 0))" "the one for tests does"
tell 0 "$(nm -a "$1" | grep -c __wrap_ || true)" "no wall of an installed launcher leads elsewhere"

# Of fds and process the pieces are taken out; without landlock-rules there is nothing for landlock; maps are the guard's, and the
# gate is where currency waits.
pieces='fds gate guard-maps landlock-rules process'
rooms=$(sed -n 's/^ *{ LAUNCH_STEP_[A-Z]*, "\([a-z-]*\)", wall_.*/\1/p' "$3/daemon/launch/run.c")
locks=$(sed -n '/^static const char \*const locks/,/^}/s/^ *"\([a-z-]*\)",.*/\1/p' "$3/tests/sandbox/mutant.c")
tell 1 "$(($(echo "$rooms" | wc -w) > 15 && $(echo "$locks" | wc -w) > 30))" "rooms and locks are found"
for name in $rooms $locks; do
        case " $pieces " in *" $name "*) continue ;; esac
        tell 1 "$(($(cat "$3"/tests/sandbox/test-*.c | grep -cE "[\",]${name}[\",]" || true) > 0))" "some test goes without $name"
done
echo "1..$number"
exit $failed

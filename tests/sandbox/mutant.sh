#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# mutant.sh LAUNCHER MUTANT: what takes walls out of the launcher is in the one for tests only. TAP.
set -eu
word=MXC_WITHOUT
number=0
tell() {
        number=$((number + 1))
        if [ "$1" = "$2" ]; then echo "ok $number - $3"; else echo "not ok $number - $3"; fi
}
tell 0 "$(grep -ac "$word" "$1" || true)" "no installed launcher asks what to leave out"
tell 1 "$(($(grep -ac "$word" "$2" || true) > 0))" "the one for tests does"
tell 0 "$(nm -a "$1" | grep -c __wrap_ || true)" "no wall of an installed launcher leads elsewhere"
echo 1..3

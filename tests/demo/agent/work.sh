#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2317 # words for inner shells; functions called by name
#
# The useful half of the agent: an ordinary morning in a git workspace. Every line must succeed.

set -uo pipefail
failed=0

# did WHAT COMMAND…
did() {
        local what=$1 output
        shift
        if output=$("$@" 2>&1); then
                printf '  allowed   %-46s %s\n' "$what" "$(tail -n 1 <<<"$output" | cut -c 1-60)"
        else
                printf '  FAILED    %-46s %s\n' "$what" "$(tail -n 3 <<<"$output" | tr '\n' ' ')"
                failed=1
        fi
}

edit() {
        sed -i 's/^        return 0;$/        return argc > 1 ? 0 : 1;/' src/main.c
        printf '\nRun `words TEXT…`; without a text it fails.\n' >>README.md
}

cd "$(dirname -- "$0")/.." || exit 1
did 'clone a local repository'                  git clone --quiet library.git vendor/library
did 'look at its history'                       git -C vendor/library log --oneline
did 'edit a source file and write a new one'    edit
did 'build with make and gcc'                   make --no-print-directory words
did 'run what was built'                        ./words 'five words in this text'
did 'run a Python program over it'              make --no-print-directory check
did 'commit'                                    git commit --quiet --all --message 'words: fail without a text'
did 'see the commit'                            git log --oneline --max-count=1
did 'make a branch and switch to it'            git switch --quiet --create agent/next
did 'write to its private /tmp'                 sh -c 'echo scratch >/tmp/scratch && cat /tmp/scratch'
exit $failed

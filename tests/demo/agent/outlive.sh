#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Tries to outlive its kill: a heart in a session of its own, orphaned, deaf to signals, beating into the workspace.

cd "$(dirname -- "$0")/.." || exit 1
# shellcheck disable=SC2016 # for the inner shell
(setsid bash -c 'trap "" HUP INT TERM; while :; do date +%s%N >heart; sleep 0.1; done' &) </dev/null
trap '' HUP INT TERM
while :; do sleep 1; done

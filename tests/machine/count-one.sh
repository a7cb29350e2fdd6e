#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# meson's --wrapper: runs one test program and notes how many cases it had, in a file of MXC_COUNTS as "PASSED FAILED SKIPPED NAME".
# Cases are those of check's own log or of TAP on standard output; a program that says neither is one case.

counts=$(mktemp "$MXC_COUNTS/XXXXXX")
export CK_TAP_LOG_FILE_NAME=$counts.check CK_VERBOSITY=${CK_VERBOSITY:-normal}

"$@" | tee "$counts.tap"
status=${PIPESTATUS[0]}

if [ -s "$counts.check" ]; then
        tap=$counts.check
elif grep -q '^1\.\.[0-9]' "$counts.tap"; then
        tap=$counts.tap
else
        tap=/dev/null
fi
skipped=$(grep -ci '^ok.*# skip' "$tap")
passed=$(($(grep -c '^ok' "$tap") - skipped))
failed=$(grep -c '^not ok' "$tap")
if [ "$tap" = /dev/null ]; then
        case $status in
        0) passed=1 ;;
        77) skipped=1 ;;
        *) failed=1 ;;
        esac
elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1 # it died after or between its cases
fi
printf '%d %d %d %s\n' "$passed" "$failed" "$skipped" "${1##*/}" >"$counts"
rm -f "$counts.check" "$counts.tap"
exit "$status"

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# The front page tells the truth.

test_tour_is_what_happens() {
        defer rm -rf /home/alice/.ssh /home/alice/words
        "$MXC_TEST_SRC/tests/demo/tour.sh" || fail 'refresh the tour of README.md, or mend what changed: see tests/demo/tour.sh'
}

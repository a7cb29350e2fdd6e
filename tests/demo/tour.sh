#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tour.sh [--print]: walks the tour of README.md as alice, on a machine with systemd and mxcd, and says where it is not as it stands
# there. --print writes it as it is now, to be put there: tests/run machine -- /opt/mxc-test/src/tests/demo/tour.sh --print

set -euo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"

suite_begin
trap suite_end EXIT
install -d -m 700 -o alice -g alice /home/alice/.ssh
install -m 600 -o alice -g alice <(echo 'the private key') /home/alice/.ssh/id_ed25519
rm -rf /home/alice/words
export -f as session_cgroup
"$here/tour.py" "$@" "$here/../../README.md" bash -c 'as alice bash'

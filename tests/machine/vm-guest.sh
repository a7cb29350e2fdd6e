#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The other end of vm.sh, inside the emulated machine: install, run the one command, say how it ended, power off.

set -uo pipefail
here=/opt/mxc-test
exec 3>/dev/virtio-ports/mxc.status

finish() {
        echo "exit $1" >&3
        sync -f /dev/virtio-ports 2>/dev/null
        systemctl poweroff --force --force
}

echo "booted $(uname -r)" >&3
chown -R root:root "$here"
for path in "$here"/bind/*.path; do
        [ -e "$path" ] || continue
        to=$(cat "$path")
        mkdir -p "${to%/*}"
        cp -a "${path%.path}" "$to"
done
mkdir -p "$here/build"
"$here/src/tests/machine/inside.sh" install 2>/dev/virtio-ports/mxc.err || finish 125
echo "installed" >&3

status=0
MXC_TEST_SLOW=8
export MXC_TEST_SLOW
mapfile -d '' -t words <"$here/words"
if [ -e "$here/tty" ]; then
        stty -F /dev/hvc0 rows 40 columns 120
        "$here/src/tests/machine/inside.sh" command "$(cat "$here/user")" "${words[@]}" </dev/hvc0 >/dev/hvc0 2>&1 || status=$?
else
        "$here/src/tests/machine/inside.sh" command "$(cat "$here/user")" "${words[@]}" \
                <"$here/stdin" >/dev/virtio-ports/mxc.out 2>/dev/virtio-ports/mxc.err || status=$?
fi
finish "$status"

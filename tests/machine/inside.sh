#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Runs as root in a booted machine whose checkout is /opt/mxc-test/src and whose build is /opt/mxc-test/build.
#   inside.sh install                 unpack the package, do what its postinst does
#   inside.sh command USER COMMAND…   run COMMAND as USER (made if missing) in a unit of its own, exit as it did

set -euo pipefail
here=/opt/mxc-test

install_package() {
        tar -C / --keep-directory-symlink --no-overwrite-dir -xf "$here/package.tar"
        "$here/src/tests/machine/postinst.sh"
}

# An ordinary user with a home on a real disk and, while it runs something, an active session on seat0: what polkit
# calls an active local user, as somebody at a desktop is.
make_user() {
        id "$1" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$1"
}

# The words of the command travel in a file: PID 1 would expand $NAME in them.
run_command() {
        local user=$1 how=(--pipe) words
        shift
        words=$(mktemp /run/mxc-command.XXXXXX)
        printf '%s\0' "$@" >"$words"
        chmod 644 "$words"
        local properties=(-p User="$user" -p WorkingDirectory='~' -p IgnoreSIGPIPE=no -p LimitNOFILE=65536:524288
                -p SendSIGHUP=yes -p LogRateLimitIntervalSec=0 -E MXC_TEST_SRC="$here/src" -E MXC_TEST_BUILD="$here/build" -E MXC_TEST_SLOW="${MXC_TEST_SLOW:-1}" -E LANG=C.UTF-8)
        if [ "$user" != root ]; then
                make_user "$user"
                properties+=(-p PAMName=login -E XDG_SEAT=seat0 -E XDG_SESSION_TYPE=tty -E XDG_SESSION_CLASS=user)
                [ ! -e /dev/tty0 ] || properties+=(-E XDG_VTNR=1) # a seat with consoles wants to know which
        fi
        ! [ -t 0 ] || ! [ -t 1 ] || how=(--pty)
        exec systemd-run --quiet --wait --collect --service-type=exec "${how[@]}" "${properties[@]}" -- \
                "$here/src/tests/machine/inside.sh" exec "$words"
}

# Death by a signal becomes 128 + its number, as in a shell; systemd-run would report 1.
exec_words() {
        local words
        mapfile -d '' -t words <"$1"
        "${words[@]}" || exit $?
}

verb=$1
shift
case $verb in
install) install_package ;;
command) run_command "$@" ;;
exec) exec_words "$@" ;;
esac

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Names that the host trusts and names that are denied, attacked where the launcher is the installed one and the kernel
# what it is: in the emulated machine the guard keeps them, in the container mediation does.

test_names_are_kept() {
        local tests=$MXC_TEST_BUILD/plain/tests/sandbox out=$work/out
        # the rig's place is /srv, which is an overlay in the container; workspaces are on disks
        mkdir "$work/tmp"
        unshare --mount -- sh -c 'mount --bind "$1" /srv && shift && exec "$@"' sh "$work/tmp" \
                "$tests/test-handoff" /usr/lib/mxc/mxc-launch "$tests/mxc-launch-mutant" >"$out" || { grep -v '^ok' "$out"; return 1; }
        # what only the guard can keep is attacked where it was loaded, and was not passed over
        [ ! -e /sys/fs/bpf/mxc/1/link_guard_file_open ] || grep -q 'denied: a hard link of what is elsewhere' "$out"
        grep -q '^1\.\.[1-9]' "$out"
}

# Debian's kernel takes BPF LSM programs; a guard that does not load there is broken, and mediation would hide it.
test_limit_guard_is_loaded() {
        systemctl start mxc-guard.service
        /usr/lib/mxc/mxc-guard --check
}

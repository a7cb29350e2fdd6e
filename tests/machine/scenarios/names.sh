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

# Whatever keeps them, a policy of few system calls is carried out with names that it denies.
test_names_are_kept_in_every_profile() {
        local profile document
        workspace alice
        as alice git init -q .
        as alice sh -c 'echo the secret >.env'
        for profile in strict agent build; do
                document='{"schema": "mxc-policy/1", "name": "few", "extends": "workspace", "process": {"syscalls": "'$profile'"},
                        "filesystem": {"deniedPaths": ["${workspace}/.env"]}}'
                as alice sh -c 'printf "%s\n" "$1" >few.json' sh "$document"
                assert_ok as alice mxcctl run -p few.json -- sh -c 'echo x >made; ! cat .env && ! echo x >.git/hooks/pre-commit'
                assert_lacks "$output" 'the secret'
                [ -s "$ws/made" ] || fail "nothing can be made under $profile"
                rm "$ws/made"
                assert_status 127 as alice mxcctl run -p few.json -- no-such-command
        done
}

# Debian's kernel takes BPF LSM programs; a guard that does not load there is broken, and mediation would hide it.
test_limit_guard_is_loaded() {
        systemctl start mxc-guard.service
        /usr/lib/mxc/mxc-guard --check
}

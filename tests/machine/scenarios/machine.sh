# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# The machine itself: what every other scenario takes for granted.

test_systemd_is_pid_1_and_content() {
        assert_eq systemd "$(ps -p 1 -o comm=)"
        assert_eq running "$(systemctl is-system-running)"
}

test_cgroup_v2_and_a_real_journal() {
        assert_eq cgroup2fs "$(stat -f -c %T /sys/fs/cgroup)"
        logger -t mxc-machine "here I am $$"
        wait_until 5 eval "journalctl -t mxc-machine | grep -q 'here I am $$'"
}

# login1.suspend: yes for an active local user, an administrator's password for others
test_polkit_tells_a_local_user_from_another() {
        as alice sleep 60 &
        defer kill $!
        as bob sleep 60 &
        defer kill $!
        wait_until 5 pgrep -u bob -x sleep
        wait_until 5 pgrep -u alice -x sleep
        assert_ok pkcheck --action-id org.freedesktop.login1.suspend --process "$(pgrep -u alice -x sleep -n)"
        assert_fails pkcheck --action-id org.freedesktop.login1.suspend --process "$(pgrep -u bob -x sleep -n)"
}

test_installing_twice_is_harmless() {
        assert_ok "$MXC_TEST_SRC/tests/machine/postinst.sh"
        assert_eq running "$(systemctl is-system-running)"
}

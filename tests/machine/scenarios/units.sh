# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# What systemd, the bus and polkit make of the files that are installed for them.

ours() { systemctl list-unit-files --no-legend 'mxc*' | awk '$1 !~ /^mxc-test-/ { print $1 }'; }

test_verified() {
        mapfile -t names < <(ours)
        [ ${#names[@]} -ge 4 ] || fail "only these units are installed: ${names[*]}"
        assert_ok systemd-analyze verify --man=no "${names[@]}"
        assert_eq '' "$output"
        for page in $(systemctl show -P Documentation "${names[@]}" | grep -o 'man:[^ )]*' | sort -u); do
                page=${page#man:}
                assert_ok test -s "/usr/share/man/man${page#*(}/${page%(*}.${page#*(}"
        done
}

test_up() {
        for unit in $(ours); do
                case $unit in
                *.slice) ;;
                *) assert_eq active "$(systemctl is-active "$unit")" "$unit" ;;
                esac
        done
        assert_eq running "$(systemctl is-system-running)"
}

test_sockets_are_for_whom_they_should_be() {
        assert_eq '600 root root' "$(stat -c '%a %U %G' /run/mxc/launch.sock)"
        assert_eq '711 root root' "$(stat -c '%a %U %G' /run/mxc)"
        assert_eq '700 root root' "$(stat -c '%a %U %G' /var/lib/mxc)"
        assert_fails as alice ls /run/mxc
        assert_fails as alice python3 -c '
import socket
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("/run/mxc/launch.sock")'
        assert_contains "$output" PermissionError
}

test_owner_of_scopes_is_nobody_s_login() {
        assert_eq /usr/sbin/nologin "$(getent passwd mxc | cut -d: -f7)"
        assert_contains "$(getent shadow mxc | cut -d: -f2)" '!'
}

# What is set in the launcher's unit is the ground of every cage: it sees the host's own mounts, and no filter is on it.
test_launcher_stands_on_the_host() {
        local pid
        pid=$(systemctl show -P MainPID mxc-launch.service)
        assert_eq "$(readlink /proc/1/ns/mnt)" "$(readlink "/proc/$pid/ns/mnt")"
        assert_eq "$(readlink /proc/1/ns/net)" "$(readlink "/proc/$pid/ns/net")"
        assert_eq "$(sed -n 's/^Seccomp_filters:\t*//p' /proc/1/status)" "$(sed -n 's/^Seccomp_filters:\t*//p' "/proc/$pid/status")"
        assert_eq 0000000000000000 "$(sed -n 's/^CapBnd:\t*//p' "/proc/$pid/status")"
}

test_launcher_is_back_after_any_end() {
        local signal pid
        for signal in TERM KILL ABRT; do
                pid=$(systemctl show -P MainPID mxc-launch.service)
                kill -s "$signal" "$pid"
                wait_until 20 eval "p=\$(systemctl show -P MainPID mxc-launch.service); [ \$p != 0 ] && [ \$p != $pid ]"
        done
        wait_until 20 systemctl is-active mxc-launch.service
        assert_eq '' "$(journalctl -q --cursor="$cursor" -u mxc-launch.service -g 'left-over process' -o cat)"
}

test_guard_is_no_failure_where_there_is_none() {
        [ "$(systemctl list-unit-files --no-legend mxc-guard.service)" ] || return 0
        assert_eq success "$(systemctl show -P Result mxc-guard.service)"
        case $(systemctl show -P ExecMainStatus mxc-guard.service) in
        0) assert_ok /usr/lib/mxc/mxc-guard --check ;;
        69) assert_status 69 /usr/lib/mxc/mxc-guard --check ;;
        *) fail "mxc-guard ended with $(systemctl show -P ExecMainStatus mxc-guard.service)" ;;
        esac
        # again, as an upgrade does it
        assert_ok systemctl restart mxc-guard.service
        assert_eq active "$(systemctl is-active mxc-guard.service)"
}

test_catalog_explains() {
        assert_ok journalctl --no-pager --dump-catalog 2e206dc4b4cd6383fa42b4bcf7a5bba5
        assert_contains "$output" 'A sandbox was asked for'
}

test_actions_are_known_to_polkit() {
        assert_eq "$(printf 'org.mxc1.%s\n' control inspect manage-agents spawn)" "$(pkaction | grep '^org\.mxc1\.')"
        assert_contains "$(pkaction --verbose --action-id org.mxc1.spawn)" 'implicit active:   yes'
        as alice sleep 60 &
        defer kill $!
        as bob sleep 60 &
        defer kill $!
        wait_until 5 pgrep -u bob -x sleep
        wait_until 5 pgrep -u alice -x sleep
        assert_ok pkcheck --action-id org.mxc1.spawn --process "$(pgrep -u alice -x sleep -n)"
        assert_fails pkcheck --action-id org.mxc1.spawn --process "$(pgrep -u bob -x sleep -n)"
        assert_fails pkcheck --action-id org.mxc1.control --process "$(pgrep -u alice -x sleep -n)"
}

test_name_is_root_s() {
        assert_fails as alice busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus RequestName su org.mxc1 0
        assert_contains "$output" 'Access denied'
}

test_limit_a_quarter_of_the_process_table_is_left() {
        local all ours
        systemctl start mxc.slice
        all=$(cat /proc/sys/kernel/threads-max)
        ours=$(cat /sys/fs/cgroup/mxc.slice/pids.max)
        assert_le "$ours" $((all * 3 / 4 + 1))
}

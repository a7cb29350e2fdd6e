# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# What systemd, the bus and polkit make of the files that are installed for them.

# Files, not what runs: scopes and sessions come and go.
ours() {
        systemctl list-unit-files --no-legend 'mxc*' | awk '$2 != "transient" && $1 !~ /@/ { print $1 }'
        printf '%s\n' mxc-porter@{door,bus}.{socket,service}
}

test_verified() {
        mapfile -t names < <(ours)
        [ ${#names[@]} -ge 6 ] || fail "only these units are installed: ${names[*]}"
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
        local name
        for name in launch porter-door porter-bus; do
                assert_eq '600 root root' "$(stat -c '%a %U %G' /run/mxc/$name.sock)"
        done
        assert_eq '711 root root' "$(stat -c '%a %U %G' /run/mxc)"
        assert_eq '700 root root' "$(stat -c '%a %U %G' /var/lib/mxc)"
        assert_fails as alice ls /run/mxc
        assert_fails as alice python3 -c '
import socket
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("/run/mxc/launch.sock")'
        assert_contains "$output" PermissionError
}

test_owner_of_scopes_is_nobody_s_login() {
        local name
        for name in mxc mxc-porter-door mxc-porter-bus; do
                assert_eq /usr/sbin/nologin "$(getent passwd "$name" | cut -d: -f7)"
                assert_contains "$(getent shadow "$name" | cut -d: -f2)" '!'
        done
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

# back_after_any_end UNIT: another process takes the place of one that ended by whatever signal
back_after_any_end() {
        local signal pid
        for signal in TERM KILL ABRT; do
                pid=$(systemctl show -P MainPID "$1")
                kill -s "$signal" "$pid"
                wait_until 20 eval "p=\$(systemctl show -P MainPID $1); [ \$p != 0 ] && [ \$p != $pid ]"
                wait_until 20 systemctl is-active "$1"
        done
        assert_eq '' "$(journalctl -q --after-cursor="$cursor" -u "$1" -g 'left-over process' -o cat)"
}
test_launcher_is_back_after_any_end() { back_after_any_end mxc-launch.service; }
test_daemon_is_back_after_any_end() { back_after_any_end mxcd.service; }

# A daemon that hangs is found out. The real span is a minute; it asks systemd for it, so a shorter one will do.
test_daemon_that_hangs_is_replaced() {
        local pid
        mkdir -p /run/systemd/system/mxcd.service.d
        defer systemctl restart mxcd.service
        defer systemctl daemon-reload
        defer rm -r /run/systemd/system/mxcd.service.d
        printf '[Service]\nWatchdogSec=%s\n' $((2 * SLOW)) >/run/systemd/system/mxcd.service.d/test.conf
        systemctl daemon-reload
        systemctl restart mxcd.service
        pid=$(systemctl show -P MainPID mxcd.service)
        sleep $((5 * SLOW))
        assert_eq "$pid" "$(systemctl show -P MainPID mxcd.service)" 'a daemon that lives was taken for dead'
        kill -s STOP "$pid"
        wait_until 20 eval "p=\$(systemctl show -P MainPID mxcd.service); [ \$p != 0 ] && [ \$p != $pid ]"
        wait_until 20 mxcd_is_up
}

test_daemon_is_locked_down() {
        local pid
        pid=$(systemctl show -P MainPID mxcd.service)
        assert_eq 0000000000000020 "$(sed -n 's/^CapBnd:\t*//p' "/proc/$pid/status")" 'more or less than CAP_KILL'
        assert_eq 0000000000000020 "$(sed -n 's/^CapEff:\t*//p' "/proc/$pid/status")"
        assert_eq 1 "$(sed -n 's/^NoNewPrivs:\t*//p' "/proc/$pid/status")"
        assert_eq 2 "$(sed -n 's/^Seccomp:\t*//p' "/proc/$pid/status")"
        assert_ne "$(readlink /proc/1/ns/net)" "$(readlink "/proc/$pid/ns/net")"
        assert_fails nsenter -t "$pid" -m ls /home/alice
        assert_fails nsenter -t "$pid" -m touch /etc/mxc/policies/x /usr/lib/mxc/x
        assert_ok nsenter -t "$pid" -m sh -c 'touch /run/mxc/x && rm /run/mxc/x && touch /var/lib/mxc/x && rm /var/lib/mxc/x'
}

# Who has what agents are told, or the credentials of the host's proxy, in memory. Relays: live: a_relay_leaves_no_core.
test_who_knows_secrets_leaves_no_core() {
        local unit pid
        for unit in mxcd mxc-launch; do
                pid=$(systemctl show -P MainPID $unit.service)
                assert_eq 'Max core file size 0 0 bytes' "$(sed -n 's/  */ /g; s/ $//; /^Max core/p' "/proc/$pid/limits")" $unit
        done
}

test_bus_brings_the_daemon_up() {
        defer systemctl start mxcd.service
        systemctl stop mxcd.service 2>/dev/null
        assert_ok as alice busctl call "${MANAGER[@]}" ListPolicies
        assert_eq active "$(systemctl is-active mxcd.service)"
}

test_the_second_door_brings_the_daemon_up() {
        defer systemctl start mxcd.service
        systemctl stop mxcd.service 2>/dev/null
        assert_ok as alice python3 -c '
import socket
door = socket.socket(socket.AF_UNIX)
door.connect("/run/mxc/bus")
door.send(b"\0AUTH EXTERNAL\r\nDATA\r\n")
print(door.recv(4096))'
        assert_contains "$output" OK
        assert_eq active "$(systemctl is-active mxcd.service)"
}

test_bus_lets_through_what_is_documented() {
        assert_fails as alice busctl call "${MANAGER[@]}" Nonsense
        assert_contains "$output" 'Access denied'
        assert_fails as alice busctl set-property "${MANAGER[@]}" Version s 2
        assert_contains "$output" 'Access denied'
        assert_ok as alice busctl get-property "${MANAGER[@]}" Version
}

test_reload_is_done_when_it_returns() {
        defer systemctl reload mxcd.service
        defer rm -r /run/mxc/policies
        put /run/mxc/policies/brand-new.json '{"schema": "mxc-policy/1", "name": "brand-new"}'
        systemctl reload mxcd.service
        assert_contains "$(busctl call "${MANAGER[@]}" ListPolicies)" '"brand-new"'
}

# At shutdown everything is stopped at once. What agents run ends before those who record it.
test_agents_end_before_their_keepers() {
        defer systemctl start mxc-launch.socket mxc-launch.service mxcd.socket mxcd.service
        workspace alice
        spawn alice workspace s "$ws" -- sh -c 'trap "sleep 1; exit 7" TERM; echo up >up; while :; do sleep 0.1; done'
        wait_until 10 test -s "$ws/up"
        systemctl stop mxc.slice mxcd.socket mxcd.service mxc-launch.socket mxc-launch.service
        assert_eq inactive "$(systemctl is-active mxcd.service)"
        assert_record MXC_EVENT=exit MXC_SANDBOX="${sandbox##*/}"
        assert_eq daemon "$(record MXC_EVENT)" 'the last record'
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

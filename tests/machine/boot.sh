#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# boot.sh USER KEEP N-BINDS BIND… COMMAND…: one container. The first process of the mount and pid namespaces that
# container.sh made for it; everything below ends with it. Exits as COMMAND did.

set -euo pipefail
# shellcheck source=tests/machine/common.sh
. "$SRC/tests/machine/common.sh"

user=$1 keep=$2 n_binds=$3
shift 3
binds=("${@:1:n_binds}")
shift "$n_binds"
state=$CONTAINER_STATE.$CONTAINER_ID

# Units of this host that a test machine has no use for, and that could only slow or disturb it.
masks() {
        local unit
        for unit in /etc/systemd/system/{multi-user,timers,graphical,sockets,getty,network-online,cloud-init}.target.wants/*; do
                [ -e "$unit" ] || [ -L "$unit" ] || continue
                case ${unit##*/} in
                dbus* | polkit* | systemd-logind* | remote-fs.target | machines.target) ;;
                *) printf 'systemd.mask=%s\n' "${unit##*/}" ;;
                esac
        done
        for unit in console-getty systemd-networkd-wait-online getty@tty1 systemd-timesyncd e2scrub_reap systemd-pstore; do
                printf 'systemd.mask=%s.service\n' "$unit"
        done
}

# A cgroup of this run's own in every hierarchy that nspawn uses; with systemd as PID 1 it asks for a scope instead.
enter_own_cgroup() {
        local hierarchy
        [ ! -d /run/systemd/system ] || return 0
        for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
                [ -e "$hierarchy/cgroup.procs" ] || continue
                mkdir -p "$hierarchy/mxc-machine-$CONTAINER_ID"
                echo 0 >"$hierarchy/mxc-machine-$CONTAINER_ID/cgroup.procs"
        done
}

boot() {
        local args=(--quiet --boot --register=no --private-network --capability=all --drop-capability=CAP_SYS_TIME --console=pipe --volatile=overlay
                --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self bpf perf_event_open add_key keyctl request_key' --link-journal=no --resolv-conf=off
                --timezone=off --rlimit=RLIMIT_NOFILE=1024:524288 --directory="$state/root" --machine="mxc-$CONTAINER_ID"
                --bind="$state/home:/home" --bind-ro="$state/src:/opt/mxc-test/src" --bind-ro="$state/build:/opt/mxc-test/build"
                --bind-ro="$state/package.tar:/opt/mxc-test/package.tar")
        local bind
        [ -d /run/systemd/system ] || args+=(--keep-unit)
        for bind in "${binds[@]}"; do
                args+=(--bind="$bind")
        done
        mapfile -t -O "${#args[@]}" args < <(
                echo --
                echo "systemd.setenv=MXC_MACHINE=$CONTAINER_ID"
                masks
        )

        mkdir "$state"/{root,home,src,build}
        mount --bind / "$state/root"
        mount --bind "$SRC" "$state/src"
        mount --bind "$BUILD" "$state/build"
        # nspawn's own droppings, out of this host's sight
        mkdir -p /run/systemd/nspawn
        mount -t tmpfs tmpfs /run/systemd/nspawn

        (
                enter_own_cgroup
                export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
                exec setsid systemd-nspawn "${args[@]}"
        ) </dev/null >"$state/console" 2>&1 &
        nspawn=$!
}

inside() { nsenter -t "$leader" -m -u -i -n -p -C -- "$@"; }

wait_booted() {
        local tries answer=
        for ((tries = 1; tries <= 300; tries++)); do
                kill -0 "$nspawn" 2>/dev/null || break
                leader=$(tr ' ' '\n' <"/proc/$nspawn/task/$nspawn/children" | head -n 1)
                if [ -n "$leader" ]; then
                        answer=$(inside systemctl is-system-running --wait 2>/dev/null || true)
                        case $answer in
                        running) return 0 ;;
                        degraded)
                                say 'the machine runs, but these units failed:'
                                inside systemctl --failed --no-legend --plain --no-pager >&2
                                return 0
                                ;;
                        esac
                fi
                [ $((tries % 30)) -ne 0 ] || say "waiting for the machine to boot (${answer:-no answer yet})"
                sleep 0.1
        done
        tail -n 40 "$state/console" >&2
        die 'the machine did not boot'
}

began=$(date +%s%N)
boot
wait_booted
inside /opt/mxc-test/src/tests/machine/inside.sh install
say "machine booted, mxcd installed: $((($(date +%s%N) - began) / 1000000)) ms"

status=0
inside /opt/mxc-test/src/tests/machine/inside.sh command "$user" "$@" || status=$?
if [ "$keep" = yes ]; then
        touch "$state/kept"
        wait "$nspawn" || true
fi
exit $status

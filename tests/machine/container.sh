# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The throwaway machine at native speed: systemd-nspawn boots this host's own root, every write in a tmpfs above it.
#
# It runs in a mount and a pid namespace of its own, whose first process dies with this shell, even by SIGKILL: no
# mount and no process of it can outlive the run. What is left to remove is one directory and some empty cgroups. Those
# are removed from outside, where nothing was ever mounted in the directory, and by rmdir wherever a mount could have
# been: rm -r once followed such a mount into the checkout.

CONTAINER_STATE=/var/tmp/mxc-machine # .PID, as are the cgroups

# container_forget PID
container_forget() {
        local state=$CONTAINER_STATE.$1 hierarchy try top dir
        for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
                top=$hierarchy/mxc-machine-$1
                for try in 1 2 3 4 5 6 7 8 9; do
                        [ -d "$top" ] || break
                        find "$top" -depth -type d -exec rmdir {} + 2>/dev/null || sleep "0.$try"
                done
        done
        for dir in root src build; do
                [ ! -d "$state/$dir" ] || rmdir "$state/$dir" || return
        done
        rm -rf --one-file-system "$state"
}

container_sweep() {
        local old
        for old in "$CONTAINER_STATE".*; do
                [ ! -d "$old" ] || [ -d "/proc/${old##*.}" ] || container_forget "${old##*.}"
        done
}

# machine_container USER KEEP N-BINDS BIND… COMMAND…
machine_container() {
        local status=0 pid
        container_sweep
        mkdir "$CONTAINER_STATE.$$"
        build_package "$CONTAINER_STATE.$$/package.tar" || { container_forget $$; return 1; }
        export CONTAINER_STATE CONTAINER_ID=$$
        setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- \
                "$SRC/tests/machine/boot.sh" "$@" <&0 &
        pid=$!
        # shellcheck disable=SC2064 # this very process, now
        trap "kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null || true; container_forget $$; exit 130" INT TERM HUP
        [ "$2" = no ] || container_how_to_enter &
        wait $pid || status=$?
        trap - INT TERM HUP
        container_forget $$
        return $status
}

container_how_to_enter() {
        local leader
        while [ ! -e "$CONTAINER_STATE.$$/kept" ]; do sleep 0.5; done
        leader=$(pgrep -f "^[^ ]*systemd systemd.setenv=MXC_MACHINE=$$ ")
        # a unit of its own: what is in none of this machine's control groups mxcd takes for a sandbox's
        say "kept; enter it with: nsenter -t $leader -m -u -i -n -p -C -- systemd-run --quiet --pty --collect bash; Ctrl-C here ends it"
}

# The scenarios in a container: suite_machine [PATTERN…]
suite_machine() {
        scenarios 'machine' container "$@"
}

# scenarios LAYER KIND PATTERN…: runs suite.sh in a machine, shows what failed or was skipped, counts what was run. The emulated machine
# is there for what another cannot run, so there it must.
scenarios() {
        local layer=$1 kind=$2 tap=$BUILD/$1.tap skipped failed=0
        shift 2
        say "$layer: scenarios"
        progress_begin "$layer" "$tap"
        "machine_$kind" root no 0 /opt/mxc-test/src/tests/machine/suite.sh "$@" </dev/null | tee "$tap" | grep --line-buffered -v '^ok [^#]*$' >&2 || true
        progress_end
        skipped=$(grep -c '^ok .* # SKIP ' "$tap") || true
        [ "$skipped" -eq 0 ] || say "$layer: $skipped skipped"
        [ "$kind" != vm ] || failed=$skipped
        if ! grep -q '^1\.\.[0-9]' "$tap"; then
                say "$layer: the suite did not come to its end"
                failed=$((failed + 1))
        fi
        tally "$layer" $(($(grep -c '^ok ' "$tap") - skipped)) $(($(grep -c '^not ok ' "$tap") + failed))
}

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The throwaway machine at native speed: systemd-nspawn boots this host's own root, every write in a tmpfs above it.
#
# It runs in a mount and a pid namespace of its own, whose first process dies with this shell, even by SIGKILL: no
# mount and no process of it can outlive the run. What is left to remove is one directory and some empty cgroups. Those
# are removed from outside, where nothing was ever mounted in the directory, and by rmdir wherever a mount could have
# been: rm -r once followed such a mount into the checkout.

CONTAINER_STATE=/var/tmp/mxc-machine # .PID, of the shell that waits for it, as are the cgroups

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
        export CONTAINER_STATE CONTAINER_ID=$BASHPID
        mkdir "$CONTAINER_STATE.$CONTAINER_ID"
        build_package "$CONTAINER_STATE.$CONTAINER_ID/package.tar" || { container_forget "$CONTAINER_ID"; return 1; }
        setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- \
                "$SRC/tests/machine/boot.sh" "$@" <&0 &
        pid=$!
        # shellcheck disable=SC2064 # this very process, now
        trap "kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null || true; container_forget $CONTAINER_ID; exit 130" INT TERM HUP
        [ "$2" = no ] || container_how_to_enter &
        wait $pid || status=$?
        trap - INT TERM HUP
        container_forget "$CONTAINER_ID"
        return $status
}

container_how_to_enter() {
        local leader
        while [ ! -e "$CONTAINER_STATE.$CONTAINER_ID/kept" ]; do sleep 0.5; done
        leader=$(pgrep -f "^[^ ]*systemd systemd.setenv=MXC_MACHINE=$CONTAINER_ID ")
        # a unit of its own: what is in none of this machine's control groups mxcd takes for a sandbox's
        say "kept; enter it with: nsenter -t $leader -m -u -i -n -p -C -- systemd-run --quiet --pty --collect bash; Ctrl-C here ends it"
}

# The scenarios, all of them: each file in one of two containers, which both do little but wait.
suite_machine() {
        local file first=() second=() LC_ALL=C
        for file in "$SRC"/tests/machine/scenarios/*.sh; do
                file=${file##*/}
                if [[ $file < mxc-t ]]; then first+=("${file%.sh}: "); else second+=("${file%.sh}: "); fi
        done
        scenarios 'machine' container "${first[@]}" -- "${second[@]}"
}

# scenarios LAYER KIND PATTERN… [-- PATTERN…]…: runs suite.sh in a machine, or in one for each list of patterns, side by side; shows what failed or
# was skipped, counts what was run. The emulated machine is there for what another cannot run, so there it must. What one writes has a file of its own:
# in one that both write to, half of a line of the one may end as a line of the other.
scenarios() {
        local layer=$1 kind=$2 tap=$BUILD/$1.tap skipped failed=0 part parts=() patterns machines=()
        shift 2
        say "$layer: scenarios"
        : >"$tap"
        progress_begin "$layer" "$tap"
        while :; do
                patterns=()
                while [ $# -gt 0 ] && [ "$1" != -- ]; do patterns+=("$1"); shift; done
                part=$tap.${#parts[@]}
                parts+=("$part")
                : >"$part"
                ("machine_$kind" root no 0 /opt/mxc-test/src/tests/machine/suite.sh "${patterns[@]}" </dev/null | tee "$part" | tee -a "$tap" |
                        grep --line-buffered -v '^ok [^#]*$' >&2) &
                machines+=($!)
                [ $# -gt 0 ] || break
                shift
        done
        wait "${machines[@]}" || true
        progress_end
        for part in "${parts[@]}"; do
                [ "$(grep -c '^1\.\.[1-9][0-9]*$' "$part")" -eq 1 ] || {
                        say "$layer: the suite did not come to its end"
                        failed=$((failed + 1))
                }
        done
        cat "${parts[@]}" >"$tap"
        rm -f "${parts[@]}"
        skipped=$(grep -c '^ok .* # SKIP ' "$tap") || true
        [ "$skipped" -eq 0 ] || say "$layer: $skipped skipped"
        [ "$kind" != vm ] || failed=$((failed + skipped))
        tally "$layer" $(($(grep -c '^ok ' "$tap") - skipped)) $(($(grep -c '^not ok ' "$tap") + failed))
}

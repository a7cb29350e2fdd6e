# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# tests/run bench: the measurements are made in the container, where the kernel is this host's own.

cmd_bench() {
        local name=${1:-} known all=(spawn scale egress)
        [[ -z $name || " ${all[*]} " == *" $name "* ]] || die "no benchmark $name; there are spawn, scale and egress"
        need_root
        need_packages build machine bench
        for known in "${all[@]}"; do
                [[ -n $name && $name != "$known" ]] || bench_"$known"
        done
}

# Microsoft's own launcher, from npm, unpacked beside the build; nothing of it is committed.
bench_lxc_exec() {
        local dir
        dir=${MXC_CACHE:-$BUILD/cache}/mxc-sdk-1.0.1
        if [ ! -x "$dir/package/bin/x64/lxc-exec" ]; then
                need_npm
                mkdir -p "$dir"
                # shellcheck disable=SC2016 # for the inner shell
                step 'fetching @microsoft/mxc-sdk' bash -c 'cd "$1" && npm pack --silent @microsoft/mxc-sdk@1.0.1 && tar -xzf ./*.tgz && rm ./*.tgz' \
                        bash "$dir"
        fi
        printf '%s\n' "$dir/package/bin/x64"
}

bench_spawn() {
        local mxc
        mxc=$(bench_lxc_exec)
        machine_container root no 1 "$mxc:/opt/mxc-sdk" /opt/mxc-test/src/tests/bench/spawn.sh
}

bench_scale() {
        machine_container root no 0 /opt/mxc-test/src/tests/bench/scale.sh
}

bench_egress() {
        need_packages bench_egress
        machine_container root no 0 /opt/mxc-test/src/tests/bench/egress.sh
}

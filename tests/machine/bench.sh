# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# tests/run bench: the measurements are made in the container, where the kernel is this host's own.

cmd_bench() {
        local name=${1:-} known all=(spawn scale egress mxc)
        [[ -z $name || " ${all[*]} " == *" $name "* ]] || die "no benchmark $name; there are spawn, scale, egress and mxc"
        need_root
        need_packages build machine bench
        for known in "${all[@]}"; do
                [[ -n $name && $name != "$known" ]] || bench_"$known"
        done
}

# mxc_sdk VERSION: Microsoft's own, from npm, unpacked beside the build; nothing of it is committed. Its directory.
mxc_sdk() {
        local dir=${MXC_CACHE:-$BUILD/cache}/mxc-sdk-$1
        if [ ! -x "$dir/package/bin/x64/lxc-exec" ]; then
                need_npm
                mkdir -p "$dir"
                # shellcheck disable=SC2016 # for the inner shell
                step "fetching @microsoft/mxc-sdk $1" bash -c 'cd "$1" && npm pack --silent "@microsoft/mxc-sdk@$2" && tar -xzf ./*.tgz && rm ./*.tgz' \
                        bash "$dir" "$1"
        fi
        printf '%s\n' "$dir/package"
}

# With what it needs to be used, and a Node that it takes: a directory with node_modules.
mxc_sdk_installed() {
        local dir=${MXC_CACHE:-$BUILD/cache}/mxc-node
        if [ ! -d "$dir/node_modules/@microsoft/mxc-sdk" ] || [ ! -d "$dir/node_modules/node" ]; then
                need_npm
                mkdir -p "$dir"
                # shellcheck disable=SC2016 # for the inner shell
                step 'installing @microsoft/mxc-sdk 1.0.1 and node 24' bash -c 'cd "$1" && npm install --silent --no-audit --no-fund --prefix . @microsoft/mxc-sdk@1.0.1 node@24' \
                        bash "$dir"
        fi
        printf '%s\n' "$dir"
}

bench_spawn() {
        local mxc
        mxc=$(mxc_sdk 1.0.1)/bin/x64
        machine_container root no 1 "$mxc:/opt/mxc-sdk" /opt/mxc-test/src/tests/bench/spawn.sh
}

bench_scale() {
        machine_container root no 0 /opt/mxc-test/src/tests/bench/scale.sh
}

bench_egress() {
        need_packages bench_egress
        machine_container root no 0 /opt/mxc-test/src/tests/bench/egress.sh
}

bench_mxc() {
        local old new node
        need_packages bench_mxc
        old=$(mxc_sdk 0.8.0) new=$(mxc_sdk 1.0.1) node=$(mxc_sdk_installed)
        machine_container root no 3 "$old:/opt/mxc-0.8.0" "$new:/opt/mxc-1.0.1" "$node:/opt/mxc-node" /opt/mxc-test/src/tests/bench/mxc.sh
}

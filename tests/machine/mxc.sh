# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Beside the released programs of MXC, which come from npm and of which nothing is committed.

MXC_RELEASES=(0.7.0 0.8.0 0.9.0 1.0.1)

# A directory that has them all, each as npm unpacks it.
mxc_releases() {
        local dir=${MXC_CACHE:-$BUILD/cache}/mxc-releases version
        need_npm
        for version in "${MXC_RELEASES[@]}"; do
                [ ! -d "$dir/$version" ] || continue
                rm -rf --one-file-system "$dir/$version.part" # what an interrupted one left
                mkdir -p "$dir/$version.part"
                # shellcheck disable=SC2016 # for the inner shell
                step "fetching @microsoft/mxc-sdk $version" bash -c 'cd "$1" && npm pack --silent "@microsoft/mxc-sdk@$2" && tar -xzf ./*.tgz && rm ./*.tgz' \
                        bash "$dir/$version.part" "$version" || return 1
                chmod +x "$dir/$version.part"/package/bin/*/lxc-exec || return 1
                mv "$dir/$version.part" "$dir/$version"
        done
        printf '%s\n' "$dir"
}

# Configurations of every version, whole and broken, read by them and by ours.
suite_mxc() {
        local releases
        need_packages bench bench_mxc # the dry runs of some ask for the tools of a run
        releases=$(mxc_releases) || { tally 'mxc' 0 1; return 0; }
        build_plain || { tally 'build' 0 1; return 0; }
        if "$SRC/tests/mxc/differential.py" "$BUILD/plain/tests/mxc/mxc-config-check" "$releases" "$@" >"$BUILD/mxc.log"; then
                tally 'mxc' 1 0
        else
                grep '^not ok' -A 2 "$BUILD/mxc.log" >&2
                tally 'mxc' 0 1
        fi
        tail -n 1 "$BUILD/mxc.log" >&2
}

cmd_mxc() {
        need_packages build
        tally_begin
        suite_mxc "$@"
        tally_end
}

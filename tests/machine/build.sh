# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Builds: plain (what is installed and measured), sanitised (ASan and UBSan), and the tree as a package would hold it.

# build_dir NAME MESON-OPTION…: sets up once, builds what changed.
build_dir() {
        local dir=$BUILD/$1
        shift
        [ -f "$dir/build.ninja" ] || step "configuring ${dir##*/}" meson setup "$dir" "$SRC" --werror "$@" || return
        step "building ${dir##*/}" ninja -C "$dir"
}

build_plain() { build_dir plain; }
build_sanitised() { build_dir sanitised -Db_sanitize=address,undefined -Db_lundef=false -Dguard=disabled; }

# build_package TAR: the files of the package, to be unpacked over a machine's root and followed by postinst.sh, as dpkg
# does it. One at a time for one build directory; each machine has a copy of its own and may outlive the next build.
build_package() {
        local lock status=0
        exec {lock}>"$BUILD/lock"
        flock "$lock"
        build_plain && build_tree || status=$?
        [ $status -ne 0 ] || tar -C "$BUILD/tree" --owner=root:0 --group=root:0 -cf "$1" . || status=$?
        exec {lock}>&-
        return $status
}

build_tree() {
        rm -rf "$BUILD/tree"
        mkdir "$BUILD/tree"
        step 'collecting the installed tree' meson install -C "$BUILD/plain" --no-rebuild --quiet --destdir "$BUILD/tree"
}

# suite LAYER BUILD SUITE…: meson's tests of these suites, counted one by one where they speak TAP.
suite() {
        local layer=$1 dir=$BUILD/$2 log result
        shift 2
        log=$dir/meson-logs/testlog.junit.xml
        rm -f "$log"
        say "$layer"
        meson test -C "$dir" --no-rebuild --print-errorlogs "${@/#/--suite=}" >"$dir/meson-logs/stdout" 2>&1 </dev/null ||
                tail -n 120 "$dir/meson-logs/stdout" >&2
        if [ ! -f "$log" ]; then
                grep -q 'No suitable tests\|No tests' "$dir/meson-logs/stdout" && { return 0; }
                tally "$layer" 0 1
                return 0
        fi
        result=$(python3 "$SRC/tests/machine/count.py" "$log") || result='0 1'
        # shellcheck disable=SC2086 # two words
        tally "$layer" $result
}

unit_plain() {
        build_plain || { tally 'build' 0 1; return 0; }
        suite 'unit' plain unit
        suite 'contract' plain contract
        suite 'fuzz corpus' plain fuzz
}

unit_sanitised() {
        build_sanitised || { tally 'build, sanitised' 0 1; return 0; }
        export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:allocator_may_return_null=1
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
        suite 'unit, sanitised' sanitised unit
        suite 'contract, sanitised' sanitised contract
        suite 'fuzz corpus, sanitised' sanitised fuzz
        unset ASAN_OPTIONS UBSAN_OPTIONS
}

# The launcher's walls need root and no systemd.
suite_sandbox() {
        suite 'sandbox' plain sandbox
}

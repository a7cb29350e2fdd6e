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

# suite LAYER BUILD SUITE: meson's tests of that suite, counted case by case. Skipped is failed: MXC_TESTS_MUST_RUN.
suite() {
        local layer=$1 dir=$BUILD/$2 name=$3 programs bad=no n=0 p f s passed=0 failed=0 skipped=0 _
        programs=$(meson test -C "$dir" --no-rebuild --list --suite="$name" 2>/dev/null | grep -vc '^No \|^$' || true)
        [ "$programs" -gt 0 ] || return 0
        say "$layer: $programs programs"
        MXC_COUNTS=$(mktemp -d "${TMPDIR:-/tmp}/mxc-counts.XXXXXX")
        export MXC_COUNTS
        progress_begin "$layer" "$dir/meson-logs/stdout"
        meson test -C "$dir" --no-rebuild --print-errorlogs --suite="$name" --wrapper "$SRC/tests/machine/count-one.sh" \
                >"$dir/meson-logs/stdout" 2>&1 </dev/null || bad=yes
        progress_end
        [ "$bad" = no ] || tail -n 120 "$dir/meson-logs/stdout" >&2
        while read -r p f s _; do
                n=$((n + 1)) passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        done < <(find "$MXC_COUNTS" -type f ! -name '*.*' -exec cat {} +)
        rm -rf --one-file-system "$MXC_COUNTS"
        failed=$((failed + programs - n)) # those that were ended in the middle
        if [ $skipped -gt 0 ]; then
                say "$layer: $skipped skipped"
                [ -z "${MXC_TESTS_MUST_RUN:-}" ] || failed=$((failed + skipped))
        fi
        tally "$layer" $passed $failed
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

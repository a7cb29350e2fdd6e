# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What can be said about the sources without running them. One file is one test.

# check_files LAYER COMMAND… -- FILE…: COMMAND FILE for each, two at a time; what it prints is shown for those that fail.
check_files() {
        local layer=$1 command=() failed log
        shift
        while [ "$1" != -- ]; do command+=("$1"); shift; done
        shift
        [ $# -gt 0 ] || return 0
        say "$layer: $# files"
        log=$(mktemp "${TMPDIR:-/tmp}/mxc-files.XXXXXX")
        progress_begin "$layer" "$log"
        # shellcheck disable=SC2016 # for the inner shell
        failed=$(printf '%s\0' "$@" | (cd "$SRC" && xargs -0 -P 2 -I '{}' bash -c '
                file=$1 log=$2
                shift 2
                echo "$file" >>"$log"
                output=$("$@" "$file" 2>&1 </dev/null) && exit 0
                printf "%s\n" "$output" | head -n 40 >&2
                echo "$file"' bash '{}' "$log" "${command[@]}") | wc -l)
        progress_end
        rm -f "$log"
        tally "$layer" $(($# - failed)) "$failed"
}

# The files of the project of these kinds: those git knows, or would.
sources() { git -C "$SRC" ls-files --cached --others --exclude-standard -- "$@" | (cd "$SRC" && xargs -r -d '\n' ls -d 2>/dev/null); }

lint_all() {
        local files
        # Headers hold tables aligned by hand; a reader needs those more than a formatter does.
        mapfile -t files < <(sources '*.c')
        check_files 'format' clang-format-14 --dry-run --Werror -- "${files[@]}"
        mapfile -t files < <(sources tests/run .ci/run '*.sh')
        check_files 'shellcheck' shellcheck -x -P "$SRC" -- "${files[@]}"
        mapfile -t files < <(sources '*.xml')
        check_files 'xml' xmllint --noout --nonet -- "${files[@]}"
        mapfile -t files < <(sources '*.[1-8]')
        check_files 'man pages' mandoc -T lint -W warning -- "${files[@]}"
}

# clang's static analyser over every file that the plain build compiles.
lint_analyse() {
        local files
        # what is compiled with musl as well is looked at as it is compiled without: clang knows no specs
        mkdir -p "$BUILD/tidy"
        mapfile -t files < <(python3 -c '
import json, os, sys
entries = [e for e in json.load(open(sys.argv[1] + "/compile_commands.json")) if " -specs=" not in e["command"]]
json.dump(entries, open(sys.argv[2] + "/compile_commands.json", "w"))
for entry in entries:
    print(os.path.normpath(os.path.join(entry["directory"], entry["file"])))' "$BUILD/plain" "$BUILD/tidy" | sort -u)
        check_files 'static analysis' clang-tidy-14 --quiet -p "$BUILD/tidy" -- "${files[@]}"
}

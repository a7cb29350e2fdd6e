# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# Names that the host trusts and names that are denied, attacked where the launcher is the installed one and the kernel
# what it is: in the emulated machine the guard keeps them, in the container mediation does.

test_names_are_kept() {
        local tests=$MXC_TEST_BUILD/plain/tests/sandbox out=$work/out
        # the rig's place is /srv, which is an overlay in the container; workspaces are on disks
        mkdir "$work/tmp"
        unshare --mount -- sh -c 'mount --bind "$1" /srv && shift && exec "$@"' sh "$work/tmp" \
                "$tests/test-handoff" /usr/lib/mxc/mxc-launch "$tests/mxc-launch-mutant" >"$out" || { grep -v '^ok' "$out"; return 1; }
        # what only the guard can keep is attacked where it was loaded, and was not passed over
        [ ! -e /sys/fs/bpf/mxc/1/link_guard_file_open ] || grep -q 'denied: a hard link of what is elsewhere' "$out"
        grep -q '^1\.\.[1-9]' "$out"
}

# What is denied, row by row, in whole cages and with the guard as the only lock. Elsewhere these rows are made with mediation in its
# place, by the sandbox tests.
test_attacks_on_what_is_denied_meet_the_guard() {
        local tests=$MXC_TEST_BUILD/plain/tests/sandbox out=$work/out
        /usr/lib/mxc/mxc-guard --check >"$out" 2>&1 || skip 'this kernel takes no BPF LSM programs'
        mkdir "$work/tmp"
        # as deep as systemd makes control groups in a container in a container: those of further commands are below the sandbox's
        MXC_RIG_BELOW=$(printf '/d%.0s' {1..20}) \
                unshare --mount -- sh -c 'mount --bind "$1" /srv && shift && exec "$@"' sh "$work/tmp" \
                "$tests/test-attack-files" /usr/lib/mxc/mxc-launch "$tests/mxc-launch-mutant" "$tests/probe" 'a denied' >"$out" ||
                { grep -v '^ok' "$out"; return 1; }
        # that it was the guard, and its own row with it
        grep -q '^# .* guard 1,' "$out"
        [ "$(grep -c '^ok .*: guard alone holds$' "$out")" -ge 15 ]
        grep -q '^ok .* a denied file by a hard link that was there: refused$' "$out"
        ! grep -q 'not on this kernel' "$out"
}

# Whatever keeps them, a policy of few system calls is carried out with names that it denies.
test_names_are_kept_in_every_profile() {
        local profile document
        workspace alice
        as alice git init -q .
        as alice sh -c 'echo the secret >.env'
        for profile in strict agent build; do
                document='{"schema": "mxc-policy/1", "name": "few", "extends": "workspace", "process": {"syscalls": "'$profile'"},
                        "filesystem": {"deniedPaths": ["${workspace}/.env"]}}'
                as alice sh -c 'printf "%s\n" "$1" >few.json' sh "$document"
                assert_ok as alice mxcctl run -p few.json -- sh -c 'echo x >made; ! cat .env && ! echo x >.git/hooks/pre-commit'
                assert_lacks "$output" 'the secret'
                [ -s "$ws/made" ] || fail "nothing can be made under $profile"
                rm "$ws/made"
                assert_status 127 as alice mxcctl run -p few.json -- no-such-command
        done
}

# A further command has a control group below the one that names are kept for.
test_names_are_kept_from_further_commands() {
        local document='{"schema": "mxc-policy/1", "extends": "workspace", "filesystem": {"deniedPaths": ["${workspace}/.env"]}}'
        workspace alice
        as alice git init -q .
        as alice sh -c 'echo the secret >.env'
        spawn alice policy s "$document" workspace s "$ws" -- sleep infinity
        defer end_quietly "$sandbox"
        assert_ok as alice mxcctl exec "${sandbox##*/}" -- sh -c 'echo x >made; ! cat .env && ! echo x >.git/hooks/pre-commit'
        assert_lacks "$output" 'the secret'
        [ -s "$ws/made" ] || fail 'nothing can be made'
}

# A program: a file for every name of a list of handoff.json (the first argument) in each place (the others), as far as it can be made.
every_name='import json, os, sys
for name in json.load(open("/usr/lib/mxc/handoff.json"))[sys.argv[1]]:
    for place in sys.argv[2:]:
        path = os.path.join(place, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").write("planted")
        except OSError:
            pass'

# Each name of the list, at the root of the workspace and of a repository: by the agent, who cannot, and by the owner, who can.
test_every_name_of_the_list_is_protected() {
        local n
        workspace alice
        as alice sh -c 'git init -q repo; mkdir -p free/repo; printf "%s\n" "$1" >plant.py' sh "$every_name"
        assert_ok as alice mxcctl run -- python3 plant.py root . repo
        assert_eq '' "$(cd "$ws" && grep -rl planted --exclude plant.py . | sort)" 'made by the agent'
        as alice python3 plant.py root free free/repo
        n=$(python3 -c 'import json; print(len(json.load(open("/usr/lib/mxc/handoff.json"))["root"]))')
        [ "$n" -ge 100 ] || fail "the list has only $n names"
        assert_eq $((2 * n)) "$(grep -rl planted "$ws/free" | wc -l)" 'made by the owner'
}

# Each name of the list, in a directory that is no repository: made, and told. As many at a time as one end tells.
test_every_name_of_the_list_is_told() {
        local names told name missing=()
        workspace alice
        mapfile -t names < <(python3 -c 'import json; l = json.load(open("/usr/lib/mxc/handoff.json")); print(*l["root"], *l["report"], sep="\n")')
        [ ${#names[@]} -ge 200 ] || fail "the list has only ${#names[@]} names"
        for ((i = 0; i < ${#names[@]}; i += 60)); do
                told=$(as alice mxcctl run --json=short -- sh -c '
                        for name; do
                                n=$((n + 1))
                                mkdir -p "$(dirname "d/$n/$name")" && echo planted >"d/$n/$name" || exit
                        done; echo harmless >"d/$n/readme"' sh "${names[@]:i:60}" 2>&1 >/dev/null)
                for name in "${names[@]:i:60}"; do
                        [[ $told == *"/$name\""* ]] || missing+=("$name")
                done
                assert_lacks "$told" readme
                as alice rm -rf d
        done
        assert_eq '' "${missing[*]}" 'not told'
}

# Writable below read-only below writable, and denied below each: where they are, and where nothing is yet.
test_the_deepest_path_wins() {
        local document before
        workspace alice
        as alice sh -c 'mkdir -p ro/rw/ro ro/no ro/rw/no no && for d in ro ro/rw ro/rw/ro ro/no ro/rw/no no; do echo old >$d/f; done'
        document='{"schema": "mxc-policy/1", "name": "deep", "extends": "workspace", "filesystem": {
                "readwritePaths": ["${workspace}", "${workspace}/ro/rw"],
                "readonlyPaths": ["${workspace}/ro", "${workspace}/ro/rw/ro", "${workspace}/ro2", "${workspace}/ro/rw/ro2"],
                "deniedPaths": ["${workspace}/no", "${workspace}/ro/no", "${workspace}/ro/rw/no",
                        "${workspace}/no2", "${workspace}/ro/no2", "${workspace}/ro/rw/no2"]}}'
        as alice sh -c 'printf "%s\n" "$1" >deep.json' sh "$document"
        as alice sh -c 'sed "s|/ro/rw\"]|/ro/rw2\"]|" deep.json >deeper.json'
        before=$(as alice find . -printf '%p %y %m %i\n' | sort)
        # what is to be written must be there, and is not made
        assert_status 125 as alice mxcctl run -p deeper.json -- true
        assert_contains "$output" "$ws/ro/rw2: No such file or directory"
        # shellcheck disable=SC2016 # for the shell inside
        assert_ok as alice mxcctl run -p deep.json -- sh -c '
                wrong() { echo "$*"; exit 1; }
                move() { perl -e '"'exit !rename(\$ARGV[0], \$ARGV[1])'"' "$@"; } # mv would copy what it cannot move
                echo new >ro/rw/f || wrong writable in read-only
                for d in ro ro/rw/ro; do
                        [ "$(cat $d/f)" = old ] || wrong "reading $d"
                        ! echo new >$d/f || wrong "writing $d"
                        ! touch $d/new && ! rm $d/f && ! mkdir $d/dir && ! ln $d/f $d/g || wrong "changing $d"
                done
                for d in no ro/no ro/rw/no; do
                        ! cat $d/f && ! ls $d && ! echo new >$d/f && ! touch $d/new || wrong "denied: $d"
                done
                for d in ro2 ro/rw2 ro/rw/ro2 no2 ro/no2 ro/rw/no2; do
                        ! mkdir $d && ! touch $d && ! ln -s f $d && ! ln ro/rw/f $d || wrong "making $d"
                        mkdir -p ro/rw/dir && ! move ro/rw/dir $d || wrong "moving to $d"
                done
                for d in ro ro/rw ro/rw/ro no ro/no ro/rw/no; do
                        ! move $d ro/rw/away && ! move $d away && ! rmdir $d || wrong "moving $d"
                done
                rmdir ro/rw/dir'
        as alice sh -c 'for d in ro ro/rw/ro ro/no ro/rw/no no; do [ "$(cat $d/f)" = old ] || exit 1; done; [ "$(cat ro/rw/f)" = new ]'
        # nothing of it was left on the host
        assert_eq "$before" "$(as alice find . -printf '%p %y %m %i\n' | sort)" 'what is there now'
}

# Debian's kernel takes BPF LSM programs; a guard that does not load there is broken, and mediation would hide it.
test_limit_guard_is_loaded() {
        systemctl start mxc-guard.service
        /usr/lib/mxc/mxc-guard --check
}

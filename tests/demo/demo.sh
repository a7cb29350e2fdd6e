#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2317 # words for inner shells; functions called by name
#
# demo.sh: an agent at work under a policy. As root on a machine with systemd and mxcd, for an ordinary user that it
# makes; tests/run demo brings such a machine. Exits 0 when all that should work worked and nothing forbidden did.

set -uo pipefail
here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=tests/machine/lib.sh
. "$here/../machine/lib.sh"
user=alice
home=/home/$user
workspace=$home/words
bad=0

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || title() { printf '\n=== %s\n' "$*"; }
# shown COMMAND…: what a person would type, and its output
shown() {
        printf '\n$ %s\n' "$(printf '%q ' "$@")"
        as "$user" "$@" 2>&1 | sed 's/^/  /'
}
# must WHAT COMMAND…: part of the demo's own verdict
must() {
        local what=$1
        shift
        if "$@"; then
                printf '  %-12s%s\n' yes "$what"
        else
                printf '  %-12s%s\n' NO "$what"
                bad=1
        fi
}

prepare() {
        install -d -m 700 -o $user -g $user "$home/.ssh"
        install -m 600 -o $user -g $user <(echo 'the private key') "$home/.ssh/id_ed25519"
        cp -r "$here/project" "$workspace"
        cp -r "$here/agent" "$workspace/agent"
        chown -R $user:$user "$workspace"
        as $user git config --global user.name Alice
        as $user git config --global user.email alice@example.com
        as $user git config --global init.defaultBranch main
        as $user bash -euc '
                cd "$1"
                echo "# words" >README.md
                printf "words\n*.o\nagent/\nvendor/\nlibrary.git/\nheart\n" >.gitignore
                git init --quiet
                git add --all
                git commit --quiet --message "words: count them"
                git config user.name "Alice (agent)"
                git config user.email agent@example.com
                git init --quiet --bare library.git
                git push --quiet library.git main' bash "$workspace"
}

sandboxes() { busctl call org.mxc1 /org/mxc1 org.mxc1.Manager ListSandboxes | grep -o '/org/mxc1/sandbox/[0-9a-zA-Z_]*' | sort -u; }

heart() { cat "$workspace/heart" 2>/dev/null; }
# Whatever has just been thawed beats again as soon as it has a turn.
heart_beats() {
        local before end=$((SECONDS + 20 * SLOW))
        before=$(heart)
        while [ "$before" = "$(heart)" ]; do
                [ "$SECONDS" -lt "$end" ] || return 1
                sleep 0.1
        done
}
heart_stands_still() {
        local before
        before=$(heart)
        sleep "$SLOW"
        [ "$before" = "$(heart)" ]
}

suite_begin
trap suite_end EXIT
since=$(date '+%Y-%m-%d %H:%M:%S')
prepare
controllers=$(cat /sys/fs/cgroup/cgroup.controllers)
tasks=()
[[ " $controllers " != *' pids '* ]] || tasks=(tasks)
export AS_CWD=$workspace

title "1. The agent works: mxcctl run, in alice's workspace, under the policy \"workspace\""
as $user mxcctl run -- agent/work.sh || bad=1
must 'the commit is in the repository of the host' \
        test "$(as $user git log -1 --format=%s agent/next)" = 'words: fail without a text'

title '2. The agent misbehaves'
as $user sleep 98763 & # whom the agent tries to kill
wait_until 20 pgrep -u $user -x -f 'sleep 98763'
neighbour=$(pgrep -u $user -x -f 'sleep 98763')
as $user mxcctl run -- python3 agent/attack.py "$home" "$neighbour" "${tasks[@]}" || bad=1
must "alice's other process lives" kill "$neighbour"
must 'nothing was left behind in the workspace' test -z "$(as $user git status --porcelain)"
must 'no hook appeared' test ! -e "$workspace/.git/hooks/pre-commit"
must "no file for other programs to trust appeared" test ! -e "$workspace/.envrc" -a ! -e "$workspace/.mcp.json"

title '3. Seen, frozen, and killed whatever it does'
as $user mxcctl run -- agent/outlive.sh &
runner=$!
wait_until 20 test -s "$workspace/heart"
id=$(sandboxes | head -n 1)
id=${id##*/}
shown mxcctl list
shown mxcctl show "$id"
must 'its heart beats' heart_beats
shown mxcctl freeze "$id"
must 'frozen, it does not' heart_stands_still
shown mxcctl thaw "$id"
must 'thawed, it does again' heart_beats
shown mxcctl kill "$id"
wait $runner
printf '  mxcctl run ended with %s\n' $?
must 'killed, it does not' heart_stands_still

title '4. mxcd is restarted under a running agent'
as $user mxcctl run -- sh -c "sleep $((3 * SLOW)); echo still here; exit 42" &
runner=$!
wait_until 20 sh -c 'busctl call org.mxc1 /org/mxc1 org.mxc1.Manager ListSandboxes | grep -q sandbox/'
systemctl restart mxcd.service
printf '\n$ systemctl restart mxcd\n'
shown mxcctl list
wait $runner
must 'its exit status arrived' test $? = 42

title '5. What the administrator sees'
shown mxcctl status
shown mxcctl agent list
shown mxcctl policy list
shown mxcctl policy explain workspace read /etc/shadow

title '6. The audit of this very run'
printf '\n# mxcctl audit --since %q\n' "$since"
journalctl --sync
mxcctl audit --no-pager --since "$since" 2>&1 | sed 's/^/  /'

if [ $bad -eq 0 ]; then
        title 'Everything that should work worked; nothing that should not did.'
else
        title 'SOMETHING ABOVE IS NOT AS IT SHOULD BE.'
fi
exit $bad

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2086 # the variables of lib.sh and world.sh
# A workshop in the world: repositories by https and ssh, a registry for npm and an index for pip, each with one small thing in it.

# workshop_up: once per machine, after world_up
workshop_up() {
        [ ! -e $world_dir/workshop ] || return 0
        workshop_repository
        workshop_registry
        workshop_index
        workshop_sshd
        in_world setsid python3 "$MXC_TEST_SRC/tests/machine/world/workshop.py" $WORLD_WORKSHOP $world_dir/cert.pem $world_dir/key.pem $world_dir \
                >$world_dir/workshop.log 2>&1 </dev/null &
        wait_until 10 grep -q serving $world_dir/workshop.log
        touch $world_dir/workshop
}

workshop_repository() {
        local from=$work/words
        git init -q -b main "$from"
        echo 'the words' >"$from/words"
        git -C "$from" add words
        git -C "$from" -c user.name=world -c user.email=world@example.com commit -q -m words
        mkdir -p $world_dir/git
        git clone -q --bare "$from" $world_dir/git/words.git
        # git trusts no repository of somebody else's
        useradd --create-home --password '*' --shell /bin/sh keeper
        git clone -q --bare "$from" /home/keeper/words.git
        chown -R keeper: /home/keeper/words.git
}

workshop_registry() {
        local from=$world_dir/www/archives
        mkdir -p "$from" "$work/package"
        printf '{"name": "words", "version": "1.0.0", "main": "words.js"}\n' >"$work/package/package.json"
        printf 'module.exports = "the words";\n' >"$work/package/words.js"
        tar -C "$work" -czf "$from/words-1.0.0.tgz" package
        printf '{"name": "words", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "words", "version": "1.0.0",
                "dist": {"tarball": "https://registry.example.com:8444/archives/words-1.0.0.tgz", "shasum": "%s"}}}}\n' \
                "$(sha1sum <"$from/words-1.0.0.tgz" | cut -d' ' -f 1)" >$world_dir/www/words
}

workshop_index() {
        mkdir -p $world_dir/www/simple/words
        python3 - $world_dir/www/simple/words/words-1.0.0-py3-none-any.whl <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    about = "words-1.0.0.dist-info/"
    wheel.writestr("words.py", 'WORDS = "the words"\n')
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: words\nVersion: 1.0.0\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(about + "RECORD", f"words.py,,\n{about}METADATA,,\n{about}WHEEL,,\n{about}RECORD,,\n")
END
}

# workshop_key FILE: one that is let in, for alice
workshop_key() {
        ssh-keygen -q -t ed25519 -N '' -f "$1"
        chown alice: "$1"
        cat "$1.pub" >>$world_dir/authorized
        sed "s/^/git.example.com /" $world_dir/host-key.pub >"$1.hosts"
}

workshop_sshd() {
        ssh-keygen -q -t ed25519 -N '' -f $world_dir/host-key
        touch $world_dir/authorized
        cat >$world_dir/sshd.conf <<END
ListenAddress $WORLD_WORKSHOP
HostKey $world_dir/host-key
AuthorizedKeysFile $world_dir/authorized
StrictModes no
PasswordAuthentication no
PidFile $world_dir/sshd.pid
END
        mkdir -p /run/sshd
        in_world /usr/sbin/sshd -f $world_dir/sshd.conf -E $world_dir/sshd.log
}

# workshop_saw TEXT: somebody has asked for it
workshop_saw() { grep -qF -- "$1" $world_dir/workshop.log; }

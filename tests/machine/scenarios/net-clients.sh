# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154,SC2016
# What developers run, as it is, under a policy that names two hosts: what is named works, and of what is not they say themselves, and at once,
# that it is not there.
# shellcheck source=tests/machine/world/world.sh
. "$MXC_TEST_SRC/tests/machine/world/world.sh"
# shellcheck source=tests/machine/world/workshop.sh
. "$MXC_TEST_SRC/tests/machine/world/workshop.sh"

PATIENCE=$((40 * SLOW)) # seconds in which even a slow machine is done; who hangs has not failed but hung

# clients PROGRAM…: they are there, and a world with a workshop; $ws and its policy
clients() {
        local program
        for program; do
                command -v "$program" >/dev/null || fail "there is no $program: see PACKAGES_clients in tests/machine/packages.sh"
        done
        world_up
        workshop_up
        workspace alice
        install -m 644 $world_dir/cert.pem "$ws/cert.pem"
        cat >"$work/clients.json" <<END
{"schema": "mxc-policy/1", "name": "clients", "extends": "workspace",
 "network": {"egress": {"allow": [{"to": [{"host": "web.example.com"}, {"host": "git.example.com"}, {"host": "registry.example.com"}]},
  {"to": [{"cidr": "93.184.216.34"}], "ports": [{"protocol": "udp", "port": 7}]}]}}}
END
}

# What they say of an address: the kernel refuses it, or, where it takes no programs for that, a reset comes before they know that they are
# connected, or after.
REFUSED='[Pp]ermission denied|EACCES|[Cc]onnection re(set|fused)|ECONNRE(SET|FUSED)|Failed to connect|errno=1(3|04|11)'

# go COMMAND…: as alice under that policy, in $ws
go() { as alice mxcctl run --policy "$work/clients.json" -- timeout "$PATIENCE" "$@"; }

# works TEXT COMMAND…: and says so
works() {
        assert_ok go "${@:2}"
        assert_contains "$output" "$1"
}

# is_told PATTERN COMMAND…: it fails by itself, and says that
is_told() {
        local got=0
        output=$(go "${@:2}" 2>&1) || got=$?
        [ $got -ne 0 ] || fail "'${*:2}' succeeded: $output"
        [ $got -ne 124 ] || fail "'${*:2}' hangs: $output"
        [[ $output =~ $1 ]] || fail "'${*:2}' says something else than '$1': $output"
}
GIT_SSH='ssh -i key -o UserKnownHostsFile=key.hosts'

test_curl() {
        clients curl
        works 'https git.example.com /a' curl -sS --cacert cert.pem https://git.example.com/a
        is_told 'Could not resolve host: other.example.net' curl -sS https://other.example.net/
        is_told "$REFUSED" curl -sS https://$WORLD_OTHER/
        is_told 'access denied' curl -sS --connect-to other.example.net:443:git.example.com:443 https://other.example.net/
}

test_wget() {
        clients wget
        works 'https web.example.com /a' wget -q -O - --ca-certificate=cert.pem https://web.example.com/a
        is_told 'unable to resolve host address' wget -O - https://other.example.net/
        is_told "$REFUSED" wget -O - --tries=1 http://$WORLD_OTHER/
}

test_git_over_https() {
        clients git
        works '' git -c http.sslCAInfo=cert.pem clone -q https://git.example.com:8444/git/words.git words
        assert_eq 'the words' "$(cat "$ws/words/words")"
        workshop_saw 'POST /git/words.git/git-upload-pack' || fail 'it did not speak to the server'
        works 'refs/heads/main' git -c http.sslCAInfo=cert.pem ls-remote https://git.example.com:8444/git/words.git
        is_told 'Could not resolve host: other.example.net' git clone https://other.example.net/git/words.git other
        is_told "$REFUSED" git clone https://$WORLD_OTHER/git/words.git other
}

test_git_over_ssh() {
        clients git ssh /usr/sbin/sshd
        workshop_key "$ws/key"
        works '' env GIT_SSH_COMMAND="$GIT_SSH" git clone -q keeper@git.example.com:words.git words
        assert_eq 'the words' "$(cat "$ws/words/words")"
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=tcp/git.example.com:22
        is_told 'Could not resolve hostname other.example.net' env GIT_SSH_COMMAND="$GIT_SSH" git clone keeper@other.example.net:words.git other
        is_told "$REFUSED" env GIT_SSH_COMMAND="$GIT_SSH" git clone keeper@$WORLD_OTHER:words.git other
        assert_lacks "$output" publickey # which its server would say
}

FETCH='
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())'

test_python() {
        clients /usr/bin/python3
        works 'https web.example.com /a' env SSL_CERT_FILE=cert.pem /usr/bin/python3 -c "$FETCH" https://web.example.com/a
        is_told 'Name or service not known' /usr/bin/python3 -c "$FETCH" https://other.example.net/
        is_told "$REFUSED" /usr/bin/python3 -c "$FETCH" https://$WORLD_OTHER/
}

test_pip() {
        clients /usr/bin/pip
        local pip=(env PIP_CERT=cert.pem PIP_DISABLE_PIP_VERSION_CHECK=1 /usr/bin/pip download --retries 1 --no-deps --index-url)
        works words-1.0.0-py3-none-any.whl "${pip[@]}" https://registry.example.com:8444/simple words
        workshop_saw 'GET /simple/words/words-1.0.0-py3-none-any.whl' || fail 'it was not fetched'
        is_told 'Name or service not known' "${pip[@]}" https://other.example.net/simple words
        is_told "$REFUSED" "${pip[@]}" https://$WORLD_OTHER/simple words
}

test_node() {
        clients node
        local fetch='fetch(process.argv[1]).then(answer => answer.text()).then(console.log)'
        works 'https web.example.com /a' env NODE_EXTRA_CA_CERTS=cert.pem node -e "$fetch" https://web.example.com/a
        is_told 'getaddrinfo ENOTFOUND other.example.net' node -e "$fetch" https://other.example.net/
        is_told "$REFUSED" node -e "$fetch" https://$WORLD_OTHER/
}

test_npm() {
        clients npm
        local npm=(npm install --cafile cert.pem --no-audit --no-fund --fetch-retries 0 --registry)
        works 'added 1 package' "${npm[@]}" https://registry.example.com:8444/ words
        works 'the words' node -p 'require("words")'
        is_told ENOTFOUND "${npm[@]}" https://other.example.net/ others
        is_told "$REFUSED" "${npm[@]}" https://$WORLD_OTHER/ others
}

test_a_static_program() {
        clients go
        CGO_ENABLED=0 GOCACHE=$work/cache env go build -o "$ws/fetch" "$MXC_TEST_SRC/tests/machine/world/fetch.go"
        works 'https web.example.com /a' ./fetch cert.pem https://web.example.com/a
        is_told 'no such host' ./fetch cert.pem https://other.example.net/
        is_told "$REFUSED" ./fetch cert.pem https://$WORLD_OTHER/
}

test_openssl() {
        clients openssl
        works 'Verification: OK' openssl s_client -brief -connect web.example.com:443 -servername web.example.com -CAfile cert.pem -verify_return_error
        is_told 'Name or service not known' openssl s_client -connect other.example.net:443
        is_told "$REFUSED" openssl s_client -connect $WORLD_OTHER:443
        is_told 'access denied' openssl s_client -connect web.example.com:443 -servername other.example.net
}

test_dig() {
        clients dig
        works $WORLD_WEB dig web.example.com
        works $WORLD_WEB6 dig web.example.com AAAA @8.8.8.8 +tcp
        works 'status: NXDOMAIN' dig other.example.net
        assert_contains "$output" 'EDE: 15 (Blocked)'
}

test_nc() {
        clients nc
        works hello sh -c 'echo hello | nc -N web.example.com 7'
        is_told 'Name or service not known' nc other.example.net 7
        # it says nothing when the kernel refuses, and takes a reset for an end: but nothing is what it got
        assert_eq '' "$(go sh -c "echo hello | nc -N $WORLD_OTHER 7" 2>&1)"
        assert_record MXC_EVENT=connect MXC_DECISION=deny MXC_TARGET=tcp/$WORLD_OTHER:7
        # by UDP it sends a few bytes to see whether anybody is there
        is_told '' nc -u -z -v $WORLD_OTHER 7
        works succeeded nc -u -z -v $WORLD_WEB 7
        works hello sh -c "echo hello | nc -u -w 2 $WORLD_WEB 7"
        assert_record MXC_EVENT=connect MXC_DECISION=allow MXC_TARGET=udp/$WORLD_WEB:7
}

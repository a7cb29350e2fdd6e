# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # the variables of lib.sh
# A world to connect to: a network namespace of its own behind this machine's only uplink, with addresses that are as global as any, a real
# resolver, and servers. Nothing leaves the machine.

WORLD_DNS=93.184.216.53
WORLD_WEB=93.184.216.34
WORLD_WEB6=2606:2800:220:1::34
WORLD_OTHER=93.184.216.99
WORLD_PRIVATE=10.77.0.1
WORLD_WORKSHOP=93.184.216.80 # workshop.sh
world_dir=/run/mxc-world

in_world() { ip netns exec world "$@"; }

# world_up: made once per machine
world_up() {
        [ -e $world_dir/up ] || world_make
        world_begins
}

world_make() {
        mkdir -p $world_dir
        ip netns add world
        ip link add uplink type veth peer name machine netns world
        ip addr add 93.184.215.2/24 dev uplink
        ip -6 addr add 2606:2800:220:2::2/64 dev uplink nodad
        ip link set uplink up
        in_world ip link set lo up
        in_world ip addr add 93.184.215.1/24 dev machine
        in_world ip -6 addr add 2606:2800:220:2::1/64 dev machine nodad
        in_world ip link set machine up
        local address
        for address in $WORLD_DNS $WORLD_WEB $WORLD_OTHER $WORLD_PRIVATE $WORLD_WORKSHOP; do
                in_world ip addr add "$address"/32 dev lo
        done
        in_world ip -6 addr add $WORLD_WEB6/128 dev lo nodad
        ip route add default via 93.184.215.1
        ip -6 route add default via 2606:2800:220:2::1
        world_certificate
        world_resolver
        world_servers
        touch $world_dir/up
}

world_certificate() {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=world' \
                -addext 'subjectAltName=DNS:web.example.com,DNS:api.example.com,DNS:other.example.net,DNS:git.example.com,DNS:registry.example.com' \
                -keyout $world_dir/key.pem -out $world_dir/cert.pem 2>/dev/null
        chmod 644 $world_dir/cert.pem
}

world_resolver() {
        touch $world_dir/hosts # what a test adds, see flips
        cat >$world_dir/dnsmasq.conf <<END
no-resolv
no-hosts
addn-hosts=$world_dir/hosts
bind-interfaces
listen-address=$WORLD_DNS
host-record=web.example.com,$WORLD_WEB,$WORLD_WEB6
host-record=api.example.com,$WORLD_WEB
host-record=other.example.net,$WORLD_OTHER
host-record=git.example.com,$WORLD_WORKSHOP
host-record=registry.example.com,$WORLD_WORKSHOP
host-record=inside.example.com,$WORLD_PRIVATE
host-record=loop.example.com,127.0.0.1
host-record=meta.example.com,169.254.169.254
host-record=host.example.com,93.184.215.2
cname=alias.example.com,web.example.com
END
        in_world dnsmasq --conf-file=$world_dir/dnsmasq.conf --pid-file=$world_dir/dnsmasq.pid --log-queries \
                --log-facility=$world_dir/queries
        printf 'nameserver %s\n' $WORLD_DNS >/etc/resolv.conf
}

world_servers() {
        in_world setsid python3 "$MXC_TEST_SRC/tests/machine/world/servers.py" $world_dir/cert.pem $world_dir/key.pem \
                $WORLD_WEB $WORLD_WEB6 $WORLD_OTHER $WORLD_PRIVATE >$world_dir/log 2>&1 </dev/null &
        local tries
        for ((tries = 0; tries < 100; tries++)); do
                grep -q ready $world_dir/log 2>/dev/null && return
                sleep 0.1
        done
        fail "the servers of the world do not come up: $(cat $world_dir/log)"
}

# What others saw before this test is not of it.
world_begins() {
        world_log=$(stat -c %s $world_dir/log)
        world_queries=$(stat -c %s $world_dir/queries)
}
# world_saw TEXT: a server has seen it
world_saw() { tail -c "+$((world_log + 1))" $world_dir/log | grep -F -- "$1" >/dev/null; }
# world_was_asked NAME: the resolver has been asked for it
world_was_asked() { tail -c "+$((world_queries + 1))" $world_dir/queries | grep -F -- " $1 from " >/dev/null; }

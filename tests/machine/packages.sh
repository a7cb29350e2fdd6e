# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What Debian 12 must have, by purpose. Nothing is fetched when all of it is there.
# shellcheck disable=SC2034 # they are read by name

PACKAGES_build=(gcc libc6-dev musl-tools meson ninja-build pkg-config python3 libsystemd-dev systemd libjansson-dev libssl-dev
        libseccomp-dev libcap-dev libc-ares-dev check git python3-jsonschema zsh clang-14 llvm-14 libbpf-dev bpftool)
PACKAGES_machine=(systemd systemd-sysv systemd-container dbus polkitd util-linux git make gcc python3
        iproute2 dnsmasq-base bind9-dnsutils curl wget openssl tinyproxy)
PACKAGES_vm=(qemu-system-x86 mmdebstrap e2fsprogs)
PACKAGES_lint=(clang-format-14 clang-tidy-14 shellcheck libxml2-utils mandoc)
PACKAGES_bench=(bubblewrap crun)
PACKAGES_bench_mxc=(slirp4netns iptables)
PACKAGES_bench_egress=(tinyproxy squid haproxy)
PACKAGES_npm=(npm)
PACKAGES_clients=(golang-go openssh-server netcat-openbsd python3-pip)
# Of them, those that would serve on this host from now on: they are neither started nor left to be at the next boot.
SERVICES=(openssh-server:ssh tinyproxy:tinyproxy squid:squid haproxy:haproxy)

# npm comes from many places, and is then no package
need_npm() { command -v npm >/dev/null || need_packages npm; }

# Microsoft's SDKs and the Node that they ask for, unmodified, beside the build; nothing of it is committed. What they name loosely has one version
# here: of a test that fails, the reason is to be found here. No script of theirs is run but node's, which puts its program in its place.
MXC_SDK_NODE=24.13.0
MXC_SDK_0=(@microsoft/mxc-sdk@0.8.0 node-pty@1.2.0-beta.15 semver@7.8.6)
MXC_SDK_1=(@microsoft/mxc-sdk@1.0.1 koffi@3.3.4 node-pty@1.1.0 semver@7.7.4)
need_mxc_sdk() {
        local dir=$BUILD/cache/mxc-sdk # of the build: a machine sees that
        need_npm
        npm_into "$dir" node "node@$MXC_SDK_NODE"
        npm_into "$dir/0.8.0" @microsoft/mxc-sdk --ignore-scripts "${MXC_SDK_0[@]}"
        npm_into "$dir/1.0.1" @microsoft/mxc-sdk --ignore-scripts "${MXC_SDK_1[@]}"
}

# npm_into DIR PACKAGE WORD…: unless that package is there already
npm_into() {
        local dir=$1 name=$2
        [ ! -e "$dir/node_modules/.mxc-$(basename "$name")" ] || return 0
        rm -rf --one-file-system "$dir/node_modules"
        mkdir -p "$dir"
        [ -e "$dir/package.json" ] || echo '{"private": true}' >"$dir/package.json"
        # shellcheck disable=SC2016 # for the inner shell
        step "fetching $name" bash -c 'cd "$1" && npm install --silent --no-audit --no-fund --save-exact "${@:2}"' bash "$dir" "${@:3}"
        touch "$dir/node_modules/.mxc-$(basename "$name")"
}

need_packages() {
        local purpose list name status=0 missing=() quiet=()
        for purpose; do
                list="PACKAGES_${purpose}[@]"
                for name in "${!list}"; do
                        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
                done
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        need_root
        export DEBIAN_FRONTEND=noninteractive
        step 'reading package lists' apt-get -qq -o DPkg::Lock::Timeout=600 update
        for name in "${missing[@]}"; do
                for list in "${SERVICES[@]}"; do
                        [ "${list%%:*}" != "$name" ] || quiet+=("${list#*:}")
                done
        done
        [ ${#quiet[@]} -eq 0 ] || services_stay_down
        MXC_LOG_LINES=20 step "installing ${missing[*]}" \
                apt-get -qq -y -o DPkg::Lock::Timeout=600 --no-install-recommends install "${missing[@]}" || status=$?
        [ ${#quiet[@]} -eq 0 ] || services_as_before "${quiet[@]}"
        return $status
}

# What invoke-rc.d asks before it starts anything, unless this host has an answer of its own.
services_stay_down() {
        [ -e /usr/sbin/policy-rc.d ] || install -m 755 /dev/stdin /usr/sbin/policy-rc.d <<<$'#!/bin/sh\n# tests/run\nexit 101'
}
services_as_before() {
        ! grep -q '^# tests/run$' /usr/sbin/policy-rc.d || rm /usr/sbin/policy-rc.d
        systemctl --quiet disable "$@" 2>/dev/null || true
}

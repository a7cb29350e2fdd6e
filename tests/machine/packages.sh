# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What Debian 12 must have, by purpose. Nothing is fetched when all of it is there.
# shellcheck disable=SC2034 # they are read by name

PACKAGES_build=(gcc libc6-dev meson ninja-build pkg-config python3 libsystemd-dev systemd libjansson-dev libssl-dev
        libseccomp-dev libcap-dev libc-ares-dev check python3-jsonschema clang-14 llvm-14 libbpf-dev bpftool)
PACKAGES_machine=(systemd systemd-sysv systemd-container dbus polkitd util-linux git make gcc python3
        iproute2 dnsmasq-base bind9-dnsutils curl wget openssl)
PACKAGES_vm=(qemu-system-x86 mmdebstrap e2fsprogs)
PACKAGES_lint=(clang-format-14 clang-tidy-14 shellcheck libxml2-utils mandoc)
PACKAGES_bench=(bubblewrap crun)
PACKAGES_npm=(npm)

need_packages() {
        local purpose list name missing=()
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
        MXC_LOG_LINES=20 step "installing ${missing[*]}" \
                apt-get -qq -y -o DPkg::Lock::Timeout=600 --no-install-recommends install "${missing[@]}"
}

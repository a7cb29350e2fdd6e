# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016,SC2054 # words for inner shells; commas for qemu
# The emulated machine: a minimal Debian 12 with its own kernel 6.1, where memory, cpu, io and task limits and BPF LSM
# are real, under qemu without KVM. It also proves the list of run-time packages. Five to ten times slower than the
# container: behaviour is asserted here, not time.
#
# The image is made once (about two minutes) and kept in the cache; every run writes to a snapshot that vanishes with
# it. What a run needs inside travels as a tar on a second disk; output comes back over virtio ports.

VM_STATE=/var/tmp/mxc-vm # .PID, of the shell that waits for it
# What mxcd needs at run time, what the demo and the scenarios use, and what boots.
VM_PACKAGES=(systemd systemd-sysv libpam-systemd dbus polkitd udev kmod linux-image-amd64 procps iproute2
        libjansson4 libseccomp2 libcap2 libc-ares2 libssl3 libbpf1 git make gcc libc6-dev python3
        dnsmasq-base bind9-dnsutils curl wget openssl)

vm_cache() { printf '%s\n' "${MXC_CACHE:-$BUILD/cache}"; }

# The name of the image holds a digest of how it is made, so a changed recipe is a new image.
vm_image() {
        local key
        key=$(sha256sum <<<"${VM_PACKAGES[*]}$(declare -f vm_make_root vm_image_hooks)" | cut -c 1-12)
        printf '%s/debian-12-%s\n' "$(vm_cache)" "$key"
}

# Run in the new root's place by mmdebstrap: $1 is the root.
vm_image_hooks() {
        local root=$1 unit
        # An initramfs of what this one machine has; the default one takes many seconds to unpack under emulation.
        printf 'MODULES=list\nCOMPRESS=lz4\n' >"$root/etc/initramfs-tools/conf.d/mxc"
        printf '%s\n' virtio_pci virtio_blk ext4 crc32c >>"$root/etc/initramfs-tools/modules"
        chroot "$root" update-initramfs -u
        cp -L "$root/vmlinuz" "$MXC_IMAGE.vmlinuz"
        cp -L "$root/initrd.img" "$MXC_IMAGE.initrd"

        printf '/dev/vda / ext4 rw,noatime 0 0\n' >"$root/etc/fstab"
        echo mxc-test >"$root/etc/hostname"
        printf '127.0.0.1 localhost mxc-test\n' >"$root/etc/hosts"
        rm -f "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
        echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
        for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
                systemd-timesyncd.service getty@tty1.service serial-getty@ttyS0.service systemd-pstore.service \
                systemd-update-utmp.service systemd-networkd.service; do
                ln -sf /dev/null "$root/etc/systemd/system/$unit"
        done
        cat >"$root/etc/systemd/system/mxc-test.service" <<-'EOF'
	[Unit]
	Description=Run what the second disk says
	After=multi-user.target
	OnFailure=poweroff.target
	OnFailureJobMode=replace-irreversibly
	[Service]
	Type=exec
	ExecStart=/bin/sh -c 'mkdir -p /opt/mxc-test && tar -C /opt/mxc-test -xf /dev/vdb && exec /opt/mxc-test/src/tests/machine/vm-guest.sh'
	StandardOutput=journal+console
	StandardError=journal+console
	EOF
        mkdir -p "$root/etc/systemd/system/default.target.wants"
        ln -sf /etc/systemd/system/mxc-test.service "$root/etc/systemd/system/default.target.wants/mxc-test.service"
        rm -rf "$root"/usr/share/{doc,man,locale,info}/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* \
                "$root"/usr/lib/modules/*/kernel/drivers/{gpu,media,net/wireless,net/ethernet,infiniband,staging,scsi,iio,isdn} \
                "$root"/usr/lib/modules/*/kernel/sound
}

# From the archives that this host is configured for.
vm_make_root() {
        apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
                sort -u | grep ' bookworm' >"$MXC_IMAGE.sources"
        mmdebstrap --quiet --variant=minbase --skip=check/qemu --include="$(IFS=,; echo "${VM_PACKAGES[*]}")" \
                --customize-hook='bash "$MXC_IMAGE.hook" "$1"' bookworm "$MXC_IMAGE.root" - <"$MXC_IMAGE.sources"
        mkfs.ext4 -q -F -m 0 -O '^has_journal' -E root_owner=0:0 -d "$MXC_IMAGE.root" "$MXC_IMAGE.new" 3G
        rm -rf --one-file-system "$MXC_IMAGE.root"
}

vm_need_image() {
        local image lock
        image=$(vm_image)
        mkdir -p "$(vm_cache)"
        exec {lock}>"$(vm_cache)/lock"
        flock "$lock"
        if [ ! -f "$image.ext4" ]; then
                export MXC_IMAGE=$image
                { declare -f vm_image_hooks; echo 'set -e; vm_image_hooks "$1"'; } >"$image.hook"
                export -f vm_make_root vm_image_hooks
                export VM_PACKAGES_LIST="${VM_PACKAGES[*]}"
                step 'making the image of the virtual machine (about two minutes, once)' \
                        bash -c 'set -euo pipefail; read -ra VM_PACKAGES <<<"$VM_PACKAGES_LIST"; vm_make_root'
                mv "$image.new" "$image.ext4"
        fi
        exec {lock}>&-
}

# The second disk: the checkout, the built tree, what was to be bound, the command. vm_payload STATE USER BINDS… -- COMMAND…
vm_payload() {
        local state=$1 user=$2 dir=$1/payload bind n=0
        shift 2
        mkdir -p "$dir/build" "$dir/bind"
        while [ "$1" != -- ]; do
                bind=$1
                n=$((n + 1))
                cp -a "${bind%%:*}" "$dir/bind/$n"
                printf '%s\n' "${bind#*:}" >"$dir/bind/$n.path"
                shift
        done
        shift
        printf '%s\n' "$user" >"$dir/user"
        printf '%s\0' "$@" >"$dir/words"
        if [ -t 0 ]; then touch "$dir/tty"; else cat >"$dir/stdin"; fi
        [ ! -d "$BUILD/plain/tests/bench" ] || { mkdir -p "$dir/build/plain/tests" && cp -a "$BUILD/plain/tests/bench" "$dir/build/plain/tests/"; }
        mkdir -p "$dir/build/plain/tests/sandbox"
        find "$BUILD/plain/tests/sandbox" -maxdepth 1 -type f -perm -100 -exec cp -a -t "$dir/build/plain/tests/sandbox" {} + 2>/dev/null || true
        git -C "$SRC" ls-files -z --cached --others --exclude-standard |
                tar -C "$SRC" --null --ignore-failed-read --files-from=- --transform='s,^,src/,' -cf "$state/payload.tar" 2>/dev/null ||
                [ $? -eq 1 ] # somebody writes in the checkout
        tar -C "$dir" -rf "$state/payload.tar" .
        truncate -s '%1M' "$state/payload.tar"
}

vm_sweep() {
        local old
        for old in "$VM_STATE".*; do
                [ ! -d "$old" ] || [ -d "/proc/${old##*.}" ] || rm -rf --one-file-system "$old"
        done
}

# machine_vm USER KEEP N-BINDS BIND… COMMAND…
machine_vm() {
        local user=$1 keep=$2 binds=("${@:4:$3}") state=$VM_STATE.$BASHPID pids image status=
        shift $((3 + $3))
        [ "$keep" = no ] || die '--keep is for containers'
        vm_need_image
        image=$(vm_image)
        vm_sweep
        mkdir "$state"
        # shellcheck disable=SC2064 # as it is now
        trap "rm -rf --one-file-system '$state'; exit 130" INT TERM HUP
        mkdir "$state/payload"
        build_package "$state/payload/package.tar" || { rm -rf --one-file-system "$state"; return 1; }
        vm_payload "$state" "$user" "${binds[@]}" -- "$@"
        mkfifo "$state/out" "$state/err" "$state/status"

        say 'booting the emulated machine (half a minute)'
        progress_begin 'until it is booted' "$state/console"
        cat "$state/out" &
        pids=($!)
        cat "$state/err" >&2 &
        pids+=($!)
        vm_watch_status "$state" &
        pids+=($!)
        vm_qemu "$state" "$image" <&0 || true
        progress_end
        wait "${pids[@]}" || true
        status=$(cat "$state/exit" 2>/dev/null || true)
        if [ -z "$status" ]; then
                tail -n 60 "$state/console" >&2 || true
                say 'the machine ended without a word'
                status=125
        fi
        trap - INT TERM HUP
        rm -rf --one-file-system "$state"
        return "$status"
}

vm_watch_status() {
        local word value began=$SECONDS
        while read -r word value; do
                case $word in
                booted) progress_end; say "machine booted after $((SECONDS - began)) s; kernel $value" ;;
                installed) say "mxcd installed after $((SECONDS - began)) s" ;;
                exit) echo "$value" >"$1/exit" ;;
                esac
        done <"$1/status"
}

vm_qemu() {
        local state=$1 image=$2 tty=()
        [ ! -e "$state/payload/tty" ] || tty=(-chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty)
        TMPDIR=/var/tmp setpriv --pdeathsig KILL qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -machine q35,acpi=on \
                -accel tcg,thread=multi -cpu max -smp 2 -m "${MXC_VM_MEMORY:-2048}" \
                -kernel "$image.vmlinuz" -initrd "$image.initrd" \
                -append 'console=ttyS0 root=/dev/vda rw quiet panic=-1 mitigations=off no_timer_check systemd.show_status=false' \
                -drive "file=$image.ext4,if=virtio,format=raw,snapshot=on" -drive "file=$state/payload.tar,if=virtio,format=raw,readonly=on" \
                -serial "file:$state/console" -device virtio-serial -device virtio-rng-pci \
                -chardev "file,id=out,path=$state/out" -device virtserialport,chardev=out,name=mxc.out \
                -chardev "file,id=err,path=$state/err" -device virtserialport,chardev=err,name=mxc.err \
                -chardev "file,id=status,path=$state/status" -device virtserialport,chardev=status,name=mxc.status \
                "${tty[@]}"
}

# Makes the image, if there is none, beside what comes next; whoever needs it waits for the lock. What goes wrong is told there, where it is tried again.
vm_image_ahead() {
        (vm_need_image >"$BUILD/image.log" 2>&1 || true) &
}

# A subset of the scenarios needs what only this machine has; all of them run here. What one machine does keeps one processor busy, and this host has
# more: PATTERN… -- PATTERN…, each in a machine of its own, side by side.
suite_vm() {
        scenarios 'virtual machine' vm "$@"
}

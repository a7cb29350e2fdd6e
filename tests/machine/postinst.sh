#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the package's postinst does after its files are in place. Run as root on the machine itself.

set -eu

systemd-sysusers
systemd-tmpfiles --create 2>/dev/null || true # this host's other files may be at odds with it; ours are tested
journalctl --update-catalog
systemctl daemon-reload
busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig >/dev/null

for unit in mxc-guard.service mxc-launch.socket mxc-launch.service mxc-porter@door.socket mxc-porter@door.service mxc-porter@bus.socket mxc-porter@bus.service mxcd.socket mxcd.service; do
        systemctl cat "$unit" >/dev/null 2>&1 || continue
        case $(systemctl is-enabled "$unit" 2>/dev/null || true) in
        disabled) systemctl --quiet enable "$unit" ;;
        esac
        systemctl start "$unit"
done

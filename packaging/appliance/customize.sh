#!/bin/bash
# SPDX-License-Identifier: MIT
#
# customize.sh ROOT FILES - what makes a plain Debian with our package an appliance. Called by make-appliance.sh.
set -eu
root=$1
files=$2

install -m 755 "$files/sluice-console" "$files/sluice-firstboot" "$root/usr/sbin/"
install -m 644 "$files/sluice-console@.service" "$files/sluice-firstboot.service" "$root/etc/systemd/system/"
install -m 644 "$files/dhcp.network" "$root/etc/systemd/network/80-dhcp.network"
install -D -m 644 "$files/grub.cfg" "$root/boot/grub/grub.cfg"
echo sluice >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 sluice\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"
printf 'LABEL=sluice-root / ext4 errors=remount-ro,noatime 0 1\n' >"$root/etc/fstab"
printf 'do_symlinks = yes\nrelative_links = yes\nlink_in_boot = no\n' >"$root/etc/kernel-img.conf"
# Each copy of the image becomes a machine of its own at its first start.
: >"$root/etc/machine-id"
rm -f "$root"/var/lib/dbus/machine-id "$root"/etc/ssh/ssh_host_* "$root"/var/lib/systemd/random-seed
# Nobody signs in with a password; the console is the menu.
chroot "$root" passwd -q -l root
ln -sf /dev/null "$root/etc/systemd/system/getty@tty1.service"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
chroot "$root" systemctl -q enable sluice-console@tty1 sluice-console@ttyS0 sluice-firstboot systemd-networkd systemd-resolved
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
rm -f "$root"/usr/sbin/policy-rc.d "$root/sluice.deb"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-initiator.sh - build/packages/initiator.cpio.gz: what a guest of make-guest.sh needs to be an iSCSI host with file
# systems of its own: Debian's open-iscsi and xfsprogs, e2fsprogs' resize2fs, and the kernel's xfs.
#
# The packages are unpacked, not installed: this machine gets no initiator.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=build/packages
[ "$out/initiator.cpio.gz" -nt "$0" ] && exit 0
scripts/make-guest.sh
mkdir -p "$out/initiator-deb"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=(open-iscsi libopeniscsiusr libisns0 xfsprogs libinih1 liburcu8)
for package in "${packages[@]}"; do
	compgen -G "$out/initiator-deb/${package}_*.deb" >/dev/null ||
		(cd "$out/initiator-deb" && apt-get download -qq "$package" 2>/dev/null) || die "$package cannot be downloaded."
	dpkg-deb -x "$out"/initiator-deb/"${package}"_*.deb "$work/unpacked"
done
root=$work/root
mkdir -p "$root/bin"
export LD_LIBRARY_PATH=$work/unpacked/usr/lib/x86_64-linux-gnu:$work/unpacked/lib/x86_64-linux-gnu
programs=()
for name in iscsid iscsiadm mkfs.xfs resize2fs; do
	found=$(find "$work/unpacked" /sbin /usr/sbin -path '*/sbin/*' -name "$name" -type f 2>/dev/null | head -n 1)
	[ -n "$found" ] || die "$name is in none of ${packages[*]}."
	programs+=("$found")
done
for program in "${programs[@]}"; do
	cp -L "$program" "$root/bin/"
	ldd "$program" | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }'
done | sort -u | while read -r library; do
	case $library in
	"$work"/*) install -D "$library" "$root/lib/x86_64-linux-gnu/$(basename "$library")" ;;
	*) install -D "$library" "$root/$library" ;;
	esac
done
kernel=$work/kernel
dpkg-deb -x build/guest/deb/linux-image-*_*.deb "$kernel"
release=$(basename "$kernel"/lib/modules/*)
depmod -b "$kernel" "$release"
for module in xfs iscsi_tcp ext4 virtio_net sd_mod; do
	modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
done | sort -u | while read -r file; do
	install -D "$file" "$root/${file#"$kernel/"}"
done
# The guest's own list of modules, with xfs; its index is made anew over both sets.
mkdir -p "$work/both"
(cd "$work/both" && gzip -dc "$OLDPWD/build/guest/initrd" | cpio -id --quiet)
cp -a "$root/." "$work/both/"
depmod -b "$work/both" "$release" 2>/dev/null
cp "$work/both/lib/modules/$release"/modules.* "$root/lib/modules/$release/"
mkdir -p "$root/etc"
cp "$work/both/etc/modules" "$root/etc/modules"
echo xfs >>"$root/etc/modules"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$out/initiator.cpio.gz.new"
mv "$out/initiator.cpio.gz.new" "$out/initiator.cpio.gz"
say "guest's initiator: $(stat -c %s "$out/initiator.cpio.gz" | numfmt --to=iec)"

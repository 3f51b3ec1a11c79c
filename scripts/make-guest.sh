#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-guest.sh - makes build/guest/vmlinuz and build/guest/initrd: a Linux that QEMU starts in seconds without
# hardware help, for tests that need a real kernel as initiator, file system or dm-crypt.
#
# The kernel is Debian's cloud kernel, downloaded and unpacked but not installed; the userland is busybox and a
# few of this machine's own programs with their libraries. Does nothing when both are there and newer than this.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=build/guest
if [ "$out/initrd" -nt "$0" ] && [ -s "$out/vmlinuz" ]; then
	exit 0
fi
# What tests load; what these need comes along.
modules=(virtio_pci virtio_blk virtio_net virtio_rng ext4 crc32c-intel crc32c_generic dm-mod dm-crypt xts aesni-intel
	algif_skcipher iscsi_tcp sd_mod)
programs=(/sbin/mkfs.ext4 /sbin/e2fsck /sbin/dumpe2fs /sbin/cryptsetup /usr/bin/sha256sum)

mkdir -p "$out/deb"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-.*cloud/ { print $2; exit }')
[ -n "$package" ] || die "Debian's cloud kernel is not known here; run apt-get update."
if ! compgen -G "$out/deb/$package"_*.deb >/dev/null; then
	(cd "$out/deb" && apt-get download -qq "$package" 2>/dev/null) || die "$package cannot be downloaded."
fi
dpkg-deb -x "$out/deb/$package"_*.deb "$work/kernel"
release=${package#linux-image-}
depmod -b "$work/kernel" "$release"

root=$work/root
mkdir -p "$root"/{bin,sbin,proc,sys,dev,run,tmp,mnt,etc} "$root/lib/modules/$release"
for module in "${modules[@]}"; do
	modprobe -d "$work/kernel" -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
done | sort -u | while read -r file; do
	install -D "$file" "$root/${file#"$work/kernel/"}"
done
depmod -b "$root" "$release" 2>/dev/null
cp /bin/busybox "$root/bin/busybox"
for program in "${programs[@]}"; do
	[ -x "$program" ] || continue
	cp -L "$program" "$root/bin/"
	ldd "$program" | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }'
done | sort -u | while read -r library; do
	install -D "$library" "$root/$library"
done
printf '%s\n' "${modules[@]}" >"$root/etc/modules"
cat >"$root/init" <<'EOF'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
ln -sf /proc/self/fd /dev/fd
while read -r module; do modprobe "$module" 2>/dev/null; done </etc/modules
echo "GUEST-BEGIN"
sh /script
echo "GUEST-EXIT $?"
sync
poweroff -f
EOF
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$out/initrd.new"
cp "$work/kernel/boot/vmlinuz-$release" "$out/vmlinuz"
mv "$out/initrd.new" "$out/initrd"
echo "guest: Linux $release, $(stat -c %s "$out/initrd" | numfmt --to=iec) initrd"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-appliance.sh - build/appliance/sluice.qcow2: Debian, a kernel for virtual machines and our package, on a disk that
# starts from BIOS and from UEFI.
#
#   SIZE=8G            of the disk; it takes only what is used
#   KERNEL=linux-image-cloud-amd64    linux-image-amd64 for real machines
#   DEB=               the package (build/deb)
#
# Needs root for the files' owners, but no loop device: the file system is made from a folder, GRUB's parts are put
# where they belong by byte offset.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=${OUT:-build/appliance}
size=${SIZE:-8G}
kernel=${KERNEL:-linux-image-cloud-amd64}
deb=${DEB:-$(compgen -G 'build/deb/sluice_[0-9]*_amd64.deb' | head -n 1)} || die "there is no package yet; say: make deb."
need_root "make appliance"
mkdir -p "$out"
root=$out/root
raw=$out/disk.raw
trap 'rm -rf "$root" "$raw" "$out"/*.part "$out"/*.img' EXIT
rm -rf "$root"

say "making a Debian with $(basename "$deb")"
cp "$deb" "$out/sluice.deb.part" # what is built meanwhile is not for this image
deb=$out/sluice.deb.part
# shellcheck disable=SC2016 # $1 is mmdebstrap's: the root
scripts/debian-sources.sh | mmdebstrap --quiet --variant=apt \
	--include="$kernel,initramfs-tools,systemd-sysv,dbus,udev,iproute2,e2fsprogs,xfsprogs,kmod,less,procps,nano-tiny" \
	--customize-hook="upload $deb /sluice.deb" \
	--customize-hook='DEBIAN_FRONTEND=noninteractive chroot "$1" apt-get install -q -y --no-install-recommends /sluice.deb systemd-resolved >/dev/null' \
	--customize-hook="packaging/appliance/customize.sh \"\$1\" packaging/appliance" \
	bookworm "$root" - || die "the root could not be made; check the network and /etc/apt."

say "making the disk"
# In sectors: GRUB's core for BIOS, the UEFI system partition, the rest.
truncate -s "$size" "$raw"
sfdisk -q "$raw" <<-'TABLE'
	label: gpt
	start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name=bios
	start=4096, size=65536, type=uefi, name=efi
	start=69632, type=linux, name=root
TABLE
last=$(sfdisk -d "$raw" | sed -nE 's/.*start= *69632, size= *([0-9]+),.*/\1/p')
truncate -s $((last * 512)) "$out/root.part"
mke2fs -q -t ext4 -L sluice-root -d "$root" "$out/root.part"

# shellcheck disable=SC2016 # GRUB's own variables
printf 'search --no-floppy --label sluice-root --set=root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n' \
	>"$out/early.img"
modules=(normal linux configfile search search_label ext2 part_gpt serial terminal echo test ls sleep reboot halt)
grub-mkimage -O x86_64-efi -o "$out/efi.img" -p /boot/grub -c "$out/early.img" "${modules[@]}" efi_gop all_video
grub-mkimage -O i386-pc -o "$out/core.img" -p /boot/grub -c "$out/early.img" "${modules[@]}" biosdisk
truncate -s $((65536 * 512)) "$out/efi.part"
mkfs.vfat -F 16 -n EFI "$out/efi.part" >/dev/null
mmd -i "$out/efi.part" ::/EFI ::/EFI/BOOT
mcopy -i "$out/efi.part" "$out/efi.img" ::/EFI/BOOT/BOOTX64.EFI
dd if="$out/efi.part" of="$raw" bs=1M seek=2 conv=notrunc,sparse status=none
dd if="$out/root.part" of="$raw" bs=1M seek=34 conv=notrunc,sparse status=none
python3 packaging/appliance/grub-bios.py "$raw" /usr/lib/grub/i386-pc/boot.img "$out/core.img" 2048

qemu-img convert -c -O qcow2 "$raw" "$out/sluice.qcow2.new"
mv "$out/sluice.qcow2.new" "$out/sluice.qcow2"
say "$out/sluice.qcow2: $(stat -c %s "$out/sluice.qcow2" | numfmt --to=iec); try: qemu-system-x86_64 -m 1024 -nographic" \
	"-drive file=$out/sluice.qcow2,if=virtio -nic user,model=virtio,hostfwd=tcp::8443-:8443,hostfwd=tcp::3260-:3260"

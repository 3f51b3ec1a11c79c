#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# An encrypted volume leaves as one file that a Linux kernel opens without us: a guest writes an ext4 over iSCSI, the
# export goes to another guest, cryptsetup opens it there with the KEK as key file, the file system is whole and has the
# same files. So does the raw image with its header beside it, where blocks were written. With sectors of 512 and of
# 4096 bytes.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
# shellcheck source=tests/lib/guest.sh
. "$ROOT/tests/lib/guest.sh"
command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is missing; apt-get install qemu-system-x86"
ls /usr/lib/*/qemu/block-iscsi.so >/dev/null 2>&1 || skip "qemu's iscsi driver is missing; apt-get install qemu-block-extra"
command -v cryptsetup >/dev/null || skip "cryptsetup is missing; apt-get install cryptsetup-bin"

SIZE=32M
export_state() { encryption "$1" status | jq -r .export.state; }
export_is() { [ "$(export_state "$1")" = "$2" ]; }

# The volume's content as one file; nobody is logged in.
export_luks() { # VOLUME FILE
	timeout -k 1 40 python3 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" "{\"request\": \"filter.command\",
		\"name\": \"$1\", \"filter\": \"encryption\", \"command\": \"export\", \"args\": {}}" "$2" >"$T/reply" ||
		die "the export is refused: $(cat "$T/reply")"
	wait_until 60 "the export of $1" export_is "$1" "done"
	[ "$(stat -c %s "$2")" = $(((32 + 16) << 20)) ] || die "the export has $(stat -c %s "$2") bytes"
}

encrypted_lun "$SIZE"
encrypted_volume v4 "$SIZE" --block-bytes 4096
lun_sluice a 1 2 v4
wait_until 10 "both LUNs" lun_is_ready "$(url a 1 2)"

# A file system with files, and behind its end a block without one. NUMBER, URL of the LUN
fill() {
	# shellcheck disable=SC2016 # the guest's words
	guest_run 120 'set -e
echo 16 >/sys/block/vda/queue/max_sectors_kb
mkfs.ext4 -q -F -E lazy_itable_init=0 -b 4096 /dev/vda 7936
mount /dev/vda /mnt
mkdir /mnt/folder
dd if=/dev/urandom of=/mnt/large bs=1M count=6 2>/dev/null
i=0; while [ $i -lt 60 ]; do echo "sluice marker in clear $i" >/mnt/folder/$i; i=$((i + 1)); done
(cd /mnt && find . -type f | sort | xargs sha256sum) | sha256sum | sed "s/^/SUM '"$1"' /"
umount /mnt
dd if=/dev/urandom of=/tmp/block bs=4096 count=16 2>/dev/null
dd if=/tmp/block of=/dev/vda bs=4096 seek=8000 conv=fsync 2>/dev/null
sha256sum </tmp/block | sed "s/^/BLOCK '"$1"' /"' "$2"
	grep -E '^(SUM|BLOCK) ' "$T/guest.text" >>"$T/told"
}
note "a guest makes file systems and files on both"
fill 1 "$(url a 1 1)"
# QEMU shows a disk of 4096-byte blocks as such only when told to; and its iscsi driver ends itself when it reads 32 KiB
# of such a LUN at once (an assertion in iscsi_co_block_status(), seen in 7.2).
GUEST_MORE=(-global virtio-blk-device.logical_block_size=4096 -global virtio-blk-device.physical_block_size=4096
	-global virtio-blk-device.request-merging=off)
fill 2 "$(url a 1 2)"
GUEST_MORE=()
sort "$T/told" >"$T/wanted"
[ "$(wc -l <"$T/wanted")" = 4 ] || die "the guest has told no sums: $(cat "$T/guest.text")"

note "both are exported"
export_luks v0 "$T/v0.export"
export_luks v4 "$T/v4.export"
# The clear marker is in no file; a hole is not a run of zeros.
for v in v0 v4; do
	! grep -qa "sluice marker in clear" "$T/$v.export" "$T/d0/$v.img" || die "$v: clear text on disk"
	! cmp -s -n 4096 -i $((47 << 20)):0 "$T/$v.export" /dev/zero || die "$v: a hole is zeros"
	cryptsetup luksDump "$T/$v.export" | finds "offset: 16777216" || die "$v: no payload at 16 MiB"
	# Nothing of the image is changed on the way.
	cp "$T/d0/$v.img" "$T/$v.img"
	cp "$T/d0/$v.img.luks" "$T/$v.header"
done

note "another guest opens the exports with the key"
cat "$T/keys/kek" >"$T/key.img"
truncate -s 1M "$T/key.img"
key_new other
# shellcheck disable=SC2016
guest_run 150 'set -e
dd if=/dev/vde of=/tmp/kek bs=32 count=1 2>/dev/null
n=0
for d in vda vdb; do
	n=$((n + 1))
	! cryptsetup open --disable-locks --key-file /dev/zero --keyfile-size 32 /dev/$d e$n 2>/dev/null
	cryptsetup open --disable-locks --key-file /tmp/kek /dev/$d e$n
	cryptsetup status --disable-locks e$n | grep -E "sector size|cipher|offset" | sed "s/^/STATUS $n/"
	e2fsck -fn /dev/mapper/e$n
	mount -o ro /dev/mapper/e$n /mnt
	(cd /mnt && find . -type f | sort | xargs sha256sum) | sha256sum | sed "s/^/SUM $n /"
	umount /mnt
	dd if=/dev/mapper/e$n bs=4096 skip=8000 count=16 2>/dev/null | sha256sum | sed "s/^/BLOCK $n /"
	# Discarded and never written: zeros, as initiators see them.
	dd if=/dev/mapper/e$n bs=4096 skip=7940 count=32 2>/dev/null | tr -d "\000" | wc -c | sed "s/^/HOLE $n /"
	cryptsetup close --disable-locks e$n
done' "$T/v0.export,readonly=on" "$T/v4.export,readonly=on" "$T/v0.header,readonly=on" "$T/v4.header,readonly=on" \
	"$T/key.img,readonly=on"
sed -n 's/^STATUS/dm-crypt/p' "$T/guest.text" | while read -r line; do note "$line"; done
grep -E '^(SUM|BLOCK) ' "$T/guest.text" | sort >"$T/got"
diff "$T/wanted" "$T/got" || die "the exports hold something else: $(tail -n 40 "$T/guest.text")"
[ "$(grep -c '^HOLE [12] 0$' "$T/guest.text")" = 2 ] || die "holes are no zeros: $(grep ^HOLE "$T/guest.text")"
for wanted in "1.*sector size: *512" "2.*sector size: *4096"; do
	grep -q "STATUS $wanted" "$T/guest.text" || die "other sectors than expected: $(grep ^STATUS "$T/guest.text")"
done

note "and the raw images with their headers beside them"
# shellcheck disable=SC2016
guest_run 120 'set -e
dd if=/dev/vde of=/tmp/kek bs=32 count=1 2>/dev/null
n=0
for pair in vda:vdc vdb:vdd; do
	n=$((n + 1))
	dd if=/dev/${pair#*:} of=/tmp/header bs=64k 2>/dev/null
	cryptsetup open --disable-locks --readonly --header /tmp/header --key-file /tmp/kek /dev/${pair%:*} e$n
	dd if=/dev/mapper/e$n bs=4096 skip=8000 count=16 2>/dev/null | sha256sum | sed "s/^/BLOCK $n /"
	mount -o ro,noload /dev/mapper/e$n /mnt
	(cd /mnt && find . -type f | sort | xargs sha256sum) | sha256sum | sed "s/^/SUM $n /"
	umount /mnt
	cryptsetup close --disable-locks e$n
done' "$T/v0.img,readonly=on" "$T/v4.img,readonly=on" "$T/v0.header,readonly=on" "$T/v4.header,readonly=on" \
	"$T/key.img,readonly=on"
grep -E '^(SUM|BLOCK) ' "$T/guest.text" | sort >"$T/got"
diff "$T/wanted" "$T/got" || die "the raw images hold something else: $(tail -n 40 "$T/guest.text")"

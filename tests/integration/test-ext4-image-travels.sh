#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# An ext4 file system travels into the LUN and back: e2fsck finds nothing, every file is the same.
. "$(dirname "$0")/../lib/harness.sh"
for program in mke2fs e2fsck debugfs qemu-img; do
	command -v $program >/dev/null || skip "$program is not installed; apt-get install e2fsprogs qemu-utils"
done

mkdir -p "$T/files/a/b" "$T/back"
for n in 1 2 3 4 5; do
	head -c $((n * 700001)) /dev/urandom >"$T/files/a/random$n"
done
seq 1 200000 >"$T/files/a/b/numbers"
truncate -s 20M "$T/files/sparse"
ln -s a/b/numbers "$T/files/link"
mke2fs -q -t ext4 -d "$T/files" "$T/in.img" 128M

one_lun_on_files 128M
ends_within 60 "into the LUN" qemu-img convert -n -f raw -O raw "$T/in.img" "$URL"
ends_within 60 "out of the LUN" qemu-img convert -f raw -O raw "$URL" "$T/out.img"
[ "$(sha256sum <"$T/in.img")" = "$(sha256sum <"$T/out.img")" ] || die "the image came back changed"
ends_within 30 "e2fsck" e2fsck -fn "$T/out.img"
debugfs -R "rdump / $T/back" "$T/out.img" >/dev/null 2>&1
rm -rf "$T/back/lost+found"
diff -r --no-dereference "$T/files" "$T/back" || die "a file came back changed"

# A file system that is made on the LUN itself.
truncate -s 128M "$T/second.img"
mke2fs -q -t ext4 -d "$T/files" "$T/second.img"
timeout 60 qemu-img dd -n -f raw -O raw bs=1M if="$T/second.img" of="$URL" 2>/dev/null ||
	timeout 60 qemu-img convert -n -f raw -O raw "$T/second.img" "$URL"
ctl volume close v0 >/dev/null && ctl volume open v0 >/dev/null
wait_until 20 "the LUN to be ready again" lun_is_ready "$URL"
ends_within 60 "out again after close and open" qemu-img convert -f raw -O raw "$URL" "$T/out2.img"
ends_within 30 "e2fsck" e2fsck -fn "$T/out2.img"

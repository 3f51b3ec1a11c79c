#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# QEMU's own initiator: an image is converted into the LUN, compares equal, maps with its holes, and comes
# back.
. "$(dirname "$0")/../lib/harness.sh"
command -v qemu-img >/dev/null || skip "qemu-img is not installed; apt-get install qemu-utils qemu-block-extra"

one_lun_on_files 256M
qemu-img create -q -f qcow2 "$T/in.qcow2" 256M
qemu-io -f qcow2 -c "write -q -P 0x11 0 3M" -c "write -q -P 0x22 100M 1M" -c "write -q -P 0x33 255M 1M" "$T/in.qcow2"

ends_within 60 "convert into the LUN" qemu-img convert -n -f qcow2 -O raw "$T/in.qcow2" "$URL"
ends_within 60 "compare with the LUN" qemu-img compare -f qcow2 -F raw "$T/in.qcow2" "$URL"

# The hole between the first and the second run of data shows through GET LBA STATUS.
timeout 60 qemu-img map --output=json -f raw "$URL" >"$T/map.json"
zeros=$(jq '[.[] | select(.zero or (.data | not)) | .length] | add' "$T/map.json")
[ "${zeros:-0}" -gt $((200 << 20)) ] || die "qemu-img map sees only ${zeros:-0} bytes of holes: $(cat "$T/map.json")"

ends_within 60 "convert back" qemu-img convert -f raw -O qcow2 "$URL2" "$T/out.qcow2"
ends_within 60 "compare both images" qemu-img compare "$T/in.qcow2" "$T/out.qcow2"

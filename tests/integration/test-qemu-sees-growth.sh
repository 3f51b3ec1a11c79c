#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# After a volume has grown, QEMU opens it at its new size and uses the new end.
. "$(dirname "$0")/../lib/harness.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"

size_of() { timeout 20 qemu-img info --output=json -f raw "$URL" | jq '."virtual-size"'; }
has_size() { [ "$(size_of)" = "$1" ]; }

one_lun_on_files 64M
timeout 30 qemu-io -f raw -c "write -P 0x42 60M 4M" "$URL"
expect "size before" $((64 << 20)) "$(size_of)"
ctl volume grow v0 --size 96M
wait_until 10 "QEMU to see 96 MiB" has_size $((96 << 20))
timeout 30 qemu-io -f raw -c "read -P 0x42 60M 4M" -c "read -P 0 64M 32M" -c "write -P 0x43 92M 4M" \
	-c "read -P 0x43 92M 4M" "$URL" | tee "$T/io.out"
! grep -q "failed\|error" "$T/io.out" || die "qemu-io saw an error"

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A discard by QEMU reads back as zeros, and frees the space of the image below.
. "$(dirname "$0")/../lib/harness.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"

allocated_kib() { du -sk "$T/d0" | cut -f1; }

one_lun_on_files 256M
qio() { timeout 60 qemu-io -f raw -d unmap -t none "$@" "$URL"; }
qio -c "write -P 0x77 8M 64M" | tee "$T/io.out"
before=$(allocated_kib)
[ "$before" -ge 65536 ] || die "64 MiB were written, the datastore holds only $before KiB"
qio -c "discard 16M 32M" -c "read -P 0x77 8M 8M" -c "read -P 0 16M 32M" -c "read -P 0x77 48M 24M" |
	tee -a "$T/io.out"
! grep -q "failed\|error" "$T/io.out" || die "qemu-io saw an error"
after=$(allocated_kib)
note "the datastore holds $before KiB before, $after KiB after the discard of 32768 KiB"
[ $((before - after)) -ge 32000 ] || die "the discard freed only $((before - after)) KiB"
# Written zeros may become holes; they must read as zeros in any case.
qio -c "write -z -u 8M 4M" -c "read -P 0 8M 4M" -c "write -P 1 9M 4k" -c "read -P 1 9M 4k" -c "flush" | tee "$T/io2.out"
! grep -q "failed\|error" "$T/io2.out" || die "qemu-io saw an error"

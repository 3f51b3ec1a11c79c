#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# EXTENDED COPY between two volumes with keys of their own: what arrives is encrypted with the other key, not copied
# as it lay. COMPARE AND WRITE and VERIFY compare clear data, WRITE SAME writes it.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"

naa() { scsi "$1" "inquiry 0x83" | grep -oiE '01030010[0-9a-f]{32}' | head -n 1 | cut -c 9-; }
cscd() { printf 'e400000001030010%s0000000000000200' "$1"; }
xcopy() { # SOURCE_NAA DESTINATION_NAA BLOCKS LBA
	local list
	list=$(printf '0100004000000000%08x00000000%s%s' 28 "$(cscd "$1")" "$(cscd "$2")")
	list+=$(printf '02000018000000010000%04x%016x%016x' "$3" "$4" "$4")
	printf 'cdb 83000000000000000000%08x0000 out %s' $((${#list} / 2)) "$list"
}
raw() { dd if="$T/d0/$1.img" bs=512 skip=100 count=2048 status=none | sha256sum; }

encrypted_lun 64M
encrypted_volume v1 64M
lun_sluice a 1 2 v1
two=$(url a 1 2)
wait_until 10 "the second LUN" lun_is_ready "$two"
scsi_expect "$URL" "write 100 2048 0xabc" good
scsi_expect "$two" "$(xcopy "$(naa "$URL")" "$(naa "$two")" 2048 100)" "good*"
scsi_expect "$two" "check 100 2048 0xabc" good
[ "$(raw v0)" != "$(raw v1)" ] || die "the ciphertext was copied as it lay"

scsi_expect "$URL" "writesame 4000 64 0x17" good
scsi_expect "$URL" "check 4000 1 0x17" good
scsi_expect "$URL" "zero 4001 3" good
scsi_expect "$URL" "check 4001 3 0" good
scsi_expect "$URL" "caw 100 0xabc 0xdef" good
scsi_expect "$URL" "caw 100 0xabc 0x123" "check E/1D/00*"
scsi_expect "$URL" "check 100 1 0xdef" good

block() { printf "$1%.0s" {1..512}; } # 512 bytes of it
scsi_expect "$URL" "cdb 2a000000138800000100 out $(block 5a)" "good*"
scsi_expect "$URL" "cdb 2f020000138800000100 out $(block 5a)" "good*"
scsi_expect "$URL" "cdb 2f020000138800000100 out $(block 5b)" "check E/1D/00*"

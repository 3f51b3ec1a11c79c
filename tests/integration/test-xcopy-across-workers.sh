#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# EXTENDED COPY from a volume of one worker to a volume of another, in both directions.
. "$(dirname "$0")/../lib/harness.sh"

# naa URL  the 16 bytes of the LUN's NAA designator, from VPD page 83h
naa() {
	scsi "$1" "inquiry 0x83" | grep -oiE '01030010[0-9a-f]{32}' | head -n 1 | cut -c 9-
}
# An identification CSCD descriptor (E4h) for a disk of 512-byte blocks.
cscd() { printf 'e400000001030010%s0000000000000200' "$1"; }
# xcopy SOURCE_NAA DESTINATION_NAA BLOCKS FROM_LBA TO_LBA  the command with its parameter list
xcopy() {
	local list
	list=$(printf '0100004000000000%08x00000000%s%s' 28 "$(cscd "$1")" "$(cscd "$2")")
	list+=$(printf '02000018000000010000%04x%016x%016x' "$3" "$4" "$5")
	printf 'cdb 83000000000000000000%08x0000 out %s' $((${#list} / 2)) "$list"
}

WORKERS=2 filterd_start
ctl datastore add m0 --type mem --worker 0
ctl datastore add m1 --type mem --worker 1
volume_new v0 --datastore m0 --size 64M
volume_new v1 --datastore m1 --size 64M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
lun_sluice a 1 2 v1
one=$(url a 1 1) two=$(url a 1 2)
wait_until 10 "the first LUN" lun_is_ready "$one"
wait_until 10 "the second LUN" lun_is_ready "$two"
first=$(naa "$one") second=$(naa "$two")
[ "${#first}:${#second}" = 32:32 ] || die "no NAA designators: '$first' '$second'"

# To the LUN that is spoken to (it reads from the other), and from it (it writes to the other).
scsi_expect "$one" "write 100 2048 0xabc" good
scsi_expect "$two" "$(xcopy "$first" "$second" 2048 100 100)" "good*"
scsi_expect "$two" "check 100 2048 0xabc" good
scsi_expect "$two" "write 5000 64 0xdef" good
scsi_expect "$two" "$(xcopy "$second" "$first" 64 5000 5000)" "good*"
scsi_expect "$one" "check 5000 64 0xdef" good
# A volume that is not there.
unknown=6${first:1:30}f
[ "$unknown" != "$first" ] || unknown=6${first:1:30}e
scsi_expect "$two" "$(xcopy "$unknown" "$second" 64 0 0)" "check*"

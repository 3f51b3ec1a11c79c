#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# The deletion of a snapshot is called off while its blocks are being merged, under a verifying load: the snapshot is
# there again, whole, and can be deleted later. One whose own blocks have begun to be replaced is deleted to the end. That
# the merge is under way is certain: a scheduler of the test's lets its blocks go one by one.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/probe.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
filterd_with_probe turn_probe
one_lun_on_files 96M
ctl filter attach v0 turn_probe
merge() { ctl filter command v0 turn_probe "$1" >/dev/null; } # hold, step, go
merge_waits() { [ "$(ctl --json volume show v0 | jq '.volume.filters[] | select(.filter == "turn_probe").status.held')" = "${1:-1}" ]; }
ONE=$(snapshot_uuid 1) TWO=$(snapshot_uuid 2) THREE=$(snapshot_uuid 3)
state_of() { ctl --json snapshot list v0 | jq -r ".items[] | select(.snapshot == \"$1\") | .state"; }
is_gone() { [ -z "$(state_of "$1")" ]; }

# The second one's layer has less than the one above: its blocks go up, into the third's.
fill() { # BYTE FROM-MIB TO-MIB
	local words=() i
	for ((i = $2 * 2; i < $3 * 2; i++)); do words+=("write $((i * 1024)) 1024 $1"); done
	scsi "$URL" "${words[@]}" | grep -v '^good' && die "a write failed"
	return 0
}
fill 0x11 0 4
snapshot_new v0 "$ONE" one
fill 0x22 0 32
snapshot_new v0 "$TWO" two
fill 0x33 32 72
snapshot_new v0 "$THREE" three

volume_new other --datastore d0 --size 32M
lun_sluice a 1 2 other
load_start load --depth 16 --zero --max-stall-ms 20000 "$(url a 1 2)"
start_bg reader bash -c "while printf 'check 65536 8 0x33\n' | '$(tool scsi_sh)' '$URL' | grep -q '^good'; do :; done"

# Called off before its first block, and again when some have been copied.
merge hold
for blocks in 0 1 2 7; do
	ctl snapshot delete v0 "$TWO"
	wait_until 20 "the merge to wait for its turn" merge_waits
	for ((i = 0; i < blocks; i++)); do
		merge step
		wait_until 20 "the merge to wait for its next turn" merge_waits
	done
	[ "$(state_of "$TWO")" = deleting ] || die "its merge is under way and it is $(state_of "$TWO")"
	ctl snapshot delete-cancel v0 "$TWO" || die "it could not be called off, $blocks turns after its beginning"
	[ "$(state_of "$TWO")" = ready ] || die "it was called off and is $(state_of "$TWO")"
	wait_until 20 "the merge to ask no more" merge_waits 0
done
volume_new shown --datastore d0 --size 96M --snapshot-of "v0:$TWO"
lun_sluice a 1 3 shown
scsi_expect "$(url a 1 3)" "check 0 8 0x22" good
scsi_expect "$(url a 1 3)" "check 65528 8 0x22" good
scsi_expect "$(url a 1 3)" "check 65536 8 0" good
adm a --op delete --mode logicalunit --tid 1 --lun 3
wait_until 10 "the shown volume to be deleted" ctl volume delete shown --yes
merge go
ctl snapshot delete v0 "$TWO"
wait_until 60 "the snapshot to be gone" is_gone "$TWO"

# The first one's blocks are those of the image: what is above goes down into it, and there is no way back.
merge hold
ctl snapshot delete v0 "$ONE"
wait_until 20 "the merge to wait for its turn" merge_waits
! ctl snapshot delete-cancel v0 "$ONE" 2>"$T/late" || die "its own blocks are being replaced, and it was called off"
grep -q "have begun to be replaced" "$T/late" || die "$(cat "$T/late")"
merge go
wait_until 60 "the first to be gone" is_gone "$ONE"
load_moves load 50
load_end load 60
kill_bg reader TERM
ctl snapshot revert v0 "$THREE" --yes
scsi_expect "$URL" "check 0 8 0x22" good
scsi_expect "$URL" "check 65528 8 0x22" good
scsi_expect "$URL" "check 65536 8 0x33" good
scsi_expect "$URL" "check 147448 8 0x33" good
scsi_expect "$URL" "check 147456 8 0" good
note "called off before the first turn and 1, 2 and 7 turns after it"

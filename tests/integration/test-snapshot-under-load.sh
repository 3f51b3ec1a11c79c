#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# Snapshots of a volume under a verifying load: no error, no wrong block, and I/O is held for only so long. What a
# snapshot holds is read back through a volume that shows it, a clone goes its own way, a revert brings it back, and
# the initiator hears of that: 6/3F/0E.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
one_lun_on_files 64M
SNAPSHOTS=${SNAPSHOTS:-8}

# ---------------------------------------------------------------- under load
volume_new v1 --datastore d0 --size 64M
lun_sluice a 1 2 v1
URL_LOAD=$(url a 1 2)
load_start load --depth 16 --zero --forbid-busy --max-stall-ms 10000 "$URL_LOAD"
for ((i = 1; i <= SNAPSHOTS; i++)); do
	snapshot_new v1 "$(snapshot_uuid "$i")" "load-$i"
	load_moves load 50
done
[ "$(snapshot_count v1)" = "$SNAPSHOTS" ] || die "v1 has $(snapshot_count v1) snapshots, not $SNAPSHOTS"
for ((i = 1; i <= SNAPSHOTS; i++)); do
	ctl snapshot delete v1 "$(snapshot_uuid "$i")"
	load_moves load 50
done
wait_until 60 "all snapshots to be merged" snapshots_are v1 0
load_end load 60
note "I/O was held for $(held_max v1) us at most"

# ---------------------------------------------------------------- what each shows
A=$(snapshot_uuid 101)
session_open "$URL"
session_do "write 0 8 0xa1"
session_do "write 4096 8 0xa2"
snapshot_new v0 "$A" monday
session_do "write 0 8 0xb1"
session_do "unmap 4096 8"
session_do "check 0 8 0xb1"
expect "the volume after the snapshot" good "$REPLY"
session_do "check 4096 8 0"
expect "what was unmapped" good "$REPLY"

volume_new shown --datastore d0 --size 64M --snapshot-of "v0:$A"
lun_sluice a 1 3 shown
scsi_expect "$(url a 1 3)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 3)" "check 4096 8 0xa2" good
scsi_expect "$(url a 1 3)" "write 0 8 0xff" "check 7/27/00"
! ctl snapshot delete v0 "$A" 2>"$T/refused" || die "a snapshot that is shown was deleted"
grep -q shown "$T/refused" || die "the refusal names nobody: $(cat "$T/refused")"

ctl snapshot clone v0 "$A" copy
ctl snapshot clone v0 "$A" copy # once more: the first answer might have been lost
volume_new copy --datastore d0 --size 64M --has-image
lun_sluice a 1 4 copy
scsi_expect "$(url a 1 4)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 4)" "write 8192 8 0xc1" good
# shellcheck disable=SC2317 # wait_until calls it
session_is_told_nothing() { session_do tur && [ "$REPLY" = good ]; }
wait_until 5 "the session to have heard of the new LUNs" session_is_told_nothing
session_do "check 8192 8 0"
expect "the clone's writes elsewhere" good "$REPLY"
! ctl volume delete v0 --yes 2>"$T/refused" || die "a volume that a clone rests on was deleted"

# ---------------------------------------------------------------- back
ctl snapshot revert v0 "$A" --yes
session_do tur
expect "the command after the revert" "check 6/3F/0E" "$REPLY"
session_do "check 0 8 0xa1"
expect "what the snapshot holds" good "$REPLY"
session_do "check 4096 8 0xa2"
expect "what the snapshot holds" good "$REPLY"
session_do "write 0 8 0xd1"
session_do "check 0 8 0xd1"
expect "writes after the revert" good "$REPLY"
session_close
scsi_expect "$(url a 1 3)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 4)" "check 8192 8 0xc1" good

# ---------------------------------------------------------------- a restart keeps all of it
filterd_stop
filterd_start
wait_until 20 "the LUN to answer" lun_answers "$URL" "check 0 8 0xd1"
wait_until 20 "the shown snapshot to answer" lun_answers "$(url a 1 3)" "check 0 8 0xa1"
wait_until 20 "the clone to answer" lun_answers "$(url a 1 4)" "check 8192 8 0xc1"

# ---------------------------------------------------------------- and away
adm a --op delete --mode logicalunit --tid 1 --lun 3
adm a --op delete --mode logicalunit --tid 1 --lun 4
wait_until 10 "the shown volume to be deleted" ctl volume delete shown --yes
wait_until 10 "the clone to be deleted" ctl volume delete copy --yes
ctl snapshot delete v0 "$A"
wait_until 30 "the snapshot to be gone" snapshots_are v0 0
scsi_expect "$URL" "check 0 8 0xd1" good
find "$T/d0" -name 'shown*' -o -name 'copy*' | grep . && die "files were left behind"
exit 0

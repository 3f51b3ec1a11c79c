#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 7200 s
#
# Snapshots back to back, and made and deleted in pairs, under a verifying load on an encrypted volume with write-back
# and I/O control below: no error, no wrong block, memory stays bounded. Then a shown snapshot and a clone open with
# the header of their time, a snapshot is refused while the key changes, and a revert across another key is.
# SNAPSHOTS=1000 PAIRS=1000 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/encryption.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
SNAPSHOTS=${SNAPSHOTS:-12}
PAIRS=${PAIRS:-12}
state_is() { [ "$(ctl --json volume show v0 | jq -r '.volume.filters[] | select(.filter == "cache").status.state')" = "$1" ]; }
memory_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$(filterd_child)/status"; }
unlock() { encryption "$1" unlock '' "$2" >/dev/null; }

mkdir "$T/flash"
encrypted_lun 64M
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=134217728 >/dev/null
ctl filter attach v0 "cache,mode=write_back,flash_bytes=33554432,ram_bytes=8388608,destage_age_ms=300" >/dev/null
ctl filter attach v0 io_control >/dev/null
wait_until 20 write-back state_is serving

# ---------------------------------------------------------------- many, under load
load_start load --depth 16 --zero --forbid-busy --max-stall-ms 20000 "$URL"
load_moves load 500
before_kib=$(memory_kib)
for ((i = 1; i <= SNAPSHOTS; i++)); do
	snapshot_new v0 "$(snapshot_uuid "$i")" "row-$i"
done
load_moves load 200
[ "$(snapshot_count v0)" = "$SNAPSHOTS" ] || die "there are $(snapshot_count v0) snapshots, not $SNAPSHOTS"
row_kib=$(memory_kib)
for ((i = 1; i <= SNAPSHOTS; i++)); do
	ctl snapshot delete v0 "$(snapshot_uuid "$i")"
done
for ((i = 1; i <= PAIRS; i++)); do
	S=$(snapshot_uuid $((i + 100000)))
	snapshot_new v0 "$S" "pair-$i"
	ctl snapshot delete v0 "$S"
done
load_moves load 200
load_end load 180
wait_until "${MERGE_LIMIT_S:-120}" "all to be merged" snapshots_are v0 0
after_kib=$(memory_kib)
note "holds: $(ctl --json volume show v0 | jq -c .volume.snapshot_holds)"
note "I/O was held for $(held_max v0) us at most, $(held_median v0) us as a rule; memory: $before_kib KiB before, $row_kib KiB with $SNAPSHOTS snapshots, $after_kib KiB after"
# (A sanitizer keeps what was given back.)
[ "$VARIANT" != release ] || [ "$after_kib" -lt $((before_kib + 131072)) ] || die "memory grew from $before_kib to $after_kib KiB"

# ---------------------------------------------------------------- with the key of their time
A=$(snapshot_uuid 700001)
scsi_expect "$URL" "write 0 8 0xa1" good
ctl snapshot create "v0:$A" --name keyed >/dev/null
scsi_expect "$URL" "write 0 8 0xb1" good
key_new other
encryption v0 rekey_shallow '{"key_id": "other"}' kek other >/dev/null || die "no other KEK"

volume_new shown --datastore d0 --size 64M --snapshot-of "v0:$A" --filter encryption
ctl snapshot clone v0 "$A" copy
volume_new copy --datastore d0 --size 64M --has-image --filter encryption
for v in shown copy; do
	wait_until 10 "$v to have found its header" encryption_is "$v" locked
	! unlock "$v" other 2>/dev/null || die "$v opens with a key that came later"
	unlock "$v" kek || die "$v does not open with the key of its snapshot"
done
lun_sluice a 1 2 shown
lun_sluice a 1 3 copy
scsi_expect "$(url a 1 2)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 3)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 3)" "write 8 8 0xc1" good

# The clone gets a key of its own under I/O; whose data it came from stays as it is.
key_new own
encryption copy rekey_deep '{"key_id": "own"}' kek own >/dev/null || die "the clone gets no key of its own"
walk_is_over() { [ "$(encryption copy status | jq .walks_done)" -ge 1 ]; }
! ctl snapshot create copy --name early 2>"$T/refused" || walk_is_over || die "a snapshot was made of two halves"
wait_until 60 "the clone to have its own key" walk_is_over
scsi_expect "$(url a 1 3)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 3)" "check 8 8 0xc1" good
scsi_expect "$(url a 1 2)" "check 0 8 0xa1" good
ctl snapshot create "copy:$(snapshot_uuid 700002)" --name after >/dev/null

# ---------------------------------------------------------------- and back
ctl snapshot revert v0 "$A" --yes
scsi_expect "$URL" "check 0 8 0xa1" good
encryption v0 lock >/dev/null
unlock v0 other || die "a revert brought the old KEK back"
encryption v0 rekey_deep '{"key_id": "kek"}' other kek >/dev/null || die "no deep rekey"
v0_is_over() { [ "$(encryption v0 status | jq .walks_done)" -ge 1 ]; }
wait_until 60 "v0 to have another key" v0_is_over
! ctl snapshot revert v0 "$A" --yes 2>"$T/refused" || die "a revert across another key was made"
grep -q "clone the snapshot" "$T/refused" || die "the refusal does not say what to do: $(cat "$T/refused")"
scsi_expect "$URL" "check 0 8 0xa1" good

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 3600 s
#
# A real kernel's ext4 and a SQLite database, each on a volume of its own, written to all the time; snapshots of both
# are taken meanwhile, as a group. From every one of them, shown as a volume or cloned, the file system needs no more
# than its own journal, with all files up to some moment, each with the content that its name says; and the database
# opens, is sound, and is as after its first N transactions, those among them that were acknowledged before. Then the
# snapshots go, under the same load, and the last state of both is as clean. SNAPSHOTS of them (2).
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
# shellcheck source=tests/lib/guest.sh
. "$HERE/guest.sh"
# shellcheck source=tests/lib/ext4_files.sh
. "$ROOT/tests/lib/ext4_files.sh"
SNAPSHOTS=${SNAPSHOTS:-2}
KEPT=40
JOURNALS=(truncate wal persist delete)
for program in debugfs e2fsck qemu-img; do
	command -v $program >/dev/null || skip "$program is missing; install e2fsprogs and qemu-utils"
done
need_tools sqlite_disk

# Files that bear their checksum as a name, synced before they get it; the oldest ones go.
# shellcheck disable=SC2016 # for the guest's shell
WORK='
mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /mnt || exit 1
i=0
while :; do
	i=$((i + 1))
	dd if=/dev/urandom of=/mnt/new bs=1k count=$((i * 7 % 97 + 1)) conv=fsync 2>/dev/null
	sum=$(sha256sum /mnt/new | cut -c 1-64)
	mv /mnt/new /mnt/f$i.$sum
	[ $i -le '$KEPT' ] || rm -f /mnt/f$((i - '$KEPT')).*
	[ $((i % 5)) = 0 ] && sync
	echo "file $i"
done'
guest_prepare
one_lun_on_files 96M
volume_new base --datastore d0 --size 64M
lun_sluice a 1 2 base

made() { grep -a "^file" "$T/work.out" | tail -n 1 | tr -dc 0-9; }
made_more() { [ "$(made)" -ge "$1" ]; }
acked() { tail -n 1 "$T/acked" 2>/dev/null | grep -E '^[0-9]+$' || echo 0; }
acked_more() { [ "$(acked)" -ge "$1" ]; }

# ext4_is_clean URL WHAT   of a copy, after its journal
ext4_is_clean() {
	rm -f "$T/copy.img"
	ends_within 120 "$2 to be copied" qemu-img convert -f raw -O raw "$1" "$T/copy.img"
	e2fsck -fp "$T/copy.img" >"$T/fsck" 2>&1 || [ $? -le 1 ] || die "$2: no point in time: $(cat "$T/fsck")"
	e2fsck -fn "$T/copy.img" >"$T/fsck" 2>&1 || die "$2: still errors: $(cat "$T/fsck")"
	files_are_right "$T/copy.img"
}

# database_is_clean URL WHAT LEAST
database_is_clean() {
	timeout 120 "$(tool sqlite_disk)" check "$JOURNAL" "$1" >"$T/check" 2>&1 || die "$2, $JOURNAL: $(cat "$T/check")"
	FOUND=$(sed -n 's/^prefix //p' "$T/check")
	[ "$FOUND" -ge "$3" ] || die "$2, $JOURNAL: $3 were acknowledged before it, $FOUND are there"
}

JOURNAL=${JOURNALS[$((RANDOM % 4))]}
guest_begin work "$WORK" "$URL"
: >"$T/acked"
start_bg database bash -c "exec $(tool sqlite_disk) write $JOURNAL $(url a 1 2) >$T/acked"
wait_until 180 "files to be made" guest_said work "file 20"
wait_until 60 "transactions" acked_more 20

for ((i = 1; i <= SNAPSHOTS; i++)); do
	HAD[i]=$(made)
	ACKED[i]=$(acked)
	ctl --json snapshot create "v0:$(snapshot_uuid "$i")" "base:$(snapshot_uuid "$i")" --name "moment-$i" \
		--group "$(snapshot_uuid $((i + 1000)))" >"$T/group.json" ||
		die "no snapshot $i of both"
	wait_until 60 "more files" made_more $((HAD[i] + 10))
	wait_until 60 "more transactions" acked_more $((ACKED[i] + 10))
done

for ((i = 1; i <= SNAPSHOTS; i++)); do
	volume_new "shown$i" --datastore d0 --size 96M --snapshot-of "v0:$(snapshot_uuid "$i")"
	lun_sluice a 1 3 "shown$i"
	ext4_is_clean "$(url a 1 3)" "snapshot $i"
	[ "$LAST" -ge $((HAD[i] - 1)) ] || die "snapshot $i: ${HAD[i]} files were there, $LAST are"
	# A database rolls back or on when it is opened: that needs a volume of its own.
	ctl snapshot clone base "$(snapshot_uuid "$i")" "copy$i"
	volume_new "copy$i" --datastore d0 --size 64M --has-image
	lun_sluice a 1 4 "copy$i"
	database_is_clean "$(url a 1 4)" "snapshot $i" "${ACKED[i]}"
	note "snapshot $i: files up to $LAST (${HAD[i]} before), $FOUND transactions (${ACKED[i]} before, $JOURNAL)"
	adm a --op delete --mode logicalunit --tid 1 --lun 3
	adm a --op delete --mode logicalunit --tid 1 --lun 4
	wait_until 10 "the shown volume to be deleted" ctl volume delete "shown$i" --yes
	wait_until 10 "the clone to be deleted" ctl volume delete "copy$i" --yes
done

for ((i = 1; i <= SNAPSHOTS; i++)); do
	ctl snapshot delete v0 "$(snapshot_uuid "$i")"
	ctl snapshot delete base "$(snapshot_uuid "$i")"
done
wait_until 120 "the snapshots of v0 to be merged" snapshots_are v0 0
wait_until 120 "those of base" snapshots_are base 0
HAD[0]=$(made)
ACKED[0]=$(acked)
kill_bg work KILL
kill_bg database KILL
ext4_is_clean "$URL" "the volume"
[ "$LAST" -ge $((HAD[0] - 1)) ] || die "${HAD[0]} files were there, $LAST are"
database_is_clean "$(url a 1 2)" "the database" "${ACKED[0]}"

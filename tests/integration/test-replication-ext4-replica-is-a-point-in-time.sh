#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 14400 s
#
# A real kernel's ext4 on a volume that is replicated asynchronously, under load all the time. At any moment the replica
# is killed, cut off and promoted: what it holds is a file system that needs no more than its own journal, with all
# files up to some moment, each with the content that its name says. Then that promotion is taken back, as if it had
# never been, and the replica follows again. MOMENTS of them (1).
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
# shellcheck source=tests/lib/guest.sh
. "$HERE/guest.sh"
# shellcheck source=tests/lib/ext4_files.sh
. "$ROOT/tests/lib/ext4_files.sh"
MOMENTS=${MOMENTS:-1}
KEPT=40
expect_error 'the last sluice-filterd ended by|filter_hung'
command -v debugfs >/dev/null || skip "debugfs is missing; install e2fsprogs"

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
replica_pair 96M '"mode":"async"'
wait_until 60 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
switch_start a
guest_begin work "$WORK" "iscsi://127.0.0.1:3300/$IQN:two.1/1"
made() { grep -a "^file" "$T/work.out" | tail -n 1 | tr -dc 0-9; }
made_more() { [ "$(made)" -ge "$1" ]; }
wait_until 180 "files to be made" guest_said work "file 20"

caught_up() { [ "$(repl b .point_lsn)" -gt "$MARK" ] && [ "$(repl b .is_consistent)" = true ]; }
some_moment() { sleep "$(awk -v r="$RANDOM" 'BEGIN { print r / 32768 * 2 }')"; }

for ((i = 1; i <= MOMENTS; i++)); do
	some_moment
	kill_filterd_on b
	HAD=$(made)
	ip link set to-b down
	rm -rf "$T/saved"
	mkdir "$T/saved"
	cp -a --sparse=always "$T/b/state" "$T/b/d0" "$T/saved"
	filterd_on b
	wait_until 30 "b to be promoted (moment $i)" promoted b '{"force":true}'
	kill_filterd_on b
	cp --sparse=always "$(image_of b)" "$T/moment.img"
	rm -rf "$T/b/state" "$T/b/d0"
	cp -a --sparse=always "$T/saved/state" "$T/saved/d0" "$T/b"
	ip link set to-b up
	filterd_on b
	e2fsck -fp "$T/moment.img" >"$T/fsck" 2>&1 || [ $? -le 1 ] || die "moment $i: no point in time: $(cat "$T/fsck")"
	e2fsck -fn "$T/moment.img" >"$T/fsck" 2>&1 || die "moment $i: still errors: $(cat "$T/fsck")"
	files_are_right "$T/moment.img"
	note "moment $i: the guest had made $HAD files, the replica holds those up to $LAST"
	MARK=$(repl a .head_lsn)
	wait_until 60 "b to follow again (moment $i)" caught_up
	wait_until 60 "more files (moment $i)" made_more $((HAD + 5))
done
kill_bg work KILL

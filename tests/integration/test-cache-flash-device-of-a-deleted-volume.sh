#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A flash device whose volume was deleted takes the next volume's log without being wiped by hand. One that holds the log
# of a volume that nobody has deleted here is left alone until a person says, by that volume's UUID, that it is no more.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "cache_flash_failed|cache_clean|cache_recovered"
member() { ctl --json volume show "$1" | jq -r ".volume.filters[] | select(.filter == \"cache\").status.$2"; }
state_is() { [ "$(member "$1" state)" = "$2" ]; }
says() { member "$1" state_text | finds "$2"; }
new() { # NAME UUID
	volume_new "$1" --datastore d0 --size 16M --uuid "$2" --filter cache,mode=write_back,flash_bytes=16777216,destage_age_ms=3600000
}
write_some() { # NAME
	tgtd_start "$1"
	target_new "$1" 1
	lun_sluice "$1" 1 1 "$1"
	load_start "load-$1" --ops 100 --blocks 2048 "$(url "$1" 1 1)"
	load_end "load-$1" 60
	[ "$(member "$1" dirty_bytes)" -gt 0 ] || die "nothing is dirty in $1"
	tgtd_kill "$1"
}
ONE=aaaaaaaa-0000-4000-8000-000000000001 TWO=bbbbbbbb-0000-4000-8000-000000000002 THREE=cccccccc-0000-4000-8000-000000000003
truncate -s 64M "$T/flash.img"
DEVICE=$(losetup -f --show "$T/flash.img" 2>/dev/null) || skip "no loop device can be had"
at_exit "losetup -d '$DEVICE'"
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$DEVICE" flash_bytes=67108864 >/dev/null

# Deleted here, dirty as it is: the next one has the device at once.
new v1 "$ONE"
wait_until 20 "v1's write-back" state_is v1 serving
write_some v1
cp "$T/flash.img" "$T/copy"
ctl volume delete v1 --yes >/dev/null
new v2 "$TWO"
wait_until 20 "v2's write-back on the same device" state_is v2 serving
ctl volume delete v2 --yes >/dev/null

# The log of a volume that was not deleted here: it may be all that is left of what that one acknowledged.
dd if="$T/copy" of="$DEVICE" bs=1M conv=fsync status=none
new v3 "$THREE"
wait_until 20 "v3 to say whose log is in its way" says v3 "$ONE"
state_is v3 preparing || die "v3 is $(member v3 state)"
! ctl filter command v3 cache drop >"$T/refused" 2>&1 || state_is v3 preparing || die "the log went without a word"
! ctl filter command v3 cache drop "owner=$TWO" >"$T/refused" 2>&1 || die "a wrong owner was taken"
grep -q "$ONE" "$T/refused" || die "the refusal does not name $ONE: $(cat "$T/refused")"
cmp -n 65536 "$T/copy" "$DEVICE" || die "the other volume's log was changed"
ctl filter command v3 cache drop "owner=$ONE" >/dev/null
wait_until 20 "v3's write-back" state_is v3 serving
write_some v3

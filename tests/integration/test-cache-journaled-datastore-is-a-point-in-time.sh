#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# With destage: journaled the datastore alone, the flash thrown away, is the volume as it was at some moment, at every
# moment: a real kernel's ext4 under load, sluice-filterd killed in the middle of destaging, the log thrown away; the
# image must be a file system that needs no more than its own journal. CYCLES kills (2).
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/daemons.sh
. "$HERE/daemons.sh"
# shellcheck source=tests/lib/guest.sh
. "$HERE/guest.sh"
CYCLES=$((${CYCLES:-20} / 10))
[ "$CYCLES" -gt 0 ] || CYCLES=1
expect_error "ended by signal 9|cache_degraded|degraded|could not be"

SIZE=$((96 << 20))
mkdir -p "$T/flash"
guest_prepare
filterd_start
datastore_dir d0 --buffered
ctl datastore filter-set d0 cache flash_path="$T/flash" flash_bytes=1073741824 >/dev/null
tgtd_start a
target_new a 1

# Files are made, written, renamed and removed, with many syncs, until the end.
# shellcheck disable=SC2016 # for the guest's shell
WORK='
mount -t ext4 /dev/vda /mnt || exit 1
echo mounted
i=0
while :; do
	i=$((i + 1)); d=/mnt/d$((i % 7)); mkdir -p $d
	dd if=/dev/urandom of=$d/new bs=4k count=$((i % 40 + 1)) conv=fsync 2>/dev/null
	mv $d/new $d/f$((i % 50)); [ $((i % 9)) = 0 ] && rm -rf /mnt/d$(((i + 3) % 7))
	[ $((i % 20)) = 0 ] && echo "round $i"
done'

cache_says() { ctl --json volume show v0 | jq -e --arg s "$1" '[.. | objects | select(has("ram")) | .state] | index($s)'; }
rounds() { grep -ac "^round" "$T/work$1.out"; }

for ((cycle = 1; cycle <= CYCLES; cycle++)); do
	volume_new v0 --datastore d0 --size "$SIZE" --write-cache volatile
	ctl filter attach v0 delay,write_us=1500 >/dev/null
	ctl filter attach v0 "cache,mode=write_back,destage=journaled,destage_age_ms=100,flash_bytes=$((128 << 20))" >/dev/null
	wait_until 30 "the cache to serve" cache_says serving
	lun_sluice a 1 1 v0
	guest_run 60 'mkfs.ext4 -q /dev/vda' "$(url a 1 1)"
	guest_begin "work$cycle" "$WORK" "$(url a 1 1)"
	wait_until 60 "files to be made" guest_said "work$cycle" "round 20"
	sleep "$(awk -v s="$RANDOM" 'BEGIN { print s / 32768 * 2 }')" # the moment of the kill is what is tried out
	kill -KILL "$(filterd_child)"
	kill_bg "filterd" KILL
	kill_bg "work$cycle" KILL
	note "cycle $cycle: killed after $(rounds "$cycle") times twenty rounds"
	rm -f "$T"/flash/*
	filterd_start
	wait_until 30 "the cache to be degraded" cache_says degraded
	"$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" \
		'{"request":"filter.command","name":"v0","filter":"cache","command":"drop","args":{"unknown":true}}' >"$T/drop" ||
		die "drop: $(cat "$T/drop")"
	wait_until 60 "the cache to serve" cache_says serving
	adm a --op delete --mode logicalunit --tid 1 --lun 1 || true
	ctl volume close v0
	e2fsck -fp "$T/d0/v0.img" >"$T/fsck" 2>&1 || [ $? -le 1 ] || die "cycle $cycle: not a point in time: $(cat "$T/fsck")"
	e2fsck -fn "$T/d0/v0.img" >"$T/fsck" 2>&1 || die "cycle $cycle: still errors: $(cat "$T/fsck")"
	ctl volume delete v0 --yes
done
filterd_stop

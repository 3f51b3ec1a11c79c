#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# A disk that holds each flush for five seconds, of the primary's datastore, of its replica's, and of the cache's log: I/O
# waits and ends well, nobody kills anybody, nothing is lost, and the replica is equal when the disk is well again.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
need_tools verify_load
SLOW=$ROOT/build/release/tests/plugins/slow_sync.so
[ -e "$SLOW" ] || die "build/release/tests/plugins/slow_sync.so is missing; say: make tests"
export SLOW_SYNC_MS=$T/slow
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:verify_asan_link_order=0
export SLUICE_NO_IO_URING=1 # whose flushes go past the C library
expect_error 'replication|flush|slow'

mkdir -p "$T/flash"
LD_PRELOAD=$SLOW two_start
for name in a b; do
	replica_volume $name 64M
done
ctl_on a datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=64M ram_bytes=16M >/dev/null
ctl_on a filter attach v0 cache,mode=write_back,flash_bytes=16777216,ram_bytes=4194304,destage_age_ms=300 >/dev/null
replica_attach b a secondary '"mode":"async"'
replica_attach a b primary '"mode":"async"'
wait_until 60 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
lun_on b 1 v0
children() { echo "$(filterd_child_on a) $(filterd_child_on b)"; }
FIRST=$(children)
switch_start a
load_start --sessions 1 --depth 8 --mix read=2,write=6,unmap=1,sync=1

was_held() { [ "$(wc -l <"$T/slow.held")" -gt "$1" ]; }
for under in "/a/d0/" "/b/d0/" "/flash/"; do
	note "flushes under $under are held"
	: >"$T/slow.held"
	echo "5000 $under" >"$T/slow.new"
	mv "$T/slow.new" "$T/slow"
	wait_until 60 "a flush to be held" was_held 0
	wait_until 60 "and another one" was_held 1
	rm "$T/slow"
	load_advances 300 60
	[ "$(children)" = "$FIRST" ] || die "somebody was killed for a slow disk"
done
repl_is a .is_serving true || die "a does not serve"
load_stop
equal() { repl_is a ".dirty_bytes == 0 and .journal_used_bytes <= 4096" true && cmp -s "$(image_of a)" "$(image_of b)"; }
wait_until 60 "both sides to be equal" equal
[ "$(children)" = "$FIRST" ] || die "somebody was killed for a slow disk"

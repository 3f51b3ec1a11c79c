#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A disk that takes three seconds for each fsync of a filter's record: the worker waits for it, I/O waits for the
# worker and ends well, and the parent, which kills a worker that hangs for two seconds, lets it be.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
SLOW=$ROOT/build/release/tests/plugins/slow_sync.so
[ -e "$SLOW" ] || die "build/release/tests/plugins/slow_sync.so is missing; say: make tests"
export SLOW_SYNC_MS=$T/slow SLOW_SYNC_UNDER=/store/
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:verify_asan_link_order=0
key_new kek
LD_PRELOAD=$SLOW filterd_start
datastore_dir d0
encrypted_volume v0 16M
child=$(filterd_child)
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
echo 3000 >"$SLOW_SYNC_MS"
from=$(now_ms)
start_bg erase timeout 60 python3 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" \
	'{"request":"filter.command","name":"v0","filter":"encryption","command":"erase","args":{"confirm":"v0"}}'
wait_bg erase 60
took=$(($(now_ms) - from))
rm "$SLOW_SYNC_MS"
note "the command took $took ms"
[ "$RC" = 0 ] || die "the command failed: $(cat "$T/erase.log")"
[ "$took" -ge 2900 ] || die "nothing was slow: the fault was not injected"
[ "$(filterd_child)" = "$child" ] || die "the parent killed the child for a slow disk"
encryption v0 format '{"key_id": "kek"}' kek >/dev/null || die "it cannot be formatted again"
scsi_expect "$(url a 1 1)" "write 0 8 0x42" good
scsi_expect "$(url a 1 1)" "check 0 8 0x42" good

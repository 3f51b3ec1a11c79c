#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
# The replica is away until the journal overflows: the gap is shown, and when it is back it gets what changed and little
# more, under load, and is a point in time again.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
command -v qemu-io >/dev/null || skip "qemu-io is missing; install qemu-utils"

JOURNAL_BYTES=16777216 replica_pair 256M '"mode":"async"'
wait_until 60 "the replica to be complete" repl_is b .is_consistent true
lun_on a 1 v0
expect_error 'the last sluice-filterd ended by|filter_hung'
quiet() { [ "$(repl a '.resync.state + (.journal_used_bytes < 100000 | tostring)')" = idletrue ]; }
wait_until 30 "the journal to be empty" quiet
kill_filterd_on b
for ((i = 0; i < 64; i++)); do
	echo "write -q -P $((i + 1)) $((i * 4))M 1M"
done >"$T/commands"
on a qemu-io -f raw "$(url_on a 1)" <"$T/commands" >"$T/qemu-io.log" 2>&1 || die "qemu-io: $(tail -3 "$T/qemu-io.log")"
wait_until 10 "the gap to be shown" repl_is a '.gap_since_ms > 0' true
DIRTY=$(repl a '.dirty_bytes + .suspect_bytes')
note "$DIRTY bytes are dirty"
[ "$DIRTY" -ge $((64 << 20)) ] || die "too few bits"
filterd_on b
start_bg load nsenter --net="/proc/${NODE_PID[a]}/ns/net" -- "$(tool verify_load)" --seconds 5 --sessions 1 --depth 4 \
	--lba 500000 --blocks 8000 "$(url_on a 1)"
over() { repl_is a .gap_since_ms 0 && repl_is b .is_consistent true; }
wait_until 60 "the gap to be over" over
SENT=$(repl a .resync.sent_bytes)
note "resync sent $SENT bytes"
[ $((SENT * 10)) -le $((DIRTY * 11)) ] || die "$SENT bytes were sent for $DIRTY dirty ones"
wait_bg load 30
[ "$RC" = 0 ] || die "load: $(tail -3 "$T/load.log")"
equal() { quiet && cmp -s "$(image_of a)" "$(image_of b)"; }
wait_until 30 "both sides to be equal" equal

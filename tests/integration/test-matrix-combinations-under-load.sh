#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
#
# All 16 combinations of replication, encryption, cache and I/O control beside each other on two appliances, each volume
# under a verified load: the serving sluice-filterd is killed, and then hangs; all go on and no acknowledged block is lost.
# ROWS="..." for others, such as those with encryption below replication (see tests/lib/matrix.sh).
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/matrix.sh
. "$ROOT/tests/lib/matrix.sh"
# shellcheck source=tests/lib/loads.sh
. "$ROOT/tests/lib/loads.sh"
need_tools verify_load
ROWS=${ROWS:-none i c ci x xi xc xci r ri rc rci rx rxi rxc rxci}
export JOURNAL_BYTES=16777216
expect_error 'the last sluice-filterd ended by|filter_hung|does not answer for|cache_'
another_child() { local now; now=$(filterd_child_on a); [ -n "$now" ] && [ "$now" != "$1" ]; }

matrix_start ''
tid=0
for row in $ROWS; do
	tid=$((tid + 1))
	matrix_volume "$row" "v-$row" "$tid" 16M || die "row $row: $(cat "$T/refused")"
done
tid=0
for row in $ROWS; do
	tid=$((tid + 1))
	matrix_ready "$row" "v-$row" a
	load_on "v-$row" "$(disk a "$tid")" --sessions 1 --depth 2 --blocks 8192 --mix read=3,write=6,unmap=1,sync=1
done
loads_advance 20
for signal in KILL STOP; do
	child=$(filterd_child_on a)
	kill "-$signal" "$child"
	wait_until 30 "another serving child after SIG$signal" another_child "$child"
	loads_advance 20
done
# A replicated volume's role has to be confirmed first: its initiators wait. Where encryption waits for replication's word
# they are told to ask again.
loads_end 'check 2/04/01'
for row in $ROWS; do
	[[ $row = *r*x* ]] || [ "$(load_figure "load-v-$row" errors)" = 0 ] || die "row $row: commands failed"
done
note "$tid volumes, $OPS commands, $REFUSED told to ask again, longest stall $STALL_MS ms"

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A limit holds over real iSCSI, may be changed while I/O waits for it, and holds again after filterd was killed; so do
# the datastore's settings. A reservation beyond what the datastore does is refused with the figures.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/io_control.sh
. "$ROOT/tests/lib/io_control.sh"
need_tools iscsi_bench
expect_error "ended by signal 9"
export WARM_MS=500
# iops_at_most LIMIT  of the last load on a: 1 % and the burst of 50 ms.
iops_at_most() {
	local iops
	iops=$(figure a iops)
	note "$iops IOPS at a limit of $1"
	if [ "$iops" -gt $(($1 + $1 / 20)) ] || [ "$iops" -lt $(($1 / 2)) ]; then
		die "$iops IOPS at a limit of $1"
	fi
}
are_waiting() { [ "$(volume_control a queued)" -gt 50 ]; }
is_serving() { [ "$(ctl --json volume show a | jq -r .volume.state)" = serving ]; }

slow_datastore slow 4 4000 a
controlled a
load a 32 3
load_wait
# It is known after a whole second in which the datastore had I/Os waiting, which a starved load does not give it.
capacity_is_known() { [ "$(group_control slow capacity_iops)" -gt 0 ]; }
for _ in 1 2 3; do
	capacity_is_known || { load a 64 3; load_wait; }
done
note "$(figure a iops) IOPS without a limit; the datastore does $(group_control slow capacity_iops)"

share a limit_iops=200
load a 32 3
load_wait
iops_at_most 200
[ "$(volume_control a overdue)" = 0 ] || die "I/Os were overdue"

# 64 wait for 5 a second; the change lets them go.
share a limit_iops=5
load a 64 3
wait_until 5 "I/Os to wait" are_waiting
share a limit_iops=1000
load_wait
[ "$(figure a iops)" -gt 100 ] || die "$(figure a iops) IOPS after the limit was raised"

if capacity_is_known; then
	if ctl filter set a io_control,reservation_iops=1000000 2>"$T/refused"; then
		die "a reservation of 1,000,000 IOPS was accepted"
	fi
	grep -q "was measured to do" "$T/refused" || die "the refusal has no figures: $(cat "$T/refused")"
	note "$(cat "$T/refused")"
else
	note "the machine is too busy for the datastore to be: a reservation beyond it was not tried"
fi

share a limit_iops=200,reservation_iops=50
datastore_control slow enabled=true threshold_mode=manual threshold_us=7000
kill -KILL "$(filterd_child)"
wait_until 20 "filterd to come back" is_serving
[ "$(group_control slow threshold_us)" = 7000 ] || die "the datastore's settings are lost"
[ "$(group_control slow enabled)" = true ] || die "control is off"
[ "$(group_control slow reserved_iops)" = 50 ] || die "the reservation is lost"
load a 32 3
load_wait
iops_at_most 200

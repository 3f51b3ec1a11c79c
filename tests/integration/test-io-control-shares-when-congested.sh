#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A congested datastore is divided by shares over real iSCSI, says so in status and events, and stops when the load
# does; without control the same loads get the same.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/io_control.sh
. "$ROOT/tests/lib/io_control.sh"
need_tools iscsi_bench
is_state() { [ "$(group_control slow state)" = "$1" ]; }
are_waiting() { [ "$(volume_control b queued)" -gt 0 ]; }
has_event() { ctl events | finds "io_control_$1"; }
# ratio_is LEAST MOST  of a's IOPS to b's, in hundredths.
ratio_is() {
	local r
	r=$(($(figure a iops) * 100 / $(figure b iops)))
	note "a $(figure a iops), b $(figure b iops) IOPS: $r hundredths"
	if [ "$r" -lt "$1" ] || [ "$r" -gt "$2" ]; then
		die "the ratio is $r hundredths, not $1 to $2"
	fi
}

slow_datastore slow 4 4000 a b
controlled a b
load a 24 3
load b 24 3
load_wait
ratio_is 80 125

share a shares_level=high
datastore_control slow enabled=true threshold_mode=manual threshold_us=10000
load a 24 3
load b 24 3
wait_until 10 "throttling to begin" is_state throttling
wait_until 5 "its event" has_event throttling_begins
wait_until 5 "something to wait" are_waiting
by=$(volume_control b throttled_by)
case $by in share | window | none) ;; *) die "b is throttled by $by" ;; esac
load_wait
ratio_is 185 215
wait_until 10 "throttling to end" is_state free
wait_until 5 "its event" has_event throttling_ends
[ "$(ctl events | grep -c throttling_begins)" = 1 ] || die "it began more than once: $(ctl events)"

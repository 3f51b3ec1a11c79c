#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# io_control comes, goes and changes under a verifying load on a congested datastore: no command fails, none is lost,
# nothing counts as hung.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/io_control.sh
. "$ROOT/tests/lib/io_control.sh"
need_tools verify_load
slow_datastore slow 4 500 a b
for name in a b; do
	load_start "verify-$name" --depth 32 --zero --forbid-busy --max-stall-ms 10000 "${URL_OF[$name]}"
done
for ((cycle = 1; cycle <= ${CYCLES:-10}; cycle++)); do
	controlled a b
	datastore_control slow enabled=true threshold_mode=manual threshold_us=1000
	load_moves verify-a 200
	share a limit_iops=300,burst_ms=10
	share b reservation_iops=100,shares_level=low
	load_moves verify-a 100
	datastore_control slow enabled=true
	share a limit_bytes_per_s=4000000
	load_moves verify-b 100
	datastore_control slow enabled=false
	for name in a b; do
		[ "$(ctl --json volume show $name | jq '[.volume.filters[] | .hung_count + .misuse_count] | add')" = 0 ] ||
			die "the filter of $name hung or broke a rule"
		ctl filter detach $name io_control >/dev/null
	done
	load_moves verify-b 200
done
load_end verify-a 60
load_end verify-b 60

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A policy assigned, changed and taken away while a verifying load runs: the chain follows, the volume
# complies, no I/O fails.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

rule() {
	echo "[{\"class\": \"io_control\", \"filter\": \"delay\", \"on_failure\": \"hold\",
		\"parameters\": {\"read_us\": \"$1\"}}]"
}
complies() { [ "$(reconcile_tool compliance web-1 | jq -r .status)" = "$1" ]; }
chain_has() { ctl volume show web-1 | finds "$1"; }

reconcile_scene
host_new two "$HOST_TWO"
volume_row web-1 67108864
db_quiet access web-1 '["two"]' '[]'
done_task volume.create volume web-1
load_start load --seconds 100 "$(at web-1)"
load_moves load 100

db_quiet insert policies '{"name": "slow"}'
db_quiet rules slow "$(rule 100)"
db assign web-1 slow
done_task volume.policy volume web-1
chain_has delay || die "the filter is not in the chain"
wait_until 10 "the volume to comply" complies compliant
load_moves load 100

db rules slow "$(rule 200)"
wait_until 10 "the volume to be out of date" complies out_of_date
db assign web-1 slow
done_task volume.policy volume web-1
load_moves load 100
wait_until 10 "the volume to comply" complies compliant

db assign web-1 ''
done_task volume.policy volume web-1
chain_has delay && die "the filter is still in the chain"
load_moves load 100
is_running load || die "the load ended"
reconcile_stop

#!/bin/bash
# SPDX-License-Identifier: MIT
# Clients that send nonsense or vanish in the middle of anything leave nothing behind: no connection, no stream, no crash.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

gateway_start --rate 100000 --attempts 100000 --answer-timeout 3000
open_files() { find "/proc/${PID_OF[webd]}/fd" -mindepth 1 | wc -l; }
is_idle() { [ "$(open_files)" -le "$idle_files" ]; }
idle_files=$(open_files)
for seed in ${SEEDS_CHAOS:-1 2 3}; do
	raw chaos "$seed" 400
	is_running webd || die "webd has ended (seed $seed)"
done
wait_until 20 "all connections to be given up" is_idle
status_is 200 /
status_is 200 -d '{"a":1}' /api/v1/volumes
note "$(hwm_kib webd) KiB at most"
gateway_stop

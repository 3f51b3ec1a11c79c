#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1500 s
#
# kill -9 of policyd before each changing SQLite statement of a set of operations: after the restart the database,
# filterd and tgtd agree, what was answered is there, and an initiator's I/O on another volume goes on without an error.
# KILL_STEP=1 kills at each statement (the long form), larger ones at every so-manieth.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"
need_tools verify_load
KILL_STEP=${KILL_STEP:-9}

start_appliance
host_make loader iqn.2025-01.test.sluice:initiator
volume_make load 33554432 '"hosts":["loader"]'
settled
LOAD_URL=$(lun_url load)
policyd_stop
load_start load --sessions 1 --depth 4 --zero --max-stall-ms 5000 "$LOAD_URL"

expect_error 'killed'
TGT_CONTROL=${TGTD_C[a]} timeout 1400 "$ROOT/tests/tools/policyd_kills.py" --socket "$POLICYD_SOCKET" \
	--filterd "$RUN_DIR/filterd.sock" --iqn-base "$IQN_BASE" --step "$KILL_STEP" -- \
	"$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" --filterd-socket "$RUN_DIR/filterd.sock" \
	--ring-socket "$RUN_DIR/ring.sock" --tgt-socket "$TGT_IPC_SOCKET.${TGTD_C[a]}" \
	--transfer-dir "$T/transfer" --samples-dir "$ROOT/policy/samples" --iqn-base "$IQN_BASE" \
	>"$T/kills.out" 2>"$T/policyd.log" || { tail -n 20 "$T/kills.out" "$T/policyd.log" >&2; die "a kill was not survived"; }
tail -n 1 "$T/kills.out"
load_moves load 200
load_end load 60
note "longest stall of I/O meanwhile: $(load_figure load max_stall_ms) ms"

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# docs/openapi.yaml and the running server say the same: the routes, their roles and query names, and every member of
# every reply that a populated appliance gives.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

"$B/bin/sluice-policyd" --routes >"$T/routes.txt"
start_appliance egress
[ -s "$RUN_DIR/setup-token" ] || die "policyd left no set-up token"
ctl volume create stranger --datastore main --size 1M >/dev/null
volume_make seen $((4 << 20)) "\"hosts\":[]"
host_make reader "$INITIATOR"
api_ok PUT /volumes/seen/access '{"hosts":["reader"],"host_groups":[]}' >/dev/null
task_done
session_open --name "$INITIATOR" "$(lun_url seen)"
dd if=/dev/zero of="$T/transfer/in.raw" bs=1M count=4 status=none
timeout -k 2 $((150 * PATIENCE)) /usr/bin/python3 "${0%.sh}.py" "$POLICYD_SOCKET" "$T/routes.txt" \
	"$RUN_DIR/policyd-web.sock" "$RUN_DIR/setup-token"

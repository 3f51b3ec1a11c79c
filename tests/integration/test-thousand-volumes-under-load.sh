#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 900 s
#
# A thousand volumes come into being, lose their tgtd and come back, while one initiator's I/O on a volume of an
# other tgtd goes on: a reconcile never stops I/O. VOLUMES=150 in the short form.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"
need_tools verify_load
VOLUMES=${VOLUMES:-150}
TASK_LIMIT_S=600

targets_are() { [ "$(adm a --op show --mode target 2>/dev/null | grep -c '^Target ')" = "$1" ]; }

start_appliance
# The bundled policies come when filterd's filters are known.
wait_until 20 "the policy observe" curl -sf --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/policies/observe
host_make loader iqn.2025-01.test.sluice:initiator
volume_make load 33554432 '"hosts":["loader"]'
load_start load --sessions 1 --depth 4 --zero --max-stall-ms 5000 "$(lun_url load)"

jq -n --argjson n "$VOLUMES" '{format: 1, volumes: [range($n) | {name: "v\(.)", datastore: "main", size_bytes: 16777216,
	hosts: ["loader"], policy: "observe"}]}' >"$T/bulk.json"
api_ok POST /config/apply @"$T/bulk.json" >/dev/null
task_done
settled
targets_are $((VOLUMES + 1)) || die "tgtd has $(adm a --op show --mode target | grep -c '^Target ') targets, not $((VOLUMES + 1))"

policyd_kill
expect_error killed
policyd_start
settled
load_moves load 200
load_end load 60
note "longest stall of I/O while $VOLUMES volumes were made: $(load_figure load max_stall_ms) ms"

tgtd_kill a
tgtd_start a
wait_until 120 "all targets to be back" targets_are $((VOLUMES + 1))
settled

api_ok POST /config/apply '{"format":1,"volumes":[],"prune":true,"prune_volumes":true,"datastores":[{"name":"main","type":"dir","path":"'"$T"'/main","is_buffered":true}]}' >/dev/null
task_done
settled
targets_are 0 || die "targets are left after everything was taken away"

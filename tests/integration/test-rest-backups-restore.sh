#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# A backup made through REST is a whole database: policyd restored from it wants what it wanted then.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
host_make one iqn.2026-01.test:one
api_ok POST /backups >/dev/null
[ "$STATUS" = 202 ] || die "status $STATUS"
path=$(jget .path)
name=$(jget .name)
[ "$(stat -c '%a %s' "$path" | grep -c '^600 [1-9]')" = 1 ] || die "the backup $path: $(ls -l "$path")"
task_done
api_ok GET /backups >/dev/null
jq -e --arg n "$name" '.items[] | select(.name == $n) | .size_bytes > 0 and .schema_version >= 1' "$T/api.body" >/dev/null ||
	die "it is not listed: $(cat "$T/api.body")"
api_ok GET "/audit?object_type=backup" >/dev/null
[ "$(jget '.items[0].path')" = /api/v1/backups ] || die "no audit row: $(cat "$T/api.body")"
host_make two iqn.2026-01.test:two
policyd_stop
timeout 20 "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" --restore "$path" >"$T/restore.log" 2>&1 ||
	die "no restore: $(cat "$T/restore.log")"
policyd_start
api_ok GET /hosts >/dev/null
[ "$(jget '[.items[].name] | join(" ")')" = one ] || die "after the restore: $(cat "$T/api.body")"
policyd_stop
stop_daemons

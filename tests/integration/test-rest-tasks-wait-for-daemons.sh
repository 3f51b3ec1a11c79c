#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A change that is asked for while filterd is down is a task that waits, says for whom, and ends by itself; what has
# ended or cannot be cancelled is not cancelled.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
volume_make v0 16777216
ended=$(jget .task_id)
api_ok GET "/tasks/$ended" >/dev/null
[ "$(jget '.state + " " + (.progress_pct | tostring) + " " + .actor')" = "succeeded 100 root (local)" ] ||
	die "the task of v0: $(cat "$T/api.body")"
api_refused 409 POST "/tasks/$ended/cancel" | finds 'ended already' || die "no reason"
api_refused 404 GET /tasks/99999 >/dev/null
api_refused 422 GET /tasks/abc >/dev/null
api_refused 404 POST /tasks/99999/cancel >/dev/null

child=$(filterd_child)
kill_bg filterd KILL
kill -KILL "$child" 2>/dev/null || true
says_waiting() { task_state "$waiting" >/dev/null && jq -e '.state == "running" and (.text | test("sluice-filterd"))' "$T/task.json"; }
api_ok POST /volumes '{"name":"v1","datastore":"main","size_bytes":16777216}' >/dev/null
[ "$STATUS" = 202 ] || die "not accepted while filterd is down: $STATUS"
grep -qi "^location: /api/v1/tasks/" "$T/api.head" || die "no Location"
waiting=$(jget .task_id)
wait_until 20 "the task to wait for filterd" says_waiting
api_refused 409 POST "/tasks/$waiting/cancel" | finds 'cannot be cancelled' || die "no reason"
api_ok GET "/tasks?state=running" >/dev/null
[ "$(jget '.items[0].object_name')" = v1 ] || die "running tasks: $(cat "$T/api.body")"
expect_error "sluice-filterd"
filterd_start
task_done "$waiting"
api_ok GET "/tasks/$waiting" >/dev/null
jq -e '.log | length > 0 and (map(.text) | join(" ") | test("sluice-filterd"))' "$T/api.body" >/dev/null ||
	die "the log does not tell: $(cat "$T/api.body")"
policyd_stop
stop_daemons

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The reconciler killed before its N-th statement that changes the database, for every N: the next one ends
# in the same state, with the task ended, and a LUN that its host, and nobody else, logs in to.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

filterd_start
tgtd_start a
mkdir -p "$T/policy"
main_datastore
host_new one "$HOST_ONE"
db_quiet chap one user-one firstSecret0001
for n in $(seq 1 "${KILLS:-12}"); do
	volume_row "v$n" 67108864
	db_quiet access "v$n" '["one"]' '[]'
	id=$(db_quiet task volume.create volume "v$n")
	SLUICE_FAULT=kill:$n timeout 20 "$B/bin/reconcile_once" "$T/policy" run >>"$T/killed.log" 2>&1 &
	killed=$!
	wait_until 20 "the one that is killed at statement $n, or is done" sh -c \
		"! kill -0 $killed 2>/dev/null || [ \"\$(timeout 5 $B/bin/reconcile_once $T/policy show tasks $id | jq -r .state)\" = succeeded ]"
	kill -KILL "$killed" 2>/dev/null || true
	wait "$killed" 2>/dev/null || true
	reconcile_start
	task_ends "$id" succeeded
	expect "state of v$n" online "$(row volumes "v$n" running_state)"
	may_login "$HOST_ONE" "$(at "v$n" user-one%firstSecret0001@)" || die "v$n: no login"
	may_not_login "$HOST_TWO" "$(at "v$n" user-one%firstSecret0001@)" || die "v$n: anybody logs in"
	reconcile_kill
done

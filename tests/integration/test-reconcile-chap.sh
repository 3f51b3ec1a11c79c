#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# CHAP: the right secret logs in, a wrong one and none do not; a changed secret counts at once and leaves
# the session that stands alone; mutual CHAP; and no secret in any log, event, task or row.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

reconcile_scene
host_new two "$HOST_TWO"
db_quiet chap one user-one firstSecret0001
db_quiet chap two user-two otherSecret0002
volume_row web-1 67108864
db_quiet access web-1 '["one", "two"]' '[]'
done_task volume.create volume web-1

may_login "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)" || die "the right secret is refused"
may_login "$HOST_TWO" "$(at web-1 user-two%otherSecret0002@)" || die "the other host's secret is refused"
may_not_login "$HOST_ONE" "$(at web-1 user-one%firstSecret0009@)" || die "a wrong secret logs in"
may_not_login "$HOST_ONE" "$(at web-1)" || die "no secret at all logs in"

session_open --name "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)"
db chap one user-one nextSecret00003
done_task host.update host one
may_login "$HOST_ONE" "$(at web-1 user-one%nextSecret00003@)" || die "the new secret is refused"
may_not_login "$HOST_ONE" "$(at web-1 user-one%firstSecret0001@)" || die "the old secret still logs in"
may_login "$HOST_TWO" "$(at web-1 user-two%otherSecret0002@)" || die "the other host's secret got lost"
session_do tur
expect "the session from before" "good*" "$REPLY"
session_close

# The first of the hosts behind the guard goes: tgtd must survive that, and the second still count.
db access web-1 '["two"]' '[]'
done_task volume.access volume web-1
may_login "$HOST_TWO" "$(at web-1 user-two%otherSecret0002@)" || die "the host that stays is refused"
may_not_login "$HOST_ONE" "$(at web-1 user-one%nextSecret00003@)" || die "the host that went logs in"
adm a --op show --mode target >/dev/null || die "tgtd did not survive"

db mutual web-1 target-user targetSecret004
done_task volume.access volume web-1
right="?target_user=target-user&target_password=targetSecret004"
wrong="?target_user=target-user&target_password=targetSecret00X"
may_login "$HOST_TWO" "$(at web-1 user-two%otherSecret0002@)$right" || die "mutual CHAP is refused"
may_not_login "$HOST_TWO" "$(at web-1 user-two%otherSecret0002@)$wrong" ||
	die "an initiator that wants another secret of the target was satisfied"

db chap two '' ''
done_task host.update host two
may_login "$HOST_TWO" "$(at web-1)" || die "without CHAP the host is refused"
reconcile_stop
for secret in firstSecret0001 nextSecret00003 otherSecret0002 targetSecret004; do
	if grep -rqs "$secret" "$T/policy" "$T/reconciler.log" "$T/filterd.log" "$T/tgtd-a.log"; then
		die "the secret $secret stands in $(grep -rls "$secret" "$T" | tr '\n' ' ')"
	fi
done

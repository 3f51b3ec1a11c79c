#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The reconciler killed after a few milliseconds, again and again, while access lists and CHAP secrets
# change: tgtd survives every half-done change, nobody without a secret ever gets in, and in the end
# everything is as the database has it.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

filterd_start
tgtd_start a
mkdir -p "$T/policy"
main_datastore
for h in 1 2 3; do
	host_new "h$h" "iqn.2026-01.test.client:h$h"
	db_quiet chap "h$h" "user-h$h" "startSecret0$h-0"
done
for v in 1 2 3; do
	volume_row "v$v" 67108864
	db_quiet access "v$v" '["h1", "h2", "h3"]' '[]'
done

sets=('["h1", "h3"]' '["h2"]' '["h2", "h3"]' '["h3", "h1", "h2"]' '["h1"]' '[]')
for round in $(seq 1 "${ROUNDS:-18}"); do
	db_quiet access "v$((round % 3 + 1))" "${sets[round % 6]}" '[]'
	db_quiet chap "h$((round % 3 + 1))" "user-h$((round % 3 + 1))" "nextSecret$(printf %04d "$round")"
	timeout -s KILL "0.0$((17 + round * 11 % 79))" "$B/bin/reconcile_once" "$T/policy" run \
		>>"$T/killed.log" 2>&1 || true
	adm a --op show --mode target >/dev/null || die "tgtd did not survive round $round"
	for v in 1 2 3; do
		may_not_login iqn.2026-01.test.client:h1 "$(at "v$v")" || die "round $round: in without a secret"
	done
done

for v in 1 2 3; do
	db_quiet access "v$v" "[\"h$v\"]" '[]'
	db_quiet chap "h$v" "user-h$v" "lastSecret000$v"
done
reconcile_start
for v in 1 2 3; do
	done_task volume.access volume "v$v"
done
for v in 1 2 3; do
	for h in 1 2 3; do
		url=$(at "v$v" "user-h$h%lastSecret000$h@")
		if [ "$v" = "$h" ]; then
			may_login "iqn.2026-01.test.client:h$h" "$url" || die "h$h cannot log in to v$v"
		else
			may_not_login "iqn.2026-01.test.client:h$h" "$url" || die "h$h logs in to v$v"
		fi
	done
done
reconcile_stop

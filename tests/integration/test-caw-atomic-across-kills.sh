#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# Counters incremented by COMPARE AND WRITE while filterd is killed: a replayed command neither
# miscompares with itself nor is applied twice (RING-3).
. "$(dirname "$0")/../lib/harness.sh"
need_tools caw_counters
another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }

expect_error "ended by signal 9|crash loop"
one_lun_on_files 64M
start_bg counters timeout 200 "$(tool caw_counters)" --sessions 4 --counters 2 --increments "${INCREMENTS:-1000}" "$URL" "$URL2"
kills=0
while ! is_over counters && [ "$kills" -lt "${CYCLES:-8}" ]; do
	child=$(filterd_child)
	[ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
	kills=$((kills + 1))
	wait_until 15 "another serving child" another_child_than "$child"
	wait_until 15 "the LUN to answer" lun_is_ready "$URL"
done
wait_bg counters 200
tail -n 3 "$T/counters.log"
[ "$RC" = 0 ] || die "the sum is wrong after $kills kills"
note "$kills kills"

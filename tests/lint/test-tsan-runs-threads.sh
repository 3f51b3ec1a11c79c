#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each test program that can start a thread is run by ThreadSanitizer, too: it is in THREADED of tests/module.mk.
set -euo pipefail
cd "$(dirname "$0")/../.."
MANIFEST=${1:-build/check/manifest}
declare -A RUN=()
bad=0 threaded=0

while IFS='|' read -r suite _ _ name _; do
	[ "$suite" != tsan ] || RUN[$name]=1
done <"$MANIFEST"
for program in build/release/tests/*; do
	name=${program##*/}
	[ -f "$program" ] || continue
	nm -D --undefined-only "$program" | grep ' pthread_create' >/dev/null || continue
	threaded=$((threaded + 1))
	[ -n "${RUN[$name]:-}" ] && continue
	echo "$name starts threads, and ThreadSanitizer does not run it: name it in THREADED of tests/module.mk"
	bad=1
done
# What names nothing proves nothing.
[ "$threaded" -gt 20 ] || { echo "only $threaded programs with threads: is the release built?"; exit 1; }
exit $bad

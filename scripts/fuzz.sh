#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fuzz.sh NAME SECONDS - runs build/fuzz/NAME that long. What it learns stays in build/fuzz/corpus-NAME, so
# that the next run goes on from there; inputs worth keeping for good go to tests/fuzz/corpus/NAME.
# A finding is kept in build/fuzz/ and named in the output.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh

name=${1:-}
seconds=${2:-60}
[ -x "build/fuzz/$name" ] || die "build/fuzz/$name is missing; run \"make fuzz\"."
mkdir -p "build/fuzz/corpus-$name"
folders=("build/fuzz/corpus-$name")
[ ! -d "tests/fuzz/corpus/$name" ] || folders+=("tests/fuzz/corpus/$name")
log=build/fuzz/$name.log
if ! "build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	-artifact_prefix="build/fuzz/$name-" "${folders[@]}" >"$log" 2>&1; then
	tail -n 60 "$log"
	die "$name found something; the input is $(grep -o "build/fuzz/$name-[a-z]*-[0-9a-f]*" "$log" | tail -n1)."
fi
grep -E 'number_of_executed_units|new_units_added' "$log"

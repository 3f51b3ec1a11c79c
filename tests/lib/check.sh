#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.sh [-t SECONDS] MANIFEST [SUITE...] - runs the suites of a manifest in order and adds them up.
#
# A manifest line is "suite|seconds|jobs|name|command". Each becomes a small script under build/check/, which
# run-tests.sh runs, so that a test with arguments looks like any other. The whole output of each suite is
# kept in build/check/<suite>.log. A script's own "# time limit: N s" comes before the manifest's; -t before both.
# The last line is "N passed, N failed, N skipped"; the exit status is 0 when nothing failed.
set -u
cd "$(dirname "$0")/../.." || exit 1

limit_s=
if [ "${1:-}" = -t ]; then
	limit_s=$2
	shift 2
fi
manifest=$1
shift
out=$(dirname "$manifest")
passed=0 failed=0 skipped=0
declare -a bad=()
declare -A took_s=()

# Suites in the manifest's order, or those asked for.
if [ $# -eq 0 ]; then
	mapfile -t suites < <(grep -v '^$' "$manifest" | cut -d'|' -f1 | awk '!seen[$0]++')
else
	suites=("$@")
fi

# own_limit COMMAND: what the script that it starts says about itself.
own_limit()
{
	local word

	for word in $1; do
		[[ $word != *.sh ]] || sed -nE '20q; s/^# time limit: ([0-9]+) s.*/\1/p' "$word" | head -n1
	done
}

# Writes one script per line of the suite; the names are in tests[], limit and jobs are the last line's.
write_scripts()
{
	local suite limit own jobs_wanted name command file

	tests=()
	rm -rf "${out:?}/$1"
	mkdir -p "$out/$1"
	while IFS='|' read -r suite limit jobs_wanted name command; do
		[ "$suite" = "$1" ] || continue
		own=$(own_limit "$command")
		limit=${limit_s:-${own:-$limit}}
		file=$out/$1/$(basename "${name// /_}" .sh)
		printf '#!/bin/sh\n# time limit: %s s\nexec %s\n' "$limit" "$command" >"$file"
		chmod +x "$file"
		tests+=("$file")
		suite_limit=$limit
		suite_jobs=$jobs_wanted
	done <"$manifest"
}

add_up()
{
	local p f s

	read -r p f s < <(tail -n1 "$1" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
	if [ -z "${s:-}" ]; then
		p=0 f=1 s=0
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" = 0 ]
}

for suite in "${suites[@]}"; do
	write_scripts "$suite"
	if [ ${#tests[@]} -eq 0 ]; then
		echo "== $suite: nothing there"
		continue
	fi
	echo "== $suite: ${#tests[@]} tests"
	from=$SECONDS
	tests/lib/run-tests.sh -t "$suite_limit" -j "$suite_jobs" "${tests[@]}" 2>&1 | tee "$out/$suite.log"
	took_s[$suite]=$((SECONDS - from))
	add_up "$out/$suite.log" || bad+=("$suite")
done

# What failed, once more and in short, where a log that is cut off at its beginning still shows it.
recall()
{
	awk '/^\[ *[0-9]+\/[0-9]+\] / { is_bad = /\] FAIL /; if (is_bad) { name = $0; n = 0; order[++count] = name } next }
		is_bad && /^        \|/ { lines[name, n++ % 20] = $0; total[name] = n }
		{ if (!/^        \|/) is_bad = 0 }
		END { for (i = 1; i <= count; i++) {
			name = order[i]; print name
			from = total[name] > 20 ? total[name] - 20 : 0
			for (k = from; k < total[name]; k++) print lines[name, k % 20]
		} }' "$1"
}

if [ ${#bad[@]} -gt 0 ]; then
	printf '\nwhat failed, and the end of what it said:\n'
	for suite in "${bad[@]}"; do
		recall "$out/$suite.log"
	done
fi
printf '\nseconds:'
for suite in "${suites[@]}"; do
	printf ' %s %s' "$suite" "${took_s[$suite]:-0}"
done
printf ', together %s\n' "$SECONDS"
[ ${#bad[@]} -eq 0 ] || echo "failed: ${bad[*]} (the whole output is in $out/<suite>.log)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + failed)) -gt 0 ]

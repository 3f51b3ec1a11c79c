#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.sh [-t SECONDS] [-c "SUITE..."] [-a "SUITE..."] MANIFEST [SUITE...] - runs the suites of a manifest and adds them up.
#
# A manifest line is "suite|seconds|jobs|name|command". Each becomes a small script under build/check/, which
# run-tests.sh runs, so that a test with arguments looks like any other. The whole output of each suite is
# kept in build/check/<suite>.log. A script's own "# time limit: N s" comes before the manifest's; -t before both.
#
# The suites run in order, in two lanes side by side: those of -c compute and have the lower priority, so that they take
# what the others leave, which mostly wait. Suites called *-asan, *-tsan and packages begin when the suite "build" is
# over. The last line is "N passed, N failed, N skipped"; the exit status is 0 when nothing failed.
#
# With -a, what failed in the suites named there, a few at most, is run once more when all else is over, alone: tests
# with real daemons and real time can starve beside others. One that passes then is counted as passed and named in a
# line "unsteady:", which is a defect to be mended. Nothing that says data was damaged, that crashed, or that a
# sanitizer speaks of gets this second look.
set -u
cd "$(dirname "$0")/../.." || exit 1

RECALLED_LINES=40
AGAIN_MAX=6
GRAVE='"violations":[1-9]|found violations|Sanitizer|runtime error:|[Aa]ssertion|Segmentation fault|acknowledged'
limit_s=
computing=
again=
while getopts t:c:a: opt; do
	case $opt in
	t) limit_s=$OPTARG ;;
	c) computing=$OPTARG ;;
	a) again=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
manifest=$1
shift
out=$(dirname "$manifest")
passed=0 failed=0 skipped=0
declare -a bad=() unsteady=()

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
		if [ -e "$file" ]; then
			echo "check: two tests of the suite $1 are called $(basename "$file"): one of them would never run" >&2
			exit 1
		fi
		printf '#!/bin/sh\n# time limit: %s s\nexec %s\n' "$limit" "$command" >"$file"
		chmod +x "$file"
		tests+=("$file")
		suite_limit=$limit
		suite_jobs=$jobs_wanted
	done <"$manifest"
}

is_listed() { [[ " $computing " == *" $1 "* ]]; }
is_asked_for() { [[ " ${suites[*]} " == *" $1 "* ]]; }

# The other lane builds what these need.
await_build()
{
	case $1 in
	*-asan | *-tsan | packages) ;;
	*) return 0 ;;
	esac
	! is_listed build || ! is_asked_for build || until [ -e "$out/build.took" ]; do sleep 0.5; done
}

# Leaves its log and, in SUITE.took, its seconds.
run_suite()
{
	local from

	write_scripts "$1"
	if [ ${#tests[@]} -eq 0 ]; then
		echo "0 passed, 0 failed, 0 skipped" >"$out/$1.log"
		echo 0 >"$out/$1.took"
		return
	fi
	await_build "$1"
	echo "== $1: ${#tests[@]} tests"
	from=$SECONDS
	tests/lib/run-tests.sh -t "$suite_limit" -j "$suite_jobs" "${tests[@]}" 2>&1 | tee "$out/$1.log" | sed -u "s/^/$1 /"
	echo $((SECONDS - from)) >"$out/$1.took"
}

run_lane()
{
	local suite

	for suite; do
		run_suite "$suite"
	done
}

# The log's last line; a log without one is a failure.
add_up()
{
	local p f s

	read -r p f s < <(tail -n1 "$out/$1.log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p')
	if [ -z "${s:-}" ]; then
		p=0 f=1 s=0
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	[ "$f" = 0 ]
}

# said_of SUITE TEST: what the suite's log has of a test that failed.
said_of()
{
	awk -v name="$2" '/^\[ *[0-9]+\/[0-9]+\] / { mine = index($0, "] FAIL " name " (") } mine' "$out/$1.log"
}

# Prints "SUITE PATH" of each test that gets a second look.
to_look_at_again()
{
	local suite path

	for suite in $again; do
		[ -e "$out/$suite.log" ] || continue
		sed -n 's/^failed: //p' "$out/$suite.log" | while read -r path; do
			said_of "$suite" "$(basename "$path")" | grep -qE "$GRAVE" || echo "$suite $path"
		done
	done
}

look_again()
{
	local suite path
	declare -a list=()

	mapfile -t list < <(to_look_at_again)
	if [ ${#list[@]} -eq 0 ] || [ ${#list[@]} -gt $AGAIN_MAX ]; then
		return
	fi
	for path in "${list[@]}"; do
		suite=${path%% *} path=${path#* }
		tests/lib/run-tests.sh -j 1 "$path" 2>&1 | tee "$out/again.log" | sed -u "s/^/$suite again /"
		tail -n 1 "$out/again.log" | grep -q '^1 passed, 0 failed' || continue
		unsteady+=("$suite/$(basename "$path")")
		passed=$((passed + 1)) failed=$((failed - 1))
	done
}

# What failed, once more and in short, where a log that is cut off at its beginning still shows it: of each test the
# lines that say why, which the ends of many daemons' logs may follow, and the last lines.
recall()
{
	awk -v suite="$1" -v keep="$RECALLED_LINES" '
		/^\[ *[0-9]+\/[0-9]+\] / { is_bad = /\] FAIL /; if (is_bad) { name = suite " " $0; order[++count] = name } next }
		is_bad && /^        \|/ {
			line = substr($0, 1, 240)
			if (/\| FAIL|Error/ && reasons[name]++ < 5) { reason[name, reasons[name]] = line; at[name, reasons[name]] = total[name] }
			lines[name, total[name]++ % keep] = line
		}
		END { for (i = 1; i <= count; i++) {
			name = order[i]; print name
			from = total[name] > keep ? total[name] - keep : 0
			for (k = 1; k <= 5 && (name, k) in reason; k++) if (at[name, k] < from) print reason[name, k]
			if (from) print "        | ..."
			for (k = from; k < total[name]; k++) print lines[name, k % keep]
		} }' "$out/$1.log"
}

# The names of what failed, in one line that has an end.
failed_names()
{
	local suite

	for suite in "${bad[@]}"; do
		sed -nE "s,^\[[ 0-9/]+\] FAIL ([^ ]+) .*,$suite/\1,p" "$out/$suite.log" | head -n 20
	done | grep -vxF "$(printf '%s\n' "${unsteady[@]:-/}")" | head -n 40 | tr '\n' ' '
}

declare -a first=() second=()
for suite in "${suites[@]}"; do
	rm -f "$out/$suite.log" "$out/$suite.took"
	if is_listed "$suite"; then second+=("$suite"); else first+=("$suite"); fi
done
if [ ${#second[@]} -gt 0 ]; then
	(
		renice -n 10 -p "$BASHPID" >/dev/null
		run_lane "${second[@]}"
	) &
fi
run_lane "${first[@]}"
wait

for suite in "${suites[@]}"; do
	add_up "$suite" || bad+=("$suite")
done
if [ ${#bad[@]} -gt 0 ]; then
	printf '\nwhat failed, and the end of what it said:\n'
	for suite in "${bad[@]}"; do
		recall "$suite"
	done
fi
[ $failed = 0 ] || look_again
printf '\nseconds:'
for suite in "${suites[@]}"; do
	printf ' %s %s' "$suite" "$(cat "$out/$suite.took" 2>/dev/null || echo '?')"
done
printf ', together %s\n' "$SECONDS"
[ ${#unsteady[@]} -eq 0 ] || echo "unsteady, passed when run alone: ${unsteady[*]}"
[ $failed -eq 0 ] || echo "failed: $(failed_names)(the whole output is in $out/<suite>.log)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + failed)) -gt 0 ]

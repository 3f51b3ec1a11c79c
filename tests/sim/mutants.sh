#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# mutants.sh [-n SEEDS] [NAME...] - the mutation gate: every deliberate fault of common/mutations.def must be caught.
#
# Of each mutation only the files that contain it are compiled again; the rest is the release build's. Without any
# mutation the simulator must pass the same seeds. The table says how many seeds it took.
# Mutations that the simulator cannot see, and the test that does, stand in tests/sim/mutants.elsewhere.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/mutants.sh
. tests/lib/mutants.sh

seeds=40000
while getopts n: opt; do
	case $opt in
	n) seeds=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

def=common/mutations.def
out=build/mutants
sim=build/release/tests/sim
elsewhere=tests/sim/mutants.elsewhere
mkdir -p "$out"
make --no-print-directory -j2 "$sim" >"$out/make.log" 2>&1 || {
	tail -n 20 "$out/make.log"
	exit 1
}

# link_line UNIT: how make links that test program; everything but the objects stays the same for a mutant.
link_line()
{
	rm -f "$out/link"
	mv "build/release/tests/$1" "$out/$1.kept"
	make --no-print-directory -n V=1 "build/release/tests/$1" 2>/dev/null | grep -- "-o build/release/tests/$1 "
	mv "$out/$1.kept" "build/release/tests/$1"
}

# objects NAME: compiles the files that have the mutation; prints the objects.
objects()
{
	local name=$1 src obj list=()

	while read -r src; do
		obj=$(find build/release/obj -path "*/obj/*/${src%.c}.o" -printf '%P\n' | head -n1)
		[ -z "$obj" ] || list+=("$out/$name/obj/$obj")
	done < <(grep -rlE "MUTATE\($name\)" --include='*.c' target filterd common)
	[ ${#list[@]} -gt 0 ] || return 1
	make --no-print-directory B="$out/$name" EXTRA_CFLAGS="-DSLUICE_MUTATION=MUTATION_$name" "${list[@]}" \
		>"$out/$name.log" 2>&1 || return 1
	echo "${list[*]}"
}

# build NAME UNIT: the test program with the mutation. Its objects come first, so the archives' are not used.
build()
{
	local name=$1 unit=$2 objs line

	objs=$(objects "$name") || return 1
	line=$(<"$out/link.$unit")
	line=${line/-o build\/release\/tests\/$unit /-o $out/$name/$unit $objs }
	bash -c "$line" >>"$out/$name.log" 2>&1
}

# check NAME: one line of the table in $out/NAME.row, status 0 when caught.
check()
{
	local name=$1 unit found began

	unit=$(sed -nE "s/^$name +([a-z0-9_]+) .*/\1/p" "$elsewhere")
	mkdir -p "$out/$name"
	if ! build "$name" "${unit:-sim}"; then
		printf '%-28s BROKEN   see %s\n' "$name" "$out/$name.log" >"$out/$name.row"
		return 1
	fi
	began=$EPOCHREALTIME
	if [ -n "$unit" ]; then
		if timeout 60 "$out/$name/$unit" >>"$out/$name.log" 2>&1; then
			printf '%-28s MISSED   by %s\n' "$name" "$unit" >"$out/$name.row"
			return 1
		fi
		mutant_time 'data path' "$name" caught "$began" "$unit"
		printf '%-28s caught   by %s\n' "$name" "$unit" >"$out/$name.row"
		return 0
	fi
	timeout 300 "$out/$name/sim" --seed 1 --count "$seeds" --jobs 1 --mutation-expect >>"$out/$name.log" 2>&1
	found=$?
	mutant_time 'data path' "$name" "$([ $found = 0 ] && echo caught || echo MISSED)" "$began" \
		"sim, $(sed -nE 's/^sim: mutation (.*)/\1/p' "$out/$name.log")"
	printf '%-28s %s   %s; %s\n' "$name" "$([ $found = 0 ] && echo 'caught' || echo 'MISSED')" \
		"$(sed -nE 's/^sim: mutation (.*)/\1/p' "$out/$name.log")" \
		"$(grep -m1 -oE 'FAILED.*' "$out/$name.log" | sed -E 's/^FAILED[^:]*: //' | cut -c1-90)" >"$out/$name.row"
	return $found
}

if [ $# -gt 0 ]; then
	names=("$@")
else
	mapfile -t names < <(sed -nE 's/^M\(([A-Z0-9_]+),.*/\1/p' "$def")
fi
mapfile -t units < <({
	echo sim
	sed -nE 's/^[A-Z0-9_]+ +([a-z0-9_]+) .*/\1/p' "$elsewhere"
} | sort -u)
for unit in "${units[@]}"; do
	[ "$unit" = sim ] || make --no-print-directory -j2 "build/release/tests/$unit" >>"$out/make.log" 2>&1
	link_line "$unit" >"$out/link.$unit"
done

# Two at a time; a job's row is read when both are through.
missed=0
for ((i = 0; i < ${#names[@]}; i += 2)); do
	pids=()
	for name in "${names[@]:i:2}"; do
		check "$name" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || missed=$((missed + 1))
	done
	for name in "${names[@]:i:2}"; do
		cat "$out/$name.row"
	done
done
if [ $# -eq 0 ]; then
	if ! timeout 300 "$sim" --seed 1 --count "$seeds" --jobs 2; then
		missed=$((missed + 1))
	fi
fi
echo "mutants: ${#names[@]} faults, $((${#names[@]} - missed)) caught, $missed missed"
[ "$missed" = 0 ]

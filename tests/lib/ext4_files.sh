# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# ext4_files.sh - what a guest's numbered files must be in a copy of its disk. Source it after harness.sh.
#
#   KEPT=N                   the guest removes files that are older than N others
#   files_are_right IMAGE    fails the test when they are not; the newest one's number is in LAST

# The files are 1 to N without a gap, but for those that went; each is what its name says.
files_are_right() {
	local image=$1 file number last=0 lowest=0
	rm -rf "$T/files"
	mkdir "$T/files"
	debugfs -R "rdump / $T/files" "$image" >"$T/debugfs" 2>&1
	# shellcheck disable=SC2012 # names are our own
	for number in $(ls "$T/files" | sed -n 's/^f\([0-9]*\)\..*/\1/p' | sort -n); do
		[ "$lowest" != 0 ] || lowest=$number last=$((number - 1))
		[ "$number" = $((last + 1)) ] || die "file $((last + 1)) is missing before $number"
		last=$number
		file=$(echo "$T/files/f$number."*)
		[ "$(sha256sum <"$file" | cut -c 1-64)" = "${file##*.}" ] || die "file $number has another content"
	done
	[ $((last - lowest)) -ge $((last < KEPT ? last - 1 : KEPT - 1)) ] || die "files before $lowest are missing, up to $last"
	# shellcheck disable=SC2034 # the caller's
	LAST=$last
}

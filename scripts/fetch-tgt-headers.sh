#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fetch-tgt-headers.sh [DIR] - tgt's own source, of the version that is installed, into DIR (build/tgt-src).
#
# A backing-store module is compiled against tgtd's internal structures, and no package ships those headers;
# so they come from the distribution's source package of exactly the installed version. They are never
# part of this repository. The system's apt configuration is read, not changed: its "deb" sources are
# copied as "deb-src" into a folder of our own, with lists and cache of our own.
# Nothing is done when DIR already holds that version.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh

dir=${1:-build/tgt-src}
# The versions whose structures bs_sluice.so has been checked against.
known_versions="1.0.85"

command -v dpkg-query >/dev/null ||
	die "tgt's headers come from a Debian source package; on this system unpack the source of your tgt" \
		"into $dir so that $dir/usr/tgtd.h exists."
version=$(dpkg-query -W -f '${source:Version}' tgt 2>/dev/null)
[ -n "$version" ] || die "the package tgt is not installed; run \"sudo scripts/install-deps.sh build\"."

[ "$(cat "$dir/.version" 2>/dev/null)" = "$version" ] && [ -f "$dir/usr/tgtd.h" ] && exit 0

upstream=${version#*:}
upstream=${upstream%-*}
[[ " $known_versions " == *" $upstream "* ]] ||
	die "tgt $upstream is installed, but the module is written for tgt $known_versions: install that version" \
		"(Debian 12 has it), or check target/ against the new one and add it to scripts/fetch-tgt-headers.sh."
for tool in apt-get dpkg-source flock; do
	command -v "$tool" >/dev/null ||
		die "$tool is missing; run \"sudo scripts/install-deps.sh build\"."
done

mkdir -p "$(dirname "$dir")" || die "cannot make the folder of $dir."
# Two makes at once: the second waits, and finds the work done.
exec 9>"$dir.lock" || die "cannot write $dir.lock; is build/ owned by another user?"
flock 9
[ "$(cat "$dir/.version" 2>/dev/null)" = "$version" ] && [ -f "$dir/usr/tgtd.h" ] && exit 0

work=$(mktemp -d "$dir.XXXXXX") || die "cannot make a temporary folder beside $dir."
work=$(cd "$work" && pwd)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/parts" "$work/get"

# Both styles that apt reads: one-line "deb [options] uri suite ..." and deb822 stanzas with "Types:".
copy_sources()
{
	local file name

	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] || continue
		name=list-$(basename "$file" .list)
		sed -nE 's/^[[:space:]]*deb([[:space:]])/deb-src\1/p' "$file" >"$work/parts/$name.list"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] || continue
		sed -E 's/^(Types:).*/\1 deb-src/I' "$file" >"$work/parts/$(basename "$file")"
	done
}

apt()
{
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" \
		-o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=2 "$@" >>"$work/log" 2>&1 </dev/null
}

say "fetching the source of tgt $version for its headers"
copy_sources
if ! apt update -o APT::Update::Error-Mode=any; then
	# A third party's repository that has no sources is no reason to stop; one without any answer is.
	grep -qE '^(Hit|Get):' "$work/log" ||
		die "the package servers could not be reached ($(grep -m1 -E '^(E|W|Err)' "$work/log"));" \
			"check the network and /etc/apt, then run it again."
fi
(cd "$work/get" && apt source --download-only "tgt=$version") ||
	die "no source package of tgt $version was found ($(grep -m1 '^E:' "$work/log" | cut -c4-)); check the" \
		"network, or update the installed tgt with \"sudo apt-get install tgt\" and run it again."
dpkg-source --no-check -x "$work"/get/tgt_*.dsc "$work/src" >>"$work/log" 2>&1 ||
	die "the source package of tgt could not be unpacked ($(tail -n1 "$work/log"))."
[ -f "$work/src/usr/tgtd.h" ] || die "the source of tgt $version holds no usr/tgtd.h; this version is not known."

printf '%s\n' "$version" >"$work/src/.version"
rm -rf "$dir"
mv "$work/src" "$dir" || die "cannot move the headers to $dir."
say "tgt $version: headers in $dir"

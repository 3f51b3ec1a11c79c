#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# Built a second time, in another folder, at another time, under another umask and locale, the packages are the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v dpkg-buildpackage >/dev/null || {
	echo "skip: dpkg-dev is missing"
	exit 77
}
again=$(mktemp -d "$PWD/build/deb-again.XXXXXX")
trap 'rm -rf "$again"' EXIT
deb=$(compgen -G 'build/deb/sluice_[0-9]*_amd64.deb' | head -n 1)
[ -n "$deb" ] || {
	echo "skip: there is no package yet; say: make deb"
	exit 77
}
# The first build's own date and sources: the tree may have gone on since.
umask 027
SOURCE_DATE_EPOCH=$(cat build/deb/epoch) \
	LC_ALL=C.UTF-8 TZ=Pacific/Auckland LINTIAN=0 FROM=build/deb/source.tar OUT="$again/out" scripts/make-deb.sh
differs=0
for file in build/deb/*.deb; do
	cmp "$file" "$again/out/$(basename "$file")" || differs=1
done
[ "$differs" = 0 ]

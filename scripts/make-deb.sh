#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-deb.sh - builds the Debian packages into build/deb (OUT=), and runs lintian over them.
#
#   VERSION=0.1    another version than common/release.h says     LINTIAN=0    without lintian
#   FROM=         a tree packed earlier (build/deb/source.tar), to build the same once more
#   CCACHE=ccache  takes what was compiled before from the compiler's cache
#   COMMIT=        another commit than the last, with today's packaging
#
# Same bytes each time: the date of everything is that of the last commit (SOURCE_DATE_EPOCH), and no path of this
# machine gets in.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=${OUT:-build/deb}
version=${VERSION:-$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' common/release.h)}
tree=$out/tree/sluice
export CCACHE=${CCACHE:-}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y packaging/debian/changelog)}

scripts/fetch-tgt-headers.sh
say "building sluice $version for Debian"
mkdir -p "$out"
rm -f "$out"/*.deb "$out"/*.buildinfo "$out"/*.changes
if [ -n "${FROM:-}" ]; then
	rm -rf "$tree"
	mkdir -p "$tree"
	tar -x -C "$tree" -f "$FROM"
else
	scripts/package-tree.sh "$tree"
	tar -c -C "$tree" -f "$out/source.tar" .
	echo "$SOURCE_DATE_EPOCH" >"$out/epoch"
fi
cp -a "$tree/packaging/debian" "$tree/debian"
sed -i "1s/(.*)/($version)/; s/^ -- \(.*>\)  .*/ -- \1  $(date -u -R -d "@$SOURCE_DATE_EPOCH")/" "$tree/debian/changelog"
sed -i "s/@VERSION@/$version/" "$tree"/debian/*.preinst
# Whoever builds, and with whichever umask: the files in the packages are the same.
umask 022
(cd "$tree" && DEB_BUILD_OPTIONS="parallel=$(nproc)" dpkg-buildpackage -b -us -uc -rfakeroot) >"$out/build.log" 2>&1 || {
	tail -n 25 "$out/build.log" >&2
	die "the packages could not be built; all of it is in $out/build.log."
}
mv "$out"/tree/*.deb "$out"/tree/*.buildinfo "$out"/tree/*.changes "$out/"
rm -rf "$out/tree"
if [ "${LINTIAN:-1}" != 0 ]; then
	lintian --pedantic --display-info --fail-on=error,warning,info,pedantic --allow-root "$out"/*.changes ||
		die "lintian has remarks."
fi
say "packages in $out: $(cd "$out" && echo *.deb)"

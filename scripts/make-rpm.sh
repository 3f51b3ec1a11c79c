#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-rpm.sh - builds the RPMs for the Fedora and EL family into build/rpm (OUT=), and runs rpmlint over them.
#
# Built where this runs, with its libraries: on Debian that shows that spec, file lists and scriptlets are right; what is
# to run on Fedora is built there, by the same command or in mock.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=$(realpath -m "${OUT:-build/rpm}")
version=${VERSION:-$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"/\1/p' common/release.h)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y packaging/rpm/sluice.spec)}

[ ! -e scripts/fetch-tgt-headers.sh ] || scripts/fetch-tgt-headers.sh
say "building sluice $version as RPM"
rm -rf "$out"
mkdir -p "$out"/{SOURCES,SPECS,BUILD,RPMS,SRPMS}
if [ -n "${FROM:-}" ]; then
	mkdir -p "$out/BUILD/tree/sluice-$version"
	tar -x -C "$out/BUILD/tree/sluice-$version" -f "$FROM"
else
	scripts/package-tree.sh "$out/BUILD/tree/sluice-$version"
fi
tar -c -z -C "$out/BUILD/tree" -f "$out/SOURCES/sluice-$version.tar.gz" "sluice-$version"
cp packaging/rpm/sluice.spec "$out/SPECS/"
more=()
# Debian's rpm knows none of Fedora's packages, so their names cannot be asked for.
[ ! -e /etc/debian_version ] || more=(--with debian_builder --nodeps)
rpmbuild -ba --define "_topdir $out" --define "sluice_version $version" --define "_smp_mflags -j$(nproc)" \
	--define "_build_id_links none" --define "debug_package %{nil}" --define "clamp_mtime_to_source_date_epoch 1" \
	--define "use_source_date_epoch_as_buildtime 1" --define "_buildhost sluice" "${more[@]}" \
	"$out/SPECS/sluice.spec" >"$out/build.log" 2>&1 </dev/null || {
	tail -n 25 "$out/build.log" >&2
	die "the RPMs could not be built; all of it is in $out/build.log."
}
rm -rf "$out/BUILD"
if [ "${RPMLINT:-1}" != 0 ] && command -v rpmlint >/dev/null; then
	rpmlint -c packaging/rpm/rpmlint.toml "$out"/RPMS/*/*.rpm "$out"/SRPMS/*.rpm packaging/rpm/sluice.spec >"$out/rpmlint.log" 2>&1 || {
		grep -E ': [EW]: |rror' "$out/rpmlint.log" >&2
		die "rpmlint has remarks."
	}
	if grep -E ': [EW]: ' "$out/rpmlint.log" >&2; then
		die "rpmlint has remarks."
	fi
fi
say "RPMs in $out/RPMS: $(cd "$out/RPMS" && echo */*.rpm)"

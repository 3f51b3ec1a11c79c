#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make-package-root.sh - build/packages/root: a fresh Debian to install the packages into, with apt's lists and with
# what our package depends on downloaded but not installed, so that tests install with apt and without a network.
#
# Does nothing when it is there for these dependencies.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

out=build/packages
deb=$(echo build/deb/sluice_*_amd64.deb)
[ -f "$deb" ] || die "there is no package yet; say: make deb."
key=$(dpkg-deb -f "$deb" Depends | sha256sum)
if [ "$(cat "$out/root.key" 2>/dev/null)" = "$key" ] && [ -d "$out/root" ]; then
	exit 0
fi
say "making a fresh Debian in $out/root"
rm -rf "$out/root" "$out/root.key"
mkdir -p "$out"
# shellcheck disable=SC2016 # $1 is mmdebstrap's: the root
scripts/debian-sources.sh | mmdebstrap --quiet --variant=apt --skip=cleanup/apt --include=systemd,debconf \
	--customize-hook="upload $deb /sluice.deb" \
	--customize-hook='chroot "$1" apt-get install -q -y --no-install-recommends --download-only /sluice.deb >/dev/null' \
	--customize-hook='rm "$1/sluice.deb"' bookworm "$out/root" - ||
	die "a fresh Debian could not be made; check the network and /etc/apt."
echo "$key" >"$out/root.key"

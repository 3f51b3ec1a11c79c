#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# What systemd says about the units: exposure within the limits, and no line that it does not understand.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v systemd-analyze >/dev/null || {
	echo "skip: systemd-analyze is missing"
	exit 77
}
faults=0
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/lib/systemd/system" "$tree/usr/sbin"
cp "$root"/packaging/systemd/*.service "$tree/lib/systemd/system/"

# unit, most exposure allowed
while read -r unit most; do
	line=$(systemd-analyze security --offline=yes "$root/packaging/systemd/$unit" 2>&1 | tail -n 1)
	exposure=$(sed -nE 's/.*: ([0-9.]+) .*/\1/p' <<<"$line")
	echo "$unit: exposure ${exposure:-?} of at most $most"
	awk -v e="${exposure:-10}" -v m="$most" 'BEGIN { exit !(e <= m) }' || {
		echo "$unit is more exposed than $most: $line"
		faults=1
	}
done <<-'UNITS'
	sluice-policyd.service 2.0
	sluice-webd.service 2.0
	sluice-filterd.service 3.0
	sluice-egressd.service 3.0
UNITS

# A program that the units start must not be missing on this machine for verify: take our own place for it.
for unit in "$tree"/lib/systemd/system/sluice-*.service; do
	sed -i -E 's|^ExecStart=/usr/sbin/[^ ]+|ExecStart=/bin/true|' "$unit"
	remarks=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -F "$(basename "$unit")" || true)
	[ -z "$remarks" ] || {
		echo "$remarks"
		faults=1
	}
done

# Each lifted restriction has its reason beside it.
for unit in "$root"/packaging/systemd/*.service; do
	awk '/^(ProtectSystem=full|DeviceAllow=block|SupplementaryGroups=disk|User=root|CapabilityBoundingSet=CAP|ProtectProc=default)/ {
		if (said !~ /Exception|Group/) { print FILENAME ": no reason stands before " $0; bad = 1 } }
		/^#/ { said = said " " $0 } /^$/ { said = "" } END { exit bad }' "$unit" || faults=1
done
[ "$faults" = 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
# The disk under the database is full: changes are refused with a sentence and leave nothing half done, reading and
# I/O go on, and with space it works again by itself.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

mkdir -p "$T/policy"
mount -t tmpfs -o size=6M tmpfs "$T/policy"
at_exit "umount -l $T/policy"
expect_error 'full|No space|space'
start_appliance
host_make before "$INITIATOR"
volume_make v1 16777216 '"hosts":["before"]'
settled

dd if=/dev/zero of="$T/policy/ballast" bs=4k status=none 2>/dev/null || true
refused=0
for ((i = 0; i < 200; i++)); do
	api POST /hosts "{\"name\":\"h$i\",\"iqn\":\"iqn.2026-01.test:h$i\",\"description\":\"$(printf 'x%.0s' {1..200})\"}" >/dev/null
	case $STATUS in
	201 | 202 | 200) continue ;;
	507) refused=1 && break ;;
	*) die "a full disk gives status $STATUS: $(cat "$T/api.body")" ;;
	esac
done
[ "$refused" = 1 ] || die "200 hosts fitted on a full disk"
jq -e '.code and (.detail | test("full|space"))' "$T/api.body" >/dev/null || die "the refusal does not say that the disk is full: $(cat "$T/api.body")"
api_ok GET "/hosts/before" >/dev/null
api GET "/hosts/h$i" >/dev/null
[ "$STATUS" = 404 ] || die "the refused host is there"
timeout 20 qemu-img info --image-opts "driver=iscsi,transport=tcp,portal=127.0.0.1:$PORTAL_PORT,lun=1,initiator-name=$INITIATOR,target=$(api_ok GET /volumes/v1 | jq -r .target.iqn)" >/dev/null ||
	die "I/O stopped with the database's disk"

rm "$T/policy/ballast"
api_ok POST /hosts '{"name":"after","iqn":"iqn.2026-01.test:after"}' >/dev/null
policyd_stop
policyd_start
api_ok GET /hosts/after >/dev/null

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A volume's content goes in from a file and from a client, out to both, and into a clone, unchanged.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance

MIB=1048576
head -c $((5 * MIB)) /dev/urandom >"$T/transfer/in.raw"
truncate -s $((40 * MIB)) "$T/transfer/in.raw"
head -c $((2 * MIB)) /dev/urandom >>"$T/transfer/in.raw"
truncate -s $((64 * MIB)) "$T/transfer/in.raw"
volume_make v0 $((64 * MIB))

api_ok GET /transfers/files >/dev/null
[ "$(jget '.items[0].name')" = in.raw ] || die "in.raw is not listed: $(cat "$T/api.body")"

note "import from a file"
api_ok POST /volumes/v0/import '{"file":"in.raw"}' >/dev/null
task_done
note "export to a file"
api_ok POST /volumes/v0/export '{"file":"out.raw"}' >/dev/null
task_done
cmp "$T/transfer/in.raw" "$T/transfer/out.raw" || die "export differs from import"
[ "$(stat -c %b "$T/transfer/out.raw")" -lt $((20 * MIB / 512)) ] || die "the export's holes take space"
api_refused 409 POST /volumes/v0/export '{"file":"out.raw"}' | jq -r .detail

note "clone"
api_ok POST /volumes '{"name":"v1","clone_of":"v0"}' >/dev/null
task_done
note "download of the clone"
api GET /volumes/v1/content >/dev/null
cmp "$T/transfer/in.raw" "$T/api.body" || die "the clone differs from its source"
grep -qi "^content-length: $((64 * MIB))" "$T/api.head" || die "no length: $(cat "$T/api.head")"

note "upload"
head -c $((7 * MIB)) /dev/urandom >"$T/up.raw"
is_free() { api GET "/volumes/$1" >/dev/null && [ "$(jget .transfer)" = "" ]; }
wait_until 10 "v1 to be free" is_free v1
curl -s --unix-socket "$POLICYD_SOCKET" -T "$T/up.raw" -H "Content-Type: application/octet-stream" \
	http://localhost/api/v1/volumes/v1/content >"$T/api.body"
task_done
api GET /volumes/v1/content >"$T/null" || die "no download"
cmp -n $((7 * MIB)) "$T/up.raw" "$T/api.body" || die "what was uploaded is not what is there"
# An import is the whole content: where the input ends, zeros begin.
cmp -n $((57 * MIB)) -i $((7 * MIB)):0 "$T/api.body" /dev/zero || die "old data behind the upload"

note "the volume is exported again"
settled
wait_until 10 "v0 to be free" is_free v0
api_ok GET /volumes/v0 >/dev/null
[ "$(jget .running_state)" = online ] || die "v0 is $(jget .running_state)"

note "a volume that is stopped stays so"
api_ok POST /volumes/v0/stop >/dev/null
task_done
api_ok POST /volumes/v0/export '{"file":"stopped.raw"}' >/dev/null
task_done
cmp "$T/transfer/in.raw" "$T/transfer/stopped.raw" || die "the export of a stopped volume differs"
is_offline() { api GET /volumes/v0 >/dev/null && [ "$(jget '.desired_state + .running_state + .transfer')" = offlineoffline ]; }
wait_until 20 "v0 to be offline again" is_offline

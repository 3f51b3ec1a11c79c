#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# Many clients at once: one name is created once, one ETag is used once, and nobody sees an internal error.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
CLIENTS=30

# at_once METHOD PATH JSON [option...]   the statuses of all clients, sorted and counted
at_once() {
	local i method=$1 path=$2 body=$3
	shift 3
	for ((i = 0; i < CLIENTS; i++)); do
		curl -s -m 60 -o "$T/body.$i" -w '%{http_code}\n' --unix-socket "$POLICYD_SOCKET" -X "$method" "$@" \
			-H "Content-Type: application/json" -d "${body//@/$i}" "http://localhost/api/v1$path" &
	done >"$T/statuses"
	# shellcheck disable=SC2046 # a list of process ids
	wait $(jobs -pr | grep -vxF -f <(printf '%s\n' "${PID_OF[@]}"))
	sort "$T/statuses" | uniq -c | while read -r count status; do echo "$status:$count"; done | paste -sd ' '
}

same=$(at_once POST /volumes '{"name":"v0","datastore":"main","size_bytes":1048576}')
expect "one name" "202:1 409:$((CLIENTS - 1))" "$same"
others=$(at_once POST /volumes '{"name":"w@","datastore":"main","size_bytes":1048576}')
expect "names of their own" "202:$CLIENTS" "$others"
hosts=$(at_once POST /hosts '{"name":"h@","iqn":"iqn.2026-01.test:same"}')
expect "one IQN" "202:1 409:$((CLIENTS - 1))" "$hosts"

api_ok GET /volumes/v0 >/dev/null
etag=$(sed -n 's/^[Ee][Tt]ag: *\([^\r]*\).*/\1/p' "$T/api.head")
changes=$(at_once PATCH /volumes/v0 '{"description":"by @"}' -H "If-Match: $etag")
expect "one ETag" "200:1 412:$((CLIENTS - 1))" "$changes"
settled
api_ok GET "/volumes?limit=1" >/dev/null
[ "$(jget .total)" = $((CLIENTS + 1)) ] || die "$(jget .total) volumes"

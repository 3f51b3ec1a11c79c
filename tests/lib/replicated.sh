# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2153 # variables for the tests that source this; $STATUS is two.sh's
#
# replicated.sh - two whole appliances, paired and replicating by REST. Source it after harness.sh, two.sh, replica.sh.
#
#   appliances_start                two appliances, a and b: filterd, tgtd, policyd; datastore d0 and a host on each
#   appliances_pair                 b joins a by a code, by REST
#   replicated NAME SIZE [MEMBERS]  volume NAME on a, replication r-NAME to b with JSON MEMBERS, until it is active
#   rep NODE REPLICATION JQ         a member of GET /replications/{name}
#   rep_is NODE REPLICATION JQ VALUE   for wait_until
#   exports NODE VOLUME             true if its target has a LUN
#   refused_on NODE STATUS METHOD PATH [JSON]
#   disk_url NODE VOLUME            its iscsi:// URL there, for "on NODE", once it is exported
#   follow NODE VOLUME              the switch (see replica.sh) leads there once NODE exports it; FOLLOWED_URL through it
#   task_fails_on NODE REGEX        the task of the last answer there ends, with such an error
# Target names of a volume are the same on both: REP_IQN_BASE.
REP_INITIATOR=iqn.2025-01.test.sluice:initiator # that of tests/tools
REP_IQN_BASE=iqn.2026-01.org.sluice:pair

appliance_ready() {
	local name=$1
	mkdir -p "$T/$name/d0"
	policyd_on "$name" --iqn-base "$REP_IQN_BASE"
	api_ok_on "$name" POST /datastores "{\"name\":\"d0\",\"type\":\"dir\",\"path\":\"$T/$name/d0\"}" >/dev/null
	task_done_on "$name"
	api_ok_on "$name" POST /hosts "{\"name\":\"h1\",\"iqn\":\"$REP_INITIATOR\"}" >/dev/null
	task_done_on "$name"
}
appliances_start() {
	local name
	for name in a b; do
		node_start "$name"
		tgtd_on "$name"
		appliance_ready "$name"
	done
}
peer_is_paired() { api_ok_on "$1" GET "/peers/$2" >/dev/null 2>&1 && [ "$(jq -r .state "$T/$1/api.body")" = paired ]; }
appliances_pair() {
	local code
	api_ok_on a POST /peers/offers '{"name":"b"}' >/dev/null
	code=$(jq -r .code "$T/a/api.body")
	api_ok_on b POST /peers "{\"name\":\"a\",\"address\":\"$(address_of a)\",\"code\":\"$code\"}" >/dev/null
	task_done_on b
	wait_until 20 "a to know b" peer_is_paired_quietly a b
	wait_until 20 "b to know a" peer_is_paired_quietly b a
}
peer_is_paired_quietly() { (peer_is_paired "$@") 2>/dev/null; }
rep() { (api_on "$1" GET "/replications/$2") | jq -r "$3"; }
rep_is() { [ "$(rep "$1" "$2" "$3" 2>/dev/null)" = "$4" ]; }
replicated() {
	local name=$1
	api_ok_on a POST /volumes "{\"name\":\"$name\",\"datastore\":\"d0\",\"size_bytes\":$2,\"hosts\":[\"h1\"]}" >/dev/null
	task_done_on a
	api_ok_on a POST /replications "{\"name\":\"r-$name\",\"peer\":\"b\",\"volumes\":[\"$name\"],\"journal_bytes\":67108864${3:+,$3}}" >/dev/null
	task_done_on a
}
target_iqn() { (api_on "$1" GET "/volumes/$2") | jq -r .target.iqn; }
exports() { adm_on "$1" --op show --mode target | finds "Backing store path: $2\$"; }
exports_not() { ! exports "$@"; }
refused_on() {
	local node=$1 status=$2
	shift 2
	api_on "$node" "$@" >/dev/null
	[ "$STATUS" = "$status" ] || die "$node: $*: status $STATUS instead of $status: $(cat "$T/$node/api.body")"
}
rep_is_one_of() {
	local is
	is=$(rep "$1" "$2" "$3" 2>/dev/null)
	[ "$is" = "$4" ] || [ "$is" = "$5" ]
}
disk_url() {
	api_ok_on "$1" GET "/volumes/$2" >/dev/null
	jq -r '"iscsi://127.0.0.1:3260/\(.target.iqn)/\(.target.lun)"' "$T/$1/api.body"
}
follow() {
	local node=$1 url
	wait_until 30 "$node to export $2" exports "$node" "$2"
	url=$(disk_url "$node" "$2")
	FOLLOWED_URL=${url/3260/3300}
	if [ -z "${PID_OF[switch]:-}" ]; then
		switch_start "$node"
	else
		switch_to "$node"
	fi
}
task_fails_on() {
	local id
	id=$(jq -r '.task_id // empty' "$T/$1/api.body")
	[ -n "$id" ] || die "$1: there is no task in: $(cat "$T/$1/api.body")"
	wait_until 60 "task $id of $1 to end" task_is_over_on "$1" "$id"
	jq -e --arg re "$2" '.state == "failed" and (.error_text | test($re))' "$T/$1/task.json" >/dev/null ||
		die "$1: task $id was to fail by $2: $(cat "$T/$1/task.json")"
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# console.sh - a browser before a whole appliance. Source it after harness.sh and appliance.sh.
#
#   console_daemons            everything runs, nothing is set up
#   console_start              the same with users and an address for hosts
#   console_seed               something of everything, so that no view is empty; volumes gold, silver, bronze ...
#   console_users              anna (admin), otto (operator), vera (viewer); the password is $CONSOLE_PASSWORD
#   console_load NAME VOLUME [iscsi_bench option...]   a load in the background until the test ends
#   browse SCRIPT [argument...]   tests/console/SCRIPT.mjs with what it needs to know in its environment; $BROWSE_LIMIT_S
#                              is that of a machine of one's own, as all limits
CONSOLE_PASSWORD='red house nine oaks'
CLIENT_IQN=iqn.2025-01.test.sluice:initiator

console_daemons() {
	command -v chromium >/dev/null || die "chromium is missing; run \"sudo scripts/install-deps.sh test\"."
	[ -d "$ROOT/build/npm-dev/node_modules/playwright-core" ] || die "build/npm-dev is missing; say: make console-tools"
	need_tools iscsi_bench
	filterd_start
	tgtd_start a
	policyd_start
	webd_start --rate 2000 --attempts 1000
}

console_start() {
	console_daemons
	console_users
	api_ok POST /portals "{\"address\":\"127.0.0.1\",\"port\":$PORTAL_PORT}" >/dev/null
	mkdir -p "$T/main" "$T/flash"
}

# user_make NAME ROLE
user_make() {
	api_ok POST /users "{\"name\":\"$1\",\"role\":\"$2\",\"password\":\"$CONSOLE_PASSWORD\"}" >/dev/null
}
console_users() {
	user_make anna admin
	user_make otto operator
	user_make vera viewer
}

is_there() { api GET "$1" >/dev/null && [ "$STATUS" = 200 ]; }

console_datastores() {
	api_ok POST /datastores "{\"name\":\"main\",\"type\":\"dir\",\"path\":\"$T/main\",\"is_buffered\":true,
		\"description\":\"Everything that needs no other place\",\"overcommit_limit_pct\":400}" >/dev/null
	task_done
	api_ok POST /datastores '{"name":"scratch","type":"mem","description":"Gone after a restart"}' >/dev/null
	task_done
	wait_until 30 "the filters to be known" is_there /filters/io_control
	wait_until 30 "the samples" is_there /policies/write-back-cache
	api_ok PUT /datastores/main/filters/cache "{\"parameters\":{\"flash_path\":\"$T/flash\",\"flash_bytes\":\"1G\",\"ram_bytes\":\"64M\"}}" >/dev/null
	task_done
	api_ok PUT /datastores/main/filters/io_control \
		'{"parameters":{"enabled":true,"threshold_mode":"manual","threshold_us":20000}}' >/dev/null
	task_done
}

console_policies_plain() {
	api_ok POST /policies '{"name":"limited","description":"Nobody is disturbed by these","rules":[
		{"filter":"io_control","on_failure":"bypass","parameters":{"limit_iops":"200"}}]}' >/dev/null
}
console_policies() {
	api_ok POST /policies '{"name":"database","description":"Write-back cache and a large part of the datastore","rules":[
		{"filter":"cache","parameters":{"mode":"write_back","flash_bytes":"64M","ram_bytes":"16M","destage_age_ms":"600000"}},
		{"filter":"io_control","on_failure":"bypass","parameters":{"shares_level":"high","limit_iops":"500"}}]}' >/dev/null
	console_policies_plain
	api_ok POST /policies '{"name":"sealed","description":"Encrypted with the key of the house","rules":[
		{"filter":"encryption","parameters":{"key_id":"house"}}]}' >/dev/null
}

console_keys() {
	api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",
		\"passphrase\":\"$CONSOLE_PASSWORD\",\"description\":\"The keystore of this appliance\"}" >/dev/null
	task_done
	api_ok POST /keys '{"name":"house","provider":"vault","description":"For everything that leaves the house"}' >/dev/null
	task_done
}

console_seed() {
	local MIB=1048576 name
	console_datastores
	console_keys
	console_policies
	api_ok POST /hosts "{\"name\":\"esx-01\",\"iqn\":\"$CLIENT_IQN\",\"description\":\"Rack 4\"}" >/dev/null
	host_make esx-02 iqn.1998-01.com.vmware:esx-02 '"chap_user":"esx-02","generate_chap_secret":true'
	host_make esx-03 iqn.1998-01.com.vmware:esx-03
	host_make kvm-01 iqn.1993-08.org.debian:01:kvm-01 '"addresses":["10.0.0.0/24"]'
	api_ok POST /host-groups '{"name":"cluster-a","description":"All of rack 4","members":["esx-01","esx-03"]}' >/dev/null
	volume_make gold $((256 * MIB)) '"host_groups":["cluster-a"],"policy":"database","description":"Orders"'
	volume_make silver $((512 * MIB)) '"hosts":["esx-01","kvm-01"],"policy":"limited"'
	volume_make bronze $((1024 * MIB)) '"hosts":["esx-01"]'
	volume_make secrets $((128 * MIB)) '"hosts":["esx-01"],"policy":"sealed"'
	volume_make archive $((4096 * MIB)) '"desired_state":"offline","description":"Kept for the auditors"'
	api_ok POST /webhooks '{"name":"pager","url":"https://pager.example.org/hook","min_severity":"error","kinds":["alert.*"]}' >/dev/null
	api_ok POST /tokens '{"name":"backup-job","role":"operator","expires_in_s":864000}' >/dev/null
	api_ok POST /peers '{"name":"second-site","address":"192.0.2.20","description":"The other building"}' >/dev/null
	api_ok POST /backups >/dev/null
	settled
	for name in monday tuesday; do
		api_ok POST /volumes/silver/snapshots "{\"name\":\"$name\"}" >/dev/null
		task_done
	done
	api_ok POST /snapshot-groups '{"name":"together","volumes":["silver"]}' >/dev/null
	task_done
	api_ok POST /snapshot-schedules '{"name":"nightly","every":"day","at":"02:00","keep_daily":7,"keep_weekly":4,"volumes":["silver"]}' >/dev/null
}

console_load() {
	local name=$1 volume=$2
	shift 2
	start_bg "load-$name" "$(tool iscsi_bench)" --bytes 4096 --depth 4 --write-pct 30 --seconds 3600 \
		--region-bytes 67108864 "$@" "$(lun_url "$volume")"
}

browse() {
	local script=$1
	shift
	CONSOLE_URL=https://127.0.0.1:$WEB_PORT CONSOLE_PASSWORD=$CONSOLE_PASSWORD CONSOLE_T=$T CONSOLE_ROOT=$ROOT \
		POLICYD_SOCKET=$POLICYD_SOCKET CONSOLE_IQN=$CLIENT_IQN SETUP_TOKEN=$(cat "$RUN_DIR/setup-token" 2>/dev/null || true) \
		timeout -k 5 "$((${BROWSE_LIMIT_S:-130} * ${SLUICE_PATIENCE:-3}))" node "$ROOT/tests/console/$script.mjs" "$@" || die "$script: see above"
}

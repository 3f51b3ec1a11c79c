#!/bin/bash
# SPDX-License-Identifier: MIT
# What REST and the command line say is what a real initiator meets: a volume that was made can be written, access
# that was withdrawn ends in a refused login, a grown one shows its size, a policy changes the chain under I/O
# without an error, CHAP is asked for, a deleted one is gone.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"
need_tools verify_load scsi_sh

LOADER=iqn.2025-01.test.sluice:initiator # what our tools call themselves
# image_opts IQN-OF-INITIATOR VOLUME [more]
image_opts() {
	echo "driver=iscsi,transport=tcp,portal=127.0.0.1:$PORTAL_PORT,lun=1,initiator-name=$1,target=$(sluice --json volume show "$2" | jq -r .target.iqn)${3:+,$3}"
}
size_of() { timeout 20 qemu-img info --output json --image-opts "$(image_opts "$@")" | jq '."virtual-size"'; }
refused() { ! timeout 20 qemu-img info --image-opts "$(image_opts "$@")" >"$T/refused" 2>&1; }
filters_of() { sluice --json volume chain "$1" | jq -r '[.filters[]?.filter] | sort | join(" ")'; }
has_filters() { [ "$(filters_of "$1")" = "$2" ]; }

start_appliance
sluice host create loader --iqn "$LOADER" >/dev/null
sluice host create other --iqn "$INITIATOR" >/dev/null
sluice volume create v1 --datastore main --size 64M --host loader >/dev/null
URL=$(lun_url v1)

# Made: written and read. Nobody else gets in.
[ "$(size_of "$LOADER" v1)" = 67108864 ] || die "v1 has another size than asked for"
refused "$INITIATOR" v1 || die "a host without access got in"
load_start load --sessions 1 --depth 8 --zero --blocks 65536 "$URL"

# A policy, put on, changed and taken off under I/O.
api_ok POST /policies '{"name":"slow","rules":[{"filter":"delay","parameters":{"read_us":"100"}}]}' >/dev/null
sluice volume policy set v1 slow >/dev/null
settled
wait_until 10 "the delay filter in the chain" has_filters v1 delay
load_moves load 100
api_ok PATCH /policies/slow '{"rules":[{"filter":"delay","parameters":{"read_us":"200"}},{"filter":"trace"}]}' >/dev/null
api_ok GET /volumes/v1 >/dev/null
[ "$(jget .compliance.status)" = out_of_date ] || wait_until 20 "v1 to be out of date" sh -c "curl -s --unix-socket '$POLICYD_SOCKET' http://localhost/api/v1/volumes/v1 | jq -e '.compliance.status == \"out_of_date\"'"
has_filters v1 delay || die "an edited policy was applied by itself"
api_ok POST /policies/slow/apply '{}' >/dev/null
task_done
wait_until 10 "both filters in the chain" has_filters v1 "delay trace"
api_ok GET /volumes/v1/chain >/dev/null
load_moves load 100

# Grown under I/O.
sluice volume set v1 --size 128M >/dev/null
[ "$(size_of "$LOADER" v1)" = 134217728 ] || die "the initiator does not see the growth"

api_ok DELETE /volumes/v1/policy >/dev/null
task_done
wait_until 10 "an empty chain" has_filters v1 ""
load_moves load 100
load_end load 60

# Access withdrawn: the login is refused, the session that there was is ended.
api_ok PUT /volumes/v1/access '{"hosts":["other"],"host_groups":[]}' >/dev/null
task_done
refused "$LOADER" v1 || die "the host whose access was withdrawn gets in"
[ "$(size_of "$INITIATOR" v1)" = 134217728 ] || die "the host that has access now does not get in"

# CHAP: without, with the wrong and with the right secret, and after it was changed.
api_ok PATCH /hosts/other '{"chap_user":"other","chap_secret":"first-secret-1"}' >/dev/null
task_done
refused "$INITIATOR" v1 || die "CHAP is not asked for"
refused "$INITIATOR" v1 "user=other,password-secret=wrong" || die "a wrong secret gets in"
qemu_chap() {
	timeout 20 qemu-img info --object "secret,id=s0,data=$1" \
		--image-opts "$(image_opts "$INITIATOR" v1 "user=other,password-secret=s0")" >"$T/chap" 2>&1
}
qemu_chap first-secret-1 || die "the right secret is refused: $(cat "$T/chap")"
qemu_chap first-secret-2 && die "a wrong secret gets in"
api_ok PATCH /hosts/other '{"chap_secret":"second-secret2"}' >/dev/null
task_done
qemu_chap first-secret-1 && die "the old secret still gets in"
qemu_chap second-secret2 || die "the new secret is refused: $(cat "$T/chap")"
grep -rl -e first-secret-1 -e second-secret2 "$T"/*.log "$T/policy" && die "a secret stands in a log or in the database"

# Stopped: no target. Started: there again. Deleted: gone for good.
sluice volume stop v1 >/dev/null
qemu_chap second-secret2 && die "a stopped volume can be reached"
sluice volume start v1 >/dev/null
qemu_chap second-secret2 || die "a started volume cannot be reached: $(cat "$T/chap")"
opts=$(image_opts "$INITIATOR" v1 "user=other,password-secret=s0")
sluice volume delete v1 --yes >/dev/null
timeout 20 qemu-img info --object secret,id=s0,data=second-secret2 --image-opts "$opts" >"$T/chap" 2>&1 &&
	die "a deleted volume can be reached"
grep -q 'not found\|No such' "$T/chap" || finds -i target "$T/chap" || die "refused for another reason: $(cat "$T/chap")"
ls "$T/main/v1.img" 2>/dev/null && die "a deleted volume's image is still there"
api_ok GET '/audit?limit=200' >/dev/null
[ "$(jget '[.items[] | select(.method == "DELETE" and .object_name == "v1")] | length')" -ge 1 ] || die "the deletion is not in the audit log"

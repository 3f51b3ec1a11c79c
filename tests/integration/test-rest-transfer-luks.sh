#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# An encrypted volume is exported in the format luks through REST and the command line: what is in the file is what is on
# the datastore, with a LUKS2 header in front and no holes, and nothing of it is in clear. It can be cancelled. A volume
# without encryption has no such export, and says so.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
command -v cryptsetup >/dev/null || skip "cryptsetup is missing; apt-get install cryptsetup-bin"

MIB=$((1 << 20))
PASS='correct horse battery staple'
is_unlocked() { [ "$(ctl filter command "$1" encryption status | jq -r '.reply.state // .state')" = unlocked ]; }
is_free() { api GET "/volumes/$1" >/dev/null && [ "$(jget '.running_state + .transfer')" = online ]; }
files() { find "$T/transfer" -mindepth 1 -name "$1" | wc -l; }

start_appliance
api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":\"$PASS\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"main","provider":"vault"}' >/dev/null
task_done
api_ok POST /policies '{"name":"secret","rules":[{"filter":"encryption","parameters":{"key_id":"main"}}]}' >/dev/null
volume_make v1 $((64 * MIB)) '"policy":"secret"'
volume_make plain $((16 * MIB))
wait_until 30 "v1 to be unlocked" is_unlocked v1

note "a volume with content"
{
	head -c $((3 * MIB)) /dev/zero
	for ((i = 0; i < 4096; i++)); do printf '%-512s' "sluice marker in clear $i"; done
} >"$T/transfer/in.raw"
api_ok POST /volumes/v1/import '{"file":"in.raw"}' >/dev/null
task_done
wait_until 20 "v1 to be free" is_free v1

note "its export"
sluice volume export v1 out.luks --format luks
out=$T/transfer/out.luks
[ "$(stat -c %s "$out")" = $((80 * MIB)) ] || die "the export has $(stat -c %s "$out") bytes"
cryptsetup luksDump "$out" >"$T/dump" || die "cryptsetup does not know it"
grep -q "offset: $((16 * MIB)) " "$T/dump" || die "no payload at 16 MiB: $(cat "$T/dump")"
cmp -i $((19 * MIB)):$((3 * MIB)) -n $((2 * MIB)) "$out" "$T/main/v1.img" || die "it is not what is on the datastore"
! grep -qa "marker in clear" "$out" || die "the export is in clear"
for at in 16 40 79; do
	! cmp -s -n 4096 -i $((at * MIB)):0 "$out" /dev/zero || die "a hole at MiB $at"
done
api_refused 409 POST /volumes/v1/export '{"file":"out.luks","format":"luks"}' | jq -r .detail
wait_until 20 "v1 to be free" is_free v1

note "what is refused"
api_refused 422 POST /volumes/v1/export '{"file":"x","format":"qcow2"}' | jq -r .detail
api_refused 422 POST /volumes/plain/export '{"file":"x","format":"luks"}' | jq -r .detail
api_refused 422 POST /volumes/v1/import '{"file":"in.raw","format":"luks"}' | jq -r .detail

note "a stopped volume gets its key for it"
api_ok POST /volumes/v1/stop >/dev/null
task_done
api_ok POST /volumes/v1/export '{"file":"stopped.luks","format":"luks"}' >/dev/null
task_done
cmp -i $((16 * MIB)) "$out" "$T/transfer/stopped.luks" || die "the second export differs"
api_ok POST /volumes/v1/start >/dev/null
task_done
wait_until 20 "v1 to be free" is_free v1

# begun FILE  an export of "large" that lasts; its task in $task
begun() {
	wait_until 30 "large to be unlocked" is_unlocked large
	wait_until 20 "large to be free" is_free large
	api_ok POST /volumes/large/export "{\"file\":\"$1\",\"format\":\"luks\"}" >/dev/null
	task=$(jget .task_id)
	wait_until 30 "progress" goes
}
goes() { api GET "/tasks/$task" >/dev/null && [ "$(jget .state)" = running ] && [[ $(jget .text) = *" of 8208 MiB" ]]; }
nothing_left() { [ "$(files 'large*')$(files '.transfer-*')" = 00 ] || die "left: $(ls -a "$T/transfer")"; }
state() { ctl filter command large encryption status | jq -r '.reply.export.state // .export.state'; }
is_cancelled() { [ "$(state)" = cancelled ]; }

note "policyd is killed under it; the next export comes to its turn"
volume_make large $((8192 * MIB)) '"policy":"secret"'
begun large.luks
policyd_kill
policyd_start
task_ended "$task" failed
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$PASS\"}" >/dev/null
task_done

note "and it is cancelled"
begun large.luks
api_ok POST "/tasks/$task/cancel" >/dev/null
task_ended "$task" cancelled
nothing_left
wait_until 10 "the filter to have ended it" is_cancelled

note "filterd is killed under it"
expect_error "exit status|signal 9|killed"
begun large.luks
kill -KILL "$(filterd_child)"
task_ended "$task" failed
jq -r .error_text "$T/task.json"
nothing_left
wait_until 20 "large to be free" is_free large

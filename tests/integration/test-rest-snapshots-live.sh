#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Snapshots by REST and command line, on real daemons: what was there then is there again, as a LUN of its own, in a
# clone, and after going back; and nothing goes that something rests on.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
MIB=1048576
as_one() { printf '%s\n' "${@:2}" | timeout 30 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 3000 "$1"; }
last_of() { as_one "$@" | tail -n 1; }
is_online() { api GET "/volumes/$1" >/dev/null && [ "$(jget .running_state)" = online ]; }
is_gone() { api GET "$1" >/dev/null && [ "$STATUS" = 404 ]; }

host_make one "$INITIATOR"
volume_make v0 $((32 * MIB)) '"hosts":["one"]'
volume_make v1 $((32 * MIB)) '"hosts":["one"]'
V0=$(lun_url v0)

note "two snapshots, with writes between them"
as_one "$V0" "write 0 8 0x11" >/dev/null
sluice snapshot create v0 --name first >/dev/null
as_one "$V0" "write 0 8 0x22" "write 1024 8 0x33" >/dev/null
api_ok POST /volumes/v0/snapshots '{"name":"second"}' >/dev/null
task_done
as_one "$V0" "write 0 8 0x44" >/dev/null
api_ok GET /volumes/v0/snapshot-tree >/dev/null
[ "$(jget '.items[0].name, .items[0].children[0].name' | xargs)" = "first second" ] || die "the tree: $(cat "$T/api.body")"
sluice snapshot tree v0 | finds 'v0 as it is now' || die "sluice snapshot tree does not show the volume"
sluice snapshot list v0 | finds second

note "a snapshot as a LUN of its own"
sluice snapshot expose v0 first past --host one >/dev/null
wait_until 20 "the exposure to be online" is_online past
expect "what was there first" good "$(last_of "$(lun_url past)" "check 0 8 0x11")"
expect "a write to it" 'check*' "$(last_of "$(lun_url past)" "write 0 8 0x55")"
[ "$(jget .origin.kind)" = exposure ] || die "what it came from: $(cat "$T/api.body")"

note "a linked and a full clone"
api_ok POST /volumes/v0/snapshots/second/clone '{"name":"linked","hosts":["one"]}' >/dev/null
task_done
api_ok POST /volumes/v0/snapshots/second/clone '{"name":"full","is_linked":false,"hosts":["one"]}' >/dev/null
task_done
for clone in linked full; do
	wait_until 20 "$clone to be online" is_online "$clone"
	expect "$clone" good "$(last_of "$(lun_url "$clone")" "check 0 8 0x22" "check 1024 8 0x33")"
	as_one "$(lun_url "$clone")" "write 0 8 0x66" >/dev/null
done
expect "the source" good "$(last_of "$V0" "check 0 8 0x44")"
stands_alone() { api GET /volumes/full >/dev/null && [ "$(jget .origin)" = null ]; }
wait_until 30 "the full clone to stand alone" stands_alone

note "what something rests on stays"
api_refused 409 DELETE '/volumes/v0/snapshots/first?confirm=first' | jq -er .detail | finds past
api_refused 409 DELETE '/volumes/v0?confirm=v0' | jq -er .detail | finds linked
api_ok DELETE '/volumes/past?confirm=past' >/dev/null
task_done

note "going back, while an initiator is logged in"
session_open --name "$INITIATOR" "$V0"
session_do "check 0 8 0x44"
expect "before" good "$REPLY"
api_refused 422 POST /volumes/v0/snapshots/first/revert '{"confirm":"v1"}' >/dev/null
api_ok POST /volumes/v0/snapshots/first/revert '{"confirm":"v0"}' >/dev/null
task_done
session_do "check 0 8 0x11"
case $REPLY in check*) session_do "check 0 8 0x11" ;; esac
expect "after" good "$REPLY"
session_close

note "deleting one in the middle"
api_ok DELETE '/volumes/v0/snapshots/first?confirm=first' >/dev/null
task_done
wait_until 10 "it to be gone" is_gone /volumes/v0/snapshots/first
expect "the volume" good "$(last_of "$V0" "check 0 8 0x11")"
expect "the linked clone" good "$(last_of "$(lun_url linked)" "check 1024 8 0x33")"

note "a group, and a boot"
api_ok POST /snapshot-groups '{"name":"both","volumes":["v0","v1"]}' >/dev/null
task_done
policyd_kill
kill_bg filterd KILL
filterd_start
policyd_start
settled
api_ok GET /snapshot-groups/both >/dev/null
[ "$(jget .state)" = ready ] || die "the group after a boot: $(cat "$T/api.body")"
expect "the linked clone after a boot" good "$(last_of "$(lun_url linked)" "check 0 8 0x66" "check 1024 8 0x33")"

note "a volume goes with its snapshots, when somebody says how many"
api_refused 422 DELETE '/volumes/v1?confirm=v1' | jq -er .field | finds confirm_snapshots
api_ok DELETE '/volumes/v1?confirm=v1&confirm_snapshots=1' >/dev/null
task_done
web_metrics=$(timeout 10 curl -s --unix-socket "$POLICYD_SOCKET" http://localhost/metrics)
grep -q 'sluice_snapshots{volume="v0"} 2' <<<"$web_metrics" || die "metrics: $(grep snapshot <<<"$web_metrics")"

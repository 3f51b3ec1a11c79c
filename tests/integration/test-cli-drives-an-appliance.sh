#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# From nothing to a disk that a host writes on, and back, by sluice alone: what it says is what the LUN does.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

# says "what to find" COMMAND...  it must succeed and say so.
says() {
	local part=$1
	shift
	OUT=$(sluice "$@" 2>&1) || die "sluice $*: $OUT"
	[[ $OUT == *"$part"* ]] || die "sluice $* does not say '$part': $OUT"
}

login_listed() { sluice session list --volume web-1 | finds "$INITIATOR"; }

start_appliance egress
says "All is well" status
says "host.create one: done" host create one --iqn "$INITIATOR" --address 127.0.0.1
says "read_us:    500" policy create slow --rule delay,read_us=500,on_failure=bypass
says "volume.create web-1: done" volume create web-1 --size 64M --datastore main --host one --policy slow
says "64M" volume list
says "compliant" volume list --where running_state=online --sort -size_bytes
says "There is none." volume list --where running_state=failed
says "web-1" volume connect web-1
says "delay" volume chain web-1
says "web-1" target list

session_open --name "$INITIATOR" "$(lun_url web-1)"
session_do "write 0 8 5a"
expect "a write by the host" "good*" "$REPLY"
wait_until 15 "the login to be listed" login_listed
session_close

says "volume.grow web-1: done" volume set web-1 --size 128M
session_open --name "$INITIATOR" "$(lun_url web-1)"
session_do "readcap"
expect "the size that the host sees" "good*" "$REPLY"
[[ $REPLY == *26214[34]* ]] || die "the host does not see 262144 blocks: $REPLY"
session_close
says "TOTAL" top --once
[ "$(sluice --json volume show web-1 | jq .size_bytes)" = $((128 << 20)) ] || die "--json does not show the size"
[ "$(sluice --json volume list | jq '.items | length')" = 1 ] || die "--json does not list the volume"

note "a policy's new version"
says "version:     2" policy set slow --rule delay,read_us=600 --comment "slower"
says "from: 500" policy diff slow
RC=0
OUT=$(sluice status) || RC=$?
[ "$RC" = 1 ] || die "status ends with $RC although a volume is out of date: $OUT"
[[ $OUT == *"sluice policy apply slow"* ]] || die "status does not say what to do: $OUT"
says "policy.apply slow: done" policy apply slow
says "All is well" status

note "content in and out"
head -c $((128 << 20)) /dev/urandom >"$T/in.raw"
says "done" volume stop web-1
says "done" volume write web-1 --input "$T/in.raw" --yes
says "" volume read web-1 --output "$T/out.raw"
cmp "$T/in.raw" "$T/out.raw" || die "what comes out is not what went in"
says "done" volume export web-1 copy.raw
says "copy.raw" transfer list
cmp "$T/in.raw" "$T/transfer/copy.raw" || die "the exported file differs"
says "done" volume import web-1 copy.raw --yes
says "done" volume start web-1

note "the configuration"
says "" config export --output "$T/c.json"
says "Nothing differs" config diff "$T/c.json"
jq '.volumes[0].description = "mail" | .hosts += [{"name":"two","iqn":"iqn.2026-01.test.client:two"}]' "$T/c.json" >"$T/d.json"
says "+ host two" config diff "$T/d.json"
says "Nothing was changed" --dry-run config apply "$T/d.json"
says "Nothing differs" config diff "$T/c.json"
says "config.apply" config apply "$T/d.json"
says "two" host list
says "mail" volume show web-1

event_made() {
	n=$((n + 1))
	sluice policy set slow --description "$n" >/dev/null && [ -s "$T/follow.out" ]
}
n=0

note "events as they come"
timeout 20 "$B/bin/sluice" --socket "$POLICYD_SOCKET" event follow >"$T/follow.out" 2>&1 &
FOLLOW=$!
wait_until 10 "an event to be followed" event_made
kill "$FOLLOW"
wait "$FOLLOW" 2>/dev/null || true

note "filterd is down: what is wanted is kept"
filterd_stop
RC=0
OUT=$(sluice volume create web-2 --size 1M --datastore main --wait-limit 1s 2>&1) || RC=$?
[ "$RC" = 1 ] || die "waiting ends with $RC while filterd is down: $OUT"
[[ $OUT == *"is kept"* ]] || die "it is not said that the wish is kept: $OUT"
RC=0
OUT=$(sluice status) || RC=$?
[ "$RC" = 1 ] || die "status ends with $RC while filterd is down"
[[ $OUT == *"systemctl start sluice-filterd"* ]] || die "status does not say what to do: $OUT"
RC=0
sluice health ready >"$T/ready.out" || RC=$?
[ "$RC" = 1 ] || die "health ready ends with $RC while filterd is down"
filterd_start
settled
says "online" volume list --where name=web-2

says "Nothing was changed" --dry-run volume delete web-1
says "done" volume delete web-1 --yes
says "done" volume delete web-2 --yes
says "There is none." volume list

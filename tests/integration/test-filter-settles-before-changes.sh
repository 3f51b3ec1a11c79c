#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A filter that keeps dirty data: a change waits until it is down, under I/O, and a close ends the wait; what the
# filter refuses is refused; commands reach it, with a secret by a descriptor; figures show it; what it keeps beside
# the image and elsewhere goes with the volume, and its secrets stay when sluice-filterd is killed.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/probe.sh"
need_tools verify_load
expect_error "the last sluice-filterd ended by signal 9"
filterd_with_probe settle_probe
one_lun_on_files 64M
IMAGE=$(ctl --json volume show v0 | jq -r .volume.image)
shown() { ctl --json volume show "${2:-v0}" | jq -r ".volume.$1"; }
shows() { [ "$(shown "$1" "${3:-v0}")" = "$2" ]; } # for wait_until
has_event() { ctl events | finds "$1"; }
figure() { ctl --json figures | jq -r ".volumes[0].$1"; }
is() { [ "$1" = "$2" ] || die "$3: $1, not $2"; }

ctl filter attach v0 "settle_probe,keeps=$T/kept"
[ -e "$IMAGE.probe" ] || die "there is no sidecar beside $IMAGE"
[ -e "$T/kept" ] || die "the filter has not made its file"

# Commands.
is "$(printf 'secret words' | ctl filter command v0 settle_probe size n=7 who=me --stdin | jq -c .)" \
	'{"args":{"n":7,"who":"me"},"bytes":12}' "the reply"
! ctl filter command v0 settle_probe nothing 2>"$T/said" || die "an unknown command is taken"
grep -q "there is no command 'nothing'" "$T/said" || die "$(cat "$T/said")"
! ctl filter command v0 delay size 2>"$T/said" || die "a filter that is not there took a command"
grep -q "no filter 'delay'" "$T/said" || die "$(cat "$T/said")"
printf 'k%.0s' {1..64} | ctl filter command v0 settle_probe put --stdin >/dev/null
is "$(ctl filter command v0 settle_probe get | jq .bytes)" 64 "the secret's length"

# A change waits for minutes if need be, while I/O flows; others are refused; a command is not.
load_start load --depth 8 --zero --forbid-busy --max-stall-ms 10000 "$URL"
load_moves load 100
ctl filter set v0 "settle_probe,settle_ms=2000,keeps=$T/kept"
start_bg detach ctl filter detach v0 settle_probe
wait_until 5 "a settling to be seen" shows settling settle_probe
is "$(shown request)" detach "the request that is shown"
load_moves load 100
! ctl volume flush v0 2>"$T/said" || die "a second request is taken"
grep -q "under way" "$T/said" || die "$(cat "$T/said")"
is "$(ctl filter command v0 settle_probe get | jq .bytes)" 64 "the secret's length while it settles"
[ "$(figure dirty_bytes)" -gt 0 ] || die "nothing is dirty under load"
is "$(figure state)" dirty "the state in the figures"
wait_bg detach 10
is "$RC" 0 "the detach's end"
is "$(figure dirty_bytes)" 0 "what is dirty without the filter"
is "$(figure state)" null "the state without the filter"
is "$(shown 'filters | length')" 0 "the number of filters"
load_moves load 100

# What it refuses is refused, and nothing changed.
ctl filter attach v0 "settle_probe,is_refusing=true,keeps=$T/kept"
load_moves load 100
! ctl filter detach v0 settle_probe 2>"$T/said" || die "a filter was detached that could not settle"
grep -q "bytes cannot be brought down" "$T/said" || die "$(cat "$T/said")"
! ctl volume grow v0 --size 128M 2>"$T/said" || die "a volume has grown whose filter could not settle"
! ctl volume flush v0 2>"$T/said" || die "a flush went well that did not settle"
load_moves load 100
load_end load 60

# Secrets outlive a child that is killed; a filter that may keep data is not dropped from a closed volume.
kill -KILL "$(filterd_child)"
wait_until 10 "the next child" shows state serving
is "$(ctl filter command v0 settle_probe get | jq .bytes)" 64 "the secret's length after a kill"

# All that it keeps goes with the volume; here it is closed before.
tgtd_kill a
wait_until 10 "the rings to go" shows rings 0
ctl volume close v0
! ctl filter detach v0 settle_probe 2>"$T/said" || die "a filter with dirty data was dropped"
grep -q "open the volume first" "$T/said" || die "$(cat "$T/said")"
[ -e "$T/kept" ] || die "a close has removed what the filter keeps"
[ -e "$IMAGE.probe" ] || die "a close has removed the filter's sidecar"
ctl volume delete v0 --yes
for file in "$T/kept" "$IMAGE.probe" "$IMAGE"; do
	[ ! -e "$file" ] || die "$file is left"
done

# A close ends a settling, and so does a command of a volume that goes.
volume_new v1 --datastore d0 --size 16M --filter settle_probe,settle_ms=1000000
start_bg flush ctl volume flush v1
wait_until 5 "a settling of v1" shows settling settle_probe v1
start_bg wait ctl filter command v1 settle_probe wait
wait_until 10 "the event of a slow command" has_event filter_command_slow
ctl volume close v1
wait_bg flush 5
[ "$RC" != 0 ] || die "a flush went well that was cancelled"
wait_bg wait 5
[ "$RC" != 0 ] || die "a command went well whose volume was closed"
filterd_stop

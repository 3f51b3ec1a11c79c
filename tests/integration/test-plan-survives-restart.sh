#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# filterd starts from its last plan without anybody's help; a plan that is damaged is put aside with a
# sentence, never replaced in silence; a second filterd in the same place is refused.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "put aside"
state_of() { ctl --json status | jq -r ".volumes[] | select(.name == \"$1\") | .state"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }

filterd_start
datastore_dir d0
volume_new v0 --datastore d0 --size 64M --filter delay,read_us=5 --filter passthru,on_failure=bypass
volume_new v1 --datastore d0 --size 64M --write-cache volatile
volume_new v2 --datastore d0 --size 64M
ctl volume grow v1 --size 128M
ctl volume close v1
ctl filter set v0 delay,read_us=7
ctl filter detach v0 passthru
ctl volume delete v2 --yes
before=$(ctl --json volume show v0 | jq '.volume | {uuid, size_bytes, filters: [.filters[] | {filter, params}]}')

"$B/bin/sluice-filterd" --run-dir "$RUN_DIR" --state-dir "$STATE_DIR" 2>"$T/second" &&
	die "a second sluice-filterd starts in the same run directory"
grep -q "another sluice-filterd" "$T/second" || die "it does not say why: $(cat "$T/second")"

filterd_stop
filterd_start
wait_until 10 "v0 to serve" is_state v0 serving
is_state v1 closed || die "v1 is $(state_of v1), and it was closed"
[ -z "$(state_of v2)" ] || die "v2 is back"
after=$(ctl --json volume show v0 | jq '.volume | {uuid, size_bytes, filters: [.filters[] | {filter, params}]}')
[ "$before" = "$after" ] || die "v0 was $before, is $after"
ctl volume open v1
[ "$(ctl --json volume show v1 | jq .volume.size_bytes)" = $((128 << 20)) ] || die "v1 has shrunk"

# One byte of v0's part changes: v1 is served.
filterd_stop
sed -i 's/"delay"/"relay"/' "$STATE_DIR/plan/volume-v0.json"
filterd_start
compgen -G "$STATE_DIR/plan/volume-v0.json.damaged-*" >/dev/null || die "the damaged plan was not kept"
ctl --json events | jq -e '.events[] | select(.kind == "plan_damaged" and .volume == "v0")' >/dev/null || die "no event tells of it"
wait_until 10 "v1 to serve" is_state v1 serving
[ -z "$(state_of v0)" ] || die "v0 is $(state_of v0)"
for image in v0 v1; do
	[ -e "$T/d0/$image.img" ] || die "the image of $image is gone"
done

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# A change of a datastore's filter parameters is saved before it is in force: a crash in between finds the new
# ones after the restart, and one that cannot be saved changes nothing.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/probe.sh"
expect_error "ended by signal 6|level_changed|group_refused|could not be|goes on with the defaults"
filterd_with_probe group_probe
filterd_start
datastore_dir d0
volume_new v0 --datastore d0 --size 16M --filter group_probe
volume_new v1 --datastore d0 --size 16M --filter group_probe
ctl datastore filter-set d0 group_probe level_pct=20

# The plan cannot be written: a folder has its place.
mkdir "$STATE_DIR/plan/datastore-d0.json.new"
said=$(ctl datastore filter-set d0 group_probe level_pct=21 2>&1) && die "it was taken, but cannot be saved"
[[ $said == *"nothing has changed"* ]] || die "the refusal says: $said"
group_is d0 .status.level_pct 20
group_is d0 .params.level_pct 20
rmdir "$STATE_DIR/plan/datastore-d0.json.new"
ctl datastore filter-set d0 group_probe level_pct=22
group_is d0 .status.level_pct 22

# The filter dies when it is to take what the plan says already.
before=$(filterd_child)
ctl datastore filter-set d0 group_probe level_pct=40 dies_at_commit=true && die "it was answered"
another_child() { local now; now=$(filterd_child) && [ -n "$now" ] && [ "$now" != "$before" ]; }
both_serve() { [ "$(group_of d0 .status.volumes)" = 2 ]; }
wait_until 20 "filterd to start again" another_child
wait_until 20 "both volumes to serve" both_serve
group_is d0 .status.level_pct 40
group_is d0 .params.dies_at_commit true
ctl --json events | jq -e '.events[] | select(.kind == "filterd_restarted" and .filter == "group_probe")' >/dev/null ||
	die "the event does not name the filter: $(ctl events)"

# A filter that is gone, or takes its parameters no longer, keeps nobody from being served.
ctl filter detach v0 group_probe
ctl filter detach v1 group_probe
filterd_stop
rm "$T/filters/group_probe.so"
filterd_start
is_serving() { [ "$(ctl --json status | jq -r '[.volumes[].state] | unique | join(",")')" = serving ]; }
wait_until 10 "the volumes to serve" is_serving
ctl --json events | jq -e '.events[] | select(.kind == "group_refused" and .datastore == "d0")' >/dev/null ||
	die "no event says that the filter is missing: $(ctl events)"
filterd_stop
ln -s "$B/tests/plugins/group_probe.so" "$T/filters/"
filterd_start
group_is d0 .params.level_pct 40

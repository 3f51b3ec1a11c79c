#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# Initiators log in at every portal and at none that was taken away; a datastore that cannot be says why.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
host_make one "$INITIATOR"
volume_make v0 67108864 '"hosts":["one"]'
IQN=$(api_ok GET /volumes/v0 | jq -r .target.iqn)
answers() { # PORT
	[ "$(timeout 20 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 3000 "iscsi://127.0.0.1:$1/$IQN/1" <<<tur 2>/dev/null)" = good ]
}

api_ok POST /portals '{"address":"127.0.0.1","port":3270}' >/dev/null
[ "$(jget .name)" = 127.0.0.1:3270 ] || die "its name is $(jget .name)"
task_done
answers 3260 || die "no login at the first portal"
answers 3270 || die "no login at the second portal"
api_refused 409 POST /portals '{"address":"127.0.0.1","port":3270}' >/dev/null
api_refused 409 POST /portals '{"address":"0.0.0.0","port":3270}' >/dev/null
api_refused 422 POST /portals '{"address":"localhost"}' >/dev/null
api_ok GET /volumes/v0/connect >/dev/null
jget '.help[].lines[]' | finds -F "127.0.0.1:3270" || die "the second portal is not in the help"
api_ok DELETE /portals/127.0.0.1:3270 >/dev/null
task_done
! answers 3270 || die "login at a portal that was taken away"
answers 3260 || die "the first portal went with the second"

note "a datastore whose folder is not there"
api_ok POST /datastores "{\"name\":\"nowhere\",\"type\":\"dir\",\"path\":\"$T/nowhere\"}" >/dev/null
task_ended "$(jget .task_id)" failed
jq -r .error_text "$T/task.json" | grep -F "$T/nowhere" || die "the folder is not named"
api_ok GET /datastores/nowhere >/dev/null
[ "$(jget .running_state)" = failed ] || die "it is $(jget .running_state)"
api_ok DELETE /datastores/nowhere >/dev/null
task_done
api_refused 404 GET /datastores/nowhere >/dev/null

note "one that works is deleted when it is empty"
mkdir "$T/second"
api_ok POST /datastores "{\"name\":\"second\",\"type\":\"dir\",\"path\":\"$T/second\"}" >/dev/null
task_done
api_ok DELETE /datastores/second >/dev/null
task_done
api_refused 404 GET /datastores/second >/dev/null

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A filterd that has forgotten everything, beside a mount point without its disk: the database knows which folder
# the datastore is, so nothing is made there, and all is well when the disk is back.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
expect_error "is not datastore disk now|could not be|is its disk mounted"
start_appliance
mkdir "$T/disk"
api_ok POST /datastores "{\"name\":\"disk\",\"type\":\"dir\",\"path\":\"$T/disk\",\"is_buffered\":true}" >/dev/null
task_done
api_ok POST /volumes '{"name":"v1","datastore":"disk","size_bytes":16777216}' >/dev/null
task_done
uuid_is_known() { api_ok GET /datastores/disk >/dev/null && [ "$(jget .uuid)" != "" ]; }
wait_until 10 "the datastore's identity" uuid_is_known
[ "$(jget .uuid)" = "$(jq -r .uuid "$T/disk/.sluice-datastore")" ] || die "another identity than the folder's"
state_is() { api_ok GET /datastores/disk >/dev/null && [ "$(jget .running_state)" = "$1" ]; }

filterd_stop
rm -rf "$STATE_DIR"
mv "$T/disk" "$T/away"
mkdir "$T/disk"
filterd_start
wait_until 30 "the datastore to be failed" state_is failed
jget .running_error | finds "is its disk mounted" || die "it says '$(jget .running_error)'"
[ -z "$(ls -A "$T/disk")" ] || die "something was made below the mount point: $(ls -A "$T/disk")"

rmdir "$T/disk"
mv "$T/away" "$T/disk"
wait_until 60 "the datastore to be back" state_is online

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A volume of filterd's that the database does not know, and a target of tgtd's that is somebody else's:
# neither is touched, whatever is created and deleted beside them.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/reconcile.sh"

filterd_start
tgtd_start a
mkdir -p "$T/policy"
main_datastore
host_new one "$HOST_ONE"
mkdir -p "$T/other"
ctl datastore add other --type dir --path "$T/other" >/dev/null
ctl volume create stranger --datastore other --size 64M >/dev/null
truncate -s 16M "$T/file"
target_new a 7
lun_file a 7 1 "$T/file"
adm a --op new --mode account --user theirs --password theirSecret0001
before=$(adm a --op show --mode target)
reconcile_start
volume_row web-1 67108864
db_quiet access web-1 '["one"]' '[]'
done_task volume.create volume web-1
shows "$IQN:a.7" || die "the stranger's target went"

id=$(db_quiet task volume.delete volume web-1)
db update volumes web-1 '{"desired_state": "deleting"}'
task_ends "$id" succeeded
[ "$before" = "$(adm a --op show --mode target)" ] || die "the stranger's target was changed"
adm a --op show --mode account | finds theirs || die "the stranger's account went"
ctl volume show stranger | finds serving || die "the stranger's volume was touched"

# The same name, another UUID: not ours, left alone, and the task says so.
volume_row stranger 67108864
id=$(db task volume.create volume stranger)
task_ends "$id" failed
expect "why" "*another volume by the name of stranger*" "$(row tasks "$id" error_text)"
ctl volume show stranger | finds serving || die "the stranger's volume was touched"
reconcile_stop
jq -e '.strangers | length == 1' <(sed '1d' "$T/reconciler.log") >/dev/null || die "no word of the stranger"

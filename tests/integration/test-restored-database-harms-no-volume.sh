#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# policyd restored from a backup that is older than what runs: an import that waited then is not begun again
# over what its volume has got since, a volume that has grown keeps its size, one that was deleted is not
# made anew, one that the database does not know is left alone, and a clone that was queued is named.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance
SIZE=$((8 << 20))
head -c $SIZE /dev/urandom >"$T/transfer/then.raw"
head -c $SIZE /dev/urandom >"$T/transfer/since.raw"
for v in imported grown deleted; do
	volume_make $v $SIZE
done
# Both are under way in the backup, however long that takes: filterd does nothing, and its parent does not mind.
child=$(filterd_child)
kill -STOP "${PID_OF[filterd]}" "$child"
api_ok POST /volumes/imported/import '{"file":"then.raw"}' >/dev/null
import=$(jget .task_id)
api_ok POST /volumes '{"name":"cloned","clone_of":"grown"}' >/dev/null
clone=$(jget .task_id)
api_ok POST /backups >/dev/null
backup=$(jget .path)
kill -CONT "$child" "${PID_OF[filterd]}"
task_done "$import"
task_done "$clone"

for v in imported cloned; do
	api_ok POST /volumes/$v/import '{"file":"since.raw"}' >/dev/null
	task_done
done
api_ok PATCH /volumes/grown "{\"size_bytes\":$((2 * SIZE))}" >/dev/null
task_done
api_ok DELETE "/volumes/deleted?confirm=deleted" >/dev/null
task_done
volume_make later $SIZE
settled
policyd_stop
timeout 20 "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" --restore "$backup" \
	>"$T/restore.log" 2>&1 || die "no restore: $(cat "$T/restore.log")"
policyd_start
task_over_of_then() { task_over "$import" && task_over "$clone"; }
wait_until 30 "the tasks of then to be ended" task_over_of_then
for task in "$import" "$clone"; do
	task_is "$task" failed || die "a task of then was begun again: $(cat "$T/task.json")"
done
settled
content_is() {
	rm -f "$T/transfer/now.raw"
	api_ok POST "/volumes/$1/export" '{"file":"now.raw"}' >/dev/null
	task_done
	cmp "$T/transfer/$2.raw" "$T/transfer/now.raw" || die "$1 has lost its content"
}
content_is imported since
api_ok GET /volumes/cloned >/dev/null
[ "$(jget .desired_state)" = offline ] || die "nobody was told that the clone's state is not known"
api_ok POST /volumes/cloned/start >/dev/null
task_done
content_is cloned since
size_of() { ctl --json volume show "$1" | jq .volume.size_bytes; }
expect "the size of what has grown" $((2 * SIZE)) "$(size_of grown)"
ctl --json volume show deleted >/dev/null 2>&1 && die "the deleted volume was made anew, empty"
expect "the size of what the database does not know" "$SIZE" "$(size_of later)"
api_ok GET /volumes-unmanaged >/dev/null
expect "strangers" later "$(jget '[.items[].name] | join(" ")')"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A volume's content goes in and out through REST as fast as the slower side takes it: policyd keeps none of it, others
# are served meanwhile, and a client that breaks off leaves a failed task; what is half
# written is not served.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

BYTES=67108864
rss_kib() { awk '$1 == "VmRSS:" { print $2 }' "/proc/${PID_OF[policyd]}/status"; }
content() { curl -s -m 60 --unix-socket "$POLICYD_SOCKET" "$@" http://localhost/api/v1/volumes/v1/content; }
put() { content -X PUT -H 'Content-Type: application/octet-stream' -o "$T/api.body" "$@"; }

# A stream's task ends a little after the stream.
has_no_tasks() {
	api GET '/tasks?limit=100' | jq -e '[.items[] | select(.state == "queued" or .state == "running")] == []'
}
quiet() { wait_until 20 "all tasks to end" has_no_tasks; }

start_appliance
volume_make v1 $BYTES
head -c $BYTES /dev/urandom >"$T/in.raw"
before=$(rss_kib)

put -T "$T/in.raw"
task_done
quiet
settled
content -o "$T/out.raw"
cmp "$T/in.raw" "$T/out.raw" || die "what came out is not what went in"

# Without a length beforehand, and slowly: others do not wait.
quiet
settled
put --limit-rate 32M -T - <"$T/in.raw" &
for _ in 1 2 3 4 5; do
	ends_within 3 "another request" curl -sf -o "$T/null" --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/me
done
wait $!
task_done
quiet
settled
content -o "$T/out.raw" --limit-rate 32M
cmp "$T/in.raw" "$T/out.raw" || die "what came out the second time is not what went in"

# Broken off, in both directions.
last_failed() { [ "$(api GET '/tasks?sort=-id&limit=1' | jq -r '.items[0].kind + " " + .items[0].state')" = "$1 failed" ]; }
quiet
settled
timeout 1 curl -s --limit-rate 4M --unix-socket "$POLICYD_SOCKET" -X PUT -H 'Content-Type: application/octet-stream' \
	-T "$T/in.raw" http://localhost/api/v1/volumes/v1/content && die "the upload was not broken off"
wait_until 20 "the upload's task to fail" last_failed volume.import
api_ok GET /volumes/v1 >/dev/null
[ "$(jget .desired_state)" = offline ] || die "half an image is served to hosts"
api_ok POST /volumes/v1/start >/dev/null
task_done
timeout 1 curl -s -o "$T/null" --limit-rate 4M --unix-socket "$POLICYD_SOCKET" \
	http://localhost/api/v1/volumes/v1/content && die "the download was not broken off"
wait_until 20 "the download's task to fail" last_failed volume.export
quiet
settled
api_refused 415 PUT /volumes/v1/content '{}' >/dev/null
api_refused 404 GET /volumes/nobody/content >/dev/null
is_online() { [ "$(api GET /volumes/v1 | jq -r .running_state)" = online ]; }
wait_until 20 "v1 to be online again" is_online
[ "$VARIANT" != release ] || [ $(($(rss_kib) - before)) -lt 16384 ] || die "policyd grew by $(($(rss_kib) - before)) KiB"
policyd_stop
note "policyd grew by less than 16 MiB over five times 64 MiB"

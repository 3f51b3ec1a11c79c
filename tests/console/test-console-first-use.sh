#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# A new appliance is brought to its first volume in the browser, by clicks alone, and a host makes a file system on
# that volume and finds its file again.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

console_daemons
mkdir -p "$T/main"
browse first-use
task_count() { api_ok GET "/tasks?state=failed" | jq .total; }
[ "$(task_count)" = 0 ] || die "tasks failed: $(api_ok GET /tasks?state=failed)"
URL=$(lun_url first)
[ "$(api_ok GET /volumes/first | jq -c .access.hosts)" = '["laptop"]' ] || die "access: $(cat "$T/api.body")"
head -c 65536 /dev/urandom >"$T/file"
truncate -s 48M "$T/fs.img"
mkfs.ext4 -q -d "$(mkdir -p "$T/tree" && cp "$T/file" "$T/tree/" && echo "$T/tree")" "$T/fs.img"
uri="iscsi://127.0.0.1:$PORTAL_PORT/${URL#iscsi://*/}"
timeout 60 qemu-img convert -n -f raw -O raw "$T/fs.img" "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"iscsi\",\"transport\":\"tcp\",
	\"portal\":\"127.0.0.1:$PORTAL_PORT\",\"target\":\"$(jq -r .target.iqn "$T/api.body")\",\"lun\":1,\"initiator-name\":\"$CLIENT_IQN\"}}" ||
	die "the host cannot write to $uri"
# What the volume holds now is that file system, with the file in it.
api_ok POST /volumes/first/stop '{}' >/dev/null
task_done
timeout 30 curl -sf --unix-socket "$POLICYD_SOCKET" "http://localhost/api/v1/volumes/first/content" -o "$T/back.img" || die "no content"
timeout 20 debugfs -R "dump /file $T/file.back" "$T/back.img" >/dev/null 2>&1
cmp "$T/file" "$T/file.back" || die "the file on the volume is another one"

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# Transfers touch plain files of their own folder alone; what cannot work is refused before it begins.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
start_appliance

MIB=1048576
volume_make v0 $((16 * MIB))
echo secret >"$T/outside"
ln -s "$T/outside" "$T/transfer/link"
ln -s "$T/new" "$T/transfer/dangling"
mkfifo "$T/transfer/fifo"
mkdir "$T/transfer/folder"
: >"$T/transfer/empty"
truncate -s $((17 * MIB)) "$T/transfer/large"
qemu-img create -q -f qcow2 "$T/transfer/image.qcow2" 16M
truncate -s $((16 * MIB)) "$T/transfer/good"

import_refused() {
	api_refused 422 POST /volumes/v0/import "$1" | jq -er '.field, .detail'
	[ -z "${2:-}" ] || jq -er .detail "$T/api.body" | finds "$2" || die "\"$2\" is not said"
}
import_refused '{"file":"../outside"}' "plain name"
import_refused "{\"file\":\"$T/outside\"}" "plain name"
import_refused '{"file":".hidden"}' "plain name"
import_refused '{"file":""}' "1 to"
import_refused '{"file":"a\u0001b"}' "control"
import_refused '{"file":"link"}' "symbolic"
import_refused '{"file":"fifo"}' "regular"
import_refused '{"file":"folder"}' "regular"
import_refused '{"file":"empty"}' "empty"
import_refused '{"file":"none"}' "no file"
import_refused '{"file":"large"}' "fit"
import_refused '{"file":"image.qcow2"}' "qemu-img"
import_refused '{"file":7}'
import_refused '{}'
import_refused '{"file":"good","format":"raw"}'
api_refused 404 POST /volumes/none/import '{"file":"good"}' >/dev/null
api_refused 409 POST /volumes/v0/export '{"file":"dangling"}' >/dev/null
api_refused 409 POST /volumes/v0/export '{"file":"good"}' >/dev/null
api_refused 422 POST /volumes/v0/export '{"file":"a/b"}' >/dev/null
[ ! -e "$T/new" ] || die "an export went through a symbolic link"

# A second transfer, growing and deleting wait until the first one is over.
api_ok POST /volumes/v0/export '{"file":"out"}' >/dev/null
id=$(jget .task_id)
if ! task_over "$id"; then
	api POST /volumes/v0/import '{"file":"good"}' >/dev/null
	[ "$STATUS" = 409 ] || task_over "$id" || die "two transfers at once"
fi
task_done "$id"
settled
[ -z "$(find "$T/transfer" -name '.transfer-*')" ] || die "an unfinished file was left"

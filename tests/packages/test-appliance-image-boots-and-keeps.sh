#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1500 s
#
# shellcheck disable=SC2119 # options are optional
#
# The appliance's image, without hardware help: it boots from its own disk; the console shows where to go and the set-up
# token; from the host the page answers over HTTPS, a volume is made by REST on the second disk, iscsi-ls finds it, and
# qemu-io writes and verifies; after a power off by the console's menu and another start all of it is there.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/image.sh"

image_prepare
image_on
page=$(curl -sk -m 20 "https://127.0.0.1:$WEB_PORT/") || die "the console's page does not come"
grep -qi '<html' <<<"$page" || die "the console's page is none: ${page:0:200}"
image_admin anna "a long enough password 1"

datastore_is_there() { remote GET /datastores/main >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 120 "the first datastore" datastore_is_there
[ "$(jget .path)" = /srv/sluice/main ] || die "the empty second disk is not the first datastore: $(cat "$T/api.body")"
remote_ok POST /hosts "{\"name\":\"client\",\"iqn\":\"$INITIATOR\"}" >/dev/null
remote_ok POST /volumes '{"name":"disk","datastore":"main","size_bytes":268435456,"hosts":["client"]}' >/dev/null
remote_done
remote_ok GET /volumes/disk >/dev/null
iqn=$(jget .target.iqn)
# Without -s: the address that discovery names is the one behind QEMU's network.
timeout 60 iscsi-ls -i "$INITIATOR" "iscsi://127.0.0.1:$PORTAL_PORT" >"$T/ls" || die "iscsi-ls: $(cat "$T/ls")"
grep -q "$iqn" "$T/ls" || die "iscsi-ls does not find $iqn: $(cat "$T/ls")"

blockdev="driver=iscsi,transport=tcp,portal=127.0.0.1:$PORTAL_PORT,target=$iqn,lun=1,initiator-name=$INITIATOR"
io() { timeout 120 qemu-io --image-opts "$blockdev" "$@" >"$T/io" 2>&1 && ! grep -q 'verification failed' "$T/io"; }
io -c "write -P 0x5a 0 16M" -c "write -P 0xa5 100M 8M" -c flush || die "qemu-io writes: $(cat "$T/io")"
io -c "read -P 0x5a 0 16M" -c "read -P 0xa5 100M 8M" || die "qemu-io reads: $(cat "$T/io")"

# What only systemd's confinement could break: all five are up, and an encrypted volume is formatted and unlocked.
image_type ""
image_type 4
all_active() { [ "$(tr -d '\r' <"$T/console.out" | grep -ac 'active (running)')" -ge 5 ]; }
wait_until 60 "all daemons to be active" all_active
image_type ""
remote_ok POST /key-providers '{"name":"vault","type":"native","opened_by":"passphrase","passphrase":"a long passphrase 1"}' >/dev/null
remote_ok POST /keys '{"name":"main","provider":"vault"}' >/dev/null
remote_ok POST /policies '{"name":"secret","rules":[{"class":"encryption","filter":"encryption","on_failure":"hold","parameters":{"key_id":"main"}}]}' >/dev/null
remote_ok POST /volumes '{"name":"encrypted","datastore":"main","size_bytes":67108864,"policy":"secret","hosts":["client"]}' >/dev/null
encrypted_is_online() { remote GET /volumes/encrypted >/dev/null && [ "$(jget .running_state)" = online ]; }
wait_until 180 "the encrypted volume to be online" encrypted_is_online

image_end
note "off; once more"
image_on
remote_ok GET /volumes/disk >/dev/null
[ "$(jget .target.iqn)" = "$iqn" ] || die "the target has another name after the reboot"
volume_is_online() { remote GET /volumes/disk >/dev/null && [ "$(jget .running_state)" = online ]; }
wait_until 120 "the volume to be online again" volume_is_online
io -c "read -P 0x5a 0 16M" -c "read -P 0xa5 100M 8M" -c "read -P 0 64M 4M" ||
	die "after the reboot qemu-io reads something else: $(cat "$T/io")"

# The console's menu: a new password for the administrator.
image_type ""
image_type 3
wait_until 60 "the question for a name" image_says "Administrator's name"
image_type anna
wait_until 60 "the question for a password" image_says "New password"
image_type "another long password 2"
wait_until 60 "the menu to have set it" image_says "anna may sign in with it"
image_type ""
image_sign_in anna "another long password 2"
image_end

#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Keys in a keystore on the appliance: locked after a start until its passphrase is given, or opened by a credential;
# made, rotated, destroyed, carried elsewhere in a bundle; and no passphrase and no key stands anywhere.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

PASS='correct horse battery staple'
WORDS='words for the bundle alone'

provider_is() {
	api GET "/key-providers/$1" >/dev/null
	[ "$(jget .state)" = "$2" ]
}
key_is() {
	api GET "/keys/$1" >/dev/null
	[ "$(jget .state)" = "$2" ]
}

mkdir "$T/credentials"
head -c 48 /dev/urandom >"$T/credentials/keystore"
chmod 400 "$T/credentials/keystore"
export CREDENTIALS_DIRECTORY=$T/credentials
policyd_start

# ---- refusals
api_refused 422 POST /key-providers '{"name":"a","type":"native"}' >/dev/null
api_refused 422 POST /key-providers '{"name":"a","type":"native","opened_by":"passphrase"}' >/dev/null
api_refused 422 POST /key-providers '{"name":"a","type":"native","opened_by":"passphrase","passphrase":"short"}' >/dev/null
api_refused 422 POST /key-providers '{"name":"a","type":"native","opened_by":"key_file","opened_from":"relative"}' >/dev/null
api_refused 422 POST /key-providers '{"name":"a","type":"native","opened_by":"credential","opened_from":"../x"}' >/dev/null
api_refused 422 POST /key-providers "{\"name\":\"a\",\"type\":\"native\",\"opened_by\":\"credential\",\"opened_from\":\"x\",\"passphrase\":\"$PASS\"}" >/dev/null
api_refused 422 POST /keys '{"name":"k","provider":"nobody"}' >/dev/null

# ---- made
api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":\"$PASS\"}" >/dev/null
task_done
provider_is vault ok || die "vault: $(cat "$T/api.body")"
api_ok POST /key-providers '{"name":"auto","type":"native","opened_by":"credential","opened_from":"keystore"}' >/dev/null
task_done
api_ok POST /key-providers '{"name":"none","type":"native","opened_by":"credential","opened_from":"absent"}' >/dev/null
task_ended "$(jget .task_id)" failed
wait_until 10 "the provider without its credential to be locked" provider_is none locked
for k in one two; do
	api_ok POST /keys "{\"name\":\"$k\",\"provider\":\"vault\"}" >/dev/null
	task_done
done
api_ok POST /keys '{"name":"three","provider":"auto"}' >/dev/null
task_done
key_is one active || die "one: $(cat "$T/api.body")"
[ "$(jget '.versions[0].version')" = 1 ] || die "no version: $(cat "$T/api.body")"
FIRST=$(jget '.versions[0].provider_key_id')
api_refused 409 POST /keys '{"name":"one","provider":"vault"}' >/dev/null
api_refused 409 DELETE /key-providers/vault >/dev/null

# ---- rotated
api_ok POST /keys/one/rotate >/dev/null
task_done
api_ok GET /keys/one >/dev/null
[ "$(jget '.version, (.versions | map(.state) | join(" "))' | tr '\n' ' ')" = "2 active retired " ] ||
	die "after rotating: $(cat "$T/api.body")"
api_ok POST /keys/one/rotate?dry_run=1 >/dev/null

# ---- a restart locks what a passphrase opens, and opens the other by itself
policyd_stop
policyd_start
wait_until 10 "the keystore to be locked" provider_is vault locked
jget .state_text | finds 'key-provider unlock vault' || die "it does not say what to do: $(jget .state_text)"
wait_until 10 "the other to be open" provider_is auto ok
api_ok POST /keys '{"name":"later","provider":"vault"}' >/dev/null
LATER=$(jget .task_id)
api_ok POST /key-providers/vault/unlock '{"passphrase":"not the right passphrase"}' >/dev/null
task_ended "$(jget .task_id)" failed
provider_is vault locked || die "a wrong passphrase: $(cat "$T/api.body")"
api_refused 422 POST /key-providers/auto/unlock "{\"passphrase\":\"$PASS\"}" >/dev/null
task_is "$LATER" running || die "the key that waits: $(cat "$T/task.json")"
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$PASS\"}" >/dev/null
task_done
task_done "$LATER"
api_ok GET '/events?kind=key_provider.down' >/dev/null
jq -e '[.items[].object_name] | index("vault")' "$T/api.body" >/dev/null || die "no event: $(cat "$T/api.body")"

# ---- another passphrase
NEXT='an entirely different sentence'
api_ok PATCH /key-providers/vault "{\"passphrase\":\"$NEXT\",\"description\":\"ours\"}" >/dev/null
task_done
policyd_kill
policyd_start
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$PASS\"}" >/dev/null
task_ended "$(jget .task_id)" failed
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$NEXT\"}" >/dev/null
task_done

# ---- a bundle; a key that was destroyed does not come back with it
api_ok POST /key-providers/vault/export "{\"file\":\"keys.bundle\",\"passphrase\":\"$WORDS\"}" >/dev/null
task_done
api_refused 409 POST /key-providers/vault/export "{\"file\":\"keys.bundle\",\"passphrase\":\"$WORDS\"}" >/dev/null
api_refused 422 POST /key-providers/vault/export "{\"file\":\"../keys\",\"passphrase\":\"$WORDS\"}" >/dev/null
api_refused 422 POST /key-providers/vault/import "{\"file\":\"nothing\",\"passphrase\":\"$WORDS\"}" >/dev/null
api_refused 422 DELETE '/keys/two?destroy=true' >/dev/null
api_refused 422 DELETE '/keys/two?destroy=true&confirm=one' >/dev/null
api_ok DELETE '/keys/two?destroy=true&confirm=two' >/dev/null
task_done
api_refused 404 GET /keys/two >/dev/null
api_ok POST /key-providers/vault/import "{\"file\":\"keys.bundle\",\"passphrase\":\"$WORDS\"}" >/dev/null
task_done
api_ok POST /key-providers/auto/import "{\"file\":\"keys.bundle\",\"passphrase\":\"$WORDS\"}" >/dev/null
task_done
api_ok POST /keys "{\"name\":\"one-there\",\"provider\":\"auto\",\"provider_key_id\":\"$FIRST\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"ghost","provider":"auto","provider_key_id":"00000000-0000-4000-8000-000000000000"}' >/dev/null
task_ended "$(jget .task_id)" failed
api_ok GET /keys/ghost >/dev/null
[ "$(jget .state)" = failed ] || die "ghost: $(cat "$T/api.body")"

# ---- forgotten, and taken over again
api_ok DELETE /keys/one-there >/dev/null
api_ok POST /keys "{\"name\":\"again\",\"provider\":\"auto\",\"provider_key_id\":\"$FIRST\"}" >/dev/null
task_done

# ---- a provider that goes: its file is put aside, not removed
api_ok DELETE /key-providers/none >/dev/null
for k in three again ghost; do api_ok DELETE "/keys/$k" >/dev/null; done
api_ok DELETE /key-providers/auto >/dev/null
wait_until 10 "the keystore to be put aside" test ! -e "$T/policy/keys/auto.keystore"
ls "$T"/policy/keys/auto.keystore.removed-* >/dev/null || die "the keystore is gone: $(ls "$T/policy/keys")"

# ---- a damaged keystore is said to be that
policyd_stop
cp "$T/policy/keys/vault.keystore" "$T/vault.kept"
printf x | dd of="$T/policy/keys/vault.keystore" bs=1 seek=3 conv=notrunc status=none
policyd_start
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$NEXT\"}" >/dev/null
task_ended "$(jget .task_id)" failed
jq -r .error_text "$T/task.json" | finds 'vault.keystore.bak' || die "damaged: $(cat "$T/task.json")"
cp "$T/vault.kept" "$T/policy/keys/vault.keystore"
api_ok POST /key-providers/vault/unlock "{\"passphrase\":\"$NEXT\"}" >/dev/null
task_done
key_is one active || die "one: $(cat "$T/api.body")"
policyd_stop

# ---- nothing of it stands anywhere: database, logs, files of transfers, keystores
for word in "$PASS" "$NEXT" "$WORDS" 'not the right passphrase'; do
	! grep -rlaF -- "$word" "$T/policy" "$T/transfer" "$T/policyd.log" || die "'$word' stands in a file"
done
! grep -rlaF -- "$(head -c 16 "$T/credentials/keystore" | base64)" "$T/policy" || die "the credential stands in a file"
stop_daemons

# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# image.sh - the appliance's disk image under QEMU, without hardware help. Source it after harness.sh and appliance.sh.
#
#   image_prepare              $T/system.qcow2 over the image, $T/data.raw an empty second disk
#   image_begin                starts it: HTTPS on 8443, iSCSI on 3260 of 127.0.0.1; its console is $T/console.out
#   image_says WORDS           whether the console has printed them since image_begin
#   image_type TEXT            types a line at the console
#   image_ready                waits until HTTPS answers and policyd is ready
#   image_end                  power off by the menu; it must end by itself
#   remote METHOD PATH [JSON]  asks over HTTPS with $TOKEN; body to stdout, status in $STATUS
#   remote_ok, remote_done     as api_ok and task_done
IMAGE=${IMAGE:-$ROOT/build/appliance/sluice.qcow2}
BOOT_LIMIT_S=${BOOT_LIMIT_S:-600}
TOKEN=

image_prepare() {
	[ -s "$IMAGE" ] || skip "build/appliance/sluice.qcow2 is missing; say: make appliance"
	qemu-img create -q -f qcow2 -F qcow2 -b "$IMAGE" "$T/system.qcow2"
	truncate -s 1G "$T/data.raw"
}

image_begin() {
	: >"$T/console.out"
	rm -f "$T/console.in" "$T/console.out.pipe"
	mkfifo "$T/console.in"
	# Kept open for as long as the machine runs: QEMU would take the first writer's end for the line's.
	exec 7<>"$T/console.in"
	# shellcheck disable=SC2016 # the inner shell's
	start_bg image sh -c 'exec qemu-system-x86_64 "$@" <"$0" >>"$T/console.out"' "$T/console.in" \
		-accel tcg,thread=multi -cpu max -m 1024 -smp 2 -nodefaults -no-user-config -display none -serial stdio \
		-drive "if=virtio,file=$T/system.qcow2,cache=unsafe" -drive "if=virtio,format=raw,file=$T/data.raw,discard=unmap" \
		-device virtio-rng-pci \
		-nic "user,model=virtio,hostfwd=tcp:127.0.0.1:$WEB_PORT-:8443,hostfwd=tcp:127.0.0.1:$PORTAL_PORT-:3260" "$@"
}
image_says() { tr -d '\r' <"$T/console.out" | finds -a -- "$1"; }
image_type() { printf '%s\n' "$1" >&7; }
https_answers() { curl -skf -m 5 -o /dev/null "https://127.0.0.1:$WEB_PORT/readyz"; }
image_ready() {
	wait_until "$BOOT_LIMIT_S" "the appliance to answer over HTTPS" https_answers
	note "ready $((($(now_ms) - BEGUN_MS) / 1000)) s after power on"
}
image_on() {
	BEGUN_MS=$(now_ms)
	image_begin "$@"
	image_ready
}
image_end() {
	image_type ""
	image_type 7
	wait_bg image "${1:-120}"
	exec 7>&-
}

remote() {
	local words=()
	[ -z "$TOKEN" ] || words=(-H "Authorization: Bearer $TOKEN")
	[ "$1" != GET ] || words+=(--retry 3 --retry-all-errors)
	local method=$1 path=$2 body=${3:-}
	ask "-k https://127.0.0.1:$WEB_PORT" "$method" "$path" "$body" "${words[@]}"
	cat "$T/api.body"
}
remote_ok() {
	remote "$@"
	[ "$STATUS" -lt 300 ] || die "$1 $2: status $STATUS: $(cat "$T/api.body")"
}
remote_task_over() {
	remote GET "/tasks/$1" >/dev/null && [[ $(jget .state) =~ ^(succeeded|failed|cancelled)$ ]]
}
remote_done() {
	local id
	id=$(jget '.task_id // empty')
	[ -n "$id" ] || die "there is no task in: $(cat "$T/api.body")"
	wait_until 120 "task $id to end" remote_task_over "$id"
	[ "$(jget .state)" = succeeded ] || die "task $id: $(cat "$T/api.body")"
}

# image_token  the set-up token from the console, which shows it on its banner.
image_token() {
	wait_until "$BOOT_LIMIT_S" "the set-up token on the console" image_says "Set-up token  "
	tr -d '\r' <"$T/console.out" | sed -n 's/^ *Set-up token *//p' | tail -n 1
}

# image_admin NAME PASSWORD  the first administrator, and a token of theirs in $TOKEN.
image_admin() {
	local setup
	setup=$(image_token)
	remote POST /setup "{\"setup_token\":\"$setup\",\"user\":\"$1\",\"password\":\"$2\"}" >/dev/null
	[ "$STATUS" -lt 300 ] || die "set-up: $STATUS $(cat "$T/api.body")"
	image_sign_in "$1" "$2"
}
# Without hardware help a TLS handshake may take longer than webd waits for headers: asked again then.
image_sign_in() {
	wait_until 180 "$1 to sign in" image_login "$1" "$2"
	image_make_token
	[ -n "$TOKEN" ] || die "making a token: $(cat "$T/api.body")"
}
image_post() {
	curl -sk -m 60 -o "$T/api.body" -H 'Content-Type: application/json' --data "$2" "${@:3}" "https://127.0.0.1:$WEB_PORT/api/v1$1"
}
image_login() {
	image_post /login "{\"user\":\"$1\",\"password\":\"$2\"}" -c "$T/cookies" && CSRF=$(jq -er .csrf_token "$T/api.body")
}
image_make_token() {
	image_post /tokens "{\"name\":\"test-$(now_ms)\",\"role\":\"admin\",\"expires_in_s\":86400}" -b "$T/cookies" \
		-H "X-CSRF-Token: $CSRF" && TOKEN=$(jq -r '.token // empty' "$T/api.body")
}

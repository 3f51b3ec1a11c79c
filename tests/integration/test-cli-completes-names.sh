#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# bash completes sluice's words, options and choices out of its table, and the names that the appliance has now;
# without an appliance it is silent.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

# offers "a b c" WORD...  exactly these stand at the cursor after the words, of which the last is being written.
offers() {
	local want=$1
	shift
	COMP_WORDS=(sluice --socket "$POLICYD_SOCKET" "$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_sluice
	[ "${COMPREPLY[*]-}" = "$want" ] || die "after '$*': '${COMPREPLY[*]-}' instead of '$want'"
}
sluice() { timeout -k 1 20 "$B/bin/sluice" "$@"; }
complete() { [ "$*" = "-F _sluice sluice" ] || die "completion registers: $*"; }

diff "$ROOT/policy/cli/completion.bash" <(sluice completion bash) || die "the two scripts differ"
# shellcheck source=policy/cli/completion.bash
. <(sluice completion bash)
offers "" volume show ""
offers "volume" vol
offers "create" volume cr
offers "--type" datastore create d --ty
offers "dir block mem" datastore create d --type ""
offers "durable" volume create v --write-cache d
offers "yes no" user set u --enabled ""
offers "--json" --js

start_appliance
host_make esx1 iqn.2026-01.test:1
host_make esx2 iqn.2026-01.test:2
volume_make web-1 $((1 << 20))
offers "web-1" volume show ""
offers "main" volume create v --datastore ""
offers "esx1 esx2" volume access set web-1 --host esx
offers "esx2" volume create v --datastore main --host esx2
offers "127.0.0.1:3260" portal show ""
offers "delay" policy create p --rule del
touch "$T/doc.json"
cd "$T" || die "no directory $T"
offers "doc.json" config diff doc

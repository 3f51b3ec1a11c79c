#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# Mistakes at sluice: each ends with the exit code that the manual gives and a sentence that says what to do next,
# and changes nothing.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

# refused CODE "part of what is said" COMMAND...
refused() {
	local code=$1 part=$2 said rc=0
	shift 2
	said=$(sluice "$@" 2>&1 </dev/null) || rc=$?
	[ "$rc" = "$code" ] || die "'sluice $*' ends with $rc instead of $code: $said"
	[[ $said == *"$part"* ]] || die "'sluice $*' does not say '$part': $said"
}

note "nobody is there"
refused 3 "systemctl status sluice-policyd" volume list
refused 3 "nobody answers" --url https://127.0.0.1:9 volume list
refused 2 "does not begin with https://" --url http://127.0.0.1:9 volume list
refused 2 "64 hex digits" --url https://127.0.0.1:9 --fingerprint abc volume list
refused 2 "--token-file" --token-file "$T/nothing" volume list

note "not written right"
refused 2 "'volume list'" volume lsit
refused 2 "volume create" volume
refused 2 "'sluice help' lists all commands" fly
refused 2 "not a size" volume create v --size 10X
refused 2 "--size needs a value" volume create v --size
refused 2 "has no option --colour" volume create v --colour red
refused 2 "NAME is missing" volume show
refused 2 "is too much" volume show a b
refused 2 "none of dir|block|mem" datastore create d --type tape
refused 2 "nothing to change is given" volume set v
refused 2 "not a time span" token create t --role viewer --expires-in soon
refused 2 "not a time;" volume history v --from yesterday
refused 2 "is not parameter=value" policy create p --rule delay,fast
refused 2 "--where" volume list --where name
refused 2 "takes no value" volume create v --full=yes
refused 2 "cannot read" config diff "$T/nothing.json"
echo '{"a":' >"$T/bad.json"
refused 2 "not JSON" config diff "$T/bad.json"
refused 2 "--yes" volume delete v
refused 0 "usage: sluice" help
refused 0 "usage: sluice volume create NAME" help volume create
refused 0 "usage: sluice volume create NAME" volume create --help
refused 0 "volume mutual-chap set" help volume
refused 0 "sluice 0" --version
refused 2 "usage: sluice" --no-wait

note "refused by the appliance"
start_appliance
volume_make v $((4 << 20))
refused 1 "'sluice volume list' shows what there is" volume show nobody
refused 1 "(--size)" volume set v --size 1M
refused 1 "'sluice help volume create' shows what it takes" volume create v2 --size 1M --datastore nowhere
refused 1 "v" volume create v --size 4M --datastore main
refused 1 "Somebody changed it meanwhile" --if-match 99 volume set v --description x
refused 0 "Nothing was changed" --dry-run volume set v --size 8M
[ "$(api_ok GET /volumes/v | jq .size_bytes)" = $((4 << 20)) ] || die "a refused or dry command changed the size"
sluice --json volume show nobody >"$T/problem.json" 2>/dev/null && die "a volume that is not there is shown"
[ "$(jq -r .code "$T/problem.json")" = not_found ] || die "--json gives no problem document: $(cat "$T/problem.json")"
sluice volume list | cat -v | finds '\^\[' && die "colours or control codes reach a pipe"
sluice top --once | cat -v | finds '\^\[' && die "control codes of top reach a pipe"
exit 0

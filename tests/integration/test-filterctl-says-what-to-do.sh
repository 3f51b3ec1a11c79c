#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# Mistakes at the control client: each is refused with a sentence that names what is wrong, and changes nothing.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "has no parameter"

# refused "part of the sentence" COMMAND...
refused() {
	local part=$1 said
	shift
	said=$(ctl "$@" 2>&1) && die "'$*' is taken"
	[[ $said == *"$part"* ]] || die "'$*' says: $said"
}

refused "is not running" status
filterd_start
datastore_dir d0
refused "exists already" datastore add d0 --type dir --path "$T/d0"
refused "is not a folder" datastore add d1 --type dir --path "$T/nowhere"
refused "not dir, block or mem" datastore add d1 --type tape --path /
refused "numbered from 0" datastore add d1 --type mem --worker 9
refused "say: datastore add" datastore add d1
refused "there is no datastore" volume create v0 --datastore d9 --size 1G
refused "not a size" volume create v0 --datastore d0 --size lots
refused "no multiple of 4096" volume create v0 --datastore d0 --size 512 --block-bytes 4096
refused "needs a size" volume create v0 --datastore d0
refused "may hold letters" volume create ../v0 --datastore d0 --size 1M
refused "is not loaded" volume create v0 --datastore d0 --size 1M --filter nothing
refused "has no parameter" volume create v0 --datastore d0 --size 1M --filter delay,speed=9
refused "neither durable nor volatile" volume create v0 --datastore d0 --size 1M --write-cache perhaps
compgen -G "$T/d0/*" >/dev/null && die "a refused volume left an image: $(ls "$T/d0")"
ctl status | finds v0 && die "a refused volume is listed"

volume_new v0 --datastore d0 --size 1M
refused "exists already" volume create v0 --datastore d0 --size 1M
refused "--yes" volume delete v0
refused "not shrink" volume grow v0 --size 512K
refused "does not exist" volume open v9
refused "has no filter" filter detach v0 delay
refused "parameter=value" filter attach v0 delay,read_us
refused "still has volume" datastore remove d0
refused "is not a command" volume frobnicate v0
ctl volume close v0
refused "open it first" volume flush v0
ctl volume delete v0 --yes
ctl datastore remove d0
[ "$(ctl --json status | jq '.volumes + .datastores | length')" = 0 ] || die "something is left"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A datastore whose disk is not mounted, or where another disk is mounted, is not taken for the datastore: no
# image is made below the mount point, none is opened or removed there, and all is well again with the right disk.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/daemons.sh
. "$HERE/daemons.sh"

expect_error "is not datastore main now|another datastore than main"
D=$T/disk
mkdir "$D"
mount -t tmpfs right "$D"
filterd_start
ctl datastore add main --type dir --path "$D" --buffered
ctl volume create one --datastore main --size 16M
[ -e "$D/one.img" ] || die "no image"
mkdir "$T/keep"
mount --move "$D" "$T/keep" 2>/dev/null || { mount --bind "$D" "$T/keep" && umount "$D"; }

refused() {
	local words=$1
	shift
	if "$@" >"$T/said" 2>&1; then
		die "not refused: $*"
	fi
	grep -q "$words" "$T/said" || die "$*: said '$(cat "$T/said")' instead of '$words'"
}

# The mount point alone.
ctl volume close one
refused "is its disk mounted" ctl volume open one
refused "is its disk mounted" ctl volume create two --datastore main --size 16M
[ -z "$(ls -A "$D")" ] || die "something was made below the mount point: $(ls -A "$D")"

# Another datastore's disk, with an image of that very name.
mount -t tmpfs wrong "$D"
ctl datastore add other --type dir --path "$D" --buffered
ctl volume create three --datastore other --size 16M
truncate -s 16M "$D/one.img"
refused "another datastore than main" ctl volume open one
refused "another datastore than main" ctl volume create two --datastore main --size 16M
refused "is the folder of datastore other already" ctl datastore add again --type dir --path "$D"
[ ! -e "$D/two.img" ] || die "an image was made on another datastore"

# The right disk again; the volume that was deleted meanwhile has left nothing else behind.
ctl volume close three
umount "$D"
mount --bind "$T/keep" "$D"
ctl volume open one
ctl volume create two --datastore main --size 16M
[ -e "$D/two.img" ] || die "no second image"
ctl volume close one
ctl volume close two
umount "$D"
ctl volume delete two --yes
[ -e "$T/keep/two.img" ] || die "an image was removed that nobody could see"
filterd_stop
umount "$T/keep"

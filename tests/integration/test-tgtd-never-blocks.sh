#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# RING-6: with filterd absent or its filter hung, tgtd ends a session, deletes the LUN and the target, and
# ends itself on --op delete --mode system.
. "$(dirname "$0")/../lib/harness.sh"
export ADM_LIMIT_S=5

deleted() { adm a "$@"; }
# Everything that an administrator may want, in order; each must end, and succeed within the ladder.
take_down() {
	session_do logout 20
	note "$1: logout: $REPLY"
	session_close
	adm a --op show --mode target >/dev/null
	wait_until 30 "$1: deletion of the LUN" deleted --op delete --mode logicalunit --tid 1 --lun 1
	wait_until 30 "$1: deletion of the target" deleted --op delete --mode target --tid 1
	adm a --op delete --mode system || die "$1: deletion of the system was refused or did not end"
	wait_until 10 "$1: tgtd to end" is_over tgtd-a
	unset "PID_OF[tgtd-a]"
}
scene() {
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
	session_open "$URL" --limit-ms 15000
	session_do "write 0 8 0x77"
	expect "a first write" good "$REPLY"
}

filterd_start
datastore_mem m0
volume_new v0 --datastore m0 --size 64M

scene
ctl filter attach v0 inject,action=hang,op=read >/dev/null
session_do "start 1 read 0 8"
session_do "start 2 read 8 8"
take_down "a hung filter"
ctl filter detach v0 inject >/dev/null

scene
filterd_stop
session_do "start 1 read 0 8"
session_do "start 2 write 16 8 0x99"
session_do "wait 1 12000" 20
note "a read without filterd: $REPLY"
expect "a read without filterd" "busy*" "$REPLY"
take_down "filterd absent"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
# A replica does not know its role in the moment in which filterd begins again, and initiators wait for that. It answers
# each of them then, with NOT READY: nothing that came in that moment waits for a promotion.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
KILLS=${KILLS:-4}
expect_error 'the last sluice-filterd ended by'

replica_pair 64M
wait_until 30 "the pair to be in sync" repl_is a .state primary_pair
lun_on a 1 v0
lun_on b 1 v0

# Its session stands before filterd is stopped; the reads are its first commands after that.
reads_on_b() {
	{
		printf "tur\ntur\n"
		until [ -e "$T/go" ]; do sleep 0.02; done
		printf 'read %d 8\n' 0 8 16
	} | on b timeout -k 1 60 "$(tool scsi_sh)" --raw --limit-ms 40000 "$(url_on b 1)"
}
has_begun() { grep -q "2/04/01" "$T/reader-$1.log"; }

answered=0
for ((i = 1; i <= KILLS; i++)); do
	rm -f "$T/go"
	start_bg "reader-$i" reads_on_b
	wait_until 20 "the reader's session" has_begun "$i"
	child=$(filterd_child_on b)
	kill -STOP "$child"
	touch "$T/go"
	sleep 0.3 # for the first read to be in the ring; later, it shows less
	kill -KILL "$child"
	wait_bg "reader-$i" 90
	[ "$(grep -c '2/04/01' "$T/reader-$i.log")" -ge 4 ] || { cat "$T/reader-$i.log" >&2; die "a read was not answered with NOT READY"; }
	answered=$((answered + 3))
done
note "$answered reads of a replica answered over $KILLS kills"

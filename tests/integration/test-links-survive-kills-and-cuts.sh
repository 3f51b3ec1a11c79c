#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A link between two appliances is there again after either of them was killed, child or daemon, and after the wire was
# cut, both ways or one: TCP notices where nobody says anything.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"

linked
expect_error 'the last sluice-filterd ended by'
carry() { links_carry "$*"; }
talk() {
	local n
	for n in a b; do
		probe_say "$n" talk '{"bytes_per_s":4000000}' >/dev/null
	done
}
back() {
	wait_until 20 "the links after $*" links_are_up
	talk
	carry "after $*"
	note "$*: up again"
}
talk
carry "at first"
for n in a b; do
	kill_child_on "$n"
	wait_until 20 "filterd of $n" ctl_on "$n" status
	back "kill -9 of the child of $n"
	kill_filterd_on "$n"
	filterd_on "$n"
	back "kill -9 of filterd of $n"
done

falls 25 "a cut wire" cable_cut
cable_mend
back "a cut wire"
falls 25 "a wire that was cut one way" cable_oneway b a
cable_mend
back "a wire that was cut one way"
filterd_stop_on a
filterd_stop_on b

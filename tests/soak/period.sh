#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 100000 s
#
# period.sh - one period of the soak: eight volumes, $PERIOD_S seconds and ten rounds at least, "minutes" of $MINUTE_S; see
# soak.sh. Writes what it counted to $REPORT, and the step that it is at to $REPORT.step. The replicated volumes have one
# primary at a time, and their loads follow it by the switch.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/matrix.sh
. "$ROOT/tests/lib/matrix.sh"
# shellcheck source=tests/lib/loads.sh
. "$ROOT/tests/lib/loads.sh"
need_tools verify_load
ROWS=${ROWS:-none ci xc xi r rci rxc rxi}
PERIOD_S=${PERIOD_S:-300} MINUTE_S=${MINUTE_S:-60} REPORT=${REPORT:-$T/report.json}
export JOURNAL_BYTES=16777216
expect_error 'the last sluice-filterd ended by|filter_hung|does not answer for|ended by (a hang|signal 9)|crash loop|cache_|replication'
P=a S=b ROUNDS=0
declare -A N=([kills]=0 [hangs]=0 [snapshots]=0 [deletions]=0 [rekeys]=0 [failovers_planned]=0 [failovers_forced]=0) TID=() KEY_OF=()

step() { echo "$* (round $ROUNDS)" >"$REPORT.step"; }

# ---------------------------------------------------------------- what happens

rows_with() { local row; for row in $ROWS; do ! has "$row" "$1" || echo "$row"; done; }
encrypted_rows() { rows_with x; }
home_of() { if has "$1" r; then echo "$P"; else echo a; fi; }
another_child_on() { local now; now=$(filterd_child_on "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
strike() { # NODE SIGNAL
	local child
	child=$(filterd_child_on "$1")
	kill "-$2" "$child"
	wait_until 30 "another serving child on $1" another_child_on "$1" "$child"
}
all_ready() { local row; for row in $ROWS; do matrix_ready "$row" "v-$row" "$(home_of "$row")"; done; }
# By turns: the primary's daemon, the replica's, a hang of either.
hurt() {
	case $((ROUNDS % 4)) in
	0) strike "$P" KILL && N[kills]=$((N[kills] + 1)) ;;
	1) strike "$S" KILL && N[kills]=$((N[kills] + 1)) ;;
	2) strike "$P" STOP && N[hangs]=$((N[hangs] + 1)) ;;
	3) strike "$S" STOP && N[hangs]=$((N[hangs] + 1)) ;;
	esac
}
snapshot_number() { printf '00000000-0000-4000-8000-%012d' "$1"; }
# A new one, and the oldest goes: a volume keeps one, and what is deleted is merged under the load.
snapshots() {
	local row node oldest
	for row in $ROWS; do
		node=$(home_of "$row")
		oldest=$(ctl_on "$node" --json snapshot list "v-$row" | jq -r '[.items[] | select(.state == "ready")][0].snapshot // empty')
		ctl_on "$node" snapshot create "v-$row:$(snapshot_number "$ROUNDS")" --name "round-$ROUNDS" >/dev/null
		N[snapshots]=$((N[snapshots] + 1))
		[ -z "$oldest" ] || { ctl_on "$node" snapshot delete "v-$row" "$oldest" && N[deletions]=$((N[deletions] + 1)); }
	done
}
walked() { [ "$(enc_on "$1" "$2" status | jq -c .reencrypt)" = null ]; }
# A volume whose key changes has no snapshot of two halves, and one with snapshots may change its key.
rekey_all() {
	local row other
	for row in $(encrypted_rows); do
		other=new
		[ "${KEY_OF[$row]}" = kek ] || other=kek
		enc_on "$(home_of "$row")" "v-$row" rekey_deep "{\"key_id\": \"$other\"}" "${KEY_OF[$row]}" "$other" >/dev/null ||
			die "no deep rekey of $row: $(cat "$T/reply")"
		KEY_OF[$row]=$other
	done
	for row in $(encrypted_rows); do
		wait_until 120 "the deep rekey of $row to end" walked "$(home_of "$row")" "v-$row"
		N[rekeys]=$((N[rekeys] + 1))
	done
}
keys_for() { # NODE ROWS
	local row
	for row in $2; do
		! has "$row" x || KEY=${KEY_OF[$row]} unlocked_on "$1" "v-$row"
	done
}
gives_over() { VOL=$1 repl_say "$P" handover >"$T/handover.json" 2>"$T/given"; }
taken_over() { VOL=$1 promoted "$S" '{"force":true}'; }
serves_there() { VOL=$1 repl_is "$S" .is_serving true; }
# All replicas change sides, by turns planned and after the loss of the primary's appliance.
failover() {
	local row replicated lost=$P
	replicated=$(rows_with r)
	switch_to none
	if [ $((N[failovers_planned] % 2 + N[failovers_forced] % 2)) = 1 ]; then
		kill_filterd_on "$P"
		for row in $replicated; do
			wait_until 90 "$S to take over $row" taken_over "v-$row"
		done
		N[failovers_forced]=$((N[failovers_forced] + 1))
	else
		for row in $replicated; do
			wait_until 60 "$P to hand over $row" gives_over "v-$row"
			wait_until 60 "$S to serve $row" serves_there "v-$row"
		done
		N[failovers_planned]=$((N[failovers_planned] + 1))
		lost=
	fi
	keys_for "$S" "$replicated"
	S=$P
	[ "$P" = a ] && P=b || P=a
	switch_to "$P"
	[ -z "$lost" ] || filterd_on "$lost"
	[ "$lost" != a ] || keys_for a "$(rows_with '' | grep -v r)"
}

# ---------------------------------------------------------------- what may grow

# The serving children come and go; their parents, policyd and the two tgtds stay for the whole period.
sample() {
	local n who pid
	for n in a b; do
		for who in filterd tgtd policyd; do
			pid=${PID_OF[$who-$n]}
			[ -d "/proc/$pid" ] || continue
			[ "$who" != filterd ] || who=watcher
			echo "$who-$n $pid $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status") $(find "/proc/$pid/fd" -mindepth 1 | wc -l) $(now_ms)"
		done
		pid=$(filterd_child_on "$n") || true
		[ -z "$pid" ] || echo "filterd-$n 0 $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status") $(find "/proc/$pid/fd" -mindepth 1 | wc -l) $(now_ms)"
	done >>"$T/samples" 2>/dev/null
}
# growths: a JSON list, an object for each process that stayed (filterd: the generations of the child): the first and the last
# sample, the slope of a line through all, and growth: the median of the last third less that of the first.
growths() {
	awk '
	function median(k, c, from, to,   i, j, t, a, n) {
		for (i = from; i < to; i++) a[++n] = v[k, c, i]
		for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (a[j] < a[i]) { t = a[i]; a[i] = a[j]; a[j] = t }
		return a[int((n + 1) / 2)]
	}
	function slope(k, c,   i, n, x, y, sx, sy, sxx, sxy) {
		n = count[k]
		for (i = 0; i < n; i++) {
			x = (v[k, 5, i] - v[k, 5, 0]) / 3600000; y = v[k, c, i]
			sx += x; sy += y; sxx += x * x; sxy += x * y
		}
		return n * sxx > sx * sx ? (n * sxy - sx * sy) / (n * sxx - sx * sx) : 0
	}
	function words(k, c, name,   n, third) {
		n = count[k]; third = int(n / 3)
		return sprintf("\"%s_first\": %d, \"%s_last\": %d, \"%s_per_hour\": %.1f, \"%s_growth\": %d", name, v[k, c, 0], name,
			v[k, c, n - 1], name, slope(k, c), name, n < 6 ? 0 : median(k, c, n - third, n) - median(k, c, 0, third))
	}
	{ k = $1 " " $2; if (!(k in count)) { order[++kinds] = k; count[k] = 0 } for (c = 3; c <= 5; c++) v[k, c, count[k]] = $c; count[k]++ }
	END {
		printf "["
		for (i = 1; i <= kinds; i++) {
			split(order[i], w, " ")
			printf "%s{\"who\": \"%s\", \"samples\": %d, %s, %s}", (i > 1 ? ", " : ""), w[1], count[order[i]], words(order[i], 3, "kib"),
				words(order[i], 4, "descriptors")
		}
		print "]"
	}' "$T/samples"
}

# ---------------------------------------------------------------- the period

step begin
matrix_start ''
for n in a b; do
	policyd_on "$n"
done
tid=0
for row in $ROWS; do
	tid=$((tid + 1))
	TID[$row]=$tid KEY_OF[$row]=kek
	step "volume $row"
	matrix_volume "$row" "v-$row" "$tid" 64M || die "row $row: $(cat "$T/refused")"
done
for row in $ROWS; do
	step "load of $row"
	matrix_ready "$row" "v-$row" a
	if has "$row" r; then url=iscsi://127.0.0.1:3300/$IQN:two.${TID[$row]}/1; else url=$(disk a "${TID[$row]}"); fi
	load_on "v-$row" "$url" --sessions 1 --depth 4 --blocks 65536 --mix read=5,write=6,unmap=1,sync=1,caw=1,write_same=1
done
loads_advance 20
BEGAN_MS=$(now_ms)
END_MS=$((BEGAN_MS + PERIOD_S * 1000))
# Ten rounds are one of everything; a busy machine takes longer for them than the period.
while [ "$(now_ms)" -lt "$END_MS" ] || [ "$ROUNDS" -lt 10 ]; do
	next_ms=$(($(now_ms) + MINUTE_S * 1000))
	step "kill or hang"
	hurt
	loads_advance 20 180
	sample
	ROUNDS=$((ROUNDS + 1))
	if [ $((ROUNDS % 5)) = 0 ]; then
		step "snapshots"
		all_ready
		snapshots
	fi
	if [ $((ROUNDS % 10)) = 0 ]; then
		step "deep rekey"
		rekey_all
		all_ready
		step "failover"
		failover
		loads_advance 20 180
		all_ready
	fi
	note "round $ROUNDS: $(for k in "${!N[@]}"; do printf '%s %s  ' "${N[$k]}" "$k"; done)"
	left_ms=$((next_ms - $(now_ms)))
	[ "$left_ms" -le 0 ] || [ "$(now_ms)" -ge "$END_MS" ] || sleep "$((left_ms / 1000)).$(printf %03d $((left_ms % 1000)))"
done
step "the loads' last pass"
loads_end 'check 2/'
growths >"$T/growths"
jq -n --argjson ops "$OPS" --argjson again "$REFUSED" --argjson stall "$STALL_MS" --slurpfile growths "$T/growths" \
	--argjson rounds "$ROUNDS" --argjson seconds $((($(now_ms) - BEGAN_MS) / 1000)) \
	"$(for k in "${!N[@]}"; do printf '{%s: %s} + ' "$k" "${N[$k]}"; done) {rounds: \$rounds, seconds: \$seconds, commands: \$ops,
	told_to_ask_again: \$again, violations: 0, max_stall_ms: \$stall, max_memory_growth_kib: ([\$growths[0][].kib_growth] | max),
	max_descriptor_growth: ([\$growths[0][].descriptors_growth] | max), processes: \$growths[0]}" >"$REPORT"
cat "$REPORT"
step "what may grow"
for n in a b; do
	kill -0 "${PID_OF[policyd-$n]}" || die "policyd of $n has ended"
done
[ "$(jq .max_memory_growth_kib "$REPORT")" -lt 32768 ] || die "memory grew by $(jq .max_memory_growth_kib "$REPORT") KiB"
# A volume that has come to a snapshot has two files more, and two while one is deleted.
[ "$(jq .max_descriptor_growth "$REPORT")" -lt $((16 + 4 * tid)) ] || die "descriptors grew by $(jq .max_descriptor_growth "$REPORT")"
rm "$REPORT.step"

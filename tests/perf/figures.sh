# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# figures.sh - what several rounds of a bench gave, as a table of medians. Sourced by benches.

# note_figure ROW VALUE  one round's; rows are printed in the order in which they first came.
note_figure() { printf '%s\t%s\n' "$1" "$2" >>"$T/figures"; }

report() {
	[ -s "$T/figures" ] || return 0
	printf '\n| %s | median | least | most |\n|---|---:|---:|---:|\n' "$1"
	awk -F'\t' '
	!($1 in n) { order[++rows] = $1 }
	{ v[$1, ++n[$1]] = $2 }
	END {
		for (r = 1; r <= rows; r++) {
			k = order[r]
			for (i = 1; i <= n[k]; i++) a[i] = v[k, i]
			for (i = 1; i <= n[k]; i++) for (j = i + 1; j <= n[k]; j++) if (a[j] + 0 < a[i] + 0) { t = a[i]; a[i] = a[j]; a[j] = t }
			m = n[k] % 2 ? a[(n[k] + 1) / 2] : (a[n[k] / 2] + a[n[k] / 2 + 1]) / 2
			printf "| %s | %s | %s | %s |\n", k, m, a[1], a[n[k]]
		}
	}' "$T/figures"
	rm -f "$T/figures"
}

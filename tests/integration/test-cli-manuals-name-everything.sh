#!/bin/bash
# SPDX-License-Identifier: MIT
# Every program has a manual page that mandoc takes without a remark, and that names each option the program knows;
# sluice(1) names each command.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$root/build/${VARIANT:-release}/bin
faults=0
shown=$(mktemp)
trap 'rm -f "$shown"' EXIT
fault() {
	echo "$*"
	faults=$((faults + 1))
}

text_of() { mandoc -T ascii "$1" | col -b; }
options_of() { "$bin/$1" --help 2>&1 | grep -oE -- '--[a-z][a-z-]+' | sort -u; }

for page in "$root"/docs/man/*.[158]; do
	# Whether a page that it refers to is installed on this machine is not the page's affair.
	remarks=$(mandoc -T lint "$page" 2>&1 | grep -vE 'referenced manual not found|mandoc\.db' || true)
	[ -z "$remarks" ] || fault "$remarks"
done
for program in sluice sluice-policyd sluice-webd sluice-egressd sluice-filterd sluice-filterctl; do
	page=$(compgen -G "$root/docs/man/$program.[18]" || true)
	[ -n "$page" ] || {
		fault "$program has no manual page"
		continue
	}
	text_of "$page" >"$shown"
	while IFS= read -r option; do
		grep -qF -- "$option" "$shown" || fault "$(basename "$page") does not name $option"
	done < <(options_of "$program")
done
# "volume access set" is written "volume access show | set".
plain=$(text_of "$root/docs/man/sluice.1" | tr -s '|, \n' ' ')
while IFS=$'\t' read -r _ words _; do
	[[ $plain == *" ${words% *} "*"${words##* }"* || $plain == *" $words "* ]] || fault "sluice.1 does not name: sluice $words"
done < <("$bin/sluice" help --routes)
[ "$faults" = 0 ]

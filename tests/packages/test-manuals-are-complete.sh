#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# Every program, filter and file format that is installed has a manual page, mandoc has no remark about any, every page
# that one refers to is there or is the system's, and every option that a filter's page must name is in it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v mandoc >/dev/null || {
	echo "skip: mandoc is missing"
	exit 77
}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
faults=0
fault() {
	echo "$*"
	faults=$((faults + 1))
}

mkdir "$tree/pages"
cp "$root"/docs/man/*.[1-8] "$tree/pages/"
for page in "$root"/filterd/filters/*/*.md; do
	name=$(basename "$page" .md)
	"$root/packaging/md2man.py" "$name" "$page" >"$tree/pages/sluice-filter-$name.7" || fault "$page is not taken"
done
for page in "$tree"/pages/*; do
	remarks=$(mandoc -T lint "$page" 2>&1 | grep -vE 'referenced manual not found|mandoc\.db' || true)
	[ -z "$remarks" ] || fault "$remarks"
	while read -r name section; do
		[[ $name != sluice* ]] || [ -e "$tree/pages/$name.$section" ] || fault "$(basename "$page") refers to $name($section)"
	done < <(sed -nE 's/^\.Xr ([^ ]+) ([1-8]).*/\1 \2/p' "$page")
done

for program in $(sed -nE 's/^S?BIN_PROGRAMS *:= *//p' "$root/packaging/module.mk") sluice-console; do
	compgen -G "$tree/pages/$program.[18]" >/dev/null || fault "$program has no manual page"
done
for folder in "$root"/filterd/filters/*/; do
	name=$(basename "$folder")
	[ -e "$tree/pages/sluice-filter-$name.7" ] || fault "filter $name has no $name.md"
done
for format in sluice.conf sluice-policy sluice-config sluice-datastore sluice-layers sluice-replica sluice-rlog; do
	[ -e "$tree/pages/$format.5" ] || fault "$format(5) is missing"
done
# What a filter keeps beside a volume is named where formats are.
for suffix in luks luksbackup luksnext rjournal rstagea rstageb \
	$(grep -rhoE '(SUFFIX +|sidecar_path\([^,]*, )"[a-z]+"' "$root/filterd/filters" --include='*.[ch]' | sed 's/.*"\(.*\)"/\1/' | sort -u); do
	grep -qE "Pa \.(img\.)?$suffix" "$tree/pages/sluice-datastore.5" "$tree/pages/sluice-replica.5" "$tree/pages/sluice-layers.5" ||
		fault "no page of section 5 names .$suffix"
done
for file in "$root"/packaging/etc/*.conf; do
	grep -q "/etc/sluice/$(basename "$file")" "$tree/pages/sluice.conf.5" || fault "sluice.conf(5) does not name $(basename "$file")"
done
[ "$faults" = 0 ]

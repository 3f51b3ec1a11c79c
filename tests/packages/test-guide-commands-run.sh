#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# The commands of the guide, as they stand there, on a fresh installation, page after page; every link of the guide leads
# somewhere; and every alert that the appliance knows has its paragraph in troubleshooting.md.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/package.sh"
GUIDE=$ROOT/docs/guide

package_root
package_install "$(the_deb sluice)" || die "apt: $(tail -n 20 "$T/apt.log")"
package_up
has_samples() { in_root sluice policy list | finds io-shares; }
wait_until 20 "the sample policies, which come with the first look at the filters" has_samples
for page in quick-start policies io-control replication security troubleshooting; do
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$GUIDE/$page.md" >"$ROOT_DIR/pkg/$page.sh"
	[ -s "$ROOT_DIR/pkg/$page.sh" ] || die "$page.md has no commands; is it still in this list?"
	in_root timeout 60 sh -e -x "/pkg/$page.sh" >"$T/$page.out" 2>&1 </dev/null ||
		die "$page.md: $(tail -n 15 "$T/$page.out")"
	note "$page.md: $(grep -c '^+ ' "$T/$page.out") commands"
done
for page in "$GUIDE"/*.md; do
	name=$(basename "$page" .md)
	! grep -q '^```sh$' "$page" || [ -e "$T/$name.out" ] || die "$name.md has commands that are not run"
done

# Links to files, and to headings of pages: all headings once, then each link without a process of its own.
declare -A HEADINGS=()
read_headings() { # PAGE
	local heading
	while read -r heading; do HEADINGS[$1#$heading]=1; done < <(sed -nE 's/^#+ +//p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9\n_-')
	HEADINGS[$1]=1
}
for page in "$GUIDE"/*.md; do
	while IFS='#' read -r file anchor; do
		case $file in http*) continue ;; esac
		target=$page
		[ -z "$file" ] || target=$GUIDE/$file
		[ -e "$target" ] || die "$(basename "$page") links to $file, which is not there"
		[ -n "$anchor" ] || continue
		[ -n "${HEADINGS[$target]:-}" ] || read_headings "$target"
		[ -n "${HEADINGS[$target#$anchor]:-}" ] || die "$(basename "$page") links to $file#$anchor: no such heading"
	done < <(grep -oE '\]\([^)#]*(#[^)]*)?\)' "$page" | sed -E 's/^\]\((.*)\)$/\1/')
done

read_headings "$GUIDE/troubleshooting.md"
api_ok GET '/alert-rules?limit=200' >/dev/null
for rule in $(jget '.items[].name'); do
	[ -n "${HEADINGS[$GUIDE/troubleshooting.md#$rule]:-}" ] || die "troubleshooting.md has no paragraph for the alert $rule"
done
package_down

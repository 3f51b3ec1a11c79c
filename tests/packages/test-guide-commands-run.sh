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
has_samples() { in_root sluice policy list | grep -q io-shares; }
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

# Links to files, and to headings of pages.
anchors() { sed -nE 's/^#+ +//p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9\n_-'; }
for page in "$GUIDE"/*.md; do
	{ grep -oE '\]\([^)#]*(#[^)]*)?\)' "$page" || true; } | sed -E 's/^\]\((.*)\)$/\1/' | while IFS='#' read -r file anchor; do
		case $file in http*) continue ;; esac
		target=$page
		[ -z "$file" ] || target=$GUIDE/$file
		[ -e "$target" ] || die "$(basename "$page") links to $file, which is not there"
		[ -z "$anchor" ] || anchors "$target" | grep -qx -- "$anchor" || die "$(basename "$page") links to $file#$anchor: no such heading"
	done
done

api_ok GET '/alert-rules?limit=200' >/dev/null
for rule in $(jget '.items[].name'); do
	grep -qx "### $rule" "$GUIDE/troubleshooting.md" || die "troubleshooting.md has no paragraph for the alert $rule"
done
package_down

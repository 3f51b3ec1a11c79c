#!/bin/bash
# SPDX-License-Identifier: MIT
#
# install.sh NODE_MODULES FOLDER - puts the console into FOLDER: our files, and the libraries as vendor/*.js.
#
# A browser resolves no bare names like "preact", and an import map would have to stand in the page, which the
# content security policy forbids; so that one name is written as a path. uPlot's small form is a plain script and
# gets an export. Beside each file of some size lies a compressed one, which webd sends to who takes it.
set -eu
modules=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
new=$out.new

rm -rf "$new"
mkdir -p "$new/vendor"
(cd "$here" && find . -type f \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -print0) |
	while IFS= read -r -d '' file; do
		mkdir -p "$new/$(dirname "$file")"
		cp "$here/$file" "$new/$file"
	done
strip() { sed -e '/^\/\/# sourceMappingURL=/d' "$1"; }
strip "$modules/preact/dist/preact.module.js" >"$new/vendor/preact.js"
strip "$modules/preact/hooks/dist/hooks.module.js" | sed -e 's#from"preact"#from"./preact.js"#' >"$new/vendor/hooks.js"
strip "$modules/htm/dist/htm.module.js" >"$new/vendor/htm.js"
{
	strip "$modules/uplot/dist/uPlot.iife.min.js"
	printf '\nexport default uPlot;\n'
} >"$new/vendor/uplot.js"
cp "$modules/uplot/dist/uPlot.min.css" "$new/vendor/uplot.css"
for library in preact htm uplot; do
	cp "$modules/$library/LICENSE" "$new/vendor/LICENSE-$library.txt"
done
find "$new" -type f -size +1k \( -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' \) -exec gzip -9nk {} +
rm -rf "$out"
mv "$new" "$out"

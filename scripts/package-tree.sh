#!/bin/bash
# SPDX-License-Identifier: MIT
#
# package-tree.sh DIR - a clean copy of this tree in DIR, from which packages are built.
#
# In a repository: what is committed, with packaging/, docs/ and the build's own files as they stand in the working
# tree (WORKTREE=1: all of it as it stands there; COMMIT=: another commit than the last). Elsewhere, an unpacked release: everything but build/.
# tgt's headers and the console's libraries come along where they were fetched, so that the build needs no network.
set -eu
cd "$(dirname "$0")/.."
. scripts/say.sh

dir=$1
rm -rf "$dir"
mkdir -p "$dir/build"

if git rev-parse --git-dir >/dev/null 2>&1; then
	git archive "${COMMIT:-HEAD}" | tar -x -C "$dir"
	if [ -n "${WORKTREE:-}" ]; then
		git ls-files -z -co --exclude-standard
	else
		git ls-files -z -co --exclude-standard packaging docs Makefile scripts
	fi | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done | tar -c --null -T - | tar -x -C "$dir"
else
	tar -c --exclude=./build . | tar -x -C "$dir"
fi
for part in tgt-src npm; do
	[ ! -d "build/$part" ] || cp -a "build/$part" "$dir/build/"
done

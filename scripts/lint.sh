#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lint.sh [--fix] [CHECK...] - what can be judged without running anything. No CHECK: all of them.
#
#   format     clang-format says nothing about any C file (--fix: rewrite them)
#   includes   each folder sees only what it may see
#   lengths    files and functions are short
#   forbidden  calls and words that are not used here
#   licences   one SPDX line per file, the right one
#   threads    clang's check of the thread roles in common/role.h
#   cppcheck   over all C files
#   shell      shellcheck over all scripts
#   console    the types in the web console's comments, by tsc
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/say.sh

fix=
[ "${1:-}" != --fix ] || { fix=1; shift; }
[ $# -gt 0 ] || set -- format includes lengths forbidden licences threads cppcheck shell console

need()
{
	command -v "$1" >/dev/null || die "$1 is missing; run \"sudo scripts/install-deps.sh test\"."
}

list()
{
	find . \( -name .git -o -path ./build -o -name node_modules \) -prune -o -type f \( "$@" \) -print | sort
}

# Other releases of clang-format lay out differently; the repository follows 14, Debian 12's.
lint_format()
{
	local version

	need clang-format
	version=$(clang-format --version | sed -nE 's/.*version ([0-9]+).*/\1/p')
	if [ "$version" != 14 ]; then
		say "format: not checked, clang-format here is $version and the repository follows 14"
		return 0
	fi
	if [ -n "$fix" ]; then
		list -name '*.c' -o -name '*.h' | xargs -r clang-format -i
	else
		list -name '*.c' -o -name '*.h' | xargs -r clang-format --dry-run --Werror 2>&1 |
			sed -nE 's/^([^ ]*:[0-9]+):[0-9]+: error:.*/\1: not formatted: make format/p' | sort -u |
			awk -F: '!seen[$1]++ { print } END { exit NR > 0 }'
	fi
}

lint_threads()
{
	need clang
	[ -f compile_commands.json ] || make -s compile_commands.json || return 1
	python3 -B tests/lint/threads.py
}

lint_cppcheck()
{
	need cppcheck
	mkdir -p build/cppcheck
	# Folders of the product; the include paths only let it see our own headers.
	# shellcheck disable=SC2046
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=tests/lint/cppcheck.txt --cppcheck-build-dir=build/cppcheck -j "$(nproc)" \
		--template='{file}:{line}: {id}: {message}' -D__linux__ -DMUTATE\(x\)=0 -Iinclude -Icommon \
		$(find common filterd target tests -name '*.c' | sort)
}

# What one script shows by itself, over all; what only shows together with the libraries that it reads (a name that
# nobody sets or uses), over the libraries and tools alone: following them from each test costs two minutes, and a test
# runs with "set -u".
lint_shell()
{
	local rc=0

	need shellcheck
	list -name '*.sh' -o -path './.ci/run' | xargs -r -n 40 -P 2 shellcheck -e SC1091,SC2034,SC2153,SC2154,SC2317 || rc=1
	list -path './tests/lib/*.sh' -o -path './scripts/*.sh' | xargs -r -n 12 -P 2 shellcheck -x -P SCRIPTDIR -P . || rc=1
	return $rc
}

# The console imports libraries that only build/ has; their types are laid where they will be.
lint_console()
{
	local types=build/console-types/vendor modules=../../npm-dev/node_modules

	make -s console-tools || return 1
	mkdir -p "$types"
	echo "export * from '$modules/preact/src/index.js';" >"$types/preact.d.ts"
	echo "export * from '$modules/preact/hooks/src/index.js';" >"$types/hooks.d.ts"
	echo "import htm from '$modules/htm/dist/htm.js'; export default htm;" >"$types/htm.d.ts"
	echo "import uPlot from '$modules/uplot/dist/uPlot.js'; export default uPlot;" >"$types/uplot.d.ts"
	build/npm-dev/node_modules/.bin/tsc --pretty false -p web/console/tsconfig.json
}

failed=()
for check; do
	case $check in
	format | threads | cppcheck | shell | console) "lint_$check" ;;
	includes | lengths | forbidden | licences) need python3 && python3 -B "tests/lint/$check.py" ;;
	*) die "no check is called $check; see the head of scripts/lint.sh." ;;
	esac || failed+=("$check")
done
[ ${#failed[@]} -eq 0 ] || die "lint: ${failed[*]}: see above."
[ $# -eq 1 ] || say "lint: clean"

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Each check of scripts/lint.sh passes a clean tree, and fails one with a planted fault, naming it.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
bad=0

# The console's check needs its tools, which are not fetched again for each tree.
console_tree()
{
	mkdir -p "$tree/web/console/js" "$tree/build"
	cp "$root/web/console/tsconfig.json" "$tree/web/console/"
	printf '%s\n' '// SPDX-License-Identifier: MIT' 'export const one = 1;' >"$tree/web/console/js/one.js"
	printf '%s\n' '# SPDX-License-Identifier: MIT' 'console-tools:' >"$tree/Makefile"
	ln -s "$root/build/npm-dev" "$tree/build/npm-dev"
}

clean_tree()
{
	rm -rf "${tree:?}"/*
	mkdir -p "$tree"/{scripts,tests,common,target,filterd/{ring,scsi,filters/x,chain}}
	cp "$root"/scripts/{lint.sh,say.sh} "$tree/scripts/"
	cp -r "$root/tests/lint" "$tree/tests/"
	cp "$root/.clang-format" "$tree/"
	cp "$root"/common/role.h "$tree/common/"
	console_tree
	printf '%s\n' '/* SPDX-License-Identifier: MIT */' 'int one(void);' '' 'int one(void)' '{' \
		$'\treturn 1;' '}' >"$tree/common/one.c"
	printf '%s\n' '/* SPDX-License-Identifier: GPL-2.0-only */' 'int two(void);' >"$tree/target/two.h"
	printf '[{"arguments": ["gcc", "-std=c11", "-Icommon"], "file": "common/one.c"}]' >"$tree/compile_commands.json"
}

lint()
{
	(cd "$tree" && scripts/lint.sh "$1") >"$tree/out" 2>&1
}

# sees CHECK REGEX FILE CONTENT: with FILE in the tree, CHECK must fail and say REGEX.
sees()
{
	clean_tree
	mkdir -p "$(dirname "$tree/$3")"
	printf '%b' "$4" >"$tree/$3"
	if lint "$1"; then
		echo "FAIL: $1 did not see: $2"
		bad=1
	elif ! grep -qE -- "$2" "$tree/out"; then
		echo "FAIL: $1 did not say: $2, but:"
		sed 's/^/    /' "$tree/out"
		bad=1
	fi
}

spdx='/* SPDX-License-Identifier: MIT */\n'
clean_tree
for check in format includes lengths forbidden licences threads cppcheck shell console; do
	lint "$check" || { echo "FAIL: $check does not pass a clean tree:"; cat "$tree/out"; bad=1; }
done

many=$(printf '\\tx();\\n%.0s' {1..60})
lines=$(printf '/* x */\\n%.0s' {1..501})
sees format 'common/a.c:.*not formatted' common/a.c "${spdx}int  a ;\n"
sees includes 'filterd/filters/x/ may not include "role.h" of common/' filterd/filters/x/x.c "${spdx}#include \"role.h\"\n"
sees includes 'reaches the system' filterd/ring/r.c "${spdx}#include <pthread.h>\n"
sees includes 'only db/' filterd/f.c "${spdx}#include <sqlite3.h>\n"
sees includes "tgt's" target/t.c "#include <tgtd.h>\n"
sees lengths 'big\(\) has' common/a.c "${spdx}int big(void)\n{\n${many}}\n"
sees lengths 'has 50[0-9] lines' common/a.c "$spdx$lines"
sees forbidden 'strcpy\(\) is not used' common/a.c "${spdx}void f(void)\n{\n\tstrcpy(a, b);\n}\n"
sees forbidden 'clock_gettime\(\) is not used' filterd/scsi/a.c "${spdx}void f(void)\n{\n\tclock_gettime(0, 0);\n}\n"
sees forbidden 'exit\(\) only in main' common/a.c "${spdx}void f(void)\n{\n\texit(1);\n}\n"
sees forbidden 'assertions stay on' common/a.c "${spdx}#define ND""EBUG\n"
sees forbidden 'unfinished' common/a.c "${spdx}/* TO""DO: x */\n"
sees forbidden 'path of one machine' common/a.c "${spdx}/* /ro""ot/x */\n"
sees forbidden 'a sense code outside' filterd/scsi/a.c "${spdx}#define MY_ASC_X 0x2400\n"
sees licences 'a.c:1' common/a.c 'int x;\n'
sees licences 'must say.*GPL' target/a.c "$spdx"
sees threads 'requires holding thread role' common/one.c \
	"${spdx}#include \"role.h\"\nvoid w(void) ON_WORKER;\nvoid m(void) ON_MAIN;\nvoid m(void)\n{\n\tw();\n}\n"
sees cppcheck 'nullPointer' common/a.c "${spdx}int f(void)\n{\n\tint *p = 0;\n\n\treturn *p;\n}\n"
# shellcheck disable=SC2016 # for the planted script
sees shell 'SC2086' scripts/a.sh '#!/bin/bash\n# SPDX-License-Identifier: MIT\nrm $1\n'

sees console "js/two.js.*TS2345" web/console/js/two.js \
	'// SPDX-License-Identifier: MIT\n/** @param {string} a */\nfunction f(a) { return a; }\nf(1);\n'

[ "$bad" = 0 ] && echo "every planted fault was seen"
exit "$bad"

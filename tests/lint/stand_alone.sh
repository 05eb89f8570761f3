#!/bin/sh
# SPDX-License-Identifier: MIT
# stand_alone.sh COMPILER ROOT: every header compiles by itself; the public one includes three.
set -u
bad=0
cd "$2" || exit 1
for header in $(find include src -name '*.h' | sort); do
    "$1" -x c -std=c11 -fsyntax-only -Wall -Wextra -Werror -Wno-unused-function -Iinclude -Isrc \
        "$header" || bad=1
done
foreign=$(grep -nE '^#[[:space:]]*include' include/ccp.h | grep -vE '<std(bool|def|int)\.h>')
if [ -n "$foreign" ]; then
    echo "include/ccp.h includes more than stdbool.h, stddef.h and stdint.h: $foreign"
    bad=1
fi
exit $bad

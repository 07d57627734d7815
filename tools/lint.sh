#!/bin/sh
# Every check that needs no running program. Usage: tools/lint.sh BUILD
set -u
cd "$(dirname "$0")/.."
build=$1
failed=0

step() { # what, command ...
    what=$1
    shift
    if "$@"; then echo "ok: $what"; else
        echo "FAILED: $what"
        failed=1
    fi
}

sources=$(git ls-files 'src/*.c' 'src/*.h' 'test/*.c' 'test/*.h' 'bench/*.c')
step "layers" tools/check_layers.py
step "headers" tools/check_headers.py
step "documentation" tools/check_docs.py
step "symbols" tools/check_symbols.py $(ls "$build"/src/*/*.a)
step "format" clang-format --dry-run -Werror $sources
step "shell scripts parse" sh -c 'for f in bootstrap tools/*.sh .ci/run; do sh -n "$f" || exit 1; done'
# clang sees other things than gcc does, and clang-tidy wants its compile commands.
clang_build() {
    [ -f build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null || return 1
    ninja -C build-clang --quiet
}
step "clang builds without a warning" clang_build
if [ "${LINT_TIDY:-1}" = 1 ]; then
    tidy="clang-tidy --quiet -p build-clang"
    export tidy
    # analyzer.h renames what err.c defines.
    step "clang-tidy" sh -c 'git ls-files "src/*.c" | grep -vx src/base/err.c | xargs -P "$(nproc)" -n 4 $tidy --extra-arg=-include"$PWD/tools/analyzer.h" 2>/dev/null && $tidy src/base/err.c 2>/dev/null'
fi
exit $failed

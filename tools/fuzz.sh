#!/bin/sh
# Builds every libFuzzer target with ASan and UBSan and runs each for some seconds from its corpus.
# Usage: tools/fuzz.sh SECONDS [TARGET ...]
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
ninja -C build-fuzz --quiet
for target in build-fuzz/test/fuzz/*_fuzz; do
    [ -x "$target" ] || continue
    name=$(basename "$target" _fuzz)
    if [ $# -gt 0 ]; then
        case " $* " in *" $name "*) ;; *) continue ;; esac
    fi
    work=build-fuzz/corpus/$name
    mkdir -p "$work"
    echo "fuzz: $name for $seconds s"
    ASAN_OPTIONS=detect_stack_use_after_return=0 "$target" -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 \
        -artifact_prefix=build-fuzz/crash-"$name"- "$work" test/fuzz/corpus/"$name"
done
echo "fuzz: no crash"

#!/usr/bin/env python3
"""Checks that every global symbol of our static libraries starts with slv_ (usage: check_symbols.py LIB.a ...)."""
import subprocess
import sys


def main(libraries: list[str]) -> int:
    problems = []
    for library in libraries:
        if library.endswith("libslv_sqlite.a"):  # SQLite itself, under its own names
            continue
        out = subprocess.run(["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True).stdout
        for line in out.splitlines():
            parts = line.split()
            if len(parts) == 3 and not parts[2].startswith(("slv_", "__asan", "__odr_asan", "__ubsan", "__sanitizer")):
                problems.append(f"{library}: {parts[2]}")
    for text in problems:
        print(text)
    print(f"symbols: {len(libraries)} libraries, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

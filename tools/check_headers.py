#!/usr/bin/env python3
"""Checks that every header compiles alone, opens with a comment that says what it is, and guards itself by its path."""
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys


def pkg_config_flags() -> list[str]:
    packages = ["javascriptcoregtk-4.1", "libuv", "libcurl", "openssl", "icu-uc"]
    out = subprocess.run(["pkg-config", "--cflags", *packages], capture_output=True, text=True, check=False)
    return shlex.split(out.stdout)


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    compiler = os.environ.get("CC", "cc")
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Isrc", "-Itest", *pkg_config_flags()]

    def check(path: pathlib.Path) -> list[str]:
        rel = path.relative_to(root / "src")
        text = path.read_text()
        found = []
        guard = "SLV_" + str(rel).upper().replace("/", "_").replace(".", "_").replace("-", "_")
        if f"#ifndef {guard}" not in text:
            found.append(f"src/{rel}: include guard should be {guard}")
        if not text.startswith("/*"):
            found.append(f"src/{rel}: a header opens with a comment: what it is, threads, ownership, limits, errors")
        run = subprocess.run(
            [compiler, *flags, "-fsyntax-only", "-x", "c", "-"],
            input=f'#include "{rel}"\nint slv_header_alone;\n', capture_output=True, text=True, cwd=root, check=False)
        if run.returncode:
            found.append(f"src/{rel}: does not compile alone:\n{run.stderr.strip()[:1000]}")
        return found

    headers = sorted((root / "src").rglob("*.h"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        problems = [p for found in pool.map(check, headers) for p in found]
    for text in problems:
        print(text)
    print(f"headers: {len(headers)} checked, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

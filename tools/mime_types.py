#!/usr/bin/env python3
"""mime_types.py - makes a C table, sorted by extension, of the types that the npm package mime knows.

usage: mime_types.py OUT.c TYPES.js...

A TYPES.js is an object of lists, 'type/subtype': ['ext', '*ext']; a star marks an extension that another type is
preferred for. Text is taken for UTF-8, and its type says so.
"""
import re
import sys

ENTRY = re.compile(r"'([^']+/[^']+)'\s*:\s*\[([^\]]*)\]")


def read(paths):
    types = {}
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        found = ENTRY.findall(text)
        if not found:
            sys.exit(f"{path}: no types: expected 'type/subtype': ['ext', ...]")
        for mime, extensions in found:
            for ext in re.findall(r"'([^']+)'", extensions):
                if not ext.startswith("*"):
                    types.setdefault(ext, mime)
    return types


def main():
    out, *paths = sys.argv[1:]
    types = read(paths)
    with open(out, "w", encoding="utf-8") as f:
        f.write('#include "assets/type_table.h"\n\n')
        f.write("const slv_type_row slv_type_rows[] = {\n")
        for ext in sorted(types):
            charset = "; charset=utf-8" if types[ext].startswith("text/") else ""
            f.write(f'    {{"{ext}", "{types[ext]}{charset}"}},\n')
        f.write("};\n")
        f.write(f"const unsigned slv_type_row_count = {len(types)};\n")


main()

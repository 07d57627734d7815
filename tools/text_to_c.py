#!/usr/bin/env python3
"""text_to_c.py - a text file as a constant C string: text_to_c.py TEXT HEADER NAME OUT.c"""
import sys

text, header, name, out = sys.argv[1:]
with open(text, encoding="utf-8") as f:
    lines = f.read().splitlines(keepends=True)
escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "%s"\n\nconst char %s[] =\n' % (header, name))
    for line in lines:
        f.write('    "%s"\n' % "".join(escapes.get(c, c) for c in line))
    f.write("    ;\n")

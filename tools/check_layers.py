#!/usr/bin/env python3
"""Checks includes in src/ against tools/layers.toml: layers, fenced libraries, *_int.h privacy, cycles, own header first."""
import pathlib
import re
import sys
import tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    table = tomllib.loads((root / "tools/layers.toml").read_text())
    layers, fences = table["layers"], table["fences"]
    problems = []

    def problem(path, line, text):
        problems.append(f"{path.relative_to(root)}:{line}: {text}")

    graph = {}
    for path in sorted((root / "src").rglob("*.[ch]")):
        rel = path.relative_to(root / "src")
        if len(rel.parts) < 2:
            continue
        layer = rel.parts[0]
        if layer not in layers:
            problem(path, 1, f"layer {layer} is not in tools/layers.toml")
            continue
        first_project_include = None
        for number, text in enumerate(path.read_text().splitlines(), 1):
            m = INCLUDE.match(text)
            if not m:
                continue
            quoted, name = m.group(1) == '"', m.group(2)
            for fence, allowed in fences.items():
                if not quoted and name.startswith(fence) and layer not in allowed:
                    problem(path, number, f"<{name}> may be included in {', '.join(allowed) or 'no layer'} only")
            if not quoted:
                continue
            if first_project_include is None:
                first_project_include = name
            other = name.split("/")[0]
            if "/" not in name or other not in layers:
                problem(path, number, f'"{name}": write the path from src/, as "layer/name.h"')
                continue
            if other != layer and other not in layers[layer]:
                problem(path, number, f"{layer} may not include {other} (\"{name}\")")
            if name.endswith("_int.h") and other != layer:
                problem(path, number, f'"{name}" is private to {other}')
            if path.suffix == ".h":
                graph.setdefault(str(rel), []).append((name, number, path))
        own = str(rel.with_suffix(".h"))
        if path.suffix == ".c" and (root / "src" / own).exists() and first_project_include not in (own, None):
            problem(path, 1, f'the first include should be "{own}"')

    state = {}

    def visit(name, trail):
        if state.get(name) == "done":
            return
        if state.get(name) == "open":
            problems.append("include cycle: " + " -> ".join(trail[trail.index(name):] + [name]))
            return
        state[name] = "open"
        for target, _, _ in graph.get(name, []):
            visit(target, trail + [name])
        state[name] = "done"

    for name in sorted(graph):
        visit(name, [])
    for text in problems:
        print(text)
    print(f"layers: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

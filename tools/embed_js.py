#!/usr/bin/env python3
"""embed_js.py - turns the built-in modules of jslib/ into function bodies and embeds them in the program.

usage: embed_js.py OUT_BLOB OUT_ASM OUT_TABLE [--root=DIR] FILE.js...

A module is named by its path below DIR ("node/path" is DIR/node/path.js), without --root by its file name.

Each file becomes `(function (N, load, P) { "use strict"; BODY return {…}; })`, on lines of the same numbers as in the
file. OUT_BLOB holds the texts one after another, each followed by a NUL; OUT_ASM is assembler that includes the blob;
OUT_TABLE is C: slv_builtins[] sorted by name. The engine has no public module loader, hence the strict subset:

  import { a, b as c } from "name";           at the top, one line each
  export class|function|async function|const|let NAME …, export { a, b as c };

In a module the string "@USED@" becomes the names that all modules read from P, and "@BUILTINS@" the names of all modules.

A file npm_NAME.js is what tools/bundle_npm.py made of an npm package: it is the function already and exports `exports`.

Everything else of the module syntax, anything but ASCII, unknown names, and import cycles are errors: FILE:LINE: why.
"""
import os
import re
import sys

NAME = r"[A-Za-z_$][A-Za-z0-9_$]*"
IMPORT = re.compile(r'^import \{ ([^{}]*?),? \} from "([a-z0-9_.\-/:]+)";\s*(?://.*)?$')
EXPORT_LIST = re.compile(r"^export \{ ([^{}]*?),? \};\s*(?://.*)?$")
EXPORT_DECL = re.compile(r"^export ((?:async )?function\*?|class|const|let) (%s)\b" % NAME)
SPECIFIER = re.compile(r"^(%s)(?: as (%s))?$" % (NAME, NAME))


class Refused(Exception):
    pass


def code_lines(text, path):
    """Yields (number, line, starts_in_code): whether the line begins outside comments and template literals."""
    state = "code"  # code, comment, template
    nesting = []  # for `${`: depth of braces inside each open template substitution
    for number, line in enumerate(text.split("\n"), 1):
        yield number, line, state == "code"
        i = 0
        previous = ""  # last significant character, to tell a regular expression from a division
        while i < len(line):
            c = line[i]
            if state == "comment":
                end = line.find("*/", i)
                if end < 0:
                    break
                state, i = "code", end + 2
                continue
            if state == "template":
                if c == "\\":
                    i += 2
                elif c == "`":
                    state, i, previous = "code", i + 1, ")"
                elif line.startswith("${", i):
                    nesting.append(0)
                    state, i, previous = "code", i + 2, "("
                else:
                    i += 1
                continue
            if line.startswith("//", i):
                break
            if line.startswith("/*", i):
                state, i = "comment", i + 2
                continue
            if c in "'\"":
                i += 1
                while i < len(line) and line[i] != c:
                    i += 2 if line[i] == "\\" else 1
                if i >= len(line) and not line.endswith("\\"):
                    raise Refused("%s:%d: string does not end on its line" % (path, number))
                i, previous = i + 1, ")"
                continue
            if c == "/" and (previous == "" or previous in "(,=:[!&|?{};+-*%<>~^\n" or ends_in_keyword(line[:i])):
                i, in_class = i + 1, False
                while i < len(line) and (line[i] != "/" or in_class):
                    in_class = line[i] == "[" or (in_class and line[i] != "]")
                    i += 2 if line[i] == "\\" else 1
                i, previous = i + 1, ")"
                continue
            if c == "`":
                state, i = "template", i + 1
                continue
            if nesting and c == "{":
                nesting[-1] += 1
            if nesting and c == "}":
                if nesting[-1] == 0:
                    nesting.pop()
                    state, i = "template", i + 1
                    continue
                nesting[-1] -= 1
            if not c.isspace():
                previous = c
            i += 1


def ends_in_keyword(before):
    return re.search(r"\b(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield)\s*$", before) is not None


def specifiers(inner, path, number):
    pairs = []
    for part in inner.split(","):
        m = SPECIFIER.match(part.strip())
        if not m:
            raise Refused("%s:%d: expected `name` or `name as other`, found %r" % (path, number, part.strip()))
        pairs.append((m.group(1), m.group(2) or m.group(1)))
    return pairs


class Module:
    def __init__(self, path, root):
        self.path = path
        self.name = os.path.splitext(os.path.relpath(path, root) if root else os.path.basename(path))[0]
        self.imports = []  # (line, module, [names])
        self.exports = {}  # exported name -> (local, is let)
        self.text = self.transform()

    def refuse(self, number, why):
        raise Refused("%s:%d: %s" % (self.path, number, why))

    def export(self, number, local, exported, live):
        if exported in self.exports:
            self.refuse(number, "%s is exported twice" % exported)
        self.exports[exported] = (local, live)

    def transform(self):
        raw = open(self.path, "rb").read()
        for number, line in enumerate(raw.split(b"\n"), 1):
            if any(byte > 126 or (byte < 32 and byte != 9) for byte in line):
                self.refuse(number, "a built-in is ASCII text with LF line ends (write \\u escapes)")
        lines = []
        lets = set()
        in_imports = True
        for number, line, in_code in code_lines(raw.decode("ascii"), self.path):
            if in_code and re.match(r"import\b(?!\s*[.(])", line):
                m = IMPORT.match(line)
                if not m:
                    self.refuse(number, 'expected `import { a, b as c } from "name";` on one line')
                if not in_imports:
                    self.refuse(number, "imports stand at the top of the file")
                pairs = specifiers(m.group(1), self.path, number)
                self.imports.append((number, m.group(2), [a for a, _ in pairs]))
                fields = ", ".join(a if a == b else "%s: %s" % (a, b) for a, b in pairs)
                line = 'const { %s } = load("%s");' % (fields, m.group(2))
            elif in_code and re.match(r"export\b", line):
                in_imports = False
                line = self.transform_export(number, line, lets)
            elif in_code and line.strip() and not line.lstrip().startswith(("//", "/*", "*")):
                in_imports = False
            if in_code and re.search(r"(?<![.\w$])import\s*[.(]", line.split("//")[0]):
                self.refuse(number, "import() and import.meta do not exist here; use load(name)")
            lines.append(line)
        if lines and lines[-1] == "":
            lines.pop()
        for exported, (local, _) in list(self.exports.items()):
            self.exports[exported] = (local, local in lets)
        fields = ", ".join(
            "get %s() { return %s; }" % (e, l) if live else (e if e == l else "%s: %s" % (e, l))
            for e, (l, live) in self.exports.items()
        )
        head = '(function (N, load, P) { "use strict"; '
        return head + "\n".join(lines) + "\nreturn { __proto__: null%s };\n})\n" % (", " + fields if fields else "")

    def transform_export(self, number, line, lets):
        m = EXPORT_LIST.match(line)
        if m:
            for local, exported in specifiers(m.group(1), self.path, number):
                self.export(number, local, exported, False)
            return ""
        m = EXPORT_DECL.match(line)
        if not m:
            self.refuse(
                number,
                "expected `export class|function|async function|const|let NAME` or `export { a, b as c };` on one line",
            )
        if m.group(1) == "let":
            lets.add(m.group(2))
        self.export(number, m.group(2), m.group(2), m.group(1) == "let")
        return " " * len("export ") + line[len("export ") :]  # columns stay


class Package:
    """An npm package, bundled."""

    def __init__(self, path):
        self.path = path
        self.name = "npm/" + os.path.basename(path)[len("npm_") : -len(".js")]
        self.imports = []
        self.exports = {"exports": ("exports", False)}
        self.text = open(path, encoding="ascii").read()


def check_imports(modules):
    for module in modules.values():
        for number, name, names in module.imports:
            if name not in modules:
                module.refuse(number, 'there is no built-in "%s"' % name)
            for n in names:
                if n not in modules[name].exports:
                    module.refuse(number, '"%s" does not export %s' % (name, n))
    done, path = set(), []

    def visit(module):
        if module.name in done:
            return
        if module.name in path:
            cycle = path[path.index(module.name) :] + [module.name]
            module.refuse(module.imports[0][0], "import cycle: %s (use load() inside a function)" % " -> ".join(cycle))
        path.append(module.name)
        for _, name, _ in module.imports:
            visit(modules[name])
        path.pop()
        done.add(module.name)

    for module in modules.values():
        visit(module)


def used_primordials(modules):
    """Names that the modules take from P: only those are made."""
    names = set()
    for module in modules:
        if isinstance(module, Package):
            continue
        names.update(re.findall(r"(?<![\w$.])P\.(%s)" % NAME, module.text))
        for inner in re.findall(r"\{([^{}]*)\}\s*=\s*P\s*;", module.text):
            names.update(part.split(":")[0].strip() for part in inner.split(",") if part.strip())
    return names


def main():
    blob_path, asm_path, table_path = sys.argv[1:4]
    modules = {}
    root = None
    for path in sys.argv[4:]:
        if path.startswith("--root="):
            root = path[len("--root=") :]
            continue
        module = Package(path) if os.path.basename(path).startswith("npm_") else Module(path, root)
        if module.name in modules:
            raise Refused("%s:1: a second built-in of that name" % path)
        modules[module.name] = module
    check_imports(modules)

    used = " ".join(sorted(used_primordials(modules.values())))
    names = " ".join(sorted(modules))
    blob = bytearray()
    rows = []
    for name in sorted(modules):
        text = modules[name].text.replace('"@USED@"', '"%s"' % used).replace('"@BUILTINS@"', '"%s"' % names).encode("ascii")
        rows.append('    {"%s", slv_builtin_texts + %d, %d},' % (name, len(blob), len(text)))
        blob += text + b"\0"
    with open(blob_path, "wb") as f:
        f.write(blob)
    with open(asm_path, "w") as f:
        f.write('.section .rodata\n.global slv_builtin_texts\n.hidden slv_builtin_texts\n.balign 16\n')
        f.write('slv_builtin_texts:\n.incbin "%s"\n.byte 0\n' % os.path.abspath(blob_path))
        f.write('.section .note.GNU-stack,"",%progbits\n')
    with open(table_path, "w") as f:
        f.write('#include "js/builtins.h"\n\nextern const char slv_builtin_texts[] __attribute__((visibility("hidden")));\n\n')
        f.write("const slv_builtin slv_builtins[] = {\n%s\n};\n" % "\n".join(rows))
        f.write("const size_t slv_builtin_count = sizeof slv_builtins / sizeof slv_builtins[0];\n")


if __name__ == "__main__":
    try:
        main()
    except Refused as e:
        sys.exit(str(e))

"""What tools/embed_js.py accepts and refuses. TAP on stdout."""
import os
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]
number = 0
failed = 0


def run(files, root=False):
    with tempfile.TemporaryDirectory() as tmp:
        paths = ["--root=" + tmp] if root else []
        for name, text in files.items():
            path = os.path.join(tmp, name + ".js")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(text.encode("utf-8"))
            paths.append(path)
        outputs = [os.path.join(tmp, n) for n in ("blob", "asm", "table")]
        done = subprocess.run([sys.executable, TOOL] + outputs + paths, capture_output=True, text=True)
        blob = open(outputs[0], "rb").read().decode() if done.returncode == 0 else ""
        return blob, done.stderr.replace(tmp + os.sep, "").strip()


def check(name, ok, note=""):
    global number, failed
    number += 1
    failed += not ok
    print("%s %d - %s" % ("ok" if ok else "not ok", number, name))
    if not ok:
        print("# " + note)


def accepts(name, files, *parts, root=False):
    blob, err = run(files, root)
    check(name, err == "" and all(p in blob for p in parts), err or blob)


def refuses(name, files, message):
    blob, err = run(files)
    check(name, message in err, err or "was accepted")


accepts("imports become reads of load()", {"a": 'import { x, y as z } from "b";\nz(x);\n', "b": "export const x = 1;\nexport function y() {}\n"},
        'const { x, y: z } = load("b");', "return { __proto__: null, x, y };")
accepts("lines and columns stay", {"a": "// one\nexport class C {\n}\n"}, '"use strict"; // one\n       class C {\n}\nreturn { __proto__: null, C };')
accepts("a let is exported live", {"a": "export let n = 0;\n"}, "get n() { return n; }")
accepts("export lists rename", {"a": "const q = 1;\nexport { q as r };\n"}, "return { __proto__: null, r: q };")
accepts("words in strings, templates, comments and patterns are no syntax",
        {"a": "const t = `\nexport default 1\nimport x from 'y'\n${`\nimport a\n`}`;\n/*\nexport *\n*/\nconst r = /`'\"/;\nconst d = 1 / 2;\nexport const s = 'export';\n"},
        "return { __proto__: null, s };")
accepts("names are paths below the root", {"node/a": 'import { y } from "node/b/c";\nexport const x = y;\n', "node/b/c": "export const y = 1;\n"}, 'load("node/b/c")', root=True)
accepts("npm_NAME is the built-in npm/NAME, taken as it is", {"npm_p.q": "(function (N, load, P) { return 5; })\n", "a": 'import { exports } from "npm/p.q";\nexport const x = "@BUILTINS@";\n'},
        "return 5;", 'const x = "a npm/p.q";')
refuses("default exports", {"a": "\nexport default 1;\n"}, "a.js:2: expected `export class|function")
refuses("imports of everything", {"a": 'import * as b from "b";\n', "b": ""}, "a.js:1: expected `import { a, b as c }")
refuses("imports below code", {"a": 'let x = 1;\nimport { y } from "b";\n', "b": "export const y = 1;\n"}, "a.js:2: imports stand at the top")
refuses("import()", {"a": 'const b = 1;\nimport("b");\n'}, "a.js:2: import() and import.meta do not exist here")
refuses("names that are not exported", {"a": 'import { y } from "b";\n', "b": "export const x = 1;\n"}, 'a.js:1: "b" does not export y')
refuses("modules that are not there", {"a": 'import { y } from "nope";\n'}, 'a.js:1: there is no built-in "nope"')
refuses("cycles", {"a": 'import { y } from "b";\nexport const x = 1;\n', "b": 'import { x } from "a";\nexport const y = 1;\n'}, "import cycle: a -> b -> a")
refuses("what is not ASCII", {"a": "// \u00e9\n"}, "a.js:1: a built-in is ASCII text")
refuses("two exports of one name", {"a": "export const x = 1;\nexport { x };\n"}, "a.js:2: x is exported twice")
refuses("a string that does not end", {"a": "const x = 'abc;\n"}, "a.js:1: string does not end on its line")

print("1..%d" % number)
sys.exit(1 if failed else 0)

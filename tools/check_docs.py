#!/usr/bin/env python3
"""Whatever the documentation names of this tree is there: files and folders (src/..., docs/..., tools/...), headers as
#include writes them ("edge/site.h"), links between pages and the headings that they lead to, and C functions (slv_...).

Pages for users name files of their projects (`src/index.ts`): there only links are looked up; words in code type count
where a page is about this tree.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OWN = ["src", "jslib", "test", "tools", "bench", "docs", "examples"]  # first segments of paths in this tree
INSIDE = re.compile(r"^(docs/internals/|docs/formats/|ARCHITECTURE\.md|CONTRIBUTING\.md|README\.md)")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


def slug(heading: str) -> str:
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def expand(word: str) -> list[str]:
    """`a/{b,c}.h` names two files."""
    m = re.search(r"\{([^{}]*)\}", word)
    return [word] if not m else [x for piece in m[1].split(",") for x in expand(word[: m.start()] + piece + word[m.end() :])]


class Tree:
    def __init__(self) -> None:
        self.files = tracked()
        self.known = set(self.files)
        for f in self.files:
            self.known.update(str(p) for p in pathlib.PurePosixPath(f).parents)
        self.layers = {f.split("/")[1] for f in self.files if f.startswith("src/") and f.count("/") > 1}
        sources = [f for f in self.files if re.match(r"(src|test)/.*(\.[ch]|/meson\.build)$", f) and (ROOT / f).exists()]
        self.names = set(re.findall(r"\bslv_\w+", "\n".join((ROOT / f).read_text() for f in sources)))

    def has(self, path: str) -> bool:
        path = path.rstrip("/")
        if "*" in path:
            return any(pathlib.PurePosixPath(f).match(path) for f in self.known)
        # a program is called by the name of its source
        return path in self.known or (ROOT / path).exists() or path + ".c" in self.known or bool(re.search(r"[A-Z]{3,}", path))

    def missing(self, word: str) -> bool:
        """Whether a word in code type names something of this tree that is not there."""
        word = re.sub(r":\d+(-\d+)?$", "", word)
        if re.fullmatch(r"slv_\w+(\(\))?", word):
            name = word.removesuffix("()")
            return name not in self.names and not any(n.startswith(name) for n in self.names if name.endswith("_"))
        if not re.fullmatch(r"[\w@.*{},/-]+", word) or "/" not in word:
            return False
        first = word.split("/")[0]
        for path in expand(word):
            if first in OWN and not self.has(path):
                return True
            if first in self.layers and re.search(r"\.[ch]$", path) and not self.has("src/" + path):
                return True
        return False


def check(tree: Tree, page: str) -> list[str]:
    text = FENCE.sub(lambda m: "\n" * m[0].count("\n"), (ROOT / page).read_text())
    bad = []
    for i, line in enumerate(text.split("\n"), 1):
        if INSIDE.match(page):
            bad += [f"{page}:{i}: there is no {w}" for w in CODE.findall(line) if tree.missing(w)]
        for target in LINK.findall(line):
            if re.match(r"\w+:", target):
                continue
            path, _, heading = target.partition("#")
            file = (ROOT / page).parent / path if path else ROOT / page
            if not file.exists():
                bad.append(f"{page}:{i}: there is no {target}")
            elif heading and file.suffix == ".md":
                slugs = [slug(h) for h in re.findall(r"^#+ (.*)$", file.read_text(), re.M)]
                if heading not in slugs:
                    bad.append(f"{page}:{i}: {path or page} has no heading #{heading}")
    return bad


def main() -> int:
    tree = Tree()
    pages = [f for f in tree.files if f.endswith(".md") and (f.count("/") == 0 or f.startswith("docs/"))]
    bad = [line for page in pages for line in check(tree, page)]
    print("\n".join(bad) if bad else f"{len(pages)} pages name what is there")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

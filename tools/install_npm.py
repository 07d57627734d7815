#!/usr/bin/env python3
"""Meson install script: copies the packages that the installed program runs (esbuild) to PREFIX/lib/selvage/node_modules, and
the licences of those that are built into it to PREFIX/share/doc/selvage/licenses."""
import os
import pathlib
import shutil
import sys

PACKAGES = ["esbuild", "@esbuild"]
# In the program: built-in modules made of them (jslib/meson.build), the table of content types. SQLite is in the public domain.
BUILT_IN = ["acorn", "mime", "punycode", "readable-stream", "unenv"]


def copy_licences(source: pathlib.Path, target: pathlib.Path) -> bool:
    target.mkdir(parents=True, exist_ok=True)
    for name in BUILT_IN:
        found = sorted((source / name).glob("LICEN[CS]E*"))
        if not found:
            print(f"{source / name} has no licence", file=sys.stderr)
            return False
        shutil.copyfile(found[0], target / f"{name}.txt")
    return True


def main() -> int:
    source = pathlib.Path(os.environ["MESON_SOURCE_ROOT"]) / "node_modules"
    target = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / "lib/selvage/node_modules"
    for name in PACKAGES:
        if not (source / name).is_dir():
            print(f"{name} is not in {source}: run 'make' first, which installs the npm packages", file=sys.stderr)
            return 1
        shutil.rmtree(target / name, ignore_errors=True)
        shutil.copytree(source / name, target / name)
    return 0 if copy_licences(source, target.parents[2] / "share/doc/selvage/licenses") else 1


if __name__ == "__main__":
    sys.exit(main())

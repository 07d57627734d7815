#!/usr/bin/env python3
"""Meson install script: copies the packages that the installed program runs (esbuild) to PREFIX/lib/selvage/node_modules."""
import os
import pathlib
import shutil
import sys

PACKAGES = ["esbuild", "@esbuild"]


def main() -> int:
    source = pathlib.Path(os.environ["MESON_SOURCE_ROOT"]) / "node_modules"
    target = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / "lib/selvage/node_modules"
    for name in PACKAGES:
        if not (source / name).is_dir():
            print(f"{name} is not in {source}: run 'make' first, which installs the npm packages", file=sys.stderr)
            return 1
        shutil.rmtree(target / name, ignore_errors=True)
        shutil.copytree(source / name, target / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())

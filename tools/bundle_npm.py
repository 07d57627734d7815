#!/usr/bin/env python3
"""bundle_npm.py - makes built-in modules of npm packages.

usage: bundle_npm.py ROOT OUT_DIR NAME=SPECIFIER...

ROOT/node_modules holds the packages. Each SPECIFIER ("readable-stream", "unenv/node/vm") becomes OUT_DIR/npm_NAME.js, the
built-in npm/NAME: esbuild bundles it, modules of Node stay outside and are the worker's own, by require(). The text is a
function as tools/embed_js.py wants it, which exports `exports`: what the package exports.
"""
import os
import re
import subprocess
import sys
import tempfile

# What stays outside; "process/" is how some packages say that they want the package of that name.
NODE = (
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs "
    "http http2 https inspector module net os path perf_hooks process process/ querystring readline repl stream "
    "string_decoder sys timers tls trace_events tty util v8 vm wasi worker_threads zlib abort-controller"
).split()
FLAGS = (
    "--bundle --format=cjs --platform=neutral --target=es2024 --charset=ascii --main-fields=main,module --minify-whitespace "
    "--minify-syntax --legal-comments=none --log-level=error --external:node:*"
).split()
HEAD = '(function (N, load, P) { const module = { exports: {} }; const { require } = load("node/internal/require");\n'
TAIL = "\nreturn { __proto__: null, exports: module.exports };\n})\n"


def esbuild(root):
    base = os.path.join(root, "node_modules", "@esbuild")
    for name in sorted(os.listdir(base)):
        path = os.path.join(base, name, "bin", "esbuild")
        if os.access(path, os.X_OK):
            return path
    sys.exit("bundle_npm.py: no esbuild below %s; run npm ci" % base)


def main():
    root, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    wanted = [a.split("=", 1) for a in sys.argv[3:]]
    with tempfile.TemporaryDirectory() as tmp:
        stubs = []
        for name, specifier in wanted:
            stub = os.path.join(tmp, name + ".js")
            with open(stub, "w", encoding="ascii") as f:
                f.write('module.exports = require("%s");\n' % specifier)
            stubs.append(stub)
        command = [esbuild(root)] + stubs + FLAGS + ["--outdir=" + os.path.join(tmp, "out")]
        command += ["--external:%s" % n for n in NODE]
        env = dict(os.environ, NODE_PATH=os.path.join(root, "node_modules"))
        if subprocess.run(command, env=env, cwd=root).returncode != 0:
            sys.exit(1)
        for name, _ in wanted:
            text = open(os.path.join(tmp, "out", name + ".js"), encoding="ascii").read().rstrip("\n")
            with open(os.path.join(out, "npm_%s.js" % name), "w", encoding="ascii") as f:
                f.write(HEAD + re.sub(r'^"use strict";', "", text) + TAIL)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""run_vectors.py - runs a JavaScript test over public vectors.

usage: run_vectors.py TESTJS TEMPLATE.js VECTORS.json

VECTORS is sought in $SLV_TEST_DATA; the test is skipped, saying so, where it is absent. The template sees the vectors as
the constant VECTORS.
"""
import os
import subprocess
import sys
import tempfile


def main():
    testjs, template, name = sys.argv[1:4]
    path = os.path.join(os.environ.get("SLV_TEST_DATA", ""), name)
    if not os.path.exists(path):
        print("1..0 # SKIP test vectors %s are not on this machine" % name)
        return 0
    with open(path, encoding="utf-8") as f:
        vectors = f.read()
    with open(template, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, os.path.basename(template))
        with open(file, "w", encoding="utf-8") as f:
            f.write("const VECTORS = %s;\n%s" % (vectors, text))
        return subprocess.call([testjs, file])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs all test suites and ends in a line "N passed, N failed, N skipped".

Stages: 1. every suite on the ordinary build; 2. unit and fuzz-corpus suites on an ASan+UBSan build, and the whole program
built so under real traffic; 3. the JavaScript suite under garbage-collector stress. --quick stops after the first; --suite
NAME limits it.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAP_LINE = re.compile(r"^(not ok|ok)\b[^#]*(#\s*SKIP)?", re.IGNORECASE)
# What drives every part of main and of an isolate, and stays below the memory that an isolate may have: the sanitizer's counts.
DRIVEN = ["assets", "d1", "fetch", "http", "objects", "queues", "r2", "recovery", "websocket", "workers"]
NODE_TOTAL = re.compile(r"^# (pass|fail|cancelled|skipped) (\d+)$", re.MULTILINE)


def count(entry: dict) -> tuple[int, int, int, list[str]]:
    """Passed, failed, skipped and the failing lines of one program's output."""
    out = entry.get("stdout", "")
    ok = entry["result"] in ("OK", "EXPECTEDFAIL")
    if entry["result"] == "SKIP":
        return 0, 0, 1, []
    if NODE_TOTAL.search(out):
        totals = {k: int(v) for k, v in NODE_TOTAL.findall(out)}
        failed = totals.get("fail", 0) + totals.get("cancelled", 0)
        lines = [x.strip() for x in out.splitlines() if x.lstrip().startswith("not ok")]
        return totals.get("pass", 0), max(failed, 0 if ok else 1), totals.get("skipped", 0), lines
    passed = failed = skipped = 0
    lines = []
    for line in out.splitlines():
        m = TAP_LINE.match(line)
        if not m:
            continue
        if m.group(2):
            skipped += 1
        elif m.group(1).lower() == "ok":
            passed += 1
        else:
            failed += 1
            lines.append(line)
    if passed + failed + skipped == 0:
        return (1, 0, 0, []) if ok else (0, 1, 0, [])
    if not ok and failed == 0:  # it died after its last good test
        failed = 1
    return passed, failed, skipped, lines


def run_stage(title: str, build: pathlib.Path, args: list[str], env: dict[str, str]) -> tuple[int, int, int]:
    print(f"== {title}", flush=True)
    logs = build / "meson-logs"
    name = "testlog"
    for flag, value in zip(args, args[1:]):
        if flag == "--setup":
            name = f"testlog-{value}"
    path = logs / f"{name}.json"
    path.unlink(missing_ok=True)
    run = subprocess.run(["meson", "test", "-C", str(build), "--no-rebuild", "--quiet", *args],
                         env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if not path.exists():
        if "No tests defined" in run.stdout + run.stderr or "No suitable tests" in run.stdout + run.stderr:
            return 0, 0, 0
        print(run.stdout[-3000:], run.stderr[-3000:])
        return 0, 1, 0
    passed = failed = skipped = 0
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        p, f, s, lines = count(entry)
        passed, failed, skipped = passed + p, failed + f, skipped + s
        note = f" ({s} skipped)" if s else ""
        print(f"   {'ok    ' if f == 0 else 'FAILED'} {entry['name'].split('/')[-1].strip():40} {p:5} passed {f:3} failed{note} {entry['duration']:7.1f} s",
              flush=True)
        if f:
            for text in lines[:20]:
                print("          " + text)
            tail = [x for x in (entry.get("stdout", "") + entry.get("stderr", "")).splitlines() if x.strip()]
            for text in tail[-25:]:
                print("        | " + text[:300])
    return passed, failed, skipped


def configure(build: pathlib.Path, *options: str) -> None:
    if not (build / "build.ninja").exists():
        print(f"== configuring {build.name}", flush=True)
        subprocess.run(["meson", "setup", str(build), str(ROOT), *options], check=True, stdout=subprocess.DEVNULL)
    print(f"== building {build.name}", flush=True)
    subprocess.run(["ninja", "-C", str(build), "--quiet"], check=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--suite", action="append", default=[])
    opt = parser.parse_args()
    build = pathlib.Path(opt.build).resolve()
    env = {}
    own_node = list((ROOT / ".deps/node_modules").glob("node-linux-*/bin"))
    if own_node:
        env["PATH"] = f"{own_node[0]}:{os.environ['PATH']}"
    suites = [x for s in opt.suite for x in ("--suite", s)]
    totals = [0, 0, 0]

    def add(result):
        for i, n in enumerate(result):
            totals[i] += n

    add(run_stage("all suites", build, suites, env))
    if not opt.quick and not opt.suite:
        asan = ROOT / "build-asan"
        configure(asan, "-Db_sanitize=address,undefined", "-Dbuildtype=debug", "-Db_lundef=false")
        add(run_stage("unit, fuzz corpus and JavaScript under AddressSanitizer and UndefinedBehaviorSanitizer", asan,
                      ["--suite", "unit", "--suite", "fuzz", "--suite", "js", "--timeout-multiplier", "5"], env))
        add(run_stage("the program under AddressSanitizer and UndefinedBehaviorSanitizer", asan, DRIVEN,
                      {**env, "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
                       "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}))
        add(run_stage("JavaScript under garbage-collector stress", build, ["--suite", "js", "--timeout-multiplier", "5"],
                      {**env, "JSC_slowPathAllocsBetweenGCs": "20", "JSC_scribbleFreeCells": "1"}))
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())

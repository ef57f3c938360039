#!/usr/bin/env python3
"""Runs the differential harness: the same command lines on the stock tools and on Oxbow.

    run.py --oxbow-dir build [--count 2000] [--only 'gen/io/*'] [--verbose]

`--oxbow-dir` is the build directory that holds links named qemu-img and qemu-io. Every written
case is run, and `--count` generated ones. Prints each failing case with its command lines and
what differed; the last line is `N passed, N failed`; the exit code is 1 when something failed.
"""

import argparse
import fnmatch
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter

from generate import generate
from harness import Harness
from outcome import Failure, Outcome
from written import written_cases

_WORKER = {}


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oxbow-dir", required=True, help="directory of our qemu-img, qemu-io")
    parser.add_argument("--stock-dir", default="/usr/bin", help="directory of the stock tools")
    parser.add_argument("--count", type=int, default=1000, help="how many cases to generate")
    parser.add_argument("--seed", type=int, default=1, help="of the generated cases")
    parser.add_argument("--only", default="*", help="names to run, with * and ?, comma separated")
    parser.add_argument("--known", help="file of case names that are known to differ still")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work-dir", help="where images are made (default: /dev/shm or /tmp)")
    parser.add_argument("--strict", action="store_true", help="host offsets and bytes, too")
    parser.add_argument("--no-cross", dest="cross", action="store_false", help="skip cross reads")
    parser.add_argument("--list", action="store_true", help="print the names, run nothing")
    parser.add_argument("--show", type=int, default=200, help="print at most so many failures")
    parser.add_argument("--verbose", action="store_true", help="print passing cases, too")
    return parser.parse_args(argv)


def selected(options):
    """The cases whose names match --only."""
    patterns = options.only.split(",")
    cases = written_cases() + generate(options.seed, options.count)
    return [c for c in cases if any(fnmatch.fnmatchcase(c.name, p) for p in patterns)]


def known_names(path):
    """The names in a list of known differences: one a line, '#' begins a remark."""
    if path is None:
        return frozenset()
    with open(path, encoding="utf-8") as lines:
        names = (line.split("#")[0].strip() for line in lines)
        return frozenset(name for name in names if name)


def is_known(name, known):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in known)


def set_known_apart(outcomes, known):
    """Prints what is known to differ, and returns the other outcomes."""
    listed = [outcome for outcome in outcomes if is_known(outcome.name, known)]
    differing = [outcome.name for outcome in listed if outcome.failures]
    if listed:
        print(f"\nknown to differ, not counted: {len(differing)}")
    for outcome in listed:
        if not outcome.failures and outcome.name in known:
            print(f"no longer differs: {outcome.name}")
    return [o for o in outcomes if not o.failures or not is_known(o.name, known)]


def start_worker(options, work):
    own = os.path.join(work, str(os.getpid()))
    os.makedirs(own)
    _WORKER["harness"] = Harness(options.stock_dir, options.oxbow_dir, own, options)


def run_one(case):
    try:
        return _WORKER["harness"].run(case)
    except Exception:  # pylint: disable=broad-exception-caught
        broken = Failure("harness", "", traceback.format_exc())
        return Outcome(case.name, list(case.lines()), [broken])


def report(outcome):
    """Prints one failing case."""
    print(f"FAIL {outcome.name}")
    for line in outcome.commands:
        print(f"    {line}")
    for failure in outcome.failures:
        print(f"  {failure.kind}: {failure.where}")
        for line in failure.detail.splitlines():
            print(f"      {line}")


def signature(failure):
    """What groups failures into a class: the kind, the command's first words, the first line."""
    words = re.sub(r"^(stock|swap): ", "", failure.where).split()
    command = " ".join(words[:2]) if words[:1] in (["qemu-img"], ["qemu-io"]) else "image"
    if words[:1] == ["qemu-io"]:
        command = "qemu-io"
    first = re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?", "N", failure.detail.split("\n")[0])[:90]
    return f"{failure.kind}: {command}: {first}"


def summarise(outcomes, seconds):
    """Prints classes of failures, most frequent first, figures, and the last line."""
    classes, facts = Counter(), Counter()
    for outcome in outcomes:
        classes.update({signature(failure) for failure in outcome.failures})
        facts.update(outcome.facts)
    if classes:
        print("\nclasses of failures, by cases:")
        for name, count in classes.most_common(60):
            print(f"{count:6} {name}")
    failed = sum(1 for outcome in outcomes if outcome.failures)
    for kind in ("qcow2", "raw"):
        images, same = facts[f"{kind} images"], facts[f"{kind} identical"]
        if images:
            print(f"{kind} images made: {images}, byte for byte like stock's: {same}", end="")
            print(f" ({100 * same / images:.1f}%)")
    print(f"{facts['refused by the guard']} cases in which ours alone refused a write")
    print(f"{facts['commands']} command lines in {seconds:.0f} s", end="")
    endless = [outcome.name for outcome in outcomes if outcome.facts["stock timeouts"]]
    print("; cases left because stock did not end:", " ".join(endless) or "none")
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return failed


def main(argv=None):
    options = arguments(argv)
    cases, known = selected(options), known_names(options.known)
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    base = options.work_dir or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    work = tempfile.mkdtemp(prefix="oracle-", dir=base)
    began, outcomes, shown = time.monotonic(), [], 0
    try:
        with multiprocessing.Pool(options.jobs, start_worker, (options, work)) as pool:
            for outcome in pool.imap(run_one, cases, chunksize=4):
                outcomes.append(outcome)
                listed = is_known(outcome.name, known)
                if outcome.failures and not listed and shown < options.show:
                    report(outcome)
                    shown += 1
                elif options.verbose and not outcome.failures:
                    print(f"ok {outcome.name}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    outcomes = set_known_apart(outcomes, known)
    return 1 if summarise(outcomes, time.monotonic() - began) else 0


if __name__ == "__main__":
    sys.exit(main())

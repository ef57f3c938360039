#!/usr/bin/env python3
"""Crosses features of images with everything that writes to one, and looks for what is lost: images
of many shapes are made by the stock tools, each operation is run on a copy by the stock tools and
on another by Oxbow, and afterwards the disk, every snapshot, VM state and bitmap, and the files
below hold what they have to hold. An operation that fails may change nothing.

A loss by Oxbow fails the run, and so does one by the stock tools that docs/stock-losses.md does
not know (`KNOWN` below).

    tests/crossings.py BUILD_FOLDER [--count N] [--seed N] [--only WORD] [--number N] [--keep FOLDER]"""

import argparse
import collections
import copy
import functools
import os
import pathlib
import random
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE / "crossings"), str(HERE / "oracle")]
from images import Tools, World  # noqa: E402  pylint: disable=wrong-import-position
from operations import OPERATIONS  # noqa: E402  pylint: disable=wrong-import-position
from qcow2 import Qcow2  # noqa: E402  pylint: disable=wrong-import-position
from shapes import crossings, described  # noqa: E402  pylint: disable=wrong-import-position

STOCK = Tools("/usr/bin/qemu-img", "/usr/bin/qemu-io")


def has(shape, *features):
    return all(shape[feature] not in ("none", False) for feature in features)


GROWING = ("resize up", "resize far up", "amend size")
MODES = ("metadata", "falloc", "full")  # of preallocation

# (a loss in docs/stock-losses.md, where it is met)
KNOWN = [
    ("check -r with a bitmap and snapshots",
     lambda operation, shape: operation.startswith("check -r") and has(shape, "bitmaps", "snapshots")),
    ("check -r leaks with a bitmap where counts are too low",
     lambda operation, shape: operation.startswith("check -r leaks") and has(shape, "bitmaps")
     and shape["lazy"] == "unclean"),
    ("check -r leaks of an image that was not closed",
     lambda operation, shape: operation.startswith("check -r leaks")
     and shape["lazy"] == "unclean"),
    ("commit and rebase of an image with snapshots",
     lambda operation, shape: operation.startswith(("commit", "rebase")) and has(shape, "snapshots")),
    ("commit of an image with a VM state",
     lambda operation, shape: operation.startswith("commit") and has(shape, "vm_state")),
    ("convert -l of a snapshot whose disk had another size",
     lambda operation, shape: operation == "convert -l" and shape["snapshots"] == "resized"),
    ("convert -B with a file that is not the direct backing file",
     lambda operation, shape: operation == "convert -B" and shape["backing"] == "chain"),
    ("resize of an image with a VM state",
     lambda operation, shape: operation.startswith("resize") and has(shape, "vm_state")),
    ("resize: smaller, then larger again",
     lambda operation, shape: operation.startswith("resize") and (
         operation == "resize down, then up" or shape["size"] == "ragged")),
    ("resize of an encrypted image with preallocation",
     lambda operation, shape: operation.startswith(GROWING) and has(shape, "encryption")
     and (operation.endswith(MODES) or shape["data"] == "raw")),
    ("resize with preallocation and extended L2 entries, where the last cluster is compressed",
     lambda operation, shape: operation.startswith(GROWING) and operation.endswith(MODES)
     and has(shape, "extended", "compression")),
    ("rebase of a version 2 image that had no backing file",
     lambda operation, shape: operation.startswith("rebase") and shape["version"] == 2),
    ("amend -o compat=0.10 of an image with snapshots and zeroes",
     lambda operation, shape: operation == "amend compat=0.10" and has(shape, "snapshots")),
    ("amend -o compat=0.10 of an encrypted image with zeroes",
     lambda operation, shape: operation == "amend compat=0.10" and has(shape, "encryption")),
    ("amend -o compat=0.10 of an image with bitmaps",
     lambda operation, shape: operation == "amend compat=0.10" and has(shape, "bitmaps")),
]


def make_leak(path):
    with Qcow2(path, writable=True) as image:
        cluster = -(-image.file_size // image.cluster_size)
        place = image.refcount_place(cluster)
        if place is None:
            return
        image.file.truncate((cluster + 1) * image.cluster_size)
        image.set_refcount(cluster, 1)


def run_commands(world, tools, operation):
    """(whether all went well, what the last said)."""
    for tool, *words in operation.commands(world):
        if tool == "leak":
            make_leak(world.folder / "top.qcow2")
            continue
        done = tools.run(world.folder, tool, *words)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            return False, f"exit {done.returncode}: {said.splitlines()[-1] if said else ''}"
    return True, ""


def first_difference(a, b):
    if len(a) != len(b):
        return f"{len(b)} bytes instead of {len(a)}"
    step = 1 << 16
    for at in range(0, len(a), step):
        if a[at:at + step] != b[at:at + step]:
            at += next(i for i in range(step) if a[at + i] != b[at + i])
            return f"at {at}: {b[at]:#x} instead of {a[at]:#x}"
    return ""


def changes(before, after, step=512):
    """Ranges of the disk that hold something else."""
    size = min(len(before), len(after))
    return [(at, at + step) for at in range(0, size, step)
            if before[at:at + step] != after[at:at + step]]


def granules(ranges, granularity, size):
    return {index for start, end in ranges
            for index in range(start // granularity, -(-min(end, size) // granularity))}


def grown(start, wanted):
    """What is new of the disk; what was cut off in between is new, too."""
    kept = len(start.disk) if wanted.cut is None else wanted.cut
    return [(kept, len(wanted.disk))] if kept < len(wanted.disk) else []


def recorded(start, wanted, seen, anything, ours):
    """What an enabled bitmap has to record, and what it may record, as ranges of the disk."""
    if start is None:
        return [], []
    new = grown(start, wanted)
    # What a disk grows by is dirty in Oxbow alone.
    must = changes(start.disk, seen.disk) + (new if ours else [])
    return must, [(0, len(wanted.disk))] if anything else new


def bitmap_faults(name, wanted, seen, must, may, size):
    if wanted.dirty is None or seen.dirty is None:
        return [f"bitmap {name} is inconsistent"] if wanted.dirty is not None else (
            [f"bitmap {name} was inconsistent and is trusted"] if seen.dirty is not None else [])
    if wanted.recording != seen.recording:
        return [f"bitmap {name}: recording is {seen.recording}"]
    here = functools.partial(granules, granularity=seen.granularity, size=size)
    must = here(wanted.dirty) | (here(must) if wanted.recording else set())
    has = here(seen.dirty)
    if must - has:
        return [f"bitmap {name} lacks {len(must - has)} of {len(must)} dirty granules, "
                f"the first at {min(must - has) * seen.granularity}"]
    allowed = must | (here(may) if wanted.recording else set())
    if wanted.granularity == seen.granularity and has - allowed:
        return [f"bitmap {name} has {len(has - allowed)} granules too many"]
    return []


def faults_of(wanted, seen, label, must=(), may=()):
    """What is wrong with one file: `wanted` expected, `seen` found."""
    found = []
    if difference := first_difference(wanted.disk, seen.disk):
        found.append(f"disk {difference}")
    if wanted.raw is not None and seen.raw is None:
        found.append("the data file is no longer the disk by itself")
    if seen.raw is not None and (difference := first_difference(wanted.disk, seen.raw)):
        found.append(f"data file {difference}")
    if wanted.vm_state != seen.vm_state:
        found.append("VM state changed")
    for name, (disk, state) in wanted.snapshots.items():
        if name not in seen.snapshots:
            found.append(f"snapshot {name} is gone")
            continue
        if difference := first_difference(disk, seen.snapshots[name][0]):
            found.append(f"snapshot {name} {difference}")
        if state != seen.snapshots[name][1]:
            found.append(f"VM state of snapshot {name} changed")
    for name, bitmap in wanted.bitmaps.items():
        if name not in seen.bitmaps:
            found.append(f"bitmap {name} is gone")
            continue
        found += bitmap_faults(name, bitmap, seen.bitmaps[name], must, may, len(wanted.disk))
    return [f"{label}: {fault}" for fault in found]


def check_fault(world, name):
    if name.endswith(".raw"):
        return []
    done = STOCK.run(world.folder, "img", "check", *world.opened(name))
    return [f"{name}: check finds corruption"] if done.returncode not in (0, 3) else []


def overwritten(world, expected):
    """What writing to all of the disk does to the rest."""
    size = len(expected["top.qcow2"].disk)
    done = STOCK.run(world.folder, "io", *world.opened(), "-c", f"write -q -P 238 0 {size}")
    if done.returncode:
        return [f"cannot be written to afterwards: {done.stderr.decode(errors='replace').strip()}"]
    after = copy.copy(expected["top.qcow2"])
    after.disk = bytes([238]) * size
    after.bitmaps = {}
    return [f"after a write to all of it, {fault}"
            for fault in faults_of(after, world.contents(), "top.qcow2")
            + check_fault(world, "top.qcow2")]


def examine(world, before, tools, operation):
    """Runs the operation on this copy: (whether it went well, what it said, what is lost)."""
    untouched = world.fingerprint("top.qcow2")
    done, said = run_commands(world, tools, operation)
    expected = copy.deepcopy(before)
    if done:
        expected = operation.expected(expected, world)
    lost = []
    for name, wanted in expected.items():
        if world.shape["lazy"] != "unclean":  # else it is only sound after the next opening
            lost += check_fault(world, name)
        try:
            seen = world.contents(name)
        except (RuntimeError, ValueError, KeyError) as error:
            lost.append(f"{name} cannot be read: {error}")
            continue
        must, may = recorded(before.get(name), wanted, seen,
                             done and not operation.exact_bitmaps, tools is not STOCK)
        lost += faults_of(wanted, seen, name, must, may)
    if not lost and world.fingerprint("top.qcow2") != untouched:
        lost += overwritten(world, expected)
    return done, said, lost


class Search:
    """Runs the crossings and keeps the score."""

    def __init__(self, build, folder, settings):
        self.oxbow = Tools(*(os.path.join(build, name) for name in ("qemu-img", "qemu-io", "oxbow")))
        self.folder, self.settings = folder, settings
        self.score = collections.Counter()
        self.known = collections.Counter()
        self.failures = 0

    def cross(self, number, shape, operation):
        start = World(self.folder / f"{number}-start", shape, STOCK, self.oxbow)
        start.make(random.Random(self.settings.seed * 100000 + number))
        before = {name: start.contents(name)
                  for name in ["top.qcow2", *start.below, "other.qcow2"]}
        title = f"{number}: {operation.name} [{described(shape)}]"
        self._compare_reading(start, before, title)
        results = {}
        for side, tools in (("stock", STOCK), ("oxbow", self.oxbow)):
            if side == "stock" and operation.ours_alone:
                continue
            world = start.copy(self.folder / f"{number}-{side}")
            results[side] = examine(world, before, tools, operation)
        self._judge(title, shape, operation, results)
        if not self.settings.keep:
            for side in ("start", "stock", "oxbow"):
                shutil.rmtree(self.folder / f"{number}-{side}", ignore_errors=True)

    def _compare_reading(self, start, before, title):
        ours = start.read(self.oxbow)
        for fault in faults_of(before["top.qcow2"], ours, "read by Oxbow"):
            self._fail(f"{title}: {fault}")

    def _judge(self, title, shape, operation, results):
        done, said, lost = results["oxbow"]
        self.score["crossings"] += 1
        self.score["done by Oxbow"] += done
        for fault in lost:
            self._fail(f"LOST by oxbow {title} ({'done' if done else said}): {fault}")
        if "stock" not in results:
            return
        stock_done, stock_said, stock_lost = results["stock"]
        if stock_said.endswith("does not end"):
            self.score["not ended by stock"] += 1
            print(f"not ended by stock {title}", flush=True)
            return
        self.score["done by stock"] += stock_done
        if stock_lost:
            self._judge_stock(title, shape, operation, stock_said, stock_lost)
        elif stock_done and not done:
            self.score["refused by Oxbow alone"] += 1
            print(f"refused by oxbow alone {title}: {said}", flush=True)

    def _judge_stock(self, title, shape, operation, said, lost):
        self.score["lost by stock"] += 1
        for heading, when in KNOWN:
            if when(operation.name, shape):
                self.known[heading] += 1
                return
        for fault in lost:
            self._fail(f"lost by stock, unknown: {title} ({said or 'exit 0'}): {fault}")

    def _fail(self, text):
        self.failures += 1
        print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="operations with this in their names")
    parser.add_argument("--number", type=int, help="this crossing of the run alone")
    parser.add_argument("--keep", help="leave the images there")
    settings = parser.parse_args()
    operations = [one for one in OPERATIONS if (settings.only or "") in one.name]
    with tempfile.TemporaryDirectory() as scratch:
        if settings.keep:
            os.makedirs(settings.keep)
        search = Search(os.path.abspath(settings.build), pathlib.Path(settings.keep or scratch),
                        settings)
        for number, shape, operation in crossings(random.Random(settings.seed), operations,
                                                  settings.count):
            if settings.number in (None, number):
                search.cross(number, shape, operation)
    for counts in (search.score, search.known):
        for name, count in sorted(counts.items()):
            print(f"{count:6} {name}")
    sys.exit(1 if search.failures else 0)


if __name__ == "__main__":
    main()

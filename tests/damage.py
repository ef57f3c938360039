#!/usr/bin/env python3
"""Images made by the stock tools, spoilt in one way at a time, and what `check`, `check -r leaks`
and `check -r all` make of each, the stock tool's and Oxbow's, and Oxbow's `check -r unreadable`:
Oxbow's repair changes no guest data that could be read before, what it calls repaired the stock
check finds clean, and it repairs whatever the stock repair does.

    tests/damage.py BUILD_FOLDER [--only WORD] [--each] [--write docs/damage.md]"""

import argparse
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracle"))
from qcow2 import EXTENSION_BITMAPS, HEADER, OFFSET_MASK, Qcow2  # noqa: E402  pylint: disable=wrong-import-position

STOCK = "/usr/bin/qemu-img"
STOCK_IO = "/usr/bin/qemu-io"
PIECE = 4096
SIZE = 4 << 20
FAR = 1 << 40


def run(*command):
    words = list(map(str, command))
    if os.path.basename(words[0]) == "oxbow":  # data files lie beside the folder of the copies
        words.append("--trust=all")
    try:
        return subprocess.run(words, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, b"", b"hangs")


def make(folder, kind):
    """(path of the image, names of its snapshots)."""
    path = folder / f"{kind}.qcow2"
    options = {"extended": "cluster_size=16k,extended_l2=on",
               "data-file": f"cluster_size=4k,data_file={folder / 'outside.raw'}"}
    assert run(STOCK, "create", "-q", "-f", "qcow2", "-o",
               options.get(kind, "cluster_size=4k"), path, SIZE).returncode == 0
    snapshots = ["first", "second"] if kind == "snapshots" else []
    compress = "-c" if kind == "compressed" else ""
    words = []
    for at in (0, 64, 512, 2048, 3000, 4032):
        words += ["-c", f"write -q {compress} -P {at % 250 + 1} {at}k 64k"]
    assert run(STOCK_IO, *words, path).returncode == 0
    for number, name in enumerate(snapshots):
        assert run(STOCK, "snapshot", "-c", name, path).returncode == 0
        assert run(STOCK_IO, "-c", f"write -q -P {200 + number} {number * 32 + 16}k 128k",
                   "-c", f"write -q -P {210 + number} 2100k 20k", path).returncode == 0
    if kind == "bitmaps":
        for name in ("one", "two"):
            assert run(STOCK, "bitmap", "--add", "-g", "512", path, name).returncode == 0
        assert run(STOCK_IO, "-c", "write -q -P 9 16k 128k", path).returncode == 0
    return path, snapshots


# The damages. Each takes an open Qcow2; a place is a file offset.

def l1_entry(image, index):
    return image.header("l1_offset") + 8 * index


def table(image, index):
    return image.number(l1_entry(image, index), 8) & OFFSET_MASK


def refblock(image):
    return image.number(image.header("reftable_offset"), 8)


def set_header(image, name, value):
    image.set_number(*HEADER[name], value)


def fill(image, at, length):
    image.file.seek(at)
    image.file.write(bytes(length))


def set_l2(image, change, guest=0):
    at = image.l2_entry_offset(guest)
    image.set_number(at, 8, change(image.number(at, 8)))


def no_refcounts(image):
    fill(image, refblock(image), image.cluster_size)
    fill(image, image.header("reftable_offset"), image.cluster_size)
    set_header(image, "reftable_offset", 0)
    set_header(image, "reftable_clusters", 0)


def counts(image, change):
    for cluster in range(4, 20):
        image.set_refcount(cluster, change(image.refcount(cluster)))


def leak(image):
    cluster = -(-image.file_size // image.cluster_size)
    image.file.truncate((cluster + 1) * image.cluster_size)
    image.set_refcount(cluster, 1)


def clear_copied(image):
    for guest in range(0, 65536, image.cluster_size):
        set_l2(image, lambda entry: entry & ~(1 << 63), guest)


def share_cluster(image):
    one = image.l2_entry_offset(0)
    image.set_number(image.l2_entry_offset(65536), 8, image.number(one, 8))


def set_l1(image, index, change):
    at = l1_entry(image, index)
    image.set_number(at, 8, change(image.number(at, 8)))


def snapshot_field(image, offset, length, value):
    image.set_number(image.header("snapshots_offset") + offset, length, value)


def bitmap_directory(image, offset, length, value):
    place = 72 if image.header("version") < 3 else image.header("header_length")
    while image.number(place, 4) not in (0, EXTENSION_BITMAPS):
        place += 8 + (image.number(place + 4, 4) + 7) // 8 * 8
    image.set_number(place + 8 + offset, length, value)


def cut(image, keep):
    image.file.truncate(keep)


ALL = ("plain", "snapshots", "bitmaps", "compressed", "extended", "data-file")
HERE = tuple(kind for kind in ALL if kind != "data-file")  # guest data in the image itself
SNAP, BITS = ("snapshots",), ("bitmaps",)

# (damage, kinds of image, what does it)
DAMAGES = [
    ("refcount block: zeroed", ALL, lambda q: fill(q, refblock(q), q.cluster_size)),
    ("refcount table: entry zero", ALL, lambda q: q.set_number(q.header("reftable_offset"), 8, 0)),
    ("refcount table: entry beyond the end", ALL,
     lambda q: q.set_number(q.header("reftable_offset"), 8, FAR)),
    ("refcount table: entry unaligned", ALL,
     lambda q: q.set_number(q.header("reftable_offset"), 8, refblock(q) + 512)),
    ("refcount table: entry with reserved bits", ALL,
     lambda q: q.set_number(q.header("reftable_offset"), 8, refblock(q) | 1)),
    ("refcount table: entry leads to the L1 table", ALL,
     lambda q: q.set_number(q.header("reftable_offset"), 8, q.header("l1_offset"))),
    ("refcount table: entry leads to an L2 table", ALL,
     lambda q: q.set_number(q.header("reftable_offset"), 8, table(q, 0))),
    ("refcount table: two entries to one block", ALL,
     lambda q: q.set_number(q.header("reftable_offset") + 8, 8, refblock(q))),
    ("refcount table: zeroed", ALL,
     lambda q: fill(q, q.header("reftable_offset"), q.cluster_size)),
    ("header: refcount table at 0", ALL, lambda q: set_header(q, "reftable_offset", 0)),
    ("header: refcount table beyond the end", ALL,
     lambda q: set_header(q, "reftable_offset", FAR)),
    ("header: refcount table unaligned", ALL,
     lambda q: set_header(q, "reftable_offset", q.header("reftable_offset") + 512)),
    ("header: refcount table is the L1 table", ALL,
     lambda q: set_header(q, "reftable_offset", q.header("l1_offset"))),
    ("header: refcount table of no clusters", ALL,
     lambda q: set_header(q, "reftable_clusters", 0)),
    ("header: refcount table too large", ALL,
     lambda q: set_header(q, "reftable_clusters", 0x7fffffff)),
    ("refcount structures: all gone", ALL, no_refcounts),
    ("counts: too low", ALL, lambda q: counts(q, lambda count: max(0, count - 1))),
    ("counts: too high", ALL, lambda q: counts(q, lambda count: count + 3)),
    ("counts: a leaked cluster", ALL, leak),
    ("COPIED: missing", ALL, clear_copied),
    ("COPIED: set where shared", SNAP, lambda q: set_l2(q, lambda e: e | 1 << 63, 3000 << 10)),
    ("COPIED: missing in L1", ALL, lambda q: set_l1(q, 0, lambda e: e & ~(1 << 63))),
    ("L2: entry beyond the end", HERE, lambda q: set_l2(q, lambda e: e & 1 << 63 | FAR)),
    ("L2: entry unaligned", HERE, lambda q: set_l2(q, lambda e: e + 512)),
    ("L2: entry unaligned, reads as zeroes", ("plain", "snapshots", "bitmaps"),
     lambda q: set_l2(q, lambda e: (e + 512) | 1)),
    ("L2: entry with reserved bits", HERE, lambda q: set_l2(q, lambda e: e | 1 << 60)),
    ("L2: entry leads to the header", HERE, lambda q: set_l2(q, lambda e: 1 << 63)),
    ("L2: entry leads to the refcount block", HERE,
     lambda q: set_l2(q, lambda e: 1 << 63 | refblock(q))),
    ("L2: entry leads to the L1 table", HERE,
     lambda q: set_l2(q, lambda e: 1 << 63 | q.header("l1_offset"))),
    ("L2: two entries to one cluster", HERE, share_cluster),
    ("L1: entry beyond the end", ALL, lambda q: set_l1(q, 0, lambda e: 1 << 63 | FAR)),
    ("L1: entry unaligned", ALL, lambda q: set_l1(q, 0, lambda e: e + 512)),
    ("L1: entry with reserved bits", ALL, lambda q: set_l1(q, 0, lambda e: e | 1)),
    ("L1: entry leads to the table of another range", ALL,
     lambda q: set_l1(q, 1, lambda e: q.number(l1_entry(q, 0), 8))),
    ("L1: entry leads to the L1 table", ALL,
     lambda q: set_l1(q, 0, lambda e: 1 << 63 | q.header("l1_offset"))),
    ("L1: entry leads to the refcount block", ALL,
     lambda q: set_l1(q, 0, lambda e: 1 << 63 | refblock(q))),
    ("header: L1 table beyond the end", ALL, lambda q: set_header(q, "l1_offset", FAR)),
    ("header: L1 table unaligned", ALL,
     lambda q: set_header(q, "l1_offset", q.header("l1_offset") + 8)),
    ("header: L1 table too short", ALL, lambda q: set_header(q, "l1_size", 0)),
    ("header: L1 table longer than its cluster", ALL, lambda q: set_header(q, "l1_size", 700)),
    ("header: snapshot table beyond the end", SNAP,
     lambda q: set_header(q, "snapshots_offset", FAR)),
    ("header: snapshot table at 0", SNAP, lambda q: set_header(q, "snapshots_offset", 0)),
    ("header: snapshot table unaligned", SNAP,
     lambda q: set_header(q, "snapshots_offset", q.header("snapshots_offset") + 8)),
    ("header: one snapshot too few", SNAP, lambda q: set_header(q, "snapshots", 1)),
    ("header: one snapshot too many", SNAP, lambda q: set_header(q, "snapshots", 3)),
    ("header: far too many snapshots", SNAP, lambda q: set_header(q, "snapshots", 70000)),
    ("snapshot: L1 table beyond the end", SNAP, lambda q: snapshot_field(q, 0, 8, FAR)),
    ("snapshot: L1 table unaligned", SNAP, lambda q: snapshot_field(q, 0, 8, 0x301)),
    ("snapshot: L1 table is the active one", SNAP,
     lambda q: snapshot_field(q, 0, 8, q.header("l1_offset"))),
    ("snapshot: L1 table too large", SNAP, lambda q: snapshot_field(q, 8, 4, 0x7fffffff)),
    ("snapshot: name too long", SNAP, lambda q: snapshot_field(q, 14, 2, 0xffff)),
    ("snapshot: extra data too large", SNAP, lambda q: snapshot_field(q, 36, 4, 0x7fffffff)),
    ("snapshot: lacks its extra data", SNAP, lambda q: snapshot_field(q, 36, 4, 0)),
    ("bitmaps: directory beyond the end", BITS, lambda q: bitmap_directory(q, 16, 8, FAR)),
    ("bitmaps: directory unaligned", BITS, lambda q: bitmap_directory(q, 16, 8, 0x301)),
    ("bitmaps: one too many", BITS, lambda q: bitmap_directory(q, 0, 4, 3)),
    ("bitmaps: directory too long", BITS, lambda q: bitmap_directory(q, 8, 8, 0x7fffffff)),
    ("bitmap: table beyond the end", BITS, lambda q: q.set_number(q.bitmap_entry(0), 8, FAR)),
    ("bitmap: table unaligned", BITS, lambda q: q.set_number(q.bitmap_entry(0), 8, 0x301)),
    ("bitmap: table too large", BITS,
     lambda q: q.set_number(q.bitmap_entry(0) + 8, 4, 0x7fffffff)),
    ("bitmap: entry beyond the end", BITS,
     lambda q: q.set_number(q.number(q.bitmap_entry(0), 8), 8, FAR)),
    ("header: backing name beyond the cluster", ALL,
     lambda q: (set_header(q, "backing_offset", 5000 * 16), set_header(q, "backing_size", 9))),
    ("header: extension longer than the cluster", ALL,
     lambda q: q.set_number(q.header("header_length") + 4, 4, 0x7fffffff)),
    ("header: dirty bit", ALL,
     lambda q: set_header(q, "incompatible", q.header("incompatible") | 1)),
    ("header: corrupt bit", ALL,
     lambda q: set_header(q, "incompatible", q.header("incompatible") | 2)),
    ("header: unknown incompatible feature", ALL,
     lambda q: set_header(q, "incompatible", q.header("incompatible") | 1 << 40)),
    ("header: first sector zeroed", ALL, lambda q: fill(q, 0, 512)),
    ("file: last cluster cut off", ALL, lambda q: cut(q, q.file_size - q.cluster_size)),
    ("file: cut to a half", ALL, lambda q: cut(q, q.file_size // 2)),
    ("file: cut behind the refcount block", ALL,
     lambda q: cut(q, refblock(q) + q.cluster_size)),
]


def disk(path, *words):
    raw = path.with_suffix(".raw")
    raw.unlink(missing_ok=True)
    run(STOCK, "convert", "--salvage", *words, "-f", "qcow2", "-O", "raw", path, raw)
    data = raw.read_bytes() if raw.exists() else b""
    return [data[at:at + PIECE] for at in range(0, SIZE, PIECE)]


def contents(oxbow, path, snapshots, bitmaps):
    """name -> pieces of guest data, or what a bitmap says."""
    found = {"disk": disk(path)}
    for name in snapshots:
        found[name] = disk(path, "-l", f"snapshot.name={name}")
    for name in bitmaps:
        found[name] = [run(oxbow, "bitmap", "dump", "--output=json", path, name).stdout]
    return found


def held(truth, found):
    """Which pieces are there, of those that were not zeroes."""
    return {(name, index) for name, pieces in truth.items()
            for index, piece in enumerate(pieces)
            if piece.strip(b"\0") and found[name][index] == piece}


class Outcome:
    """What one tool made of one spoilt image."""

    def __init__(self, checker, oxbow, spoilt, held_before, truth, made):
        copy = spoilt.with_name("copy.qcow2")
        self.spoilt_bytes = spoilt.read_bytes()
        self.plain = self.try_on(copy, spoilt, checker)
        self.leaks = self.try_on(copy, spoilt, checker, "-r", "leaks")
        self.lost_by_leaks = self.lost(oxbow, copy, held_before, truth, made)
        self.all = self.try_on(copy, spoilt, checker, "-r", "all")
        self.clean = run(STOCK, "check", copy).returncode
        self.lost_by_all = self.lost(oxbow, copy, held_before, truth, made)

        self.given_up = None
        if checker == oxbow and self.all != 0:
            self.given_up = self.try_on(copy, spoilt, checker, "-r", "unreadable")
            self.clean_then = run(STOCK, "check", copy).returncode
            self.lost_then = self.lost(oxbow, copy, {at for at in held_before if at[0] not in made[1]},
                                       truth, made)

    @staticmethod
    def try_on(copy, spoilt, checker, *words):
        shutil.copy(spoilt, copy)
        return run(checker, "check", *words, copy).returncode

    def lost(self, oxbow, copy, held_before, truth, made):
        same_size = copy.stat().st_size == len(self.spoilt_bytes)
        if same_size and copy.read_bytes() == self.spoilt_bytes:
            return 0
        return len(held_before - held(truth, contents(oxbow, copy, *made)))

    @property
    def repaired(self):
        return self.clean == 0 and not self.lost_by_all

    def unreadable_words(self):
        if self.given_up is None:
            return ""
        return f"{self.given_up}: " + ("repaired" if self.clean_then == 0 else "not repaired")

    def words(self):
        clean = "clean" if self.plain == 0 else "repaired"
        state = clean if self.clean == 0 else f"not repaired, `check` then {self.clean}"
        for mode, lost in (("leaks", self.lost_by_leaks), ("all", self.lost_by_all)):
            if lost:
                state += f"; **{lost} lost by `{mode}`**"
        return f"{self.plain}, {self.leaks}, {self.all}: {state}"


# The stock tool makes the image clean by a guess that loses what the bitmap said.
GUESSES = {"bitmap: table beyond the end"}


def judge(damage, kind, stock, ours, faults):
    where = f"{damage} ({kind})"
    if ours.lost_by_all or ours.lost_by_leaks:
        faults.append(f"{where}: data lost: {ours.words()}")
    if ours.all == 0 and ours.clean != 0:
        faults.append(f"{where}: called repaired, and the stock check gives {ours.clean}")
    if stock.repaired and not ours.repaired and damage not in GUESSES:
        faults.append(f"{where}: stock repairs it: {stock.words()} | {ours.words()}")
    if -1 in (ours.plain, ours.leaks, ours.all):
        faults.append(f"{where}: hangs")
    if ours.given_up is not None:
        if ours.lost_then:
            faults.append(f"{where}: {ours.lost_then} lost by `unreadable`")
        if ours.given_up == 0 and ours.clean_then != 0:
            faults.append(f"{where}: `unreadable` calls it repaired, stock gives {ours.clean_then}")


def row(damage, outcomes):
    """Lines of the table: images for which both tools do the same are one."""
    grouped = {}
    for kind, stock, ours in outcomes:
        grouped.setdefault((stock.words(), ours.words(), ours.unreadable_words()), []).append(kind)
    for states, kinds in grouped.items():
        yield f"| {damage} | {', '.join(kinds)} | {' | '.join(states)} |"


# All copies of that image have one data file, which a tool locks.
DATA_FILE = threading.Lock()


def try_one(oxbow, folder, original, spoil):
    """What the stock tool and Oxbow make of a copy of the image, spoilt."""
    path, truth, made = original
    spoilt = pathlib.Path(tempfile.mkdtemp(dir=folder), "spoilt.qcow2")
    shutil.copy(path, spoilt)
    with Qcow2(spoilt, writable=True) as image:
        spoil(image)
    before = held(truth, contents(oxbow, spoilt, *made))
    outcomes = [Outcome(tool, oxbow, spoilt, before, truth, made) for tool in (STOCK, oxbow)]
    shutil.rmtree(spoilt.parent)
    return outcomes


def try_all(oxbow, folder, originals, damage, kinds, spoil):
    """(kind, stock's outcome, ours) for each kind of image."""
    outcomes = []
    for kind in kinds:
        with DATA_FILE if kind == "data-file" else contextlib.nullcontext():
            outcomes.append((kind, *try_one(oxbow, folder, originals[kind], spoil)))
    print("\n".join(row(damage, outcomes)), flush=True)
    return outcomes


def write_table(path, lines):
    heading = ("| damage | images | stock | Oxbow | `-r unreadable` |\n"
               "| --- | --- | --- | --- | --- |\n")
    text = path.read_text().split(heading)[0] if path.exists() else ""
    path.write_text(text + heading + "\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--each", action="store_true",
                        help="every damage in every kind of image, not in one of them")
    parser.add_argument("--write", metavar="FILE",
                        help="puts the table of all below the line that begins it")
    settings = parser.parse_args()
    oxbow = os.path.abspath(os.path.join(settings.build, "oxbow"))
    lines, faults = [], []
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(4) as pool:
        folder = pathlib.Path(name)
        originals = {}
        for kind in ALL:
            path, snapshots = make(folder, kind)
            made = (snapshots, ["one", "two"] if kind == "bitmaps" else [])
            originals[kind] = (path, contents(oxbow, path, *made), made)
        running = []
        for number, (damage, kinds, spoil) in enumerate(DAMAGES):
            if settings.only in damage:
                turn = number % len(kinds)
                some = kinds if settings.each or settings.write else kinds[turn:turn + 1]
                running.append((damage, pool.submit(try_all, oxbow, folder, originals, damage,
                                                    some, spoil)))
        for damage, job in running:
            outcomes = job.result()
            lines += row(damage, outcomes)
            for kind, stock, ours in outcomes:
                judge(damage, kind, stock, ours, faults)
    if settings.write:
        write_table(pathlib.Path(settings.write), lines)
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

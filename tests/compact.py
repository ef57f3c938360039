#!/usr/bin/env python3
"""Images made by the stock tools with everything crossed (snapshots, compressed data, bitmaps, VM
states, zeroes, holes, backing files), made compact: the stock check finds nothing, and the disk,
every snapshot, every bitmap and the VM state are what they were. Before that `du` is held to what
deleting a snapshot or a bitmap really frees.

    tests/compact.py BUILD_FOLDER [--count N] [--seed N]"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

STOCK_IMG = "/usr/bin/qemu-img"
STOCK_IO = "/usr/bin/qemu-io"
SHAPES = ["cluster_size=64k", "cluster_size=4k", "cluster_size=512", "cluster_size=4k,compat=0.10",
          "cluster_size=64k,extended_l2=on", "cluster_size=16k,refcount_bits=64",
          "cluster_size=4k,compression_type=zstd", "cluster_size=4k,lazy_refcounts=on",
          "cluster_size=512,refcount_bits=8", "cluster_size=64k,preallocation=metadata"]
SIZE = 3 << 20


def run(*command, codes=(0,)):
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=200, check=False)
    assert done.returncode in codes, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Maker:
    """One random image."""

    def __init__(self, choose, path, shape):
        self.choose = choose
        self.path = path
        self.old = "compat=0.10" in shape
        self.snapshots = []
        self.bitmaps = []
        words = ["create", "-q", "-f", "qcow2", "-o", shape]
        if choose.random() < 0.3 and "preallocation" not in shape:
            base = path.with_suffix(".base")
            run(STOCK_IMG, "create", "-q", "-f", "raw", base, SIZE)
            run(STOCK_IO, "-f", "raw", "-c", f"write -q -P 99 0 {SIZE}", base)
            words += ["-b", base, "-F", "raw"]
        run(STOCK_IMG, *words, path, SIZE)

    def make(self):
        for _ in range(self.choose.randrange(6, 30)):
            self.write()
            dice = self.choose.random()
            if dice < 0.25:
                self.take()
            elif dice < 0.4 and self.snapshots:
                gone = self.snapshots.pop(self.choose.randrange(len(self.snapshots)))
                run(STOCK_IMG, "snapshot", "-d", gone, self.path)
            elif dice < 0.5 and not self.old and len(self.bitmaps) < 3:
                name = f"b{len(self.bitmaps)}"
                self.bitmaps.append(name)
                run(STOCK_IMG, "bitmap", "--add", "-g", "4k", self.path, name)
        if self.snapshots and self.choose.random() < 0.7:
            gone = self.snapshots.pop(0)
            run(STOCK_IMG, "snapshot", "-d", gone, self.path)

    def write(self):
        words = []
        for _ in range(self.choose.randrange(1, 6)):
            offset = self.choose.randrange(SIZE // 512) * 512
            length = min(self.choose.randrange(1, 400) * 512, SIZE - offset)
            pattern = self.choose.randrange(256)
            kind = self.choose.random()
            if kind < 0.5:
                words += ["-c", f"write -q -P {pattern} {offset} {length}"]
            elif kind < 0.6:
                words += ["-c", f"write -q -P 0 {offset} {length}"]
            elif kind < 0.75:
                start = offset // 65536 * 65536
                words += ["-c", f"write -q -c -P {pattern} {start} 65536"]
            elif kind < 0.85:
                words += ["-c", f"write -q -z {offset} {length}"]
            elif kind < 0.95:
                words += ["-c", f"discard -q {offset} {length}"]
            else:
                words += ["-c", f"write -q -b -P {pattern} {offset % 100000 // 512 * 512} 8k"]
        # Compressed writes fail over data that is there.
        run(STOCK_IO, *words, self.path, codes=(0, 1))

    def take(self):
        name = f"s{self.choose.randrange(1 << 30)}"
        # Narrow refcounts have no room for many, and compressed clusters take more of it.
        run(STOCK_IMG, "snapshot", "-c", name, self.path, codes=(0, 1))
        if name in run(STOCK_IMG, "snapshot", "-l", self.path).decode():
            self.snapshots.append(name)


def digest(path, *words):
    out = path.with_suffix(".raw")
    run(STOCK_IMG, "convert", *words, "-f", "qcow2", "-O", "raw", path, out)
    with open(out, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def contents(oxbow, path, maker):
    """All that can be read from the image, by name."""
    found = {"disk": digest(path)}
    for name in maker.snapshots:
        found[name] = digest(path, "-l", f"snapshot.name={name}")
    for name in maker.bitmaps:
        found[name] = run(oxbow, "bitmap", "dump", "--output=json", path, name)
    found["vm state"] = run(STOCK_IO, "-r", "-c", "read -b -v 0 128k", path).split(b"\nread ")[0]
    return found


def usage(oxbow, path):
    """What `du` says of the image, and how much of its file is not free."""
    layer = json.loads(run(oxbow, "du", "--trust=all", "--output=json", path))[0][0]
    cluster = json.loads(run(STOCK_IMG, "info", "--output=json", path))["cluster-size"]
    # A file may end inside its last cluster.
    size = (layer["file-size"] + cluster - 1) // cluster * cluster
    return layer, size - layer["free"]


def held_when_gone(oxbow, path, remove):
    """What is not free any more less than before when `remove` has run on a copy; metadata that
    is nobody's alone is left out."""
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    before, used = usage(oxbow, path)
    remove(copy)
    after, left = usage(oxbow, copy)
    return (used - before["metadata"]) - (left - after["metadata"])


def check_usage(oxbow, path):
    layer, _ = usage(oxbow, path)
    for one in layer["snapshots"]:
        freed = held_when_gone(oxbow, path,
                               lambda copy: run(STOCK_IMG, "snapshot", "-d", one["name"], copy))  # pylint: disable=cell-var-from-loop
        assert freed == one["exclusive"], (one, freed)
    for one in layer["bitmaps"]:
        freed = held_when_gone(oxbow, path,
                               lambda copy: run(STOCK_IMG, "bitmap", "--remove", copy, one["name"]))  # pylint: disable=cell-var-from-loop
        assert freed == one["exclusive"], (one, freed)


def check_compact(oxbow, path, maker, zeroes):
    before = contents(oxbow, path, maker)
    bytes_before = path.read_bytes()
    words = ["compact", "--trust=all", "--output=json", *(["--detect-zeroes"] if zeroes else [])]
    promised = json.loads(run(oxbow, *words, "--dry-run", path))
    assert path.read_bytes() == bytes_before, "a dry run has changed the image"
    done = json.loads(run(oxbow, *words, path))
    assert done["file-size-before"] == len(bytes_before), done
    assert done["file-size-after"] == os.path.getsize(path) <= len(bytes_before), done
    run(STOCK_IMG, "check", path)
    after = contents(oxbow, path, maker)
    assert before == after, [name for name in before if before[name] != after[name]]
    again = json.loads(run(oxbow, *words, path))
    assert again["file-size-after"] <= done["file-size-after"], (done, again)
    # What could not be moved is compressed data that does not fit, at most.
    assert zeroes or done["unmoved"] or done["file-size-after"] <= promised["file-size-after"], \
        (promised, done)
    run(STOCK_IMG, "check", path)
    # It can be written to as any other.
    run(STOCK_IO, "-c", f"write -q -P 5 0 {SIZE}", path)
    run(STOCK_IMG, "check", path)
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    oxbow = os.path.join(settings.build, "oxbow")
    total = {"file-size-before": 0, "file-size-after": 0, "unmoved": 0}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(settings.count):
            choose = random.Random(settings.seed * 100000 + number)
            shape = SHAPES[number % len(SHAPES)]
            path = pathlib.Path(folder, f"{number}.qcow2")
            print(f"image {number}: {shape}", flush=True)
            maker = Maker(choose, path, shape)
            maker.make()
            # A snapshot for which refcounts are too narrow leaves leaks behind where stock fails.
            run(oxbow, "check", "-q", "-r", "leaks", path)
            if number % 2 == 0:
                check_usage(oxbow, path)
            done = check_compact(oxbow, path, maker, choose.random() < 0.5)
            for name in total:
                total[name] += done[name]
            for file in pathlib.Path(folder).iterdir():
                file.unlink()
    print(f"{settings.count} images: {total}")


if __name__ == "__main__":
    main()

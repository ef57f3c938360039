#!/usr/bin/env python3
"""A loaded writer is killed at random points, again and again: what it was told is done is there,
and no dirty bitmap lies. The journal that it is held to is kept outside.

    tests/bitmap_kill.py BUILD_FOLDER [ROUNDS]"""

import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

DISK_BYTES = 64 << 20
BLOCK = 4096
DURABILITY = {"lasting": "power", "usual": "process", "fleeting": "close"}


def run(*command, code=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          timeout=100)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


class Journal:
    """Per block: the fill byte that is on disk for certain, and those that may be."""

    def __init__(self):
        self.certain = [0] * (DISK_BYTES // BLOCK)
        self.possible = [set() for _ in self.certain]
        self.changed = {name: set() for name in DURABILITY}  # blocks, since the bitmap is clean

    def begin(self, first, count, fill):
        for block in range(first, first + count):
            self.possible[block].add(fill)

    def end(self, first, count, fill):
        for block in range(first, first + count):
            self.certain[block] = fill
            self.possible[block].discard(fill)
            for changed in self.changed.values():
                changed.add(block)

    def settle(self, contents):
        """Every block holds what was told or asked last; from now on that is certain."""
        for block, certain in enumerate(self.certain):
            found = contents[block * BLOCK:(block + 1) * BLOCK]
            fill = found[0]
            assert found == bytes([fill]) * BLOCK, f"block {block} holds parts of two writes"
            assert fill == certain or fill in self.possible[block], (block, fill, certain)
            if fill != certain:
                for changed in self.changed.values():
                    changed.add(block)
            self.certain[block] = fill
            self.possible[block] = set()


class Writer:
    """`oxbow io` with commands on its standard input, told to the journal before and after."""

    def __init__(self, oxbow, image, journal, dice):
        self.journal, self.dice = journal, dice
        self.process = subprocess.Popen(
            [oxbow, "io", image], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.asked = []
        self.answers = threading.Thread(target=self._listen)
        self.answers.start()

    def write(self):
        count = self.dice.choice([1, 1, 2, 16, 40])
        first = self.dice.randrange(DISK_BYTES // BLOCK - count)
        fill = self.dice.randrange(256)
        verb = f"write -P {fill}" if fill else self.dice.choice(["write -z", "write -z -u"])
        self.journal.begin(first, count, fill)
        self.asked.append((first, count, fill))
        self.process.stdin.write(f"{verb} {first * BLOCK} {count * BLOCK}\n".encode())
        self.process.stdin.flush()

    def _listen(self):
        told = 0
        for line in self.process.stdout:
            if b"wrote " in line:
                self.journal.end(*self.asked[told])
                told += 1

    def load_until_killed(self, seconds):
        killer = threading.Timer(seconds, self.process.send_signal, [signal.SIGKILL])
        killer.start()
        try:
            while True:
                self.write()
        except OSError:
            pass
        self._gone()
        killer.join()

    def close(self):
        self.process.stdin.close()
        self._gone()

    def _gone(self):
        self.process.wait()
        self.answers.join()
        try:
            self.process.stdin.close()
        except OSError:
            pass


def dirty_blocks(oxbow, image, name):
    """A flag for each block."""
    dirty = bytearray(DISK_BYTES // BLOCK)
    for part in json.loads(run(oxbow, "bitmap", "dump", "--output=json", image, name)):
        first = part["start"] // BLOCK
        count = -(-(part["start"] + part["length"]) // BLOCK) - first
        dirty[first:first + count] = b"\1" * count
    return dirty


def check_bitmaps(oxbow, image, journal, killed):
    listed = json.loads(run(oxbow, "bitmap", "list", "--output=json", image))
    states = {one["name"]: one["state"] for one in listed}
    for name, durability in DURABILITY.items():
        if killed and durability == "close" and states[name] == "inconsistent":
            run(oxbow, "bitmap", "--remove", image, name)
            run(oxbow, "bitmap", "--add", "-g", "64k", image, name)
            journal.changed[name].clear()
            continue
        assert states[name] == "enabled", (name, states)
        dirty = dirty_blocks(oxbow, image, name)
        missed = [block for block in journal.changed[name] if not dirty[block]]
        assert not missed, (name, missed)


def check_image(oxbow, image):
    for checker in (oxbow, "/usr/bin/qemu-img"):
        for _ in range(100):
            done = subprocess.run([checker, "check", image], capture_output=True, text=True)
            # The locks of a killed process end a moment after itself.
            if "lock" not in done.stderr:
                break
            time.sleep(0.01)
        assert done.returncode in (0, 3), (checker, done.stdout, done.stderr)


def contents_of(oxbow, image, folder):
    raw = folder / "contents.raw"
    run(oxbow, "convert", "-O", "raw", image, raw)
    return raw.read_bytes()


def begin(oxbow, image):
    run(oxbow, "create", "-q", "-f", "qcow2", image, DISK_BYTES)
    for name, durability in DURABILITY.items():
        run(oxbow, "bitmap", "--add", "-g", "64k", image, name)
        run(oxbow, "bitmap", "durability", durability, image, name)


def one_round(oxbow, image, folder, journal, dice):
    writer = Writer(oxbow, image, journal, dice)
    killed = dice.random() < 0.9
    if killed:
        writer.load_until_killed(dice.uniform(0.01, 0.15))
    else:
        for _ in range(50):
            writer.write()
        writer.close()
    check_image(oxbow, image)
    journal.settle(contents_of(oxbow, image, folder))
    check_bitmaps(oxbow, image, journal, killed)
    if dice.random() < 0.6:
        name = dice.choice(sorted(DURABILITY))
        run(oxbow, "bitmap", "--clear", image, name)
        journal.changed[name].clear()


def main(build, rounds="100"):
    oxbow = pathlib.Path(build, "oxbow").resolve()
    dice = random.Random(1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        image, journal = folder / "disk.qcow2", Journal()
        begin(oxbow, image)
        for _ in range(int(rounds)):
            one_round(oxbow, image, folder, journal, dice)
    told = sum(1 for value in journal.certain if value)
    print(f"{rounds} rounds, {told} blocks hold data, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])

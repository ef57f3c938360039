#!/usr/bin/env python3
"""What dirty bitmaps say, between Oxbow and the stock tools: each reads what the other has
written, and both are held to a model of what was written. Exit code 77 without qemu-nbd, nbdinfo.

    tests/bitmap_exchange.py BUILD_FOLDER"""

import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

DISK_BYTES = (6 << 20) + 1536  # no multiple of any granularity
STOCK_IO = ["/usr/bin/qemu-io"]
STOCK_IMG = ["/usr/bin/qemu-img"]
SHAPES = [
    ["-o", "cluster_size=64k"],
    ["-o", "cluster_size=4k"],
    ["-o", "cluster_size=512"],
    ["-o", "cluster_size=64k,extended_l2=on"],
    ["-o", "cluster_size=2M,refcount_bits=64"],
]


def run(*command, code=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          timeout=100)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout


class Model:
    """Dirty granules of one bitmap."""

    def __init__(self, granularity, enabled=True):
        self.granularity = granularity
        self.enabled = enabled
        self.granules = set()

    def change(self, offset, length):
        if self.enabled:
            last = (offset + length - 1) // self.granularity
            self.granules.update(range(offset // self.granularity, last + 1))

    def merge(self, other):
        for granule in other.granules:
            begin = granule * other.granularity
            end = min(begin + other.granularity, DISK_BYTES)
            self.granules.update(
                range(begin // self.granularity, (end - 1) // self.granularity + 1))

    def ranges(self):
        """[(start, length)], neighbours merged."""
        out = []
        for granule in sorted(self.granules):
            begin = granule * self.granularity
            end = min(begin + self.granularity, DISK_BYTES)
            if out and sum(out[-1]) == begin:
                out[-1] = (out[-1][0], end - out[-1][0])
            else:
                out.append((begin, end - begin))
        return out


def read_by_oxbow(oxbow, image, name):
    ranges = json.loads(run(oxbow, "bitmap", "dump", "--output=json", image, name))
    return [(one["start"], one["length"]) for one in ranges]


def read_by_stock(image, name):
    """Through an export of the stock server."""
    socket = image.with_suffix(".sock")
    server = subprocess.Popen(["qemu-nbd", "-r", "-f", "qcow2", "-B", name, "-k", socket, image])
    try:
        while not socket.exists():
            assert server.poll() is None, "the stock server has ended"
            time.sleep(0.01)
        found = run("nbdinfo", f"--map=qemu:dirty-bitmap:{name}", "--json",
                    f"nbd+unix:///?socket={socket}")
    finally:
        server.kill()  # it only reads; asked to end, it sometimes does not
        server.wait()
        socket.unlink(missing_ok=True)
    out = []
    for part in json.loads(found):
        if not part["type"] & 1:
            continue
        if out and sum(out[-1]) == part["offset"]:
            out[-1] = (out[-1][0], out[-1][1] + part["length"])
        else:
            out.append((part["offset"], part["length"]))
    return out


def expect(oxbow, image, models):
    for name, model in models.items():
        wanted = model.ranges()
        # A server goes by sectors.
        rounded = [(start, -(-(start + length) // 512) * 512 - start) for start, length in wanted]
        for reader, found in (("oxbow", read_by_oxbow(oxbow, image, name)),
                              ("stock", read_by_stock(image, name))):
            assert found in (wanted, rounded), (image.name, name, reader, found, wanted)
    run(oxbow, "check", image)
    run(*STOCK_IMG, "check", image)


def write_session(tool, image, dice, models):
    commands = []
    for _ in range(dice.randrange(1, 12)):
        length = dice.choice([512, 3000, 4096, 65536, 200000])
        offset = dice.randrange(DISK_BYTES - length)
        verb = dice.choice(["write -q -P 7", "write -q -z", "write -q -z -u", "discard -q"])
        if verb != "write -q -P 7":
            offset, length = offset // 512 * 512, -(-length // 512) * 512
        commands += ["-c", f"{verb} {offset} {length}"]
        for model in models.values():
            model.change(offset, length)
    run(*tool, "-f", "qcow2", *commands, image)


def add_bitmaps(oxbow, image, dice):
    models = {}
    for number, granularity in enumerate(dice.sample([512, 4096, 65536, 1 << 20, 1 << 31], 3)):
        name, enabled = f"b{number}", number != 2
        tool = dice.choice([[oxbow], STOCK_IMG])
        run(*tool, "bitmap", "--add", "-g", granularity, *([] if enabled else ["--disable"]),
            image, name)
        models[name] = Model(granularity, enabled)
    return models


def merge(oxbow, image, dice, models):
    tool = dice.choice([[oxbow], STOCK_IMG])
    source, target = dice.sample(sorted(models), 2)
    run(*tool, "bitmap", "--merge", source, image, target)
    models[target].merge(models[source])


def clear(oxbow, image, dice, models):
    tool = dice.choice([[oxbow], STOCK_IMG])
    name = dice.choice(sorted(models))
    run(*tool, "bitmap", "--clear", image, name)
    models[name].granules.clear()


def taking_turns(oxbow, folder, shape, seed):
    dice = random.Random(seed)
    image = folder / f"turns-{seed}.qcow2"
    run(*STOCK_IMG, "create", "-q", "-f", "qcow2", *shape, image, DISK_BYTES)
    models = add_bitmaps(oxbow, image, dice)
    for _ in range(6):
        write_session(dice.choice([[oxbow, "io"], STOCK_IO]), image, dice, models)
        dice.choice([merge, clear, lambda *_: None])(oxbow, image, dice, models)
        expect(oxbow, image, models)


def fifty_rounds(oxbow, folder):
    """The file does not grow by rounds that change only which bits are set."""
    image = folder / "rounds.qcow2"
    run(oxbow, "create", "-q", "-f", "qcow2", image, "64M")
    run(oxbow, "io", "-c", "write -q 0 64M", image)
    run(oxbow, "bitmap", "--add", image, "b")
    sizes = set()
    for number in range(50):
        run(oxbow, "io", "-c", f"write -q {number}M 64k", image)
        sizes.add(image.stat().st_size)
    assert len(sizes) == 1, sizes
    run(*STOCK_IMG, "check", image)


def handed_over(oxbow, folder):
    """Reopened for reading, the bitmap is stored at once; for writing again, it goes on."""
    image = folder / "reopened.qcow2"
    for tool in ([oxbow, "io"], STOCK_IO):
        run(oxbow, "create", "-q", "-f", "qcow2", image, "8M")
        run(oxbow, "bitmap", "--add", image, "b")
        run(*tool, "-c", "write -q 0 64k", "-c", "reopen -r", "-c", "sigraise 9", image, code=-9)
        assert read_by_stock(image, "b") == [(0, 65536)]
        run(*tool, "-r", "-c", "reopen -w", "-c", "write -q 1M 64k", image)
        assert read_by_stock(image, "b") == [(0, 65536), (1 << 20, 65536)]


def handed_to_another_process(oxbow, folder):
    """One process gives the image up and takes it back; meanwhile another one writes."""
    image = folder / "handed.qcow2"
    run(oxbow, "create", "-q", "-f", "qcow2", image, "8M")
    run(oxbow, "bitmap", "--add", image, "b")
    first = subprocess.Popen([oxbow, "io", "-c", "write -q 0 64k", "-c", "close", "-c", "sleep 1500",
                              "-c", f"open {image}", "-c", "write -q 2M 64k", image])
    time.sleep(0.5)
    assert read_by_stock(image, "b") == [(0, 65536)]
    run(*STOCK_IO, "-c", "write -q 1M 64k", image)
    assert first.poll() is None, "the first process did not wait"
    assert first.wait() == 0
    wanted = [(0, 65536), (1 << 20, 65536), (2 << 20, 65536)]
    assert read_by_stock(image, "b") == wanted == read_by_oxbow(oxbow, image, "b")


def other_writer_between(oxbow, folder):
    """Killed, then written to by the stock tool: the bitmap is not taken for right."""
    image = folder / "between.qcow2"
    run(oxbow, "create", "-q", "-f", "qcow2", image, "8M")
    run(oxbow, "bitmap", "--add", image, "b")
    run(oxbow, "io", "-c", "write -q 0 64k", "-c", "sigraise 9", image, code=-9)
    assert '"state": "enabled"' in run(oxbow, "bitmap", "list", "--output=json", image)
    run(*STOCK_IO, "-c", "write -q 4M 64k", image)
    assert '"state": "inconsistent"' in run(oxbow, "bitmap", "list", "--output=json", image)
    run(oxbow, "io", "-c", "write -q 2M 64k", image)
    assert '"state": "inconsistent"' in run(oxbow, "bitmap", "list", "--output=json", image)


def repaired_after_a_kill(oxbow, folder):
    """A repair changes nothing that a bitmap speaks of."""
    image = folder / "repaired.qcow2"
    for what in ("leaks", "all"):
        run(oxbow, "create", "-q", "-f", "qcow2", image, "8M")
        run(oxbow, "bitmap", "--add", image, "b")
        run(oxbow, "io", "-c", "write -q 0 64k", "-c", "sigraise 9", image, code=-9)
        run(oxbow, "check", "-r", what, image)
        assert '"state": "enabled"' in run(oxbow, "bitmap", "list", "--output=json", image)
        assert (0, 65536) <= read_by_oxbow(oxbow, image, "b")[0]


def main(build):
    if not shutil.which("qemu-nbd") or not shutil.which("nbdinfo"):
        print("no qemu-nbd or nbdinfo")
        return 77
    oxbow = pathlib.Path(build, "oxbow").resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for seed in range(15):
            taking_turns(oxbow, folder, SHAPES[seed % len(SHAPES)], seed)
        fifty_rounds(oxbow, folder)
        handed_over(oxbow, folder)
        handed_to_another_process(oxbow, folder)
        other_writer_between(oxbow, folder)
        repaired_after_a_kill(oxbow, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

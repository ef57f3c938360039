"""Persistent dirty bitmaps: what opening and closing an image with ten of them takes, and what
tracking adds to small writes, by durability."""

import os
import random
import statistics
import sys

from measure import run
from small_io import commands, less

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "oracle"))
from qcow2 import EXTENSION_BITMAPS, Qcow2  # noqa: E402  (the harness' own reader of the format)

OFFSET_MASK = 0x00FFFFFFFFFFFE00
GRANULARITY = 65536


def make_image(tools, path, size, bitmaps):
    """An image with preallocated tables, so that writes are in place, and empty bitmaps."""
    img = os.path.join(tools.ours, "qemu-img")
    run([img, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, size])
    for number in range(bitmaps):
        run([img, "bitmap", "--add", path, f"bitmap{number}"])


def dirty_cluster(choose, share):
    """65,536 bytes of which this share of the bits is set."""
    if share >= 0.5:
        return choose.randbytes(65536)
    content = bytearray(65536)
    for _ in range(round(share * 65536 * 8)):
        bit = choose.randrange(65536 * 8)
        content[bit // 8] |= 1 << bit % 8
    return bytes(content)


def make_dirty(tools, path, size, content):
    """Fills the clusters in which bitmaps keep their bits with what `content(choose)` gives."""
    shell = os.path.join(tools.ours, "qemu-io")
    step = 8 * 65536 * GRANULARITY
    words = [word for at in range(0, size, step) for word in ("-c", f"discard {at} 64k")]
    run([shell, *words, path])
    choose = random.Random(2)
    with Qcow2(path, writable=True) as image:
        for number in range(int.from_bytes(image.extensions()[EXTENSION_BITMAPS][:4], "big")):
            entry = image.bitmap_entry(number)
            table, count = image.number(entry, 8), image.number(entry + 8, 4)
            for index in range(count):
                image.file.seek(image.number(table + 8 * index, 8) & OFFSET_MASK)
                image.file.write(content(choose))


def medians(costs, figure):
    return statistics.median(getattr(cost, figure) for cost in costs)


def sessions(tools, image, settings):
    """Open, one write, close: CPU and wall milliseconds and KiB written of both tools."""
    cells = []
    costs = {"stock": [], "ours": []}
    for number in range(settings.runs):
        turn = tools.both() if number % 2 == 0 else tools.both()[::-1]
        for tool, directory in turn:
            shell = os.path.join(directory, "qemu-io")
            place = (number * 7 + 1) << 30
            costs[tool].append(run([shell, "-f", "qcow2", "-c", f"write {place} 64k", image]))
    for figure in ("cpu", "wall"):
        cells += [f"{1000 * medians(costs[tool], figure):.1f}" for tool in ("stock", "ours")]
    cells += [f"{medians(costs[tool], 'written'):.0f}" for tool in ("stock", "ours")]
    return cells


def open_and_close(tools, settings):
    yield ("| dirty | CPU ms to open, write and close: stock | Oxbow | wall ms: stock | Oxbow "
           "| KiB written: stock | Oxbow |")
    yield "|---|---|---|---|---|---|---|"
    image = os.path.join(settings.scratch, "bitmaps.qcow2")
    size = 64 << 30 if settings.quick else 1 << 40
    for share in (0, 0.01, 0.5):
        make_image(tools, image, str(size), 10)
        if share:
            make_dirty(tools, image, size, lambda choose: dirty_cluster(choose, share))
        yield "| " + " | ".join([f"{share:.0%}", *sessions(tools, image, settings)]) + " |"
    os.unlink(image)


def clear(tools, image, bitmaps):
    for number in range(bitmaps):
        run([os.path.join(tools.ours, "qemu-img"), "bitmap", "--clear", image, f"bitmap{number}"])


def per_write(tools, tool_path, options, image, bitmaps, settings):
    """Microseconds of CPU a write: of the first ones after the image was opened, which meet
    regions that no bitmap knows of, and of as many later ones, elsewhere in the same session."""
    shell = [os.path.join(tool_path, "qemu-io"), "--image-opts"]
    name = f"driver=qcow2,file.filename={image}{options}"
    count, blocks = settings.operations // 2, (64 << 30) // 4096
    idle = run([*shell, "-c", "length", name])
    first = commands("write", count, blocks, 64)
    clear(tools, image, bitmaps)
    early = run([*shell, *first, name])
    clear(tools, image, bitmaps)
    later = run([*shell, *first, *commands("write", count, blocks, 64, seed=2), name])
    return [1e6 * less(after, before).cpu / count for after, before in ((early, idle),
                                                                        (later, early))]


def tracking(tools, settings):
    yield "| bitmaps | durability | us CPU a 4 KiB write: first ones | later ones |"
    yield "|---|---|---|---|"
    image = os.path.join(settings.scratch, "tracked.qcow2")
    for count in (0, 1, 10):
        rows = [("stock", tools.stock, "")]
        words = ("close", "process", "power") if count else ("close",)
        rows += [(word, tools.ours, f",bitmap-durability={word}") for word in words]
        figures = {row[0]: [] for row in rows}
        make_image(tools, image, "64G", count)
        for _ in range(settings.runs):
            for word, path, options in rows:
                figures[word].append(per_write(tools, path, options, image, count, settings))
        for word, costs in figures.items():
            early, later = (statistics.median(column) for column in zip(*costs))
            yield f"| {count} | {word} | {early:.2f} | {later:.2f} |"
    os.unlink(image)


def sparse_cluster(choose):
    """Two dirty granules, neighbours."""
    content = bytearray(65536)
    content[choose.randrange(65536)] = 0x18
    return bytes(content)


def memory(tools, settings):
    yield "| dirty | MiB for one bitmap of 16 TiB: stock | Oxbow |"
    yield "|---|---|---|"
    size = 1 << 40 if settings.quick else 16 << 40
    image = os.path.join(settings.scratch, "large.qcow2")
    for name, content in (("none", None), ("two granules in each 32 GiB", sparse_cluster),
                          ("half, at random", lambda choose: choose.randbytes(65536))):
        make_sparse(tools, image, size)
        plain = [peak(path, image, settings) for _, path in tools.both()]
        run([os.path.join(tools.ours, "qemu-img"), "bitmap", "--add", "-g", str(GRANULARITY), image,
             "b"])
        if content:
            make_dirty(tools, image, size, content)
        full = [peak(path, image, settings) for _, path in tools.both()]
        cells = [f"{(with_one - without) / 1024:.1f}" for with_one, without in zip(full, plain)]
        yield "| " + " | ".join([name, *cells]) + " |"
    os.unlink(image)


def make_sparse(tools, path, size):
    run([os.path.join(tools.ours, "qemu-img"), "create", "-q", "-f", "qcow2", path, str(size)])


def peak(directory, image, settings):
    """KiB of a session with one write."""
    words = [os.path.join(directory, "qemu-io"), "-f", "qcow2", "-c", "write 5G 64k", image]
    return statistics.median(run(words).memory for _ in range(settings.runs))


def rates(tools, settings):
    """Merging one bitmap of a 1 TiB disk, 1 % dirty at random, into another; telling its ranges."""
    yield "| | CPU ms: stock | Oxbow |"
    yield "|---|---|---|"
    size = 64 << 30 if settings.quick else 1 << 40
    image = os.path.join(settings.scratch, "rates.qcow2")
    costs = {"stock": [], "ours": []}
    dumps = []
    for _ in range(settings.runs):
        for tool, directory in tools.both():
            make_sparse(tools, image, size)
            img = os.path.join(directory, "qemu-img")
            run([img, "bitmap", "--add", "-g", str(GRANULARITY), image, "from"])
            make_dirty(tools, image, size, lambda choose: dirty_cluster(choose, 0.01))
            run([img, "bitmap", "--add", "-g", str(GRANULARITY), image, "into"])
            costs[tool].append(run([img, "bitmap", "--merge", "from", image, "into"]))
        dumps.append(run([os.path.join(tools.ours, "oxbow"), "bitmap", "dump", "--output=json",
                          image, "from"]))
    merged = [f"{1000 * medians(costs[tool], 'cpu'):.1f}" for tool in ("stock", "ours")]
    yield "| " + " | ".join(["merge", *merged]) + " |"
    yield f"| dump as JSON | none | {1000 * medians(dumps, 'cpu'):.1f} |"
    os.unlink(image)


def table(tools, settings):
    """All tables as Markdown."""
    parts = (open_and_close, tracking, memory, rates)
    return "\n\n".join("\n".join(part(tools, settings)) for part in parts)


__all__ = ["table"]

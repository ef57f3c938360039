"""Persistent dirty bitmaps: what opening and closing an image with ten of them takes, and what
tracking adds to small writes, by durability."""

import os
import random
import statistics
import sys

from measure import run
from small_io import commands, less

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "oracle"))
from qcow2 import Qcow2  # noqa: E402  (the harness' own reader of the format)

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


def make_dirty(tools, path, size, share):
    """Sets a share of all bits at random, in the clusters where they lie."""
    shell = os.path.join(tools.ours, "qemu-io")
    step = 8 * 65536 * GRANULARITY
    words = [word for at in range(0, size, step) for word in ("-c", f"discard {at} 64k")]
    run([shell, *words, path])
    choose = random.Random(2)
    with Qcow2(path, writable=True) as image:
        for number in range(10):
            entry = image.bitmap_entry(number)
            table, count = image.number(entry, 8), image.number(entry + 8, 4)
            for index in range(count):
                image.file.seek(image.number(table + 8 * index, 8) & OFFSET_MASK)
                image.file.write(dirty_cluster(choose, share))


def medians(costs, figure):
    return statistics.median(getattr(cost, figure) for cost in costs)


def sessions(tools, image, settings):
    """Open, one write, close: CPU and wall milliseconds of both tools."""
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
    return cells


def open_and_close(tools, settings):
    yield "| dirty | CPU ms to open, write and close: stock | Oxbow | wall ms: stock | Oxbow |"
    yield "|---|---|---|---|---|"
    image = os.path.join(settings.scratch, "bitmaps.qcow2")
    size = 64 << 30 if settings.quick else 1 << 40
    for share in (0, 0.01, 0.5):
        make_image(tools, image, str(size), 10)
        if share:
            make_dirty(tools, image, size, share)
        yield "| " + " | ".join([f"{share:.0%}", *sessions(tools, image, settings)]) + " |"
    os.unlink(image)


def per_write(tool_path, options, image, settings):
    """Microseconds of CPU a write; places differ from run to run."""
    shell = [os.path.join(tool_path, "qemu-io"), "--image-opts"]
    name = f"driver=qcow2,file.filename={image}{options}"
    blocks = (64 << 30) // 4096
    words = commands("write", settings.operations, blocks, 64)
    idle = run([*shell, "-c", "length", name])
    return 1e6 * less(run([*shell, *words, name]), idle).cpu / settings.operations


def tracking(tools, settings):
    yield "| bitmaps | durability | us CPU a 4 KiB write |"
    yield "|---|---|---|"
    image = os.path.join(settings.scratch, "tracked.qcow2")
    for count in (0, 1, 10):
        rows = [("stock", tools.stock, "")]
        words = ("close", "process", "power") if count else ("close",)
        rows += [(word, tools.ours, f",bitmap-durability={word}") for word in words]
        figures = {row[0]: [] for row in rows}
        for _ in range(settings.runs):
            for word, path, options in rows:
                make_image(tools, image, "64G", count)
                figures[word].append(per_write(path, options, image, settings))
        for word, costs in figures.items():
            yield f"| {count} | {word} | {statistics.median(costs):.2f} |"
    os.unlink(image)


def table(tools, settings):
    """Both tables as Markdown."""
    return "\n".join([*open_and_close(tools, settings), "", *tracking(tools, settings)])


__all__ = ["table"]

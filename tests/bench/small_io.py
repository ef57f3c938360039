"""4 KiB reads and writes at random places through the io shell, one and many at a time.

Both tools are given the same long command line of -c commands. What is shown is the cost of
the operations: the cost of a run without any is taken off."""

import os
import random

from measure import Cost, Result, run


def commands(verb, count, blocks, depth, seed=1):
    """`count` commands; at depth n, n asynchronous ones and then a flush that waits."""
    places = random.Random(seed)
    words = []
    for number in range(count):
        offset = places.randrange(blocks) * 4096
        if depth == 1:
            words += ["-c", f"{verb} -q {offset} 4k"]
            continue
        words += ["-c", f"aio_{verb} -q {offset} 4k"]
        if number % depth == depth - 1:
            words += ["-c", "aio_flush"]
    return words


def less(cost, base):
    return Cost(max(cost.cpu - base.cpu, 1e-9), max(cost.wall - base.wall, 1e-9), cost.memory)


def measured(name, tools, image, words, settings):
    costs = {"stock": [], "ours": []}
    for number in range(settings.runs):
        turn = tools.both() if number % 2 == 0 else tools.both()[::-1]
        for tool, directory in turn:
            shell = [os.path.join(directory, "qemu-io"), "-f", "qcow2"]
            idle = run([*shell, "-c", "length", image])
            costs[tool].append(less(run([*shell, *words, image]), idle))
    return Result(name, costs, {"cpu": 0.8})


def benchmarks(tools, settings):
    image = os.path.join(settings.scratch, "small.qcow2")
    size = 256 << 20
    img = os.path.join(tools.stock, "qemu-img")
    run([img, "create", "-q", "-f", "qcow2", image, str(size)])
    run([os.path.join(tools.stock, "qemu-io"), "-f", "qcow2", "-c", f"write -P 7 0 {size}", image])
    for verb in ("read", "write"):
        for depth in (1, 64):
            words = commands(verb, settings.operations, size // 4096, depth)
            yield measured(f"4 KiB random {verb}, depth {depth}, {settings.operations} operations",
                           tools, image, words, settings)
    os.unlink(image)

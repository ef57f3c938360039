"""Runs one command and says what it cost; compares two tools in turns."""

import os
import statistics
import subprocess
import sys
import tempfile
import time


class Cost:
    """What one run took: seconds of CPU (user + system) and wall, peak memory and what it wrote
    to files in KiB."""

    def __init__(self, cpu, wall, memory, written=0):
        self.cpu = cpu
        self.wall = wall
        self.memory = memory
        self.written = written


class Failed(Exception):
    """A command of a benchmark did not succeed."""


def run(arguments):
    """One run, waited for with wait4 so that the figures are this child's alone.

    It is started by time(1), which says its peak memory: a child of this process would count
    the interpreter's own pages, which are its own until it runs the command.
    """
    start = time.monotonic()
    with open(os.devnull, "wb") as nowhere, tempfile.NamedTemporaryFile() as peak:
        child = subprocess.Popen(
            ["/usr/bin/time", "-o", peak.name, "-f", "%M", *arguments],
            stdin=subprocess.DEVNULL, stdout=nowhere, stderr=subprocess.PIPE,
        )
        words = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        memory = int(peak.read().split()[-1])
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode != 0:
        raise Failed(f"{' '.join(arguments)}: exit {child.returncode}: {words.decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory, usage.ru_oublock / 2)


class Tools:
    """The two contenders: directories with qemu-img and qemu-io in them."""

    def __init__(self, stock, ours):
        self.stock = stock
        self.ours = ours

    def both(self):
        return (("stock", self.stock), ("ours", self.ours))


class Result:
    """Medians of a benchmark for both tools, and what was aimed at."""

    def __init__(self, name, costs, targets):
        self.name = name
        self.runs = len(costs["stock"])
        self.targets = targets
        self.medians = {
            tool: {
                figure: statistics.median(getattr(cost, figure) for cost in runs)
                for figure in ("cpu", "wall", "memory")
            }
            for tool, runs in costs.items()
        }

    def ratio(self, figure):
        stock = self.medians["stock"][figure]
        return self.medians["ours"][figure] / stock if stock else float("nan")


def compare(name, tools, command, runs, before=None, after=None, targets=None):
    """`command(bin)` gives the command line for the tools in directory `bin`. The tools take
    turns, each going first half of the time; `before` and `after` run around every run."""
    costs = {"stock": [], "ours": []}
    for number in range(runs):
        turn = tools.both() if number % 2 == 0 else tools.both()[::-1]
        for tool, directory in turn:
            if before:
                before()
            costs[tool].append(run(command(directory)))
            if after:
                after()
        print(".", end="", file=sys.stderr, flush=True)
    print(f" {name}", file=sys.stderr)
    return Result(name, costs, targets or {})


def table(results):
    """The results as Markdown."""
    lines = [
        "| benchmark | runs | CPU s: stock, Oxbow | ratio | wall s: stock, Oxbow | ratio "
        "| peak MiB: stock, Oxbow | ratio | aim |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        cells = [result.name, str(result.runs)]
        for figure, scale in (("cpu", 1), ("wall", 1), ("memory", 1 / 1024)):
            stock, ours = (result.medians[tool][figure] * scale for tool in ("stock", "ours"))
            cells += [f"{stock:.3f}, {ours:.3f}" if scale == 1 else f"{stock:.1f}, {ours:.1f}",
                      f"**{result.ratio(figure):.2f}**"]
        aims = [
            f"{figure} {limit} {'met' if result.ratio(figure) <= limit else 'missed'}"
            for figure, limit in result.targets.items()
        ]
        lines.append("| " + " | ".join(cells + [", ".join(aims)]) + " |")
    return "\n".join(lines)

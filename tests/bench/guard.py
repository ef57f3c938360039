"""What the overlap checks cost: 4 KiB writes in place, on images with snapshots, for each
setting of overlap-check; and opening such images. Stock and Oxbow in turns."""

import os
import statistics

from measure import Failed, run

CASES = (
    # disk, cluster size, snapshots
    ("1G", "512", 0),
    ("64G", "4k", 10),
    ("64G", "64k", 0),
    ("64G", "64k", 1),
    ("64G", "64k", 10),
    ("64G", "64k", 100),
    ("1T", "64k", 100),
    ("1G", "64k", 1000),
    ("64T", "2M", 10),
    ("2P", "64k", 0),
    ("2P", "2M", 10),
)
QUICK = (("64G", "64k", 10),)
SETTINGS = ("none", "constant", "cached", "all")


def make_image(tools, path, size, cluster, snapshots):
    """An image with data at its beginning, so that writes are in place, and its snapshots."""
    img = os.path.join(tools.ours, "qemu-img")
    shell = os.path.join(tools.stock, "qemu-io")
    if os.path.exists(path):
        os.unlink(path)
    run([os.path.join(tools.stock, "qemu-img"), "create", "-q", "-f", "qcow2",
         "-o", f"cluster_size={cluster}", path, size])
    for number in range(snapshots):
        if number < 10:
            run([shell, "-f", "qcow2", "-c", "write -q 0 1M", path])
        run([img, "snapshot", "-c", f"s{number}", path])
    run([shell, "-f", "qcow2", "-c", "write -q 0 1M", path])


def writes(count):
    words = []
    for number in range(count):
        words += ["-c", f"aio_write -q {number % 256 * 4096} 4k"]
        if number % 64 == 63:
            words += ["-c", "aio_flush"]
    return words


def cost_of(shell, image, setting, words):
    options = f"driver=qcow2,overlap-check={setting},file.filename={image}"
    return run([shell, "-t", "unsafe", *words, "--image-opts", options])


def per_write(shell, image, setting, count, runs):
    """Microseconds of CPU a write: what `count` writes take beyond a single one."""
    costs = []
    for _ in range(runs):
        one = cost_of(shell, image, setting, writes(1)).cpu
        many = cost_of(shell, image, setting, writes(count)).cpu
        costs.append((many - one) / (count - 1) * 1e6)
    return statistics.median(costs)


def opening(shell, image, setting, runs):
    """Milliseconds of wall time: open for writing and close, with and without a write."""
    idle = statistics.median(
        cost_of(shell, image, setting, ["-c", "length"]).wall for _ in range(runs))
    first = statistics.median(
        cost_of(shell, image, setting, writes(1)).wall for _ in range(runs))
    return idle * 1e3, first * 1e3


def measure_case(tools, image, settings):
    lines = []
    for setting in SETTINGS:
        cells = [setting]
        figures = {}
        for tool, directory in tools.both():
            shell = os.path.join(directory, "qemu-io")
            # Stock with everything on needs milliseconds a write on some of these.
            slow = tool == "stock" and setting == "all"
            count = settings.operations // 40 if slow else settings.operations // 4
            figures[tool] = (per_write(shell, image, setting, max(count, 65), settings.runs),
                             *opening(shell, image, setting, settings.runs))
        for column in range(3):
            cells += [f"{figures['stock'][column]:.1f}", f"{figures['ours'][column]:.1f}"]
        lines.append(cells)
    return lines


def table(tools, settings):
    """The measured cases as Markdown."""
    lines = ["| disk, clusters, snapshots | overlap-check | us CPU a write: stock | Oxbow "
             "| ms to open and close: stock | Oxbow | the same with a first write: stock | Oxbow |",
             "|---|---|---|---|---|---|---|---|"]
    cases = QUICK if settings.quick else CASES
    image = os.path.join(settings.scratch, "guard.qcow2")
    for size, cluster, snapshots in cases:
        make_image(tools, image, size, cluster, snapshots)
        for cells in measure_case(tools, image, settings):
            lines.append("| " + " | ".join([f"{size}, {cluster}, {snapshots}", *cells]) + " |")
    os.unlink(image)
    return "\n".join(lines)


__all__ = ["table", "Failed"]

"""Backing chains: commit, rebase and compare of overlays over large preallocated images."""

import os

from measure import compare, run

AIM = {"cpu": 0.5}
WRITES = 64  # of 256 KiB each, spread over the overlay


def img(bin_dir, *words):
    return [os.path.join(bin_dir, "qemu-img"), *words]


def benchmarks(tools, settings):
    """Each tool works on copies of its own; the overlay holds a little, as overlays do."""
    size = settings.table_size
    at = lambda name: os.path.join(settings.scratch, name)  # noqa: E731
    base, other, overlay, top = at("base.qcow2"), at("other.qcow2"), at("overlay.qcow2"), at("top.qcow2")
    for name in (base, other):
        run(img(tools.stock, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", name, size))
    run(img(tools.stock, "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay))
    step = int(size[:-1]) * {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[size[-1]] // WRITES
    words = [word for i in range(WRITES) for word in ("-c", f"write -P {i + 1} {i * step} 256k")]
    run([os.path.join(tools.stock, "qemu-io"), *words, overlay])

    def fresh():
        run(["cp", "--sparse=always", overlay, top])

    def measured(what, *words):
        return compare(f"{what}, {size} preallocated", tools,
                       lambda bin_dir: img(bin_dir, *words), settings.runs, before=fresh, targets=AIM)

    yield measured("commit", "commit", top)
    yield measured("commit -d", "commit", "-d", top)
    yield measured("compare", "compare", top, base)
    yield measured("rebase -u", "rebase", "-u", "-b", other, "-F", "qcow2", top)
    yield measured("rebase", "rebase", "-b", other, "-F", "qcow2", top)
    yield measured("rebase to nothing", "rebase", "-b", "", top)
    for name in (base, other, overlay, top):
        os.unlink(name)

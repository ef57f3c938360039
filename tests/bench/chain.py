"""Backing chains: commit, rebase and compare of overlays over large preallocated images."""

import os

from measure import compare, run

AIM = {"cpu": 0.5}
WRITES = 64  # of 256 KiB each, spread over the overlay
REBASE_SIZE = "8G"  # the stock tool reads both backing files from end to end


def img(bin_dir, *words):
    return [os.path.join(bin_dir, "qemu-img"), *words]


class Chain:
    """Two preallocated images and an overlay over one of them, which holds a little, as overlays do.
    Each tool works on copies of the overlay."""

    def __init__(self, tools, settings, size):
        self.tools, self.runs, self.size = tools, settings.runs, size
        self.base, self.other, self.overlay, self.top = (
            os.path.join(settings.scratch, name + ".qcow2")
            for name in ("base", "other", "overlay", "top"))
        for name in (self.base, self.other):
            run(img(tools.stock, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", name,
                    size))
        run(img(tools.stock, "create", "-q", "-f", "qcow2", "-b", self.base, "-F", "qcow2",
                self.overlay))
        step = int(size[:-1]) * {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[size[-1]] // WRITES
        words = [word for i in range(WRITES) for word in ("-c", f"write -P {i + 1} {i * step} 256k")]
        run([os.path.join(tools.stock, "qemu-io"), *words, self.overlay])

    def measured(self, what, *words):
        def fresh():
            run(["cp", "--sparse=always", self.overlay, self.top])

        return compare(f"{what}, {self.size} preallocated", self.tools,
                       lambda bin_dir: img(bin_dir, *words), self.runs, before=fresh, targets=AIM)

    def remove(self):
        for name in (self.base, self.other, self.overlay, self.top):
            os.unlink(name)


def benchmarks(tools, settings):
    chain = Chain(tools, settings, settings.table_size)
    yield chain.measured("commit", "commit", chain.top)
    yield chain.measured("commit -d", "commit", "-d", chain.top)
    yield chain.measured("compare", "compare", chain.top, chain.base)
    yield chain.measured("measure", "measure", "-O", "qcow2", chain.base)
    yield chain.measured("rebase -u", "rebase", "-u", "-b", chain.other, "-F", "qcow2", chain.top)
    chain.remove()
    chain = Chain(tools, settings, REBASE_SIZE)
    yield chain.measured("rebase", "rebase", "-b", chain.other, "-F", "qcow2", chain.top)
    yield chain.measured("rebase to nothing", "rebase", "-b", "", chain.top)
    chain.remove()

"""Everything that writes to an image, as command lines, and what each of them may change."""

import copy
from dataclasses import dataclass
from typing import Callable

from images import SEALED, SECRET

OUT = "out.qcow2"


@dataclass
class Operation:
    """`commands` gives the command lines for a world, each a list whose first word is the tool;
    `expected` turns what every file held into what it has to hold."""

    name: str
    commands: Callable
    expected: Callable = lambda before, world: before
    applies: Callable = lambda shape: True
    exact_bitmaps: bool = True  # nothing is dirty that was not, and is unchanged
    ours_alone: bool = False

    def __hash__(self):
        return hash(self.name)


def img(*words):
    return ["img", *words]


def unprobed(world):
    """The words that open the image for a sub-command without -f."""
    words = world.opened()
    return words if words[0] != "-f" else words[2:]


# resize

def resize(name, change, *words):
    def commands(world):
        return [img("resize", *(["--shrink"] if change < 0 else []), *words, *world.opened(),
                    f"{change:+d}")]

    def expected(before, world):
        top = before["top.qcow2"]
        size = len(top.disk) + change
        top.disk = (top.disk + bytes(max(change, 0)))[:size]
        return before

    return Operation(f"resize {name}", commands, expected)


RESIZES = [
    resize("up", 512 << 10), resize("up little", 1024), resize("far up", 40 << 20),
    resize("down", -(300 << 10)), resize("down little", -1024),
    *(resize(f"up {mode}", 300 << 10, f"--preallocation={mode}")
      for mode in ("metadata", "falloc", "full")),
]


def shrink_and_grow(world):
    return [*resize("", -(200 << 10) - 512).commands(world), *resize("", 300 << 10).commands(world)]


def shrunk_and_grown(before, world):
    top = before["top.qcow2"]
    top.cut = len(top.disk) - (200 << 10) - 512
    top.disk = top.disk[:top.cut] + bytes(300 << 10)
    return before


RESIZES.append(Operation("resize down, then up", shrink_and_grow, shrunk_and_grown))


# commit and rebase

def committed(target):
    def expected(before, world):
        name = target(world)
        top, base = before["top.qcow2"], before[name]
        base.disk = top.disk + base.disk[len(top.disk):]
        if name != world.below[0]:
            del before[world.below[0]]  # what lies between need not make sense any more
        return before
    return expected


def has_chain(shape):
    return shape["backing"] != "none"


def commit(name, target=lambda world: world.below[0], words=lambda world: [], applies=has_chain):
    return Operation(f"commit {name}".strip(),
                     lambda world: [img("commit", *words(world), *world.opened())],
                     committed(target), applies, exact_bitmaps=False)


COMMITS = [
    commit(""),
    commit("-d", words=lambda world: ["-d"]),
    commit("-r", words=lambda world: ["-r", "100M"]),
    commit("-b", target=lambda world: world.below[-1],
           words=lambda world: ["-b", world.below[-1]],
           applies=lambda shape: shape["backing"] == "chain"),
]


def rebase(name, words, applies=lambda shape: True):
    return Operation(f"rebase {name}", lambda world: [img("rebase", *words(world), *world.opened())],
                     applies=applies, exact_bitmaps=False)


REBASES = [
    rebase("to none", lambda world: ["-b", ""], has_chain),
    rebase("to another", lambda world: ["-b", "other.qcow2", "-F", "qcow2"]),
    rebase("to the base", lambda world: ["-b", "base.qcow2", "-F", "qcow2"],
           lambda shape: shape["backing"] == "chain"),
    rebase("-u", lambda world: ["-u", "-b", "./" + world.below[0], "-F",
                                "raw" if world.below[0].endswith(".raw") else "qcow2"], has_chain),
]


# snapshots

def has_snapshots(shape):
    return shape["snapshots"] != "none"


def taken(before, world):
    top = before["top.qcow2"]
    top.snapshots["new"] = (top.disk, top.vm_state)
    return before


def went_back(name):
    def expected(before, world):
        top = before["top.qcow2"]
        if name in top.snapshots:
            top.disk, top.vm_state = top.snapshots[name]
        return before
    return expected


def dropped(name):
    def expected(before, world):
        before["top.qcow2"].snapshots.pop(name, None)
        return before
    return expected


SNAPSHOTS = [
    Operation("snapshot -c", lambda world: [img("snapshot", "-c", "new", *unprobed(world))], taken),
    Operation("snapshot -a", lambda world: [img("snapshot", "-a", "first", *unprobed(world))],
              went_back("first"), has_snapshots, exact_bitmaps=False),
    Operation("snapshot -a the last",
              lambda world: [img("snapshot", "-a", "second", *unprobed(world))],
              went_back("second"), lambda shape: shape["snapshots"] in ("two", "resized"),
              exact_bitmaps=False),
    *(Operation(f"snapshot -d {name}",
                lambda world, name=name: [img("snapshot", "-d", name, *unprobed(world))],
                dropped(name), has_snapshots) for name in ("first", "second")),
]


# bitmaps

def has_bitmaps(shape):
    return shape["bitmaps"] != "none"


def changed_bitmap(change):
    def expected(before, world):
        change(before["top.qcow2"].bitmaps)
        return before
    return expected


def set_fields(name, **values):
    def change(bitmaps):
        for key, value in values.items():
            setattr(bitmaps[name], key, value)
    return changed_bitmap(change)


def bitmap(name, words, expected, applies=has_bitmaps, last=()):
    return Operation(f"bitmap {name}",
                     lambda world: [img("bitmap", *words, *world.opened(), *last)],
                     expected, applies)


def merged(before, world):
    bitmaps = before["top.qcow2"].bitmaps
    bitmaps["bit"].dirty = sorted(bitmaps["bit"].dirty + bitmaps["fine"].dirty)
    return before


BITMAPS = [
    # Any granularity will do: what matters is that the others stay as they are.
    bitmap("--add", ["--add", "-g", "512"], lambda before, world: before,
           lambda shape: shape["version"] == 3, ["new"]),
    bitmap("--remove", ["--remove"], changed_bitmap(lambda maps: maps.pop("bit")), last=["bit"]),
    bitmap("--clear", ["--clear"], set_fields("bit", dirty=[]), last=["bit"]),
    bitmap("--disable", ["--disable"], set_fields("bit", recording=False), last=["bit"]),
    bitmap("--enable", ["--enable"], set_fields("bit", recording=True), last=["bit"]),
    bitmap("--merge", ["--merge", "fine"], merged, lambda shape: shape["bitmaps"] == "two",
           ["bit"]),
]


# check -r, with something to repair

def leak(world):
    """A cluster that is counted and that nobody refers to."""
    return ["leak"]


CHECKS = [
    *(Operation(f"check -r {mode}",
                lambda world, mode=mode: [img("check", "-q", "-r", mode, *world.opened())])
      for mode in ("leaks", "all")),
    *(Operation(f"check -r {mode} of leaks",
                lambda world, mode=mode: [leak(world), img("check", "-q", "-r", mode,
                                                           *world.opened())])
      for mode in ("leaks", "all")),
]


# copies: what is made holds what the disk holds

def copied(before, world):
    from_top = before["top.qcow2"]
    before[OUT] = copy.copy(from_top)
    before[OUT].snapshots, before[OUT].vm_state, before[OUT].bitmaps = {}, "", {}
    before[OUT].raw = None
    return before


def copied_to_raw_file(before, world):
    before = copied(before, world)
    before[OUT].raw = before[OUT].disk
    return before


def copied_with_bitmaps(before, world):
    before = copied(before, world)
    before[OUT].bitmaps = copy.deepcopy(before["top.qcow2"].bitmaps)
    return before


def convert(name, *words, expected=copied, applies=lambda shape: True, target="qcow2"):
    def commands(world):
        return [img("convert", "-O", target, *words, *world.opened(), OUT)]
    return Operation(f"convert {name}", commands, expected, applies)


def into_existing(name, *words, options=""):
    def commands(world):
        return [img("create", "-q", "-f", "qcow2", *(["-o", options] if options else []), OUT,
                    world.size + (1 << 20)),
                img("convert", "-n", *words, "-O", "qcow2", *world.opened(), OUT)]

    def expected(before, world):
        before = copied(before, world)
        disk = before[OUT].disk
        before[OUT].disk = disk + bytes(world.size + (1 << 20) - len(disk))
        return before
    return Operation(f"convert {name}", commands, expected)


def to_sealed(name, options):
    """Into an encrypted copy."""
    def commands(world):
        opened = world.opened()
        secret = [] if opened[:2] == SECRET else SECRET
        return [img("convert", "-O", "qcow2", "-o", f"{options},encrypt.key-secret=s0", *secret,
                    *opened, SEALED)]

    def expected(before, world):
        before = copied(before, world)
        before[SEALED] = before.pop(OUT)
        return before
    return Operation(f"convert {name}", commands, expected)


def over_base(world):
    raw = world.below[-1].endswith(".raw")
    return [img("convert", "-O", "qcow2", "-B", world.below[-1], "-F", "raw" if raw else "qcow2",
                *world.opened(), OUT)]


def of_snapshot(world):
    opened = world.opened()
    by_name = "snapshot.name=first" if opened[0] == "-f" else "first"
    return [img("convert", "-l", by_name, "-O", "qcow2", *opened, OUT)]


def snapshot_copied(before, world):
    before = copied(before, world)
    if "first" in before["top.qcow2"].snapshots:
        before[OUT].disk = before["top.qcow2"].snapshots["first"][0]
    return before


COPIES = [
    convert("plain"), convert("-c", "-c"), convert("-c zstd", "-c", "-o", "compression_type=zstd"),
    convert("-c in small clusters", "-c", "-o", "cluster_size=4k"),
    convert("-W -m 4", "-W", "-m", "4"), convert("-S 0", "-S", "0"), convert("-S 4k", "-S", "4k"),
    convert("-C", "-C"), convert("-r", "-r", "500M"), convert("--salvage", "--salvage"),
    convert("-t none -T none", "-t", "none", "-T", "none"),
    convert("to version 2", "-o", "compat=0.10,cluster_size=4k"),
    convert("to subclusters", "-o", "extended_l2=on,cluster_size=16k"),
    convert("to lazy refcounts", "-o", "lazy_refcounts=on"),
    convert("to 1 bit counts", "-o", "refcount_bits=1,cluster_size=512"),
    convert("to a data file", "-o", "data_file=out.raw"),
    convert("to a raw data file", "-o", "data_file=out.raw,data_file_raw=on",
            expected=copied_to_raw_file),
    *(convert(f"to preallocation {mode}", "-o", f"preallocation={mode}")
      for mode in ("metadata", "falloc", "full")),
    convert("--bitmaps", "--bitmaps", expected=copied_with_bitmaps,
            applies=lambda shape: has_bitmaps(shape) and shape["lazy"] != "unclean"),
    to_sealed("to luks", "encrypt.format=luks,encrypt.iter-time=10"),
    to_sealed("to luks, preallocated",
              "encrypt.format=luks,encrypt.iter-time=10,preallocation=metadata"),
    to_sealed("to aes, preallocated", "encrypt.format=aes,preallocation=falloc"),
    to_sealed("to aes in version 2, preallocated",
              "encrypt.format=aes,preallocation=metadata,compat=0.10"),
    into_existing("-n"), into_existing("-n --target-is-zero", "--target-is-zero"),
    into_existing("-n into subclusters", options="extended_l2=on,cluster_size=16k"),
    into_existing("-n into a data file", options="data_file=out.raw"),
    into_existing("-n into a raw data file", options="data_file=out.raw,data_file_raw=on"),
    Operation("convert -B", over_base, copied, has_chain),
    Operation("convert -l", of_snapshot, snapshot_copied, has_snapshots),
]


def dd(name, skip, count):
    """`count` counts from the beginning of the input, as the stock tool has it."""
    def commands(world):
        words = ["if=top.qcow2", f"of={OUT}", "bs=3k"]
        words += [f"skip={skip}"] if skip else []
        words += [f"count={count}"] if count else []
        return [img("dd", "-f", "qcow2", "-O", "qcow2", *words)]

    def expected(before, world):
        before = copied(before, world)
        disk = before[OUT].disk
        before[OUT].disk = disk[skip * 3072:count * 3072 if count else None]
        return before
    # An encrypted image is named by options, which leave no room for if=.
    return Operation(f"dd {name}", commands, expected,
                     lambda shape: shape["encryption"] == "none")


COPIES += [dd("all", 0, 0), dd("a part", 7, 40)]


# writing by hand

def io(name, change, *lines):
    def expected(before, world):
        top = before["top.qcow2"]
        disk = bytearray(top.disk)
        change(disk)
        top.disk = bytes(disk)
        return before

    def commands(world):
        words = [word for line in lines for word in ("-c", line)]
        return [["io", *world.opened(), *words]]
    return Operation(f"io {name}", commands, expected, exact_bitmaps=False)


def filled(start, length, value):
    def change(disk):
        disk[start:start + length] = bytes([value]) * length
    return change


K = 1024
WRITES = [
    io("write", filled(100 * K, 300 * K, 5), f"write -P 5 100k {300 * K}"),
    io("write -z", filled(33 * K, 300 * K, 0), "write -z 33k 300k"),
    io("write -z -u", filled(33 * K, 300 * K, 0), "write -z -u 33k 300k"),
    io("write of a sector", filled(200 * K, 512, 9), "write -P 9 200k 512"),
]


# Oxbow's own

COMPACTS = [
    Operation(f"compact {word}".strip(),
              lambda world, word=word: [["own", "compact", "--trust=all", *([word] if word else []),
                                         *world.opened()]], ours_alone=True)
    for word in ("", "--detect-zeroes")
]


# amend

def amend(options, applies=lambda shape: True, expected=lambda before, world: before):
    return Operation(f"amend {options}",
                     lambda world: [img("amend", "-o", options, *world.opened())], expected, applies)


def amended_size(before, world):
    top = before["top.qcow2"]
    top.disk = (top.disk + bytes(2 << 20))[:2 << 20]
    return before


def no_longer_raw(before, world):
    before["top.qcow2"].raw = None
    return before


AMENDS = [
    amend("compat=0.10"), amend("compat=1.1"), amend("lazy_refcounts=on"),
    amend("lazy_refcounts=off"), amend("refcount_bits=16"), amend("refcount_bits=64"),
    amend("refcount_bits=1"), amend("size=2M", expected=amended_size),
    amend("data_file_raw=off", lambda shape: shape["data"] == "raw", no_longer_raw),
]

OPERATIONS = [*RESIZES, *COMMITS, *REBASES, *SNAPSHOTS, *BITMAPS, *CHECKS, *COPIES, *WRITES,
              *COMPACTS, *AMENDS]

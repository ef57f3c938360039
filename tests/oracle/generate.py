"""Generated cases: options crossed and random work, the same for the same seed and number.

Case number N of a kind depends on (seed, kind, N) alone, so that one failing case can be run
again by its name. Each kind has a share of the count.
"""

import random

from case import case
from generate_commands import COMMANDS
from random_image import (CLUSTERS, always_works, bytes_of, create_line, disk_size, look,
                          make_source, options)
from random_io import Guest, UNKNOWN, call, sequence


def gen_create(rng, name):
    """Options crossed, good and bad, with or without a backing file."""
    backing = rng.choice((None, None, ("b.raw", "raw"), ("b.qcow2", "qcow2")))
    opts, cluster, _, _ = options(rng, backed=rng.random() < 0.8 and backing is not None)
    if rng.random() < 0.25:
        bad = ("cluster_size=300", "refcount_bits=5", "compat=0.10", "nope=1", "size=1M",
               "lazy_refcounts=x", "preallocation=y", "compression_type=z", "extended_l2=on",
               "refcount_bits=64,compat=v2", "cluster_size=16k,extended_l2=on,compat=v2",
               "data_file_raw=on", "backing_fmt=raw", "compat=0.10,lazy_refcounts=on")
        opts = ",".join(part for part in (opts, rng.choice(bad)) if part)
    sizes = (disk_size(rng, cluster), rng.randrange(0, 10 << 20), f"{rng.randrange(99)}M")
    size = rng.choice(sizes)
    if "prealloc" not in opts and rng.random() < 0.2:
        size = rng.choice(("10G", "1T", "5T", "1.7G", "0"))
    if rng.random() < 0.1 and backing:
        size = ""
    lines = [create_line(rng, "a.qcow2", size, opts, backing)]
    setup = "@truncate b.raw 1M\n@write b.raw 64k 100k 5\nqemu-img create -q -f qcow2 b.qcow2 2M"
    return case(name, "\n".join(lines + look(rng, "a.qcow2")), setup)


def _base(rng, size):
    """Setup lines of a backing file, and (name, format); None for no backing file."""
    kind = rng.choice((None, None, "raw", "qcow2", "chain"))
    if not kind:
        return "", None
    length = max(512, rng.choice((size, size, size // 2, size * 2, size - 512, size // 3 + 100)))
    lines = [f"@truncate b.raw {length}", f"@write b.raw 0 {length // 3} 0x71"]
    lines.append(f"@write b.raw {length // 2} {max(1, length // 4)} 0x72")
    if kind == "raw":
        return "\n".join(lines), ("b.raw", "raw")
    opts, cluster, _, _ = options(rng)
    opts = ",".join(o for o in opts.split(",") if o and "prealloc" not in o)
    if kind == "qcow2":
        flags = "-c " if rng.random() < 0.3 else ""
        target = f"-o {opts}" if opts else ""
        lines.append(f"qemu-img convert {flags}-f raw -O qcow2 {target} b.raw b.qcow2")
        return "\n".join(lines), ("b.qcow2", "qcow2")
    guest = Guest(length, packs="prealloc" not in opts)
    target = f"-o {opts}" if opts else ""
    lines.append(f"qemu-img create -q -f qcow2 {target} -b b.raw -F raw b.qcow2 {length}")
    changes = [c for c in sequence(rng, guest, cluster, 5) if always_works(c)]
    if changes:
        lines.append(call(changes, "b.qcow2"))
    return "\n".join(lines), ("b.qcow2", "qcow2")


def gen_io(rng, name):
    """The main work: a random image, written by both tools, in several calls, in turn."""
    opts, cluster, _, _ = options(rng, backed=True)
    size = disk_size(rng, cluster, 4 << 20 if cluster < 1 << 20 else 16 << 20)
    setup, backing = _base(rng, size)
    if not backing:
        opts, cluster, _, _ = options(rng)
        size = disk_size(rng, cluster)
    guest = Guest(size, UNKNOWN if backing else 0)
    lines = [create_line(rng, "a.qcow2", size, opts, backing)]
    calls = rng.randrange(1, 4)
    for number in range(calls):
        who = "swap: " if number and rng.random() < 0.35 else ""
        flags = rng.choice(("", "", "", "-t none", "-d unmap", "-d ignore", "-n", "-t directsync"))
        commands = sequence(rng, guest, cluster, rng.randrange(4, 18), grow=rng.random() < 0.3)
        lines.append(who + call(commands, "a.qcow2", flags))
        if number + 1 < calls and rng.random() < 0.25 and "refcount_bits=1," not in opts + ",":
            lines.append("stock: qemu-img snapshot -c s%d a.qcow2" % number)
    return case(name, "\n".join(lines + look(rng, "a.qcow2")), setup)


def gen_stock_image(rng, name):
    """An image that stock made (data, compressed, snapshots): ours reads and goes on writing."""
    opts, cluster, _, _ = options(rng)
    size = disk_size(rng, cluster)
    lines = [create_line(rng, "a.qcow2", size, opts).replace("create", "create -q", 1)]
    guest = Guest(size, packs="prealloc" not in opts)
    changes = [c for c in sequence(rng, guest, cluster, 12) if always_works(c)]
    if changes:
        lines.append(call(changes, "a.qcow2"))
    if rng.random() < 0.4 and "refcount_bits=1," not in opts + ",":
        lines.append("qemu-img snapshot -c one a.qcow2")
    for _ in range(rng.randrange(0, 4)):
        begin = rng.randrange(0, max(1, size // cluster)) * cluster
        if guest.packs and begin + cluster <= size and guest.untouched(begin, begin + cluster):
            text = f"write -c -P {rng.randrange(1, 256)} {begin} {cluster}"
            lines.append(f'qemu-io -c "{text}" a.qcow2')
            guest.set(begin, begin + cluster, UNKNOWN)
    run = look(rng, "a.qcow2")
    for b, e, _ in list(guest.bytes):
        guest.set(b, e, UNKNOWN)  # what the setup left out is not in the model
    run.append(call(sequence(rng, guest, cluster, rng.randrange(3, 14)), "a.qcow2"))
    return case(name, "\n".join(run + look(rng, "a.qcow2")), "\n".join(lines))


def gen_raw_io(rng, name):
    """Random work on a raw file, or on a window of one."""
    size = rng.choice((65536, 200000, 1 << 20, 1000000))
    guest = Guest(size)
    commands = sequence(rng, guest, 4096, rng.randrange(4, 16), grow=rng.random() < 0.3)
    flags = rng.choice(("", "", "-d unmap", "-d ignore", "-t writethrough"))
    if rng.random() < 0.3:
        commands = [c for c in commands if not c.startswith("truncate")]
        words = f"driver=raw,offset=4096,size={size},file.filename=a.raw"
        lines = [f"@truncate a.raw {size + 10000}", call(commands, words, flags + " --image-opts")]
    else:
        lines = [f"qemu-img create -f raw a.raw {size}", call(commands, "a.raw", "-f raw " + flags)]
    form = rng.choice(("", "--output=json "))
    return case(name, "\n".join(lines + [f"qemu-img map {form}-f raw a.raw"]))


def gen_convert(rng, name):
    """convert with options crossed."""
    setup, source, fmt, size = make_source(rng)
    if rng.random() < 0.2:
        setup.append(f"qemu-img create -q -f qcow2 -b {source} -F {fmt} o.qcow2 {size}")
        setup.append(f'qemu-io -c "write -P 3 {size // 4 // 512 * 512} 3000" o.qcow2')
        source, fmt = "o.qcow2", "qcow2"
    words = ["qemu-img convert"]
    words += rng.sample(("-p", "-q", "-W", "-U", "-m 1", "-m 4", "-T none", "-t none",
                         "-t writeback", "-C", "-r 1G"), rng.choice((0, 0, 1, 1, 2)))
    if "-W" in words or "-C" in words:
        words = [w for w in words if w not in ("-W", "-C")] + ["-m 1"]
    if rng.random() < 0.5:
        words.append(f"-f {fmt}")
    packs = rng.random() < 0.3
    if rng.random() < 0.3:
        words.append("-S " + rng.choice(("0", "512", "4k", "64k", "1M")))
    lines = []
    if rng.random() < 0.55:
        opts, _, _, _ = options(rng)
        target = "out.qcow2"
        words += ["-O qcow2"] + ([f"-o {opts}"] if opts else [])
        if packs:
            words.append("-c")
    else:
        target = "out.raw"
        words += rng.choice((["-O raw"], [], ["-O raw -o preallocation=falloc"]))
        if size % 4096:  # past O_DIRECT stock leaves a file that is rounded up
            words = [w for w in words if w != "-t none"]
    if rng.random() < 0.2 and "-o" not in " ".join(words):
        kind = target.split(".")[1]
        grown = size + rng.choice((0, 0, 512, 100000))
        lines.append(f"qemu-img create -q -f {kind} {target} {grown}")
        words += ["-n"] + rng.choice(([], ["--target-is-zero"]))
    lines.append(" ".join(words + [source, target]))
    if target == "out.qcow2":
        lines += look(rng, target)
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_compare(rng, name):
    """Two images that are the same, nearly the same, or of different sizes."""
    setup, source, fmt, size = make_source(rng)
    setup.append(f"qemu-img convert -f {fmt} -O raw {source} other.raw")
    change = rng.randrange(4)
    if change == 0:
        setup.append(f"@write other.raw {rng.randrange(0, size)} 1 {rng.randrange(256)}")
    elif change == 1:
        setup.append(f"@truncate other.raw {max(1, size + rng.choice((512, -512, 100, 1 << 20)))}")
    flags = " ".join(rng.sample(("-s", "-p", "-q", "-U", "-T none"), rng.choice((0, 1, 1, 2))))
    names = [source, "other.raw"]
    rng.shuffle(names)
    return case(name, f"qemu-img compare {flags} {names[0]} {names[1]}", "\n".join(setup))


def gen_map(rng, name):
    """Ranges of maps of stock's images and chains: exact in every word."""
    setup, source, fmt, size = make_source(rng)
    if rng.random() < 0.6:
        opts, cluster, _, _ = options(rng, backed=True)
        target = f"-o {opts} " if opts else ""
        length = max(512, size + rng.choice((0, 0, 65536, -65536, 512)))
        setup.append(f"qemu-img create -q -f qcow2 {target}-b {source} -F {fmt} o.qcow2 {length}")
        guest = Guest(length, packs="prealloc" not in opts)
        changes = [c for c in sequence(rng, guest, cluster, 8) if always_works(c)]
        if changes:
            setup.append(call(changes, "o.qcow2"))
        source, fmt, size = "o.qcow2", "qcow2", length
    lines = []
    for _ in range(3):
        words = ["qemu-img map", rng.choice(("", "--output=json", "--output=json"))]
        if rng.random() < 0.6:
            words.append(f"-s {rng.randrange(0, size + 1000)}")
        if rng.random() < 0.5:
            words.append(f"-l {rng.randrange(1, size + 1000)}")
        lines.append(" ".join(words + [f"-f {fmt} {source}"]))
    lines.append(f"qemu-io -r -f {fmt} -c map -c \"alloc {rng.randrange(size)} {size}\" {source}")
    return case(name, "\n".join(lines), "\n".join(setup))


def _chain(rng, cluster, version2):
    """Files below each other, the lowest first: (lines that make them, [(name, format)])."""
    size = rng.choice((65536, 300000, 1 << 20, 2 << 20))
    raw = bytes_of(cluster) >= 65536 and rng.random() < 0.5
    layers = [("l0.raw", "raw") if raw else ("l0.qcow2", "qcow2")]
    option = f"-o cluster_size={cluster} "
    lines = [f"qemu-img create -q -f {layers[0][1]} {'' if raw else option}{layers[0][0]} {size}"]
    for number in range(1, rng.choice((2, 2, 3, 4))):
        below = layers[-1]
        length = rng.choice((size, size, size, size * 2, size // 2, size + 65536))
        layers.append((f"l{number}.qcow2", "qcow2"))
        version = rng.choice(("", "", "-o lazy_refcounts=on ",
                              "-o compat=0.10 " if version2 else ""))
        lines.append(f"qemu-img create -q -f qcow2 {option}{version}-b {below[0]} -F {below[1]} "
                     f"{layers[-1][0]} {length}")
    for layer, fmt in layers:
        lines.append(_fill(rng, layer, fmt, size // 2, bytes_of(cluster)))
    return [line for line in lines if line], layers


def _fill(rng, layer, fmt, size, cluster):
    guest = Guest(size, packs=fmt == "qcow2")
    changes = [c for c in sequence(rng, guest, cluster, 8) if always_works(c)]
    return call(changes, layer, f"-f {fmt}") if changes else ""


def gen_commit(rng, name):
    """A random chain; its top, or a middle, committed into any layer below."""
    # Stock cannot make a version 2 layer longer over a layer that is longer still; ours can.
    setup, layers = _chain(rng, rng.choice(("4k", "8k", "64k", "64k", "256k", "2M")), False)
    top = rng.randrange(1, len(layers))
    words = ["qemu-img commit"] + rng.sample(("-d", "-p", "-q", "-t none", "-r 1G"),
                                             rng.choice((0, 0, 1, 2)))
    if any(" 300000" in line for line in setup):  # past O_DIRECT stock writes whole sectors only
        words = [word for word in words if word != "-t none"]
    if rng.random() < 0.5:
        words.append(f"-b {layers[rng.randrange(top)][0]}")
    lines = [" ".join(words + [layers[top][0]])]
    lines += look(rng, layers[top][0])
    lines.append(f'qemu-io -c "write -P 201 0 5k" {layers[top][0]}')
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_rebase(rng, name):
    """A random chain; its top put on another layer, on another file, or on nothing."""
    cluster = rng.choice(CLUSTERS)
    setup, layers = _chain(rng, cluster, True)
    unit = rng.choice(CLUSTERS)
    setup.append(f"qemu-img create -q -f qcow2 -o cluster_size={unit} other.qcow2 1M")
    setup.append(_fill(rng, "other.qcow2", "qcow2", 1 << 20, bytes_of(unit)))
    top = layers[-1][0]
    lines = []
    for _ in range(rng.choice((1, 1, 2))):
        below = rng.choice(layers[:-1] + [("other.qcow2", "qcow2"), ('""', None)])
        words = ["qemu-img rebase"] + rng.sample(("-p", "-q", "-t none", "-T none", "-U"),
                                                 rng.choice((0, 0, 1, 2)))
        if rng.random() < 0.15:
            words.append("-u")
        words.append(f"-b {below[0]}" + (f" -F {below[1]}" if below[1] else ""))
        lines.append(" ".join(words + [top]))
    return case(name, "\n".join(lines + look(rng, top)),
                "\n".join(line for line in setup if line))


def _amendment(rng, size, alone):
    """Options of one amend call; several of them only where none can be refused."""
    widths = (1, 2, 4, 8, 16, 32, 64) if alone else (16, 32, 64)
    grown = max(512, size + rng.choice((0, 512, 65536, 1 << 20, 1 << 22, -512, -65536)))
    rows = {
        "compat": rng.choice(("1.1", "v3", "0.10", "v2") if alone else ("1.1", "v3")),
        "refcount_bits": rng.choice(widths),
        "lazy_refcounts": rng.choice(("on", "off")),
        "size": grown if alone else -(-grown // 512) * 512,
    }
    if alone:
        key = rng.choice(list(rows))
        return f"{key}={rows[key]}"
    keys = rng.sample(list(rows), rng.choice((1, 2, 3)))
    return ",".join(["compat=1.1"] + [f"{key}={rows[key]}" for key in keys if key != "compat"])


def _affordable(words, cluster):
    """The same without another width of refcounts where stock takes minutes for that."""
    if cluster < 256 << 10:
        return words
    kept = [word for word in words.split(",") if not word.startswith("refcount_bits=")]
    return ",".join(kept) or "lazy_refcounts=off"


def gen_amend(rng, name):
    """A random image of stock's, amended a few times and written to in between."""
    opts, cluster, _, _ = options(rng)
    size = max(512, disk_size(rng, cluster) // 512 * 512)
    setup = [create_line(rng, "a.qcow2", size, opts).replace("create", "create -q", 1)]
    guest = Guest(size)
    changes = [c for c in sequence(rng, guest, cluster, 10) if always_works(c)]
    if changes:
        setup.append(call(changes, "a.qcow2"))
    zeroes = f"write {rng.choice(('-z', '-zu'))} {rng.randrange(size // 512) * 512} 512"
    extra = rng.choice(("", "", "zeroes", "zeroes", "snapshot"))
    if extra == "zeroes":
        setup.append(f'qemu-io -c "{zeroes}" -c "write -z 0 {min(size, 5 * cluster)}" a.qcow2')
    # Stock loses what a snapshot holds where zeroes are expanded: none of both.
    if extra == "snapshot" and "refcount_bits=1," not in opts + ",":
        setup.append("qemu-img snapshot -c one a.qcow2")
    lines = []
    for _ in range(rng.choice((1, 2, 2, 3))):
        flags = " ".join(rng.sample(("-p", "-q", "-f qcow2", "-t none", "--force"),
                                    rng.choice((0, 0, 1, 2))))
        words = _affordable(_amendment(rng, size, rng.random() < 0.7), cluster)
        lines.append(f"qemu-img amend {flags} -o {words} a.qcow2")
        lines += look(rng, "a.qcow2")
    # What the disk is by now may be shorter than it was.
    lines.append('qemu-io -c "write -P 77 0 512" -c "read -P 77 0 512" a.qcow2')
    return case(name, "\n".join(lines + look(rng, "a.qcow2")), "\n".join(setup))


def gen_damage(rng, name):
    """One or two metadata fields spoilt; check, map, info and a read say what stock says."""
    opts, cluster, extended, version2 = options(rng)
    size = disk_size(rng, cluster, 1 << 20)
    guest = Guest(size, packs="prealloc" not in opts)
    guest.set(0, min(size, 3 * cluster), 1)
    setup = [f"qemu-img create -q -f qcow2 {'-o ' + opts if opts else ''} v.qcow2 {size}"]
    setup.append(f'qemu-io -c "write -P 1 0 {min(size, 3 * cluster)}" v.qcow2')
    changes = [c for c in sequence(rng, guest, cluster, 6) if always_works(c)]
    if changes:
        setup.append(call(changes, "v.qcow2"))
    if rng.random() < 0.3 and "refcount_bits=1," not in opts + ",":
        setup.append("qemu-img snapshot -c one v.qcow2")
        setup.append('qemu-io -c "write -P 9 0 512" v.qcow2')
    guest_offset = rng.choice((0, 0, cluster, 2 * cluster)) if size > 2 * cluster else 0
    damages = [_spoil(rng, guest_offset, version2, extended) for _ in range(rng.choice((1, 1, 2)))]
    lines = damages + ["qemu-img check v.qcow2", "qemu-img check --output=json v.qcow2"]
    lines += rng.sample(
        ("qemu-img info v.qcow2", "qemu-img map --output=json v.qcow2",
         'qemu-io -r -c "read 0 4k" v.qcow2', 'qemu-io -c "write 0 4k" v.qcow2'), 2)
    return case(name, "\n".join(lines), "\n".join(setup), loose="guard")


def _spoil(rng, guest, version2, extended):
    # Stock takes minutes and gigabytes for offsets of terabytes; those are not for comparing.
    low = 1 << rng.randrange(34)
    bit = rng.choice((low, low, 1 << rng.randrange(56, 64)))
    rows = [
        f"@l2 v.qcow2 {guest} ^{bit:#x}",
        f"@l2 v.qcow2 {guest} +{rng.choice((512, 1 << 16, 1 << 21, 1 << 30))}",
        f"@l1 v.qcow2 0 ^{bit:#x}",
        f"@refcount v.qcow2 data:{guest} {rng.choice((0, 1, 2, 3))}",
        f"@refcount v.qcow2 l2:0 {rng.choice((0, 1, 2))}",
        f"@refcount v.qcow2 {rng.randrange(6)} {rng.choice((0, 1))}",
        f"@reftable v.qcow2 0 ^{low:#x}",
        "@leak v.qcow2",
        f"@append v.qcow2 {rng.choice((1, 512, 100000))} {rng.choice((0, 9))}",
        f"@header v.qcow2 {_field(rng)} ^{1 << rng.randrange(32):#x}",
        f"@header v.qcow2 {_field(rng)} {rng.choice((0, 1, 0x7fffffff, 1 << 32))}",
    ]
    if not version2:
        rows.append(f"@header v.qcow2 incompatible |{rng.choice((1, 2, 3, 32))}")
    if extended:
        rows.append(f"@bitmap v.qcow2 {guest} ^{bit:#x}")
    return "try: " + rng.choice(rows)  # the first damage may hide what the second looks for


def _field(rng):
    return rng.choice(("version", "backing_size", "cluster_bits", "size", "crypt", "l1_size",
                       "l1_offset", "reftable_offset", "reftable_clusters", "snapshots",
                       "snapshots_offset", "refcount_order", "header_length"))


KINDS = (  # name, maker, share of the count
    ("io", gen_io, 32),
    ("commit", gen_commit, 4),
    ("rebase", gen_rebase, 4),
    ("amend", gen_amend, 6),
    ("create", gen_create, 12),
    ("stock-image", gen_stock_image, 10),
    ("raw-io", gen_raw_io, 6),
    ("convert", gen_convert, 14),
    ("compare", gen_compare, 4),
    ("map", gen_map, 6),
    ("damage", gen_damage, 8),
) + COMMANDS


def generate(seed, count):
    """About `count` cases, shared out among the kinds."""
    cases = []
    for kind, maker, share in KINDS:
        for number in range(count * share // 100):
            rng = random.Random(f"{seed}/{kind}/{number}")
            cases.append(maker(rng, f"gen/{kind}/{number:05}"))
    return cases

"""Random images for generated cases: options crossed, sizes, contents, and looks at them."""

CLUSTERS = ("512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "64k", "128k", "256k", "512k",
            "1M", "2M")
WIDTHS = (1, 2, 4, 8, 16, 16, 32, 64)


def bytes_of(text):
    """The number of bytes that a size of CLUSTERS says."""
    return int(text.rstrip("kM")) * {"k": 1 << 10, "M": 1 << 20}.get(text[-1], 1)


def options(rng, backed=False):
    """Random valid -o options of a qcow2 image: (text, cluster size, extended, version 2)."""
    cluster = rng.choice(CLUSTERS)
    parts = [f"cluster_size={cluster}"] if cluster != "64k" or rng.random() < 0.5 else []
    version2 = rng.random() < 0.15
    extended = not version2 and bytes_of(cluster) >= 16384 and rng.random() < 0.35
    if version2:
        parts.append(f"compat={rng.choice(('0.10', 'v2'))}")
    elif rng.random() < 0.6:
        parts.append(f"refcount_bits={rng.choice(WIDTHS)}")
    if extended:
        parts.append("extended_l2=on")
    if not version2 and rng.random() < 0.2:
        parts.append("lazy_refcounts=on")
    if not version2 and rng.random() < 0.1:
        parts.append("compression_type=zstd")
    if (not backed or extended) and rng.random() < 0.2:
        parts.append(f"preallocation={rng.choice(('metadata', 'metadata', 'falloc', 'full'))}")
    rng.shuffle(parts)
    return ",".join(parts), bytes_of(cluster), extended, version2


def disk_size(rng, cluster, most=4 << 20):
    """A guest size worth trying: a few clusters to `most`, sometimes odd."""
    size = min(most, max(2 * cluster, rng.choice((cluster * 3, 65536, 200000, 1 << 20, most))))
    if rng.random() < 0.3:
        size = max(512, size - rng.choice((512, 1024, 100, 4096, 1)))
    return size


def create_line(rng, name, size, opts, backing=None):
    """A create command line; options in one or in several -o."""
    words = ["qemu-img create"]
    if rng.random() < 0.3:
        words.append("-q")
    words.append("-f qcow2")
    parts = [opts] if opts and rng.random() < 0.8 else [o for o in opts.split(",") if o]
    words += [f"-o {part}" for part in parts]
    if backing:
        words.append(f"-b {backing[0]} -F {backing[1]}")
    return " ".join(words + [name, str(size)])


def look(rng, name):
    """Commands that look at an image, in a random form."""
    lines = [
        rng.choice((f"qemu-img info {name}", f"qemu-img info --output=json {name}")),
        rng.choice((f"qemu-img check {name}", f"qemu-img check --output=json {name}")),
        rng.choice((f"qemu-img map {name}", f"qemu-img map --output=json {name}")),
    ]
    return rng.sample(lines, rng.randrange(1, 3))


def make_source(rng):
    """A source image for convert, compare and map: (setup lines, name, format, size)."""
    size = rng.choice((65536, 300000, 1 << 20, 1234567, 3 << 20))
    lines = [f"@truncate s.raw {size}"]
    for _ in range(rng.randrange(0, 6)):
        begin = rng.randrange(0, size)
        unit = rng.choice((1, 512, 4096, 65536))
        begin = begin // unit * unit
        length = min(size - begin, rng.choice((1, 512, 4096, 5000, 65536, 200000)))
        lines.append(f"@write s.raw {begin} {length} {rng.choice((0, 7, 9, 255))}")
    if rng.random() < 0.3:
        return lines, "s.raw", "raw", size
    opts, _, _, _ = options(rng)
    flags = rng.choice(("", "", "-c ", "-S 0 "))
    if flags == "-c ":
        opts = ",".join(o for o in opts.split(",") if o and "prealloc" not in o)
    target = f"-o {opts} " if opts else ""
    lines.append(f"qemu-img convert {flags}-f raw -O qcow2 {target}s.raw s.qcow2")
    return lines, "s.qcow2", "qcow2", size


def always_works(command):
    """Commands that stock must not fail at, for a setup."""
    return command.split()[0] in ("write", "writev", "discard") and " 1000" not in command[-5:]

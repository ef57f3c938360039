"""Generated cases of single commands, their options crossed: good values, and some bad ones."""

from case import case
from random_image import (always_works, create_line, disk_size, look, make_source, options)
from random_io import Guest, call, sequence

_SECRET = "--object secret,id=s,data=abc"


def _some(rng, words, most=2):
    """Up to `most` of the words, in random order."""
    return rng.sample(words, rng.randrange(0, min(most, len(words)) + 1))


def _maybe(rng, chance, text):
    return [text] if rng.random() < chance else []


def _filled(rng, name, opts, cluster, size, packs=True):
    """Lines that make an image and write into it."""
    lines = [create_line(rng, name, size, opts).replace("create", "create -q", 1)]
    guest = Guest(size, packs=packs and "prealloc" not in opts)
    changes = [c for c in sequence(rng, guest, cluster, 8) if always_works(c)]
    return lines + ([call(changes, name, "-f qcow2")] if changes else [])


def _image(rng, most=2 << 20, snapshots=True, largest=2 << 20):
    """An image with contents, perhaps snapshots: (lines, name, size)."""
    opts, cluster, _, _ = options(rng)
    while cluster > largest:
        opts, cluster, _, _ = options(rng)
    size = disk_size(rng, cluster, most)
    lines = _filled(rng, "a.qcow2", opts, cluster, size)
    if snapshots and rng.random() < 0.3 and "refcount_bits=1," not in opts + ",":
        lines += ["qemu-img snapshot -c one a.qcow2", 'qemu-io -c "write -P 7 0 512" a.qcow2']
    return lines, "a.qcow2", size


def gen_resize(rng, name):
    """Sizes absolute and relative, up and down, with preallocation, of qcow2 and raw images."""
    if rng.random() < 0.25:
        size = rng.choice((65536, 1 << 20, 1000000))
        setup, image, fmt = [f"@truncate a.raw {size}", "@write a.raw 1000 5000 3"], "a.raw", "raw"
    else:
        setup, image, size = _image(rng)
        fmt = "qcow2"
    lines, shrunk = [], False
    for _ in range(rng.choice((1, 1, 2, 3))):
        # Growing again, stock shows what was cut off (docs/stock-losses.md).
        if shrunk:
            break
        step = rng.choice((512, 4096, 65536, 100000, 1 << 20))
        how = rng.choice((f"+{step}", f"+{step}", f"-{step}", size + step, max(512, size - step),
                          "1M", "3M", "+1M", "0", "+0"))
        words = ["qemu-img resize"] + _some(rng, ["-q", "--shrink", f"-f {fmt}"], 3)
        shrunk = "--shrink" in words
        # The rest of the last cluster stock preallocates, too, and ours leaves as it is.
        if rng.random() < 0.35 and (fmt == "raw" or size % (1 << 20) == 0):
            words.append("--preallocation=" + rng.choice(("off", "metadata", "falloc", "full")))
        if rng.random() < 0.08:
            how = rng.choice(("foo", "-99T", "1Q", '""', "+-1"))
        lines.append(" ".join(words + [image, str(how)]))
    lines += look(rng, image) if fmt == "qcow2" else [f"qemu-img map -f raw {image}"]
    lines.append(f'qemu-io -f {fmt} -c "write -P 9 0 1000" -c "read 0 1000" {image}')
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_measure(rng, name):
    """What new images and copies need, for every format that says so."""
    setup, image, fmt, _ = make_source(rng)
    lines = []
    for _ in range(3):
        words = ["qemu-img measure"] + _some(rng, ["--output=json", "--output human", "-U"], 1)
        target = rng.choice(("qcow2", "qcow2", "qcow2", "raw", "luks", "vdi"))
        words.append(f"-O {target}")
        if target == "qcow2":
            opts, _, _, _ = options(rng)
            # Stock knows "v2" when it creates, and not when it measures.
            words += [f"-o {opts.replace('=v2', '=0.10')}"] if opts else []
        elif target == "luks":
            words += [_SECRET, "-o key-secret=s" + rng.choice(("", ",cipher-alg=aes-128"))]
        if rng.random() < 0.35:
            words = [word for word in words if word != "-U"]
            words.append(f"--size {rng.choice(('0', '1', '512', '1M', '3000000', '10G', '1T'))}")
        else:
            words += _maybe(rng, 0.5, f"-f {fmt}") + [image]
        lines.append(" ".join(words))
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_dd(rng, name):
    """Blocks of any size, counted and skipped, into raw and qcow2 images."""
    setup, image, fmt, size = make_source(rng)
    block = rng.choice(("512", "1k", "1000", "4k", "65536", "1M"))
    blocks = max(1, size // {"1k": 1024, "4k": 4096, "1M": 1 << 20}.get(block, 1000))
    words = ["qemu-img dd"] + _some(rng, ["-U", f"-f {fmt}"])
    target = rng.choice(("raw", "qcow2", None))
    words += [f"-O {target}"] if target else []
    parts = [f"if={image}", f"of=out.{target or 'raw'}"]
    parts += _maybe(rng, 0.8, f"bs={block}")
    parts += _maybe(rng, 0.5, f"count={rng.randrange(0, 2 * blocks)}")
    parts += _maybe(rng, 0.5, f"skip={rng.randrange(0, 2 * blocks)}")
    if rng.random() < 0.1:
        parts.append(rng.choice(("bs=0", "bs=foo", "count=-1", "skip=x", "seek=1", "foo", "bs=-1")))
    rng.shuffle(parts)
    lines = [" ".join(words + parts)]
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_bench(rng, name):
    """Reads and writes in number, on images that have room for them."""
    setup, image, size = _image(rng, snapshots=False)
    unit = rng.choice((512, 4096, 4096, 8192))
    step = rng.choice((unit, unit, 2 * unit, 512, 65536))
    begin = rng.choice((0, 0, rng.randrange(0, max(1, size // 2 // 512)) * 512))
    # What reaches past the end fails, whatever else was under way then.
    count = rng.randrange(1, max(2, min(40, (size - begin - unit) // step)))
    words = ["qemu-img bench", f"-c {count}", f"-s {unit}"] + _some(
        rng, ["-q", "-U", "-f qcow2", "-t none", "-t writeback", "-n", "-i threads"], 2)
    words += [f"-S {step}"] if step != unit else _maybe(rng, 0.3, f"-S {step}")
    words += _maybe(rng, 0.4, f"-d {rng.choice((1, 3, 64))}")
    words += [f"-o {begin}"] if begin else []
    if rng.random() < 0.5:
        words = [word for word in words if word != "-U"] + ["-w"]
        words += _maybe(rng, 0.4, f"--pattern {rng.randrange(0, 300)}")
        words += _maybe(rng, 0.3, f"--flush-interval {rng.choice((1, 5, 100))}")
        words += _maybe(rng, 0.2, "--no-drain")
    words = [word if word != "-n" else "-n -t none" for word in words]
    return case(name, " ".join(words + [image]) + f"\nqemu-img check {image}", "\n".join(setup))


def gen_snapshot(rng, name):
    """Snapshots taken, gone back to, deleted, listed, by names and numbers, between writes."""
    # Of large clusters ours writes the whole, and out of counts stock leaks what it began.
    setup, image, size = _image(rng, snapshots=False, largest=65536)
    for narrow in ("refcount_bits=1 ", "refcount_bits=1,", "refcount_bits=2"):
        setup[0] = setup[0].replace(narrow, narrow.replace("1", "8").replace("2", "8"))
    guest = Guest(size, packs=False)
    known = ["a", "b", "1", "2", "long name", "3"]
    lines = []
    for _ in range(rng.randrange(2, 9)):
        dice = rng.random()
        if dice < 0.3:
            changes = [c for c in sequence(rng, guest, 65536, 3) if always_works(c)]
            lines += [call(changes, image)] if changes else []
            continue
        word = rng.choice(("-c", "-c", "-c", "-a", "-d", "-l"))
        flags = _some(rng, ["-q", "-f qcow2"], 1) + (["-U"] if word == "-l" and dice < 0.5 else [])
        tag = "" if word == "-l" else f'"{rng.choice(known)}"'
        lines.append(" ".join(["qemu-img snapshot", *flags, word, tag, image]))
    lines += [f"qemu-img snapshot -l {image}"] + look(rng, image)
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_bitmap(rng, name):
    """Bitmaps added, removed, cleared, switched, merged, between writes."""
    opts, cluster, _, _ = options(rng)
    size = disk_size(rng, cluster)
    setup = [create_line(rng, "a.qcow2", size, opts).replace("create", "create -q", 1)]
    guest = Guest(size, packs=False)
    lines = []
    for _ in range(rng.randrange(2, 8)):
        if rng.random() < 0.25:
            changes = [c for c in sequence(rng, guest, cluster, 3) if always_works(c)]
            lines += [call(changes, "a.qcow2")] if changes else []
            continue
        actions = []
        for _ in range(rng.choice((1, 1, 2))):
            actions.append(rng.choice(("--add", "--add", "--remove", "--clear", "--enable",
                                       "--disable", f"--merge {rng.choice('xyz')}")))
        words = ["qemu-img bitmap"] + _maybe(rng, 0.3, "-f qcow2") + actions
        if "--add" in actions:
            words += _maybe(rng, 0.5, f"-g {rng.choice(('512', '4k', '64k', '1M', '300', '8G'))}")
        lines.append(" ".join(words + ["a.qcow2", rng.choice("xyz")]))
    lines += ["qemu-img info --output=json a.qcow2", "qemu-img check a.qcow2"]
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_info(rng, name):
    """An image and its chain, named in every form."""
    setup, image, fmt, size = make_source(rng)
    opts, _, _, _ = options(rng, backed=True)
    setup.append(f"qemu-img create -q -f qcow2 {'-o ' + opts if opts else ''} "
                 f"-b {image} -F {fmt} o.qcow2 {size}")
    forms = (f"-f {fmt} {image}", image, "o.qcow2", "-f qcow2 o.qcow2",
             "--image-opts driver=qcow2,file.filename=o.qcow2",
             "--image-opts file.filename=o.qcow2,backing.driver=raw,backing.file.filename=" + image,
             "--image-opts driver=raw,offset=512,size=512,file.filename=o.qcow2",
             "-f raw o.qcow2", f"-f qcow2 {image}", "nope", "file:o.qcow2",
             "'json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"o.qcow2\"}}'",
             "'json:{\"file.filename\":\"o.qcow2\"}'", "foo:o.qcow2", "json:x")
    lines = []
    for _ in range(3):
        words = _some(rng, ["--backing-chain", "--output=json", "-U", "--output human"], 2)
        lines.append(" ".join(["qemu-img info", *words, rng.choice(forms)]))
    return case(name, "\n".join(lines), "\n".join(setup))


def gen_check(rng, name):
    """Leaks and wrong counts, looked at and repaired with options crossed."""
    setup, image, _ = _image(rng, 1 << 20)
    spoils = ("@leak a.qcow2", "@refcount a.qcow2 data:0 2", "@refcount a.qcow2 l2:0 0",
              "@append a.qcow2 70000 9", "@leak a.qcow2")
    lines = [f"try: {rng.choice(spoils)}" for _ in range(rng.randrange(0, 3))]
    for _ in range(2):
        words = _some(rng, ["-q", "-f qcow2", "--output=json", "-T none", "-p", "-r leaks",
                            "-r all"], 3)
        if "-r leaks" in words and "-r all" in words:
            words.remove("-r all")
        words += _maybe(rng, 0.2, "-U") if not any("-r" in word for word in words) else []
        lines.append(" ".join(["qemu-img check", *words, image]))
    lines.append(f"qemu-img check {image}")
    return case(name, "\n".join(lines), "\n".join(setup), loose="guard")


_OTHER = {
    "vdi": ("static=on", "static=off"),
    "vpc": ("subformat=fixed", "subformat=dynamic", "force_size=on", "force_size=off"),
    "vhdx": ("subformat=fixed", "block_size=1M", "block_size=8M", "log_size=2M",
             "block_state_zero=on"),
    "vmdk": ("subformat=monolithicFlat", "subformat=streamOptimized", "zeroed_grain=on",
             "adapter_type=lsilogic", "subformat=twoGbMaxExtentSparse", "compat6=on",
             "hwversion=9"),
    "parallels": ("cluster_size=64k", "cluster_size=1M"),
    "qed": ("cluster_size=4k", "table_size=8", "table_size=2,cluster_size=8k"),
    "qcow": (),
    "luks": ("cipher-alg=aes-128", "cipher-mode=cbc", "hash-alg=sha512"),
}


def _target(rng, fmt):
    """What makes a target of a format, and how it is named to be opened: (words, opening words)."""
    parts = _some(rng, list(_OTHER[fmt]), 2)
    keys = [part.split("=")[0] for part in parts]
    parts = [part for i, part in enumerate(parts) if part.split("=")[0] not in keys[:i]]
    words = [_SECRET] if fmt == "luks" else []
    parts += ["key-secret=s", "iter-time=10"] if fmt == "luks" else []
    opened = f"driver={fmt},file.filename=out.{fmt}"
    opened += ",key-secret=s" if fmt == "luks" else ""
    return words + ([f"-o {','.join(parts)}"] if parts else []), words, opened


def gen_convert_other(rng, name):
    """convert into every format that can be made, and what stock finds in it."""
    setup, image, fmt, size = make_source(rng)
    into = rng.choice(tuple(_OTHER))
    words, secret, opened = _target(rng, into)
    extra = _some(rng, ["-p", "-q", "-W", "-m 1", "-U", f"-f {fmt}"], 2)
    if rng.random() < 0.3:
        extra.append("-S " + rng.choice(("0", "512", "4k", "64k")))
    lines = []
    if rng.random() < 0.25:
        lines.append(" ".join(["qemu-img create -q -f", into, *words, f"out.{into}",
                               str(size + 3072)]))
        if rng.random() < 0.5 or secret:
            lines.append(" ".join(["qemu-img convert", *extra, *secret, "-n", image,
                                   "--target-image-opts", opened]))
        else:
            lines.append(" ".join(["qemu-img convert", *extra, "-n", "-O", into, image,
                                   f"out.{into}"]))
    else:
        packs = _maybe(rng, 0.15, "-c") if into == "vmdk" else []
        lines.append(" ".join(["qemu-img convert", *extra, *packs, "-O", into, *words, image,
                               f"out.{into}"]))
    named = f"--image-opts {opened}"
    lines.append(f"swap: qemu-img convert {' '.join(secret)} {named} -O raw swapped.raw")
    return case(name, "\n".join(lines), "\n".join(setup), loose="images")


COMMANDS = (  # name, maker, share of the count
    ("resize", gen_resize, 5),
    ("measure", gen_measure, 4),
    ("dd", gen_dd, 5),
    ("bench", gen_bench, 3),
    ("snapshot", gen_snapshot, 5),
    ("bitmap", gen_bitmap, 5),
    ("info", gen_info, 4),
    ("check", gen_check, 5),
    ("convert-other", gen_convert_other, 6),
)

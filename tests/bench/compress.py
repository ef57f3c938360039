"""Compressing and unpacking: convert -c, back to raw, and small reads of a compressed image."""

import os
import random

import convert
from measure import compare, run

HOT_BYTES = 16 << 20  # what a guest reads again and again


def random_reads(path, count, span, seed=3):
    """A shell's input that reads 4 KiB `count` times inside the first `span` bytes of the data."""
    rng = random.Random(seed)
    with open(path, "w", encoding="ascii") as script:
        for _ in range(count):
            script.write(f"read -q {rng.randrange(span // 4096) * 4096} 4096\n")


def benchmarks(tools, settings):
    raw = os.path.join(settings.scratch, "fs.raw")
    out = os.path.join(settings.scratch, "packed")
    convert.make_source(raw, settings.megabytes)
    for kind, aim in (("zlib", 0.35), ("zstd", 0.8)):
        sizes = {}

        def before():
            convert.remove(out)
            convert.warm(raw)

        def command(bin_dir, kind=kind):
            return [os.path.join(bin_dir, "qemu-img"), "convert", "-c", "-f", "raw", "-O", "qcow2",
                    "-o", f"compression_type={kind}", raw, out]

        def after(sizes=sizes):
            sizes.setdefault(len(sizes), os.stat(out).st_blocks * 512)

        result = compare(f"convert -c, {kind}, {settings.megabytes} MiB", tools, command,
                         settings.runs, before=before, after=after, targets={"cpu": aim})
        # Of the first two runs the first was stock's.
        result.name += f" (size {sizes[1] / sizes[0]:.3f})"
        yield result
        packed = os.path.join(settings.scratch, kind + ".qcow2")
        convert.remove(packed)
        run(command(tools.stock)[:-1] + [packed])
        yield from unpacking(tools, settings, packed, kind)
        convert.remove(packed)
    convert.remove(out)


def unpacking(tools, settings, packed, kind):
    out = os.path.join(settings.scratch, "unpacked")

    def before():
        convert.remove(out)
        convert.warm(packed)

    def command(bin_dir):
        return [os.path.join(bin_dir, "qemu-img"), "convert", "-f", "qcow2", "-O", "raw", packed, out]

    yield compare(f"convert back to raw, {kind}", tools, command, settings.runs, before=before,
                  targets={"cpu": 0.5})
    convert.remove(out)
    whole = settings.megabytes << 20
    for name, span in (("16 MiB of it", HOT_BYTES), ("all of it", whole)):
        script = os.path.join(settings.scratch, "reads")
        random_reads(script, settings.operations, span)

        def read_command(bin_dir, script=script):
            return ["/bin/sh", "-c", f'exec "{bin_dir}/qemu-io" -r "{packed}" < "{script}"']

        yield compare(f"{settings.operations} reads of 4 KiB in {name}, {kind}", tools, read_command,
                      settings.runs, before=lambda: convert.warm(packed), targets={"cpu": 0.3})
        os.unlink(script)

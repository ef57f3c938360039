"""Raw to qcow2 and back, of a real file system, from the page cache and from the disk."""

import os
import subprocess

from measure import Failed, compare, run


def make_source(path, megabytes):
    """An ext4 file system of about `megabytes` of this machine's /usr. Made once, then kept."""
    stamp = path + f".{megabytes}"
    if os.path.exists(path) and os.path.exists(stamp):
        return
    folder = path + ".tree"
    subprocess.run(["rm", "-rf", folder], check=True)
    os.makedirs(folder)
    fill_tree(folder, megabytes << 20)
    with open(path, "wb") as image:
        image.truncate((megabytes * 5 // 4 + 64) << 20)
    made = subprocess.run(["mkfs.ext4", "-q", "-d", folder, path], capture_output=True, check=False)
    subprocess.run(["rm", "-rf", folder], check=True)
    if made.returncode != 0:
        raise Failed("mkfs.ext4: " + made.stderr.decode(errors="replace"))
    open(stamp, "w", encoding="ascii").close()


def fill_tree(folder, size):
    """Copies files of /usr, directory by directory, until they make up `size` bytes."""
    taken = 0
    for place, folders, names in os.walk("/usr"):
        folders.sort()
        target = os.path.join(folder, os.path.relpath(place, "/usr"))
        os.makedirs(target, exist_ok=True)
        for name in sorted(names):
            source = os.path.join(place, name)
            if os.path.islink(source) or not os.path.isfile(source):
                continue
            length = os.path.getsize(source)
            if taken + length > size:
                continue
            try:
                with open(source, "rb") as data, open(os.path.join(target, name), "wb") as copy:
                    while block := data.read(1 << 20):
                        copy.write(block)
            except OSError:
                continue
            taken += length
        if taken > size * 99 // 100:
            return


def warm(path):
    """Brings the file into the page cache."""
    with open(path, "rb", buffering=0) as data:
        block = bytearray(1 << 20)
        while data.readinto(block):
            pass


def cool(path):
    """Takes the file out of the page cache, after its data is on the disk."""
    with open(path, "rb") as data:
        os.fsync(data.fileno())
        os.posix_fadvise(data.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def remove(path):
    if os.path.exists(path):
        os.unlink(path)
    os.sync()


def benchmarks(tools, settings):
    raw = os.path.join(settings.scratch, "fs.raw")
    qcow2 = os.path.join(settings.scratch, "fs.qcow2")
    out = os.path.join(settings.scratch, "out")
    make_source(raw, settings.megabytes)
    remove(qcow2)
    run([os.path.join(tools.stock, "qemu-img"), "convert", "-f", "raw", "-O", "qcow2", raw, qcow2])
    aims = {"cpu": 0.6, "wall": 0.8}
    for source, formats in ((raw, ("raw", "qcow2")), (qcow2, ("qcow2", "raw"))):
        for state, prepare in (("cached", warm), ("cold", cool)):

            def before(prepare=prepare, source=source):
                remove(out)
                prepare(source)

            def command(bin_dir, source=source, formats=formats):
                return [os.path.join(bin_dir, "qemu-img"), "convert", "-f", formats[0],
                        "-O", formats[1], source, out]

            yield compare(f"convert {formats[0]} -> {formats[1]}, {settings.megabytes} MiB, {state}",
                          tools, command, settings.runs, before=before, targets=aims)
    remove(out)
    yield from compare_benchmarks(tools, settings, raw, qcow2)


def compare_benchmarks(tools, settings, raw, qcow2):
    def before():
        warm(raw)
        warm(qcow2)

    def command(bin_dir):
        return [os.path.join(bin_dir, "qemu-img"), "compare", "-f", "raw", "-F", "qcow2", raw, qcow2]

    yield compare(f"compare raw, qcow2, {settings.megabytes} MiB, cached", tools, command,
                  settings.runs, before=before)

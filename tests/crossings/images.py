"""Makes an image of a shape with the stock tools, and reads all that can be read from it."""

import copy
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from qcow2 import Qcow2

SECRET = ["--object", "secret,id=s0,data=geheim"]
SEALED = "sealed.qcow2"  # an encrypted copy
VIEW = "view-"  # before the name of an image: what one of its snapshots sees
SIZE = 768 << 10
VM_STATE = (1 << 10, 95 << 10)  # offset and length
TIMEOUT = 60  # seconds
FLAKE = b"Unable to get accurate CPU usage"  # what stock says every other time it calibrates PBKDF2


class Tools:
    """One side's commands, run in a folder."""

    def __init__(self, image_tool, io_tool, own=None):
        self.names = {"img": image_tool, "io": io_tool, "own": own}

    def run(self, folder, tool, *words):
        command = [self.names[tool], *map(str, words)]
        for _ in range(60):
            try:
                done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=TIMEOUT, check=False)
            except subprocess.TimeoutExpired:
                return subprocess.CompletedProcess(command, -1, b"", b"does not end")
            if FLAKE not in done.stderr:
                break
        return done

    def must(self, folder, tool, *words):
        done = self.run(folder, tool, *words)
        if done.returncode:
            raise RuntimeError(f"{tool} {' '.join(map(str, words))}: {done.stderr.decode()}")
        return done.stdout


@dataclass
class Bitmap:
    """What a bitmap says; `dirty` is None where it is inconsistent."""

    granularity: int
    recording: bool
    dirty: list


@dataclass
class Contents:
    """What can be read from one image."""

    disk: bytes
    vm_state: str = ""
    snapshots: dict = field(default_factory=dict)  # name: (disk, VM state)
    bitmaps: dict = field(default_factory=dict)
    raw: bytes | None = None  # what the data file says by itself, where it has to
    cut: int | None = None  # where the disk ended before it grew again


def is_top(name):
    return name.removeprefix(VIEW) == "top.qcow2"


class World:
    """A folder with an image of one shape, `top.qcow2`, and what it stands on."""

    def __init__(self, folder, shape, stock, oxbow, seen=None):
        self.folder, self.shape = folder, shape
        self.stock, self.oxbow = stock, oxbow
        self.seen = {} if seen is None else seen  # what files of these bytes hold

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        return World(folder, self.shape, self.stock, self.oxbow, self.seen)

    def fingerprint(self, name):
        """Of the file, and of all that it may stand on."""
        files = dict.fromkeys([name, *self.below, "other.qcow2"])
        data_files = dict.fromkeys(filter(None, (self._data_file(one)[0] for one in files)))
        return tuple(hashlib.sha256((self.folder / one).read_bytes()).digest()
                     for one in [*files, *data_files])

    def _data_file(self, name):
        """(its name, whether it is the disk by itself)."""
        if name.endswith(".raw"):
            return None, False
        with Qcow2(self.folder / name) as image:
            return image.data_file, image.data_file_raw and not self._sealed(name)

    @property
    def size(self):
        return SIZE + (1536 if self.shape["size"] == "ragged" else 0)

    @property
    def below(self):
        """The files of the backing chain, the direct one first."""
        return {"none": [], "raw": ["base.raw"], "chain": ["mid.qcow2", "base.qcow2"]}.get(
            self.shape["backing"], ["base.qcow2"])

    def _sealed(self, name):
        return name == SEALED or (is_top(name) and self.shape["encryption"] != "none")

    def opened(self, name="top.qcow2"):
        """The words that name an image to a sub-command."""
        if self._sealed(name):
            return [*SECRET, "--image-opts",
                    f"driver=qcow2,file.filename={name},encrypt.key-secret=s0"]
        return ["-f", "raw" if name.endswith(".raw") else "qcow2", name]

    # Making it.

    def make(self, choose):
        self.folder.mkdir()
        self._make_below(choose)
        self._make_other(choose)
        self._create()
        self._write(choose)
        for number, name in enumerate({"none": [], "one": ["first"]}.get(
                self.shape["snapshots"], ["first", "second"])):
            self.stock.run(self.folder, "img", "snapshot", "-c", name, *self._unprobed())
            if number == 0 and self.shape["snapshots"] == "resized":
                self.stock.must(self.folder, "img", "resize", *self.opened(),
                                self.size + (128 << 10))
            if number == 0:
                self._add_bitmaps()
            self._write(choose)
        if self.shape["snapshots"] == "none":
            self._add_bitmaps()
            self._write(choose)
        if self.shape["lazy"] == "unclean":
            self.stock.run(self.folder, "io", *self.opened(), "-c", "write -P 77 64k 64k",
                           "-c", "flush", "-c", "abort")

    def _unprobed(self):
        """As `opened`, for a sub-command that has no -f."""
        words = self.opened()
        return words if words[0] != "-f" else words[2:]

    def _make_below(self, choose):
        sizes = {"shorter": self.size - (200 << 10), "longer": self.size + (256 << 10)}
        size = sizes.get(self.shape["backing"], self.size)
        for name in reversed(self.below):
            words = ["-b", "base.qcow2", "-F", "qcow2"] if name == "mid.qcow2" else []
            if self.shape["backing"] == "data file":
                words = ["-o", "data_file=below.raw,data_file_raw=on"]
            kind = "raw" if name.endswith(".raw") else "qcow2"
            self.stock.must(self.folder, "img", "create", "-q", "-f", kind, *words, name, size)
            self._scribble(choose, ["-f", kind, name], size, 8)
            if kind == "qcow2":
                self.stock.must(self.folder, "img", "bitmap", "--add", name, "below")
                if self.shape["snapshots"] == "two" and self.shape["backing"] != "data file":
                    self.stock.must(self.folder, "img", "snapshot", "-c", "deep", name)

    def _make_other(self, choose):
        """Another backing file for rebase, of other data, and one to convert into."""
        size = self.size + choose.choice((-(100 << 10), 0, 64 << 10))
        self.stock.must(self.folder, "img", "create", "-q", "-f", "qcow2", "other.qcow2", size)
        self._scribble(choose, ["-f", "qcow2", "other.qcow2"], size, 6)

    def _create(self):
        shape = self.shape
        options = [f"cluster_size={shape['cluster']}",
                   f"compat={'0.10' if shape['version'] == 2 else '1.1'}"]
        if shape["version"] == 3:
            options += [f"refcount_bits={shape['refcounts']}"]
            options += ["extended_l2=on"] if shape["extended"] else []
            options += ["lazy_refcounts=on"] if shape["lazy"] != "no" else []
            options += ["compression_type=zstd"] if shape["compression"] == "zstd" else []
        if shape["data"] != "inside":
            options += ["data_file=d.raw"] + (["data_file_raw=on"] if shape["data"] == "raw" else [])
        if shape["preallocation"] != "off":
            options += [f"preallocation={shape['preallocation']}"]
        words = []
        if shape["encryption"] != "none":
            words += SECRET
            options += [f"encrypt.format={shape['encryption']}", "encrypt.key-secret=s0"]
        if shape["encryption"] == "luks":
            options += ["encrypt.iter-time=10"]
        if self.below:
            words += ["-b", self.below[0],
                      "-F", "raw" if self.below[0].endswith(".raw") else "qcow2"]
        self.stock.must(self.folder, "img", "create", "-q", "-f", "qcow2", "-o", ",".join(options),
                        *words, "top.qcow2", self.size)

    def _scribble(self, choose, opened, size, count):
        words = []
        for _ in range(count):
            offset = choose.randrange(size // 512) * 512
            length = min(choose.randrange(1, 200) * 512, size - offset)
            kind = choose.choice(("write -q -P {p}", "write -q -P {p}", "write -q -P {p}",
                                  "write -q -z", "discard -q"))
            words += ["-c", f"{kind.format(p=choose.randrange(256))} {offset} {length}"]
        self.stock.must(self.folder, "io", *opened, *words)

    def _write(self, choose):
        self._scribble(choose, self.opened(), self.size, 5)
        if self.shape["compression"] != "none":
            step = 1 << 20 if self.shape["cluster"] == "1M" else 64 << 10
            for _ in range(3):
                at = choose.randrange(self.size // step + 1) * step
                length = min(step, self.size - at)
                # Data that is there already is in the way.
                self.stock.run(self.folder, "io", *self.opened(), "-c",
                               f"write -q -z -u {at} {length}", "-c",
                               f"write -q -c -P {choose.randrange(256)} {at} {length}")
        if self.shape["vm_state"]:
            offset, length = VM_STATE
            self.stock.must(self.folder, "io", *self.opened(), "-c",
                            f"write -q -b -P {choose.randrange(1, 256)} {offset} {length}")

    def _add_bitmaps(self):
        for name, words in {"none": [], "on": [("bit", [])], "off": [("bit", ["--disable"])],
                            "two": [("bit", []), ("fine", ["-g", "4k"])]}[self.shape["bitmaps"]]:
            self.stock.must(self.folder, "img", "bitmap", "--add", *words, *self.opened(), name)

    # Reading it.

    def contents(self, name="top.qcow2"):
        """All that can be read from an image."""
        key = (name, self.fingerprint(name))
        if key not in self.seen:
            self.seen[key] = self.read(self.stock, name)
        return copy.deepcopy(self.seen[key])

    def read(self, reader, name="top.qcow2"):
        found = Contents(*self._layer(reader, name))
        if name.endswith(".raw"):
            return found
        data_file, is_disk = self._data_file(name)
        if data_file and is_disk:
            found.raw = (self.folder / data_file).read_bytes()[:len(found.disk)]
        with Qcow2(self.folder / name) as image:
            snapshots = image.snapshots()
        for one in snapshots:
            found.snapshots[one.name] = self._snapshot(reader, name, one)
        about = self._about(name)
        for one in about["format-specific"]["data"].get("bitmaps", []):
            found.bitmaps[one["name"]] = self._bitmap(name, one)
        return found

    def _layer(self, reader, name):
        """(disk, VM state)."""
        has_state = is_top(name) and self.shape["vm_state"]
        return self._disk(reader, name), self._vm_state(reader, name) if has_state else ""

    def _snapshot(self, reader, name, snapshot):
        """The stock tool gives a snapshot the disk's size, and its VM state to nobody, so that it is
        read from a copy of the image that has the snapshot's L1 table for its own."""
        view = VIEW + name
        shutil.copy(self.folder / name, self.folder / view)
        with Qcow2(self.folder / view, writable=True) as image:
            image.become(snapshot)
        found = self._layer(reader, view)
        (self.folder / view).unlink()
        return found

    def _about(self, name):
        # The words that open an image for `info` and for `convert` are the same.
        return json.loads(self.stock.must(self.folder, "img", "info", "--output=json",
                                          *self.opened(name)))

    def _disk(self, reader, name):
        out = self.folder / "read.raw"
        reader.must(self.folder, "img", "convert", "-O", "raw", *self.opened(name), out)
        data = out.read_bytes()
        out.unlink()
        return data

    def _vm_state(self, reader, name):
        # Where none was written the stock tool shows what a longer backing file holds.
        offset, length = VM_STATE
        said = reader.must(self.folder, "io", "-r", *self.opened(name), "-c",
                           f"read -b -v {offset} {length}").decode()
        return re.split(r"^read ", said, maxsplit=1, flags=re.M)[0]

    def _bitmap(self, name, about):
        if "in-use" in about["flags"]:
            return Bitmap(about["granularity"], False, None)
        said = self.oxbow.must(self.folder, "own", "bitmap", "dump", "--trust=all",
                               "--output=json", *self.opened(name), about["name"])
        dirty = [(one["start"], one["start"] + one["length"]) for one in json.loads(said)]
        return Bitmap(about["granularity"], "auto" in about["flags"], dirty)

"""The few qcow2 structures that the harness reads or damages by itself.

Follows the published format specification. It finds header fields, table entries, refcounts and
snapshots, so that a case can spoil exactly one of them, or look at one snapshot.
"""

import collections
import os

MAGIC = b"QFI\xfb"

# name: (offset, length) of the header's fields
HEADER = {
    "magic": (0, 4),
    "version": (4, 4),
    "backing_offset": (8, 8),
    "backing_size": (16, 4),
    "cluster_bits": (20, 4),
    "size": (24, 8),
    "crypt": (32, 4),
    "l1_size": (36, 4),
    "l1_offset": (40, 8),
    "reftable_offset": (48, 8),
    "reftable_clusters": (56, 4),
    "snapshots": (60, 4),
    "snapshots_offset": (64, 8),
    "incompatible": (72, 8),
    "compatible": (80, 8),
    "autoclear": (88, 8),
    "refcount_order": (96, 4),
    "header_length": (100, 4),
    "compression": (104, 1),
}
OFFSET_MASK = 0x00FFFFFFFFFFFE00
# What of the bitmaps survives a crash (docs/format-notes.md): the stock tools do not know of it.
AUTOCLEAR_BITMAP_RECORD = 1 << 40
EXTENSION_BITMAPS = 0x23852875
EXTENSION_BACKING_FORMAT = 0xE2792ACA
EXTENSION_DATA_FILE = 0x44415441
INCOMPATIBLE_DATA_FILE = 4
AUTOCLEAR_RAW_DATA = 2

Snapshot = collections.namedtuple("Snapshot", "name l1_offset l1_size disk_size")


class Qcow2:
    """An open image file, seen as numbers at offsets."""

    def __init__(self, path, writable=False):
        self.file = open(path, "r+b" if writable else "rb")
        self.file_size = os.fstat(self.file.fileno()).st_size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def number(self, offset, length):
        """The big-endian number there; zero beyond the end of the file."""
        self.file.seek(offset)
        return int.from_bytes(self.file.read(length).ljust(length, b"\0"), "big")

    def set_number(self, offset, length, value):
        self.file.seek(offset)
        self.file.write((value & ((1 << 8 * length) - 1)).to_bytes(length, "big"))

    def header(self, name):
        return self.number(*HEADER[name])

    @property
    def cluster_size(self):
        return 1 << self.header("cluster_bits")

    @property
    def entry_size(self):
        """Bytes of an L2 entry: 16 with subclusters."""
        return 16 if self.header("version") >= 3 and self.header("incompatible") & 16 else 8

    @property
    def refcount_bits(self):
        return 16 if self.header("version") < 3 else 1 << self.header("refcount_order")

    def l2_entry_offset(self, guest, entry=None):
        """Where in the file the L2 entry of a guest offset is; None without an L2 table."""
        per_table = self.cluster_size // self.entry_size
        index = guest // self.cluster_size
        table = self.number(self.header("l1_offset") + 8 * (index // per_table), 8) & OFFSET_MASK
        return table + self.entry_size * (index % per_table) if table else None

    def refcount_place(self, cluster):
        """(file offset of the first byte, bytes, shift) of a cluster's refcount."""
        bits = self.refcount_bits
        per_block = self.cluster_size * 8 // bits
        block = self.number(self.header("reftable_offset") + 8 * (cluster // per_block), 8)
        if not block:
            return None
        position = (cluster % per_block) * bits
        return (block + position // 8, max(1, bits // 8), position % 8)

    def refcount(self, cluster):
        place = self.refcount_place(cluster)
        if not place:
            return 0
        offset, length, shift = place
        return (self.number(offset, length) >> shift) & ((1 << self.refcount_bits) - 1)

    def set_refcount(self, cluster, value):
        offset, length, shift = self.refcount_place(cluster)
        mask = ((1 << self.refcount_bits) - 1) << shift
        old = self.number(offset, length)
        self.set_number(offset, length, (old & ~mask) | ((value << shift) & mask))

    def bitmap_entry(self, index):
        """Where an entry of the bitmap directory lies."""
        at = int.from_bytes(self.extensions()[EXTENSION_BITMAPS][16:24], "big")
        for _ in range(index):
            size = 24 + self.number(at + 18, 2) + self.number(at + 20, 4)
            at += (size + 7) // 8 * 8
        return at

    def snapshots(self):
        found = []
        at = self.header("snapshots_offset")
        for _ in range(self.header("snapshots")):
            id_size, name_size = self.number(at + 12, 2), self.number(at + 14, 2)
            extra = self.number(at + 36, 4)
            self.file.seek(at + 40 + extra + id_size)
            name = self.file.read(name_size).decode("utf-8", "surrogateescape")
            disk_size = self.number(at + 48, 8) if extra >= 16 else self.header("size")
            found.append(Snapshot(name, self.number(at, 8), self.number(at + 8, 4), disk_size))
            at += (40 + extra + id_size + name_size + 7) // 8 * 8
        return found

    def become(self, snapshot):
        """Makes the image one whose disk is the snapshot's: fit for nothing but reading."""
        fields = {"l1_offset": snapshot.l1_offset, "l1_size": snapshot.l1_size,
                  "size": snapshot.disk_size, "snapshots": 0, "snapshots_offset": 0}
        if self.header("version") >= 3:
            fields["autoclear"] = self.header("autoclear") & AUTOCLEAR_RAW_DATA
        for name, value in fields.items():
            self.set_number(*HEADER[name], value)

    def facts(self):
        """What must be equal in two images of the same making, wherever their clusters are."""
        names = ["version", "cluster_bits", "size", "crypt", "l1_size", "snapshots"]
        if self.header("version") >= 3:
            names += ["incompatible", "compatible", "autoclear", "refcount_order"]
        facts = {name: self.header(name) for name in names}
        if "autoclear" in facts:
            facts["autoclear"] &= ~AUTOCLEAR_BITMAP_RECORD
        if self.header("version") >= 3 and self.header("header_length") > 104:
            facts["compression"] = self.header("compression")
        offset, size = self.header("backing_offset"), self.header("backing_size")
        self.file.seek(offset)
        facts["backing"] = self.file.read(min(size, 1023))
        if not offset:
            facts["backing"] = b""
        facts["backing_format"] = self.extensions().get(EXTENSION_BACKING_FORMAT, b"")
        facts["data_file"] = self.data_file
        return facts

    @property
    def data_file(self):
        """The name of the external data file; None where the data is in the image."""
        if self.header("version") < 3 or not self.header("incompatible") & INCOMPATIBLE_DATA_FILE:
            return None
        return self.extensions().get(EXTENSION_DATA_FILE, b"").decode("utf-8", "surrogateescape")

    @property
    def data_file_raw(self):
        """Whether the external data file is to read as the disk by itself."""
        return self.header("version") >= 3 and bool(self.header("autoclear") & AUTOCLEAR_RAW_DATA)

    def extensions(self):
        """Header extensions: type -> bytes. Stops at what is not an extension."""
        found = {}
        place = 72 if self.header("version") < 3 else self.header("header_length")
        while place + 8 <= self.cluster_size:
            kind, length = self.number(place, 4), self.number(place + 4, 4)
            if not kind or length > self.cluster_size:
                break
            self.file.seek(place + 8)
            found[kind] = self.file.read(length)
            place += 8 + (length + 7) // 8 * 8
        return found

"""Image files of other formats than qcow2 and raw: which one it is, what in it is random, and
what in it only one of the two tools writes.

A line of FORMATS: the stock word, a test of the first and last bytes, and a function that gives
the ranges (offset, length) of an image that are not compared.
"""

import os
import struct

from files import copy_sparse

_HEAD = 4096


def _vdi(file, _size):
    yield 0x188, 32  # UUIDs


def _vpc(file, size):
    for footer in (0, size - 512):
        yield footer + 24, 4  # time
        yield footer + 64, 20  # checksum, UUID


def _vhdx(file, _size):
    for header in (0x10000, 0x20000):
        yield header + 4, 60  # checksum, sequence number, GUIDs
    file.seek(0x10044)
    length, offset = struct.unpack("<IQ", file.read(12))
    yield offset, length  # stock leaves in its log what it has done
    file.seek(0x30040)
    (metadata,) = struct.unpack("<Q", file.read(8))
    yield metadata + 0x10010, 16  # GUID of the disk


def _nothing(_file, _size):
    return iter(())


def _vmdk(file, size):
    """The digits of its CID."""
    file.seek(0)
    place = file.read(4096).find(b"\nCID=")
    if place >= 0:
        yield place + 5, 8


FORMATS = (
    ("vdi", lambda head, tail: head[64:68] == b"\x7f\x10\xda\xbe", _vdi),
    ("vhdx", lambda head, tail: head[:8] == b"vhdxfile", _vhdx),
    ("vmdk", lambda head, tail: head[:4] == b"KDMV" or head[:21] == b"# Disk DescriptorFile", _vmdk),
    ("vpc", lambda head, tail: b"conectix" in (head[:8], tail[:8]), _vpc),
    ("qed", lambda head, tail: head[:4] == b"QED\0", _nothing),
    ("parallels", lambda head, tail: head[:16] in (b"WithoutFreeSpace", b"WithouFreSpacExt"),
     _nothing),
)


def format_of(path):
    """The stock word for the file's format, or None."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        file.seek(max(size - 512, 0))
        tail = file.read(512)
    for name, test, _ in FORMATS:
        if test(head, tail):
            return name
    return None


def masked_copy(path, target, name):
    """Copies an image with zeroes for what is random."""
    copy_sparse(path, target)
    size = os.path.getsize(path)
    ranges = next(ranges for word, _, ranges in FORMATS if word == name)
    with open(path, "rb") as file, open(target, "r+b") as out:
        for offset, length in ranges(file, size):
            if offset < size:
                out.seek(offset)
                out.write(bytes(min(length, size - offset)))

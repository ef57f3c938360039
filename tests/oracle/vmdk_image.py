"""Makes VMware images of a raw file that the stock tools read and do not make: one that was
written as a stream, its directory and a footer at the end, and a sparse one of ESX ("COWD")."""

import struct
import zlib

_SECTOR = 512
_GRAIN = 128  # sectors


def _grains(content):
    """(number, bytes) of the grains that hold something."""
    unit = _GRAIN * _SECTOR
    for number, start in enumerate(range(0, len(content), unit)):
        grain = content[start : start + unit]
        if grain.strip(b"\0"):
            yield number, grain.ljust(unit, b"\0")


def _padded(data):
    return data + bytes(-len(data) % _SECTOR)


def _marker(sectors, kind):
    return _padded(struct.pack("<QII", sectors, 0, kind))


def _hosted_header(capacity, directory):
    head = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 3, 0x30001, capacity, _GRAIN, 1, 20, 512, 0,
                       directory, _GRAIN)
    return _padded(head + b"\0\n \r\n" + struct.pack("<H", 1))


def _text(capacity, name):
    return (
        f'# Disk DescriptorFile\nversion=1\nCID=123a5678\nparentCID=ffffffff\n'
        f'createType="streamOptimized"\nRDONLY {capacity} SPARSE "{name}"\n'
        f'ddb.adapterType = "ide"\n'
    ).encode()


def make_stream(source, target):
    with open(source, "rb") as file:
        content = file.read()
    capacity = len(content) // _SECTOR
    out = bytearray(_hosted_header(capacity, 0xFFFFFFFFFFFFFFFF))
    out += _text(capacity, target.rsplit("/", 1)[-1]).ljust(20 * _SECTOR, b"\0")
    out = bytearray(out.ljust(_GRAIN * _SECTOR, b"\0"))
    tables = {}
    for number, grain in _grains(content):
        tables.setdefault(number // 512, [0] * 512)[number % 512] = len(out) // _SECTOR
        packed = zlib.compress(grain)
        out += _padded(struct.pack("<QI", number * _GRAIN, len(packed)) + packed)
    directory = [0] * (capacity // (_GRAIN * 512) + (capacity % (_GRAIN * 512) != 0))
    for index, entries in sorted(tables.items()):
        out += _marker(4, 1)
        directory[index] = len(out) // _SECTOR
        out += struct.pack("<512I", *entries)
    places = _padded(struct.pack(f"<{len(directory)}I", *directory))
    out += _marker(len(places) // _SECTOR, 2)
    place = len(out) // _SECTOR
    out += places + _marker(1, 3) + _hosted_header(capacity, place) + bytes(_SECTOR)
    with open(target, "wb") as file:
        file.write(out)


def make_esx(source, target):
    with open(source, "rb") as file:
        content = file.read()
    capacity = len(content) // _SECTOR
    covered = 4096 * _GRAIN
    directory = [0] * (capacity // covered + (capacity % covered != 0))
    first = 4 + (len(directory) * 4 + _SECTOR - 1) // _SECTOR
    tables = {}
    blocks = []
    place = first + 32 * len(directory)
    for number, grain in _grains(content):
        tables.setdefault(number // 4096, [0] * 4096)[number % 4096] = place
        blocks.append(grain)
        place += _GRAIN
    for index in tables:
        directory[index] = first + 32 * index
    head = struct.pack("<4sIIIIIIIIII", b"COWD", 1, 3, capacity, _GRAIN, 4, len(directory), place,
                       1, 16, 63)
    with open(target, "wb") as file:
        file.write(head.ljust(4 * _SECTOR, b"\0"))
        file.write(_padded(struct.pack(f"<{len(directory)}I", *directory)))
        for index in range(len(directory)):
            file.write(struct.pack("<4096I", *tables.get(index, [0] * 4096)))
        file.write(b"".join(blocks))

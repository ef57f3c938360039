"""Makes UDIF images (dmg) of a raw file, by their published layout: chunks, a property list or a
resource fork with one table of them, and a trailer of 512 bytes. Chunks take turns in `kinds`."""

import base64
import bz2
import struct
import zlib

SECTOR = 512
_COMMENT, _END = 0x7FFFFFFE, 0xFFFFFFFF
_TYPES = {"zero": 0, "raw": 1, "ignore": 2, "adc": 0x80000004, "zlib": 0x80000005}
_TYPES |= {"bzip2": 0x80000006, "lzfse": 0x80000007}

_LIST = """<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>resource-fork</key><dict><key>blkx</key><array>
{}</array></dict></dict></plist>
"""
_ENTRY = "<dict><key>Attributes</key><string>0x0050</string><key>Data</key><data>{}</data></dict>\n"


def _lzfse(piece):
    """A stream of one block that is not compressed."""
    return b"bvx-" + struct.pack("<I", len(piece)) + piece + b"bvx$"


def _stored(kind, piece):
    pack = {"zlib": zlib.compress, "bzip2": bz2.compress, "lzfse": _lzfse}
    if kind in ("zero", "ignore"):
        return b""
    return pack[kind](piece) if kind in pack else piece


def _chunk(kind, sector, count, place, length):
    return struct.pack(">IIQQQQ", kind, 0, sector, count, place, length)


def _table(chunks, start, count):
    """A table of the chunks of `count` sectors from sector `start` on."""
    head = b"mish" + struct.pack(">IQQQII", 1, start, count, 0, 520, 0)
    head = head.ljust(200, b"\0") + struct.pack(">I", len(chunks))
    return head + b"".join(chunks)


def _fork(tables):
    """A resource fork that holds `tables`: a header, and the data with their lengths."""
    data = b"".join(struct.pack(">I", len(table)) + table for table in tables)
    return struct.pack(">IIII", 256, 256 + len(data), len(data), 0).ljust(256, b"\0") + data


def make(source, target, kinds="zlib", chunk_size=65536, form="plist", tables=1):
    with open(source, "rb") as file:
        content = file.read()
    kinds, data, made, table_list = kinds.split("+"), b"", 0, []
    pieces = [content[at : at + chunk_size] for at in range(0, len(content), chunk_size)]
    each = -(-len(pieces) // tables)
    for first in range(0, len(pieces), each):
        chunks, start = [_chunk(_COMMENT, 0, 0, len(data), 0)], first * chunk_size // SECTOR
        sector = 0
        for piece in pieces[first : first + each]:
            kind = kinds[made % len(kinds)]
            stored, count, made = _stored(kind, piece), len(piece) // SECTOR, made + 1
            chunks.append(_chunk(_TYPES[kind], sector, count, len(data), len(stored)))
            data, sector = data + stored, sector + count
        chunks.append(_chunk(_END, sector, 0, len(data), 0))
        table_list.append(_table(chunks, start, sector))
    listed = "".join(_ENTRY.format(base64.encodebytes(t).decode()) for t in table_list)
    extra = _LIST.format(listed).encode() if form == "plist" else _fork(table_list)
    place = {"plist": (216, len(data)), "fork": (40, len(data))}[form][0]
    trailer = bytearray(SECTOR)
    struct.pack_into(">4sIII", trailer, 0, b"koly", 4, SECTOR, 1)
    struct.pack_into(">QQ", trailer, 24, 0, len(data))
    struct.pack_into(">QQ", trailer, place, len(data), len(extra))
    struct.pack_into(">Q", trailer, 492, len(content) // SECTOR)
    with open(target, "wb") as file:
        file.write(data + extra + bytes(trailer))

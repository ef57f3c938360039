"""Makes growing Bochs images of a raw file, by their published layout: a header of 512 bytes, a
catalog of extents, and extents of a bitmap of sectors and the sectors. Holes stay out."""

import struct

SECTOR = 512
_MAGIC = b"Bochs Virtual HD Image"


def _extent(content, size):
    """The bitmap and the sectors of one extent."""
    content = content.ljust(size, b"\0")
    bitmap = bytearray(-(-size // SECTOR // 8 // SECTOR) * SECTOR)
    for sector in range(size // SECTOR):
        if any(content[sector * SECTOR : (sector + 1) * SECTOR]):
            bitmap[sector // 8] |= 1 << sector % 8
    return bytes(bitmap), content


def make(source, target, version=2, extent_size=65536):
    with open(source, "rb") as file:
        content = file.read()
    places, extents = [], []
    for start in range(0, len(content), extent_size):
        bitmap, sectors = _extent(content[start : start + extent_size], extent_size)
        places.append(len(extents) if any(bitmap) else 0xFFFFFFFF)
        if any(bitmap):
            extents.append(bitmap + sectors)
    # The last extent of the disk comes first in the file: the catalog has to be used.
    order = list(reversed(range(len(extents))))
    places = [p if p == 0xFFFFFFFF else order.index(p) for p in places]
    header = struct.pack("<32s16s16sII", _MAGIC, b"Redolog", b"Growing", version << 16, SECTOR)
    header += struct.pack("<III", len(places), extent_size // SECTOR // 8, extent_size)
    header += struct.pack("<Q" if version == 1 else "<IQ", *([0] * (version - 1)), len(content))
    with open(target, "wb") as file:
        file.write(header.ljust(SECTOR, b"\0"))
        file.write(struct.pack(f"<{len(places)}I", *places))
        for index in order:
            file.write(extents[index])

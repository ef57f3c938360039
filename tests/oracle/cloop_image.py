"""Makes cloop images (version 2) of a raw file, by their published layout: a shell script, the
block size, the number of blocks, their places, and the blocks, each a zlib stream."""

import struct
import zlib

_SCRIPT = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"


def make(source, target, block_size=65536):
    with open(source, "rb") as file:
        content = file.read()
    blocks = [
        zlib.compress(content[start : start + block_size].ljust(block_size, b"\0"))
        for start in range(0, len(content), block_size)
    ]
    place = 128 + 8 + 8 * (len(blocks) + 1)
    places = []
    for block in blocks:
        places.append(place)
        place += len(block)
    places.append(place)
    with open(target, "wb") as file:
        file.write(_SCRIPT.ljust(128, b"\0"))
        file.write(struct.pack(">II", block_size, len(blocks)))
        file.write(struct.pack(f">{len(places)}Q", *places))
        file.write(b"".join(blocks))

"""Puts a log that was not replayed into a VHDX image: what a crash of another program leaves."""

import struct

_LOG, _BAT = 0x100000, 0x200000
_GUID = b"\x07" * 16


def _crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def _checked(data):
    """With its checksum in bytes 4 to 7."""
    out = bytearray(data)
    out[4:8] = bytes(4)
    out[4:8] = struct.pack("<I", _crc32c(out))
    return bytes(out)


def plant_log(path, entry):
    """The log makes entry 1 of the BAT `entry`; the image was made by stock with a log of 1 MiB."""
    with open(path, "r+b") as file:
        file.seek(0, 2)
        size = file.tell()
        for place in (0x10000, 0x20000):
            file.seek(place)
            header = bytearray(file.read(4096))
            header[48:64] = _GUID
            file.seek(place)
            file.write(_checked(header))
        file.seek(_BAT)
        table = bytearray(file.read(4096))
        table[8:16] = struct.pack("<Q", int(entry, 0))
        log = struct.pack("<4sIIIQII16sQQ", b"loge", 0, 8192, 0, 5, 1, 0, _GUID, size, size)
        log += struct.pack("<4s4s8sQQ", b"desc", table[-4:], table[:8], _BAT, 5)
        log += bytes(4096 - len(log))
        log += b"data" + bytes(4) + bytes(table[8:-4]) + struct.pack("<I", 5)
        file.seek(_LOG)
        file.write(_checked(log))

#!/usr/bin/env python3
"""Images on a block device: whatever fits works, what does not is refused and leaks nothing.
Exit code 77 where no loop device is to be had.

    tests/block_device.py BUILD_FOLDER"""

import pathlib
import subprocess
import sys
import tempfile

DEVICE_BYTES = 24 << 20
FILE_BYTES = 8 << 20


def run(*command, code=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          timeout=100)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def check_clean(oxbow, device):
    for checker in ([oxbow, "check"], ["/usr/bin/qemu-img", "check"]):
        words = run(*checker, "-f", "qcow2", device)
        assert "No errors were found" in words, words


def round_trip(oxbow, device, folder):
    """raw -> device and back, in both formats and past the page cache, too."""
    source, back = folder / "source.raw", folder / "back.raw"
    source.write_bytes(bytes(range(256)) * (FILE_BYTES // 256))
    for options in ([], ["-t", "none", "-T", "none"]):
        run(oxbow, "convert", *options, "-f", "raw", "-O", "qcow2", source, device)
        check_clean(oxbow, device)
        run(oxbow, "convert", *options, "-f", "qcow2", "-O", "raw", device, back)
        assert back.read_bytes() == source.read_bytes()
        run(oxbow, "convert", *options, "-f", "raw", "-O", "raw", source, device)
        with open(device, "rb") as made:
            assert made.read(FILE_BYTES) == source.read_bytes()
    words = run(oxbow, "create", "-f", "raw", device, DEVICE_BYTES + 512, code=1)
    assert "Cannot grow device files" in words, words


def full_device(oxbow, device):
    run(oxbow, "create", "-f", "qcow2", device, "1G")
    words = run(oxbow, "io", "-f", "qcow2", "-c", "write -P 1 0 1M", "-c", "write -P 2 300M 30M",
                "-c", "write -P 3 600M 100k", device, code=1)
    assert "No space left on device" in words and "wrote 102400/102400" in words, words
    check_clean(oxbow, device)
    run(oxbow, "io", "-f", "qcow2", "-c", "read -P 1 0 1M", "-c", "read -P 3 600M 100k", device)


def main(build):
    oxbow = pathlib.Path(build, "oxbow").resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        backing = folder / "device"
        backing.touch()
        with open(backing, "r+b") as file:
            file.truncate(DEVICE_BYTES)
        try:
            device = run("losetup", "--find", "--show", backing).strip()
        except (AssertionError, OSError):
            print("no loop device")
            return 77
        try:
            round_trip(oxbow, device, folder)
            full_device(oxbow, device)
        finally:
            run("losetup", "--detach", device)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

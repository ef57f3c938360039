#!/usr/bin/env python3
"""What long work shows: the bar of `oxbow` on a terminal, the stock name's -p and SIGUSR1.

    tests/terminal.py BUILD_FOLDER"""

import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time

SIZE = 12 << 20
RATE = "6M"  # two seconds of work


def convert(tool, source, target, *options):
    return [tool, "convert", *options, "-r", RATE, "-f", "raw", "-O", "raw", source, target]


def on_terminal(command):
    """What `command` writes to standard error when that is a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the last writer closed the terminal
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown.decode(), child.wait()


def signalled(command):
    """What `command` writes to standard error, a pipe, when SIGUSR1 arrives on the way."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    child.send_signal(signal.SIGUSR1)
    out, words = child.communicate()
    return out, words, child.returncode


def check(what, good, seen):
    if not good:
        sys.exit(f"terminal: {what}: {seen!r}")
    print(f"ok: {what}")


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "source")
        target = pathlib.Path(folder, "target")
        source.write_bytes(os.urandom(SIZE))

        shown, code = on_terminal(convert(build / "oxbow", source, target))
        bar = re.search(r"\r\[#+ *\] +\d+\.\d%  [\d.]+ [KM]iB/s  0:0\d left\x1b\[K", shown)
        check("oxbow draws a bar with rate and time left", code == 0 and bar, shown)
        check("and takes it away at the end", shown.endswith("\r\x1b[K"), shown)

        shown, code = on_terminal(convert(build / "oxbow", source, target, "-q"))
        check("-q draws nothing", code == 0 and shown == "", shown)

        shown, code = on_terminal(convert(build / "qemu-img", source, target))
        check("the stock name draws nothing without -p", code == 0 and shown == "", shown)

        out, words, code = signalled(convert(build / "qemu-img", source, target))
        line = re.fullmatch(r" {4}\((\d+\.\d\d)/100%\)\n", words)
        check("SIGUSR1 makes it say once how far it is",
              code == 0 and out == "" and line and 0 < float(line[1]) < 100, words)


if __name__ == "__main__":
    main()

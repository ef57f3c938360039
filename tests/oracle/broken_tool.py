#!/usr/bin/env python3
"""A stock tool with one fault, chosen by ORACLE_FAULT: proves that the harness can fail."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import actions  # pylint: disable=wrong-import-position


def stock(*argv):
    """Runs the stock tool and returns its exit code and outputs."""
    done = subprocess.run(
        argv,
        executable=os.path.join("/usr/bin", argv[0]),
        stdin=sys.stdin,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def spoil(fault, name, argv, said):
    """What the fault makes of what stock said and did; `argv` is without the tool's name."""
    code, out, err = said
    command = argv[0] if name == "qemu-img" else "io"
    image = argv[-1]
    if fault == "exit":
        code = 0
    elif fault == "stdout":
        out = out.replace(b"file format", b"File format")
    elif fault == "statistics":
        out = out.replace(b" ops/sec", b" op/sec")
    elif fault == "stderr":
        err = err.replace(b"Could", b"could")
    elif fault == "files" and command == "create":
        with open("extra", "w", encoding="utf-8"):
            pass
    elif fault == "guest" and command == "io":
        stock("qemu-io", "-c", "write -P 99 5 1", image)
    elif fault == "map" and command == "io":
        stock("qemu-io", "-c", "write -z 1M 64k", image)
    elif fault == "check" and command == "io":
        actions.leak(image)
    elif fault == "header" and command == "io":
        actions.header(image, "compatible", "|1")
    elif fault == "size" and command == "io":
        actions.append(image, "1M", "7")
    elif fault == "raw-bytes" and command == "convert":
        actions.write(image, "0", "1", "0x5a")
    elif fault == "raw-holes" and command == "convert":
        stock(name, "convert", "-S", "0", *argv[1:])
    elif fault == "raw-size" and command == "convert":
        actions.append(image, "1", "0")
    elif fault == "cross-read" and image.endswith(".cross"):
        actions.write(image, "0", "1", "0x5a")
    elif fault == "crash":
        os.abort()
    return code, out, err


def main():
    name = os.path.basename(sys.argv[0])
    code, out, err = spoil(
        os.environ["ORACLE_FAULT"], name, sys.argv[1:], stock(name, *sys.argv[1:])
    )
    sys.stdout.buffer.write(out)
    sys.stderr.buffer.write(err)
    return code


if __name__ == "__main__":
    sys.exit(main())

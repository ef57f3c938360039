"""Reading and writing of encrypted images, whole, beside the stock tools.

Both tools work on one image of the stock tool's, so the ciphers and keys are the same; the cost of
opening it, which is that of PBKDF2, is small (iter-time=0)."""

import os
import subprocess

from measure import Result, run

SECRET = ("--object", "secret,id=s,data=abc")
KINDS = {
    "luks": ("luks", "key-secret=s,iter-time=0", "driver=luks,key-secret=s,file.filename="),
    "luks aes-128-cbc essiv": (
        "luks",
        "key-secret=s,iter-time=0,cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv",
        "driver=luks,key-secret=s,file.filename="),
    "qcow2 luks": (
        "qcow2", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0",
        "driver=qcow2,encrypt.key-secret=s,file.filename="),
    "qcow2 aes": ("qcow2", "encrypt.format=aes,encrypt.key-secret=s",
                  "driver=qcow2,encrypt.key-secret=s,file.filename="),
}
TRIES = 60  # stock says "Unable to get accurate CPU usage" every other time


def make(tools, path, image_format, options, size):
    """An image of the stock tool's."""
    words = [os.path.join(tools.stock, "qemu-img"), "create", "-q", *SECRET, "-f", image_format,
             "-o", options, path, str(size)]
    for _ in range(TRIES):
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return
    raise RuntimeError(f"the stock tool does not make {path}")


def measured(name, tools, words, settings):
    """Costs of qemu-io with these words."""
    costs = {"stock": [], "ours": []}
    for number in range(settings.runs):
        turn = tools.both() if number % 2 == 0 else tools.both()[::-1]
        for tool, directory in turn:
            costs[tool].append(run([os.path.join(directory, "qemu-io"), *SECRET, *words]))
    return Result(name, costs, {"cpu": 1.0})


def benchmarks(tools, settings):
    size = 1 << 30
    path = os.path.join(settings.scratch, "encrypted")
    for kind, (image_format, options, tree) in KINDS.items():
        make(tools, path, image_format, options, size)
        for verb in ("write", "read"):
            commands = []
            for offset in range(0, size, 64 << 20):
                commands += ["-c", f"{verb} -q {offset} 64M"]
            words = ["-t", "writeback", *commands, "--image-opts", tree + path]
            yield measured(f"{verb} 1 GiB, {kind}", tools, words, settings)
        os.unlink(path)

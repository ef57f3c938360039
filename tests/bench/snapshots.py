"""Internal snapshots: taken, gone back to and deleted in a large preallocated image, and the last
of a thousand of a small disk."""

import os
import shutil

from measure import compare, run

AIM = {"cpu": 0.5}


def benchmarks(tools, settings):
    yield from large(tools, settings)
    yield from many(tools, settings)


def img(bin_dir, *words):
    return [os.path.join(bin_dir, "qemu-img"), *words]


def large(tools, settings):
    """Each tool works on a copy of its own of one image, the same steps in the same order."""
    source = os.path.join(settings.scratch, "preallocated.qcow2")
    image = os.path.join(settings.scratch, "snapshots.qcow2")
    size = settings.table_size
    run(img(tools.ours, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", source, size))

    def ready(*steps):
        def prepare():
            run(["cp", "--sparse=always", source, image])
            for step in steps:
                run(img(tools.ours, "snapshot", *step, image))
        return prepare

    steps = {
        "create": (ready(), ("-c", "one")),
        "apply": (ready(("-c", "one")), ("-a", "one")),
        "delete": (ready(("-c", "one")), ("-d", "one")),
    }
    for name, (prepare, words) in steps.items():
        yield compare(f"snapshot {name}, {size} preallocated", tools,
                      lambda bin_dir: img(bin_dir, "snapshot", *words, image),  # pylint: disable=cell-var-from-loop
                      settings.runs, before=prepare, targets=AIM)
    os.unlink(source)
    os.unlink(image)


def many(tools, settings):
    source = os.path.join(settings.scratch, "thousand.qcow2")
    image = os.path.join(settings.scratch, "one-more.qcow2")
    run(img(tools.ours, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", source, "1G"))
    for number in range(1000):
        run(img(tools.ours, "snapshot", "-c", f"s{number}", source))
    for name, words in (("create", ("-c", "more")), ("list", ("-l",)), ("apply", ("-a", "s500")),
                        ("delete", ("-d", "s500"))):
        yield compare(f"snapshot {name}, beside 1,000 of 1G", tools,
                      lambda bin_dir: img(bin_dir, "snapshot", *words, image),  # pylint: disable=cell-var-from-loop
                      settings.runs, before=lambda: shutil.copy(source, image), targets=AIM)
    os.unlink(source)
    os.unlink(image)

"""Work on metadata alone: create, check and map of a fully preallocated image."""

import os

from measure import compare, run


def benchmarks(tools, settings):
    image = os.path.join(settings.scratch, "large.qcow2")
    fresh = os.path.join(settings.scratch, "created.qcow2")
    size = settings.table_size

    def create(path):
        return lambda bin_dir: [os.path.join(bin_dir, "qemu-img"), "create", "-q", "-f", "qcow2",
                                "-o", "preallocation=metadata", path, size]

    def img(*words):
        return lambda bin_dir: [os.path.join(bin_dir, "qemu-img"), *words, image]

    def remove():
        if os.path.exists(fresh):
            os.unlink(fresh)

    if os.path.exists(image):
        os.unlink(image)
    run(create(image)(tools.stock))
    runs = settings.runs
    yield compare(f"create, {size} preallocated", tools, create(fresh), runs, before=remove,
                  targets={"cpu": 0.5})
    remove()
    yield compare(f"check, {size} preallocated", tools, img("check", "-q"), runs,
                  targets={"cpu": 0.3, "memory": 0.5})
    yield compare(f"map, {size} preallocated", tools, img("map", "--output=json"), runs,
                  targets={"cpu": 0.3})
    os.unlink(image)

"""The features that are crossed, and a choice of images in which every pair of them meets."""

import itertools

DIMENSIONS = {
    "version": (3, 2),
    "cluster": ("64k", "512", "4k", "16k", "1M"),
    "extended": (False, True),
    "refcounts": (16, 1, 8, 64),
    "lazy": ("no", "yes", "unclean"),
    "encryption": ("none", "luks", "aes"),
    "compression": ("none", "zlib", "zstd"),
    "vm_state": (False, True),
    "backing": ("none", "raw", "same", "shorter", "longer", "chain", "data file"),
    "snapshots": ("none", "one", "two", "resized"),
    "bitmaps": ("none", "on", "off", "two"),
    "preallocation": ("off", "metadata", "falloc"),
    "size": ("round", "ragged"),
    "data": ("inside", "file", "raw"),  # a data file, and one that is the disk by itself
}
TRIES = 12  # candidates for each image; the one with the most new pairs is taken


def random_shape(choose):
    shape = {name: choose.choice(values) for name, values in DIMENSIONS.items()}
    # Narrow refcounts, the first version and data files leave little to cross with.
    if choose.random() < 0.6:
        shape["version"] = 3
    if choose.random() < 0.5:
        shape["data"] = "inside"
    return settled(shape)


def settled(shape):
    """The nearest shape that the format allows."""
    if shape["version"] == 2:
        shape.update(extended=False, refcounts=16, lazy="no", bitmaps="none", data="inside")
        if shape["snapshots"] == "resized":
            shape["snapshots"] = "one"
        if shape["compression"] == "zstd":
            shape["compression"] = "zlib"
    if shape["extended"] and shape["cluster"] in ("512", "4k"):
        shape["cluster"] = "16k"
    if shape["refcounts"] == 1:
        shape["snapshots"] = "none"
    if shape["data"] != "inside":
        shape.update(snapshots="none", compression="none")
        # A VM state lies as far behind the disk as an L2 table reaches.
        shape["vm_state"] &= shape["cluster"] in ("512", "4k")
    if shape["data"] == "raw":
        shape["backing"] = "none"
    if shape["encryption"] != "none":
        shape["compression"] = "none"
    if shape["backing"] != "none" and not shape["extended"]:
        shape["preallocation"] = "off"
    return shape


def pairs(shape, operation):
    facts = [*shape.items(), ("operation", operation)]
    return set(itertools.combinations(facts, 2))


def crossings(choose, operations, count):
    """`count` pairs of (shape, operation), chosen so that pairs of features meet early."""
    met = set()
    # Every operation comes up before any comes up again.
    order = []
    for number in range(count):
        if not order:
            order = list(operations)
            choose.shuffle(order)
        operation = order.pop()
        shapes = [shape for shape in (random_shape(choose) for _ in range(TRIES))
                  if operation.applies(shape)]
        if not shapes:
            continue
        best = max(shapes, key=lambda shape: len(pairs(shape, operation.name) - met))
        met |= pairs(best, operation.name)
        yield number, best, operation


def described(shape):
    usual = {name: values[0] for name, values in DIMENSIONS.items()}
    return " ".join(f"{name}={value}" for name, value in shape.items() if value != usual[name])

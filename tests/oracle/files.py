"""Sparse files and directories of them: copying, comparing, listing."""

import os
import shutil

_BLOCK = 1 << 20


def data_ranges(path):
    """The (begin, end) ranges of a file that are not holes."""
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        place = 0
        while place < end:
            try:
                begin = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:
                return
            place = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            yield begin, place


def copy_sparse(source, target):
    """Copies a file with the same holes."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        for begin, end in data_ranges(source):
            reader.seek(begin)
            writer.seek(begin)
            shutil.copyfileobj(_Limited(reader, end - begin), writer, 1 << 20)
        writer.truncate(os.fstat(reader.fileno()).st_size)


class _Limited:
    """A reader that ends after `left` bytes."""

    def __init__(self, file, left):
        self.file, self.left = file, left

    def read(self, length):
        data = self.file.read(min(length, self.left))
        self.left -= len(data)
        return data


def copy_tree(source, target):
    """Copies a directory's files (sparsely), links and directories into an existing one."""
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.is_dir():
            os.mkdir(place)
            copy_tree(entry.path, place)
        else:
            copy_sparse(entry.path, place)


def same_bytes(left, right):
    """True when two files have the same size and bytes; holes are skipped, not read."""
    if os.path.getsize(left) != os.path.getsize(right):
        return False
    with open(left, "rb") as a, open(right, "rb") as b:
        for path in (left, right):
            for begin, end in data_ranges(path):
                for place in range(begin, end, _BLOCK):
                    length = min(_BLOCK, end - place)
                    if os.pread(a.fileno(), length, place) != os.pread(b.fileno(), length, place):
                        return False
    return True


def listing(directory):
    """The names below a directory; those of directories end in a slash."""
    names = set()
    for base, folders, files in os.walk(directory):
        relative = os.path.relpath(base, directory)
        names |= {os.path.normpath(os.path.join(relative, name)) + "/" for name in folders}
        names |= {os.path.normpath(os.path.join(relative, name)) for name in files}
    return names


def same_trees(left, right):
    """True when two directories hold the same files with the same bytes, blocks and holes."""
    names = listing(left)
    return names == listing(right) and all(
        _same_file(os.path.join(left, name), os.path.join(right, name)) for name in names
    )


def _same_file(left, right):
    if not os.path.isfile(left):
        return True
    if os.stat(left).st_blocks != os.stat(right).st_blocks or not same_bytes(left, right):
        return False
    return list(data_ranges(left)) == list(data_ranges(right))

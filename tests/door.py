#!/usr/bin/env python3
"""The gate is the only way to a qcow2 file: looks through built objects for another.

    tests/door.py BUILD_FOLDER

Only storage::Storage can change bytes; everybody else is handed a storage::Source. So an object
that has nothing to do with Storage cannot write, unless it casts its way or calls the system."""

import pathlib
import re
import subprocess
import sys

# Objects above the storage layer that may hold a writable store, and why.
HOLDERS = {
    "qcow2/gate.cc.o": "the gate",
    "qcow2/guest_data.cc.o": "an external data file, which holds nothing but the guest's data",
    "qcow2/image.cc.o": "is given the stores and passes them on",
    "qcow2/create.cc.o": "makes a new file through a gate of its own",
    "graph/node_storage.cc.o": "is a store, over a node: what it is given goes to the node's format",
}
ANYWHERE = ("src/api/",)  # opens stores and hands them to formats
STORES = ("src/graph/node_storage.cc.o",)  # are stores by themselves: no cast
BELOW = ("src/storage/", "src/async/", "src/base/")

WRITABLE = re.compile(r"\boxbow::storage::(Storage|FileStorage|MemoryStorage|FaultStorage|"
                      r"CrashStorage|WindowStorage)\b")
CAST = re.compile(r" U typeinfo for oxbow::storage::")
SYSTEM = re.compile(r" U (p?writev?(64)?(v2|64v2)?|fallocate(64)?|f?truncate(64)?|copy_file_range|"
                    r"mmap(64)?|open(at)?(64)?|splice|sendfile(64)?)(@|$)")


def symbols(path):
    listed = subprocess.run(["nm", "-C", str(path)], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def complaints(path, where):
    """What the object at `path` has that it should not."""
    holds = any(where.endswith(name) for name in HOLDERS) or where.startswith(ANYWHERE)
    # Other formats hold their file themselves: the gate is qcow2's.
    holds = holds or (where.startswith("src/format/") and not where.startswith("src/format/qcow2/"))
    for line in symbols(path):
        if not holds and WRITABLE.search(line):
            yield f"{where}: knows a writable store: {line.strip()}"
        if CAST.search(line) and where not in STORES:
            yield f"{where}: casts to a store: {line.strip()}"
        if where.startswith("src/format/") and SYSTEM.search(line):
            yield f"{where}: calls the system: {line.strip()}"


def main():
    build = pathlib.Path(sys.argv[1])
    looked, found = 0, []
    for path in sorted(build.glob("src/**/*.o")):
        where = str(path.relative_to(build)).replace("CMakeFiles/", "")
        where = re.sub(r"oxbow_\w+\.dir/", "", where)
        if where.startswith(BELOW):
            continue
        looked += 1
        found += complaints(path, where)
    for line in found:
        print(line)
    if looked < 40:
        print(f"only {looked} objects in {build}: not a whole build")
        return 1
    print(f"{looked} objects looked through, {len(found)} other ways to the file")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

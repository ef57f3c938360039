"""The lines of a case that the harness does itself: making files and damaging images.

    @truncate FILE SIZE              @write FILE OFFSET LENGTH BYTE    @punch FILE OFFSET LENGTH
    @cp FROM TO  @mv FROM TO  @rm FILE  @mkdir DIR  @link TARGET NAME  @text FILE "text"
    @lines FILE 'text\n...'
    @poke FILE OFFSET HEX            @append FILE LENGTH BYTE          @random FILE SIZE SEED
    @header FILE FIELD VALUE         @l1 FILE INDEX VALUE              @l2 FILE GUEST VALUE
    @bitmap FILE GUEST VALUE         @refcount FILE CLUSTER VALUE      @reftable FILE INDEX VALUE
    @bitmap-in-use FILE INDEX        @vhdx-log FILE ENTRY
    @bochs FROM TO [VERSION [EXTENT]]        @cloop FROM TO [BLOCK]
    @dmg FROM TO [KIND+KIND [CHUNK [plist|fork [TABLES]]]]   @vmdk-esx FROM TO   @vmdk-stream FROM TO
    @leak FILE                       @name FILE "backing name"         @snap FILE OFFSET HEX

Sizes may carry k, M, G. VALUE is a number, or `|N`, `&N`, `^N`, `+N` to change the old one. A
CLUSTER may be `data:GUEST` or `l2:GUEST`: the cluster that holds that guest offset or its table.
"""

import os
import random

import bochs_image
import cloop_image
import dmg_image
import vmdk_image
from files import copy_sparse
from qcow2 import HEADER, OFFSET_MASK, Qcow2
from vhdx import plant_log


def size(text):
    """A number with an optional suffix k, M, G."""
    units = {"k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    if text[-1] in units:
        return int(text[:-1], 0) * units[text[-1]]
    return int(text, 0)


def changed(old, text):
    """The value that VALUE states, given the old one."""
    if text[0] in "|&^+":
        number = int(text[1:], 0)
        return {
            "|": old | number,
            "&": old & number,
            "^": old ^ number,
            "+": old + number,
        }[text[0]]
    return int(text, 0)


def _modify(image, offset, length, text):
    image.set_number(offset, length, changed(image.number(offset, length), text))


def _cluster(image, text):
    if ":" not in text:
        return int(text, 0)
    what, guest = text.split(":")
    entry = image.l2_entry_offset(size(guest))
    place = entry if what == "l2" else image.number(entry, 8) & OFFSET_MASK
    return place // image.cluster_size


def truncate(path, length):
    with open(path, "ab"):
        pass
    os.truncate(path, size(length))


def write(path, offset, length, byte):
    with open(path, "r+b") as file:
        file.seek(size(offset))
        file.write(bytes([int(byte, 0)]) * size(length))


def punch(path, offset, length):
    """Rewrites the file with a hole there: the portable way to punch one."""
    total = os.path.getsize(path)
    begin, end = size(offset), size(offset) + size(length)
    with open(path, "rb") as file:
        content = file.read()
    os.remove(path)
    with open(path, "wb") as file:
        file.write(content[:begin])
        file.seek(end)
        file.write(content[end:])
        file.truncate(total)


def poke(path, offset, text):
    """A negative offset counts from the end."""
    with open(path, "r+b") as file:
        file.seek(size(offset), os.SEEK_END if offset.startswith("-") else os.SEEK_SET)
        file.write(bytes.fromhex(text))


def append(path, length, byte):
    with open(path, "ab") as file:
        file.write(bytes([int(byte, 0)]) * size(length))


def random_file(path, length, seed):
    with open(path, "wb") as file:
        file.write(random.Random(seed).randbytes(size(length)))


def text_file(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def lines_file(path, text):
    text_file(path, text.replace("\\n", "\n"))


def header(path, name, value):
    with Qcow2(path, writable=True) as image:
        _modify(image, *HEADER[name], value)


def l1(path, index, value):
    with Qcow2(path, writable=True) as image:
        _modify(image, image.header("l1_offset") + 8 * int(index, 0), 8, value)


def l2(path, guest, value):
    with Qcow2(path, writable=True) as image:
        _modify(image, image.l2_entry_offset(size(guest)), 8, value)


def bitmap(path, guest, value):
    """The subcluster bitmap of an extended L2 entry."""
    with Qcow2(path, writable=True) as image:
        _modify(image, image.l2_entry_offset(size(guest)) + 8, 8, value)


def refcount(path, cluster, value):
    with Qcow2(path, writable=True) as image:
        number = _cluster(image, cluster)
        image.set_refcount(number, changed(image.refcount(number), value))


def reftable(path, index, value):
    with Qcow2(path, writable=True) as image:
        _modify(image, image.header("reftable_offset") + 8 * int(index, 0), 8, value)


def leak(path):
    """Counts one more cluster, behind the last one, that nothing points to."""
    with Qcow2(path, writable=True) as image:
        cluster = -(-image.file_size // image.cluster_size)
        image.set_refcount(cluster, 1)
        os.truncate(path, (cluster + 1) * image.cluster_size)


def backing_name(path, text):
    with Qcow2(path, writable=True) as image:
        image.file.seek(image.header("backing_offset"))
        image.file.write(text.encode())
        image.set_number(*HEADER["backing_size"], len(text.encode()))


def snap(path, offset, text):
    """Writes bytes into the snapshot table."""
    with Qcow2(path) as image:
        base = image.header("snapshots_offset")
    poke(path, str(base + size(offset)), text)


def bitmap_in_use(path, index):
    """Marks an entry of the bitmap directory as one that was not closed."""
    with Qcow2(path, writable=True) as image:
        at = image.bitmap_entry(int(index))
        _modify(image, at + 12, 4, "|1")


def bochs(source, target, version="2", extent="64k"):
    bochs_image.make(source, target, int(version), size(extent))


def cloop(source, target, block="64k"):
    cloop_image.make(source, target, size(block))


def dmg(source, target, kinds="zlib", chunk="64k", form="plist", tables="1"):
    dmg_image.make(source, target, kinds, size(chunk), form, int(tables))


VERBS = {
    "@bochs": bochs,
    "@cloop": cloop,
    "@dmg": dmg,
    "@truncate": truncate,
    "@write": write,
    "@punch": punch,
    "@cp": copy_sparse,
    "@mv": os.rename,
    "@rm": os.remove,
    "@mkdir": os.mkdir,
    "@link": os.symlink,
    "@text": text_file,
    "@lines": lines_file,
    "@poke": poke,
    "@append": append,
    "@random": random_file,
    "@header": header,
    "@bitmap-in-use": bitmap_in_use,
    "@l1": l1,
    "@l2": l2,
    "@bitmap": bitmap,
    "@refcount": refcount,
    "@reftable": reftable,
    "@leak": leak,
    "@name": backing_name,
    "@snap": snap,
    "@vhdx-log": plant_log,
    "@vmdk-esx": vmdk_image.make_esx,
    "@vmdk-stream": vmdk_image.make_stream,
}
PATH_ARGUMENTS = {"@cp": 2, "@mv": 2, "@bochs": 2, "@cloop": 2, "@dmg": 2, "@vmdk-esx": 2,
                  "@vmdk-stream": 2}


def run_action(argv, directory):
    """Does one @ line in `directory`."""
    words = list(argv[1:])
    for index in range(PATH_ARGUMENTS.get(argv[0], 1)):
        words[index] = os.path.join(directory, words[index])
    if argv[0] == "@link":
        words = [argv[1], os.path.join(directory, argv[2])]
    VERBS[argv[0]](*words)

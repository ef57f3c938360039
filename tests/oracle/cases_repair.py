"""check -r leaks and -r all: each kind of damage, both outputs, and what stock finds after it."""

from case import table


def _repaired(prefix, uses, rows, image="v.qcow2", **more):
    """Each row is `name | damage`: repaired in each mode, with each output, judged by stock."""
    cases = []
    for mode in ("leaks", "all"):
        lines = []
        for row in filter(str.strip, rows.splitlines()):
            name, damage = (part.strip() for part in row.split("|", 1))
            repair = f"qemu-img check -r {mode}"
            steps = [damage, f"@cp {image} j.qcow2", f"{repair} {image}",
                     f"{repair} --output=json j.qcow2", f"stock: qemu-img check {image}",
                     f"stock: qemu-img snapshot -l {image}", f"{repair} -q {image}"]
            lines.append(f"{name} | " + " ; ".join(steps))
        cases += table(f"{prefix}/{mode}", "\n".join(lines), uses=uses, **more)
    return cases


CASES = _repaired(
    "repair/counts",
    "victim",
    """
    clean | @append v.qcow2 0 0
    leak | @leak v.qcow2
    leaks | @leak v.qcow2 ; @leak v.qcow2 ; @leak v.qcow2
    data-0 | @refcount v.qcow2 data:0 0
    data-2 | @refcount v.qcow2 data:64k 2
    header-0 | @refcount v.qcow2 0 0
    l2-0 | @refcount v.qcow2 l2:0 0
    l2-2 | @refcount v.qcow2 l2:0 2
    table-0 | @refcount v.qcow2 1 0
    block-0 | @refcount v.qcow2 2 0
    l1-0 | @refcount v.qcow2 3 0
    leak-and-0 | @leak v.qcow2 ; @refcount v.qcow2 data:0 0
    leak-and-copied | @leak v.qcow2 ; @l2 v.qcow2 0 &0x7fffffffffffffff
    high-and-copied | @refcount v.qcow2 data:0 2 ; @l2 v.qcow2 0 &0x7fffffffffffffff
    longer | @append v.qcow2 200k 0
    truncated-data | @truncate v.qcow2 0x70000
    truncated-mid-cluster | @truncate v.qcow2 0x88100
    """,
)

CASES += _repaired(
    "repair/flags",
    "victim",
    """
    l2-copied-clear | @l2 v.qcow2 0 &0x7fffffffffffffff
    l2-copied-on-zero | @l2 v.qcow2 512k |0x8000000000000000
    l1-copied-clear | @l1 v.qcow2 0 &0x7fffffffffffffff
    dirty | @header v.qcow2 incompatible |1
    dirty-and-leak | @header v.qcow2 incompatible |1 ; @leak v.qcow2
    dirty-and-count | @header v.qcow2 incompatible |1 ; @refcount v.qcow2 data:0 0
    corrupt | @header v.qcow2 incompatible |2
    corrupt-and-leak | @header v.qcow2 incompatible |2 ; @leak v.qcow2
    corrupt-and-reserved | @header v.qcow2 incompatible |3 ; @l2 v.qcow2 0 |2
    corrupt-and-count | @header v.qcow2 incompatible |2 ; @refcount v.qcow2 data:0 0
    autoclear-unknown | @header v.qcow2 autoclear |0x100
    """,
)

CASES += _repaired(
    "repair/entries",
    "victim",
    """
    l2-unaligned | @l2 v.qcow2 0 +512
    l2-unaligned-zero | @l2 v.qcow2 0 |0x201
    l2-beyond | @l2 v.qcow2 0 0x8000010000000000
    l2-just-beyond | @l2 v.qcow2 0 0x8000000000a00000
    l2-reserved-bit | @l2 v.qcow2 0 |0x2
    l2-reserved-high | @l2 v.qcow2 0 |0x2000000000000000
    l2-two-to-one | @l2 v.qcow2 0 +0x10000
    l2-to-header | @l2 v.qcow2 0 0x8000000000000001
    l2-to-l1 | @l2 v.qcow2 0 0x8000000000030000
    l2-to-refcounts | @l2 v.qcow2 0 0x8000000000020000
    l2-to-l2 | @l2 v.qcow2 0 0x8000000000040000
    l2-zero-flag | @l2 v.qcow2 0 |1
    l2-gone | @l2 v.qcow2 64k 0
    l2-compressed-bad | @l2 v.qcow2 0 0x7fffffffffffffff
    l2-compressed | @l2 v.qcow2 0 0x4000000000050000
    l2-compressed-copied | @l2 v.qcow2 0 0xc000000000050000
    l2-and-count | @refcount v.qcow2 data:0 0 ; @l2 v.qcow2 64k |2
    l2-many | @refcount v.qcow2 data:0 0 ; @l2 v.qcow2 64k |2 ; @l2 v.qcow2 128k 0x8000010000000000
    l1-gone | @l1 v.qcow2 0 0
    l1-beyond | @l1 v.qcow2 0 0x8000010000000000
    l1-reserved | @l1 v.qcow2 0 |1
    size-smaller | @header v.qcow2 size 0x20000
    """,
)

CASES += _repaired(
    "repair/structure",
    "victim",
    """
    gone | @reftable v.qcow2 0 0
    second | @reftable v.qcow2 1 0x20000
    on-l1 | @reftable v.qcow2 0 0x30000
    on-data | @reftable v.qcow2 0 0x50000
    second-on-data | @reftable v.qcow2 1 0x50000
    table-beyond | @header v.qcow2 reftable_offset 0x1000000
    table-none | @header v.qcow2 reftable_clusters 0
    table-unaligned | @header v.qcow2 reftable_offset 0x10200
    table-huge | @header v.qcow2 reftable_clusters 0x7fffffff
    """,
)

CASES += _repaired(
    "repair/v2",
    "victim2",
    """
    leak | @leak v.qcow2
    data-0 | @refcount v.qcow2 data:0 0
    copied-clear | @l2 v.qcow2 0 &0x7fffffffffffffff
    unaligned-zero | @l2 v.qcow2 0 |0x201
    """,
)

CASES += _repaired(
    "repair/small",
    "victim-small",
    """
    leak | @leak v.qcow2
    data-0 | @refcount v.qcow2 data:0 0
    many | @refcount v.qcow2 data:0 0 ; @refcount v.qcow2 data:1k 0 ; @refcount v.qcow2 l2:0 0
    l2-gone | @l1 v.qcow2 0 0
    l2-shared | @l1 v.qcow2 1 0x8000000000000000
    """,
)

CASES += _repaired(
    "repair/overlay",
    "victim-over",
    """
    leak | @leak v.qcow2
    copied | @l2 v.qcow2 64k &0x7fffffffffffffff
    data-0 | @refcount v.qcow2 data:64k 0
    backing-gone | @rm b.raw
    """,
)

CASES += _repaired(
    "repair/snapshots",
    "snapshots",
    """
    clean | @append s.qcow2 0 0
    shared-1 | @refcount s.qcow2 data:128k 1
    shared-0 | @refcount s.qcow2 data:128k 0
    shared-9 | @refcount s.qcow2 data:128k 9
    copied | @l2 s.qcow2 1M &0x7fffffffffffffff
    copied-shared | @l2 s.qcow2 128k |0x8000000000000000
    unaligned-zero | @l2 s.qcow2 128k |0x201
    l1-bad | @snap s.qcow2 0 0000010000000000
    l1-unaligned | @snap s.qcow2 0 0000000000000300
    l1-huge | @snap s.qcow2 8 7fffffff
    extra-huge | @snap s.qcow2 36 7fffffff
    incomplete | @snap s.qcow2 36 00000008 ; @snap s.qcow2 12 0011
    place | @header s.qcow2 snapshots_offset 0xf0200
    """,
    image="s.qcow2",
)

CASES += _repaired(
    "repair/extended",
    "extended",
    """
    copied | @l2 e.qcow2 1M &0x7fffffffffffffff
    unaligned-zero | @bitmap e.qcow2 0 0x0000000300000000 ; @l2 e.qcow2 0 |0x200
    data-0 | @refcount e.qcow2 data:0 0
    bitmap-both | @bitmap e.qcow2 0 0x0000000100000001
    """,
    image="e.qcow2",
    loose="images",
)

CASES += _repaired(
    "repair/compressed",
    "compressed",
    """
    count-0 | @refcount zlib.qcow2 5 0
    count-low | @refcount zlib.qcow2 5 3
    count-high | @refcount zlib.qcow2 5 90
    """,
    image="zlib.qcow2",
)

CASES += table(
    "repair",
    """
    raw-format | qemu-img check -r all -f raw a.raw
    missing | qemu-img check -r all none
    force-share | qemu-img check -U -r all a.qcow2
    image-opts | @leak a.qcow2 ; qemu-img check -r all --image-opts driver=qcow2,file.filename=a.qcow2
    long-option | @leak a.qcow2 ; qemu-img check --repair=leaks a.qcow2
    cache-none | @leak a.qcow2 ; qemu-img check -T none -r leaks a.qcow2
    then-written | @refcount a.qcow2 data:0 0 ; qemu-img check -q -r all a.qcow2 ; qemu-io -c "write -P 7 64k 300k" -c "read -P 0x11 0 64k" a.qcow2 ; stock: qemu-img check a.qcow2
    bitmap-leak | stock: qemu-img bitmap --add a.qcow2 b0 ; @leak a.qcow2 ; qemu-img check -r leaks a.qcow2 ; stock: qemu-img check a.qcow2 ; stock: qemu-img info --output=json a.qcow2
    bitmap-and-snapshot | stock: qemu-img bitmap --add a.qcow2 b0 ; stock: qemu-img snapshot -c one a.qcow2 ; stock: qemu-io -c "write 0 64k" a.qcow2 ; qemu-img check -r leaks a.qcow2 ; stock: qemu-img snapshot -l a.qcow2
    bitmap-count | stock: qemu-img bitmap --add a.qcow2 b0 ; @refcount a.qcow2 data:0 0 ; qemu-img check -r all a.qcow2 ; stock: qemu-img check a.qcow2
    """,
    uses="plain",
)

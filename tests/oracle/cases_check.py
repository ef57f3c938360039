"""check: clean, leaking and damaged images; both outputs; exit codes."""

from case import case, table

CASES = table(
    "check",
    """
    clean | qemu-img check a.qcow2
    clean-json | qemu-img check --output=json a.qcow2
    empty | qemu-img check empty.qcow2 ; qemu-img check --output=json empty.qcow2
    quiet | qemu-img check -q a.qcow2
    quiet-json | qemu-img check -q --output=json a.qcow2
    force-share | qemu-img check -U a.qcow2
    cache | qemu-img check -T none a.qcow2 ; qemu-img check -T unsafe a.qcow2
    cache-bad | qemu-img check -T foo a.qcow2
    image-opts | qemu-img check --image-opts driver=qcow2,file.filename=a.qcow2
    image-opts-json | qemu-img check --output=json --image-opts driver=qcow2,file.filename=a.qcow2
    json-name | qemu-img check 'json:{"driver":"qcow2","file.filename":"a.qcow2"}'
    raw | qemu-img check a.raw ; qemu-img check --output=json a.raw
    raw-forced | qemu-img check -f raw a.qcow2
    raw-as-qcow2 | qemu-img check -f qcow2 a.raw
    null-co | qemu-img check --image-opts driver=null-co
    missing | qemu-img check none
    missing-quiet | qemu-img check -q none
    no-file | qemu-img check
    two-files | qemu-img check a.qcow2 a.raw
    unknown-format | qemu-img check -f nope a.qcow2
    output-bad | qemu-img check --output=foo a.qcow2
    repair-bad | qemu-img check -r x a.qcow2
    repair-missing | qemu-img check -r
    unknown-option | qemu-img check -x a.qcow2
    directory | qemu-img check .
    """,
    uses="plain",
)

_BOTH = " ; qemu-img check v.qcow2 ; qemu-img check --output=json v.qcow2"


def _damaged(prefix, uses, rows):
    """Each row is `name | damage`; check is run in both forms, and map, after it."""
    lines = [r.strip() + _BOTH + " ; qemu-img map --output=json v.qcow2" for r in rows if r.strip()]
    return table(prefix, "\n".join(lines), uses=uses)


CASES += _damaged(
    "check/damage",
    "victim",
    """
    leak | @leak v.qcow2
    leaks | @leak v.qcow2 ; @leak v.qcow2 ; @leak v.qcow2
    refcount-0 | @refcount v.qcow2 data:0 0
    refcount-2 | @refcount v.qcow2 data:64k 2
    refcount-header-0 | @refcount v.qcow2 0 0
    refcount-l2-0 | @refcount v.qcow2 l2:0 0
    refcount-l2-2 | @refcount v.qcow2 l2:0 2
    refcount-table-0 | @refcount v.qcow2 1 0
    refcount-block-0 | @refcount v.qcow2 2 0
    refcount-l1-0 | @refcount v.qcow2 3 0
    both | @leak v.qcow2 ; @refcount v.qcow2 data:0 0
    l2-copied-clear | @l2 v.qcow2 0 &0x7fffffffffffffff
    l2-copied-on-zero | @l2 v.qcow2 512k |0x8000000000000000
    l1-copied-clear | @l1 v.qcow2 0 &0x7fffffffffffffff
    l2-unaligned | @l2 v.qcow2 0 +512
    l2-beyond | @l2 v.qcow2 0 0x8000010000000000
    l2-just-beyond | @l2 v.qcow2 0 0x8000000000a00000
    l2-reserved-bit | @l2 v.qcow2 0 |0x2
    l2-reserved-high | @l2 v.qcow2 0 |0x2000000000000000
    l2-two-to-one | @l2 v.qcow2 0 +0x10000
    l2-to-header | @l2 v.qcow2 0 0x8000000000000001
    l2-to-l1 | @l2 v.qcow2 0 0x8000000000030000
    l2-zero-flag-v3 | @l2 v.qcow2 0 |1
    l2-gone | @l2 v.qcow2 64k 0
    l2-compressed-bad | @l2 v.qcow2 0 0x7fffffffffffffff
    l2-compressed | @l2 v.qcow2 0 0x4000000000050000
    l2-compressed-copied | @l2 v.qcow2 0 0xc000000000050000
    l1-gone | @l1 v.qcow2 0 0
    l1-unaligned | @l1 v.qcow2 0 +512
    l1-beyond | @l1 v.qcow2 0 0x8000010000000000
    l1-reserved | @l1 v.qcow2 0 |1
    l1-to-header | @l1 v.qcow2 0 0x8000000000000000
    reftable-gone | @reftable v.qcow2 0 0
    reftable-unaligned | @reftable v.qcow2 0 +512
    reftable-beyond | @reftable v.qcow2 0 0x10000000000
    reftable-reserved | @reftable v.qcow2 0 |1
    reftable-second | @reftable v.qcow2 1 0x20000
    reftable-to-header | @reftable v.qcow2 0 0x8000000000000000
    dirty | @header v.qcow2 incompatible |1
    dirty-and-leak | @header v.qcow2 incompatible |1 ; @leak v.qcow2
    corrupt | @header v.qcow2 incompatible |2
    corrupt-and-leak | @header v.qcow2 incompatible |2 ; @leak v.qcow2
    truncated-data | @truncate v.qcow2 0x70000
    truncated-mid-cluster | @truncate v.qcow2 0x88100
    longer | @append v.qcow2 200k 0
    longer-odd | @append v.qcow2 1000 7
    size-smaller | @header v.qcow2 size 0x20000
    snapshots-bad | @header v.qcow2 snapshots 1 ; @header v.qcow2 snapshots_offset 0x50000
    reftable-clusters-2 | @header v.qcow2 reftable_clusters 2
    """.splitlines(),
)

CASES += _damaged(
    "check/damage-v2",
    "victim2",
    """
    leak | @leak v.qcow2
    refcount-0 | @refcount v.qcow2 data:0 0
    zero-flag | @l2 v.qcow2 0 |1
    copied-clear | @l2 v.qcow2 0 &0x7fffffffffffffff
    """.splitlines(),
)

CASES += _damaged(
    "check/damage-small",
    "victim-small",
    """
    leak | @leak v.qcow2
    refcount-0 | @refcount v.qcow2 data:0 0
    refcount-many | @refcount v.qcow2 data:0 0 ; @refcount v.qcow2 data:1k 0 ; @refcount v.qcow2 data:2k 0 ; @refcount v.qcow2 l2:0 0
    l2-gone | @l1 v.qcow2 0 0
    l2-second-gone | @l1 v.qcow2 1 0
    l2-shared | @l1 v.qcow2 1 0x8000000000000000
    """.splitlines(),
)

CASES += _damaged(
    "check/damage-overlay",
    "victim-over",
    """
    leak | @leak v.qcow2
    copied | @l2 v.qcow2 64k &0x7fffffffffffffff
    name-missing | @name v.qcow2 "none.raw"
    backing-gone | @rm b.raw
    """.splitlines(),
)

CASES += [
    case("check/snapshots", "qemu-img check s.qcow2\nqemu-img check --output=json s.qcow2\n"
         "qemu-img check v2s.qcow2", uses="snapshots"),
    case("check/snapshots-copied", "@l2 s.qcow2 512k &0x7fffffffffffffff\nqemu-img check s.qcow2\n"
         "@l2 s.qcow2 1M &0x7fffffffffffffff\nqemu-img check s.qcow2", uses="snapshots"),
    case("check/snapshots-refcount", "@refcount s.qcow2 data:128k 1\nqemu-img check s.qcow2\n"
         "qemu-img check --output=json s.qcow2", uses="snapshots"),
    case("check/snapshots-refcount-up", "@refcount s.qcow2 data:128k 9\nqemu-img check s.qcow2",
         uses="snapshots"),
    case("check/snapshot-l1-bad", "@snap s.qcow2 0 0000010000000000\nqemu-img check s.qcow2\n"
         "qemu-img info s.qcow2", uses="snapshots"),
    case("check/snapshot-l1-unaligned", "@snap s.qcow2 0 0000000000000300\nqemu-img check s.qcow2",
         uses="snapshots"),
    case("check/snapshot-l1-huge", "@snap s.qcow2 8 7fffffff\nqemu-img check s.qcow2\n"
         "qemu-img info s.qcow2", uses="snapshots"),
    case("check/snapshot-name-long", "@snap s.qcow2 14 ffff\nqemu-img check s.qcow2\n"
         "qemu-img info s.qcow2", uses="snapshots"),
    case("check/snapshot-extra-huge", "@snap s.qcow2 36 7fffffff\nqemu-img check s.qcow2\n"
         "qemu-img info s.qcow2", uses="snapshots"),
    case("check/compressed", "qemu-img check zlib.qcow2\nqemu-img check --output=json zstd.qcow2\n"
         "qemu-img check small.qcow2\nqemu-img check big.qcow2\nqemu-img check rnd.qcow2",
         uses="compressed"),
    case("check/compressed-damaged", "@refcount zlib.qcow2 5 0\nqemu-img check zlib.qcow2\n"
         "@l2 small.qcow2 0 |0x8000000000000000\nqemu-img check small.qcow2\n"
         "@l2 zstd.qcow2 0 0x4000010000000000\nqemu-img check zstd.qcow2", uses="compressed"),
    case("check/extended", "qemu-img check e.qcow2\nqemu-img check --output=json eo.qcow2",
         uses="extended"),
    case("check/extended-bitmap-both", "@bitmap e.qcow2 0 0x0000000100000001\n"
         "qemu-img check e.qcow2\nqemu-img check --output=json e.qcow2\nqemu-img map e.qcow2",
         uses="extended", loose="images"),
    case("check/extended-bitmap-unallocated", "@l2 e.qcow2 2M 0\n@bitmap e.qcow2 2M 1\n"
         "qemu-img check e.qcow2\nqemu-img check --output=json e.qcow2", uses="extended",
         loose="images"),
    case("check/extended-copied", "@l2 e.qcow2 1M &0x7fffffffffffffff\nqemu-img check e.qcow2",
         uses="extended"),
    case("check/extended-unaligned", "@l2 e.qcow2 1M +512\nqemu-img check e.qcow2",
         uses="extended"),
    case("check/extended-zero-bit", "@l2 e.qcow2 1M |1\nqemu-img check e.qcow2\nqemu-img map e.qcow2",
         uses="extended", loose="images"),
    case("check/mixed", "qemu-img check m.qcow2\nqemu-img check --output=json m.qcow2",
         uses="mixed"),
    case("check/chain", "qemu-img check top.qcow2\nqemu-img check mid.qcow2", uses="chain"),
    case("check/bitmaps", "qemu-img check a.qcow2\nqemu-img check --output=json a.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 1M
         qemu-img bitmap --add a.qcow2 b0
         """),
    case("check/preallocated", "qemu-img check a.qcow2\nqemu-img check --output=json b.qcow2",
         setup="""
         qemu-img create -q -f qcow2 -o preallocation=metadata a.qcow2 64M
         qemu-img create -q -f qcow2 -o preallocation=metadata,cluster_size=4k b.qcow2 16M
         """),
    case("check/large", "qemu-img check a.qcow2\nqemu-img check --output=json a.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 100G
         qemu-io -c "write 0 1k" -c "write 50G 64k" -c "write 99G 1M" a.qcow2
         """),
]

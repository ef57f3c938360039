"""QED: made, read, written, checked; damage; each side reads what the other has written."""

from case import table, with_last

_WRITTEN = """
qemu-img create -q -f qed -o cluster_size=4k,table_size=2 a.qed 10M
qemu-io -f qed -c "write -P 1 1M 64k" -c "write -P 3 0 10" a.qed
@random base.raw 1M 5
qemu-img create -q -f qed -b base.raw -F raw o.qed
qemu-io -f qed -c "write -P 7 100k 100k" -c "write -z 512k 128k" o.qed
"""
CASES = table(
    "qed/read",
    """
    info | qemu-img info a.qed ; qemu-img info --output=json a.qed
    info-backing | qemu-img info o.qed ; qemu-img info --output=json o.qed ; qemu-img info --backing-chain o.qed
    map | qemu-img map a.qed ; qemu-img map --output=json a.qed
    map-backing | qemu-img map --output=json o.qed
    check | qemu-img check a.qed ; qemu-img check --output=json a.qed ; qemu-img check o.qed
    io | qemu-io -r -c "read -P 1 1M 64k" -c "read -P 0 2M 64k" -c "read -v 0 32" a.qed
    io-info | qemu-io -r -c info -c "alloc 0 10M" a.qed
    convert-raw | qemu-img convert -O raw a.qed b.raw ; qemu-img compare a.qed b.raw
    convert-qcow2 | qemu-img convert -O qcow2 o.qed b.qcow2
    as-backing | qemu-img create -f qcow2 -b o.qed -F qed t.qcow2 ; qemu-img convert -O raw t.qcow2 b.raw
    """,
    setup=_WRITTEN,
)

CASES += table(
    "qed/damage",
    """
    magic | @poke a.qed 0 03 ; qemu-img info -f qed a.qed
    cluster-size-0 | @poke a.qed 4 00000000 ; qemu-img info a.qed
    cluster-size-big | @poke a.qed 4 00000008 ; qemu-img info a.qed
    cluster-size-1M | @poke a.qed 4 00001000 ; qemu-img info a.qed
    table-size-3 | @poke a.qed 8 03000000 ; qemu-img info a.qed
    table-size-32 | @poke a.qed 8 20000000 ; qemu-img info a.qed
    header-size | @poke a.qed 12 64000000 ; qemu-img info a.qed
    need-check | @poke a.qed 16 02 ; qemu-img info a.qed
    features | @poke a.qed 16 08 ; qemu-img info a.qed
    features-high | @poke a.qed 23 80 ; qemu-img info a.qed
    l1-0 | @poke a.qed 40 0000 ; qemu-img info a.qed
    l1-odd | @poke a.qed 40 01 ; qemu-img info a.qed
    l1-far | @poke a.qed 42 10 ; qemu-img info a.qed
    size-odd | @poke a.qed 48 01 ; qemu-img info a.qed
    size-huge | @poke a.qed 55 40 ; qemu-img info a.qed
    backing-bad | @poke a.qed 16 01 ; @poke a.qed 56 fa0f000032000000 ; qemu-img info a.qed
    l2-none | @poke a.qed 0x1000 0000000000000000 ; qemu-img check a.qed ; qemu-img map --output=json a.qed
    l2-odd | @poke a.qed 0x1000 01 ; qemu-img check a.qed ; qemu-img map --output=json a.qed ; qemu-io -r -c "read 0 4k" a.qed
    l2-far | @poke a.qed 0x1007 40 ; qemu-img check a.qed ; qemu-io -r -c "read 0 4k" a.qed
    l2-on-l1 | @poke a.qed 0x1000 0010000000000000 ; qemu-img check a.qed
    data-zero | @poke a.qed 0x13000 0100000000000000 ; qemu-img check a.qed ; qemu-img map --output=json a.qed
    data-odd | @poke a.qed 0x13000 0200000000000000 ; qemu-img check a.qed ; qemu-img map --output=json a.qed
    data-far | @poke a.qed 0x13000 0000100000000000 ; qemu-img check a.qed ; qemu-io -r -c "read 0 4k" -c "read 1M 4k" a.qed
    data-twice | @poke a.qed 0x13000 0030000000000000 ; qemu-img check a.qed
    leak | @append a.qed 8k 7 ; qemu-img check a.qed ; qemu-img check --output=json a.qed
    tail | @append a.qed 100 7 ; qemu-img check a.qed
    short | @truncate a.qed 86016 ; qemu-img check a.qed
    short-header | @truncate a.qed 4k ; qemu-img info a.qed
    """,
    setup=_WRITTEN,
    loose="images",
)

_READ = "swap: qemu-img check X ; swap: qemu-img convert -O raw X X.raw"

CASES += table(
    "qed/write",
    with_last(
        _READ,
        """
    allocating | a.qed qemu-io -c "write -P 5 200k 300k" -c "write -P 6 5000k 1k" -c "read -P 0 4999k 1k" a.qed ; qemu-img map --output=json a.qed
    in-place | a.qed qemu-io -c "write -P 5 1030k 5k" -c "read -P 1 1M 6k" -c "read -P 5 1030k 5k" a.qed ; qemu-img map --output=json a.qed
    end | a.qed qemu-io -c "write -P 5 10485248 512" -c "write 10M 512" a.qed
    zeroes | a.qed qemu-io -c "write -z 1M 4k" -c "read -P 0 1M 4k" -c "read -P 1 1028k 60k" a.qed
    discard | a.qed qemu-io -c "discard 1M 64k" -c "read -P 1 1M 64k" a.qed ; qemu-img map --output=json a.qed
    overlay | o.qed qemu-io -c "write -P 8 90k 20k" -c "write -P 9 700k 64k" -c "read -P 7 110k 10k" o.qed ; qemu-img map --output=json o.qed
    packed | a.qed qemu-io -c "write -c 0 4k" a.qed
    need-check | a.qed @poke a.qed 16 02 ; qemu-io -c "write -P 5 5M 4k" a.qed ; qemu-img info a.qed
    grown | a.qed qemu-img resize a.qed 20M ; qemu-io -c "write -P 4 15M 64k" -c "read -P 0 10M 1M" a.qed
    shrunk | a.qed qemu-img resize --shrink a.qed 5M ; qemu-img resize a.qed 5000
    commit | o.qed qemu-img commit o.qed ; qemu-img map --output=json o.qed
    bench | a.qed qemu-img bench -w -c 4 -s 4k a.qed
    converted | c.qed qemu-img convert -O qed o.qed c.qed ; qemu-img map --output=json c.qed
    converted-over | c.qed qemu-img convert -O qed -B base.raw -F raw o.qed c.qed ; qemu-img info c.qed
    into | a.qed qemu-img convert -n -O qed o.qed a.qed ; qemu-img map --output=json a.qed
        """,
    ),
    setup=_WRITTEN,
    loose="images stderr",
)

_MADE = " ; qemu-img info c.qed ; qemu-img info --output=json c.qed ; swap: qemu-img check c.qed"

CASES += table(
    "qed/create",
    "\n".join(
        row.strip().replace("CREATE", "qemu-img create -f qed") + _MADE
        for row in """
    plain | CREATE c.qed 5G
    odd | CREATE c.qed 1000
    empty | CREATE c.qed 0
    large | CREATE c.qed 64T
    small-clusters | CREATE -o cluster_size=4k c.qed 1G
    small-table | CREATE -o cluster_size=8k,table_size=1 c.qed 1G
    large-table | CREATE -o table_size=16 c.qed 1G
    backing | CREATE -b base.raw -F raw c.qed
    backing-qed | CREATE -b a.qed -F qed c.qed 20M
    backing-none | CREATE -o backing_fmt=raw c.qed 1M
    """.splitlines()
        if row.strip()
    )
    + """
    too-large | qemu-img create -f qed c.qed 65T ; qemu-img create -f qed -o cluster_size=4k,table_size=1 c.qed 2G
    cluster-bad | qemu-img create -f qed -o cluster_size=1k c.qed 1M ; qemu-img create -f qed -o cluster_size=5000 c.qed 1M ; qemu-img create -f qed -o cluster_size=128M c.qed 1M ; qemu-img create -f qed -o cluster_size=0 c.qed 1M
    table-bad | qemu-img create -f qed -o table_size=3 c.qed 1M ; qemu-img create -f qed -o table_size=32 c.qed 1M ; qemu-img create -f qed -o table_size=0 c.qed 1M
    unknown | qemu-img create -f qed -o nope=1 c.qed 1M ; qemu-img create -f qed -o help
    no-format | qemu-img create -f qed -b base.raw c.qed
    packed | qemu-img convert -c -O qed o.qed c.qed
    """,
    setup=_WRITTEN,
    loose="images",
)

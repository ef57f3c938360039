"""VDI: every way to make one, reading, writing, damage. Images made are compared byte for byte but
for their UUIDs (foreign.py)."""

from case import table

CASES = table(
    "vdi/create",
    """
    plain | qemu-img create -f vdi a.vdi 10M ; qemu-img info a.vdi ; qemu-img map --output=json a.vdi ; qemu-img check a.vdi
    static | qemu-img create -f vdi -o static=on a.vdi 3M ; qemu-img info --output=json a.vdi ; qemu-img map a.vdi
    static-off | qemu-img create -f vdi -o static=off a.vdi 3M
    static-bad | qemu-img create -f vdi -o static=maybe a.vdi 3M
    preallocation | qemu-img create -f vdi -o preallocation=full a.vdi 3M ; qemu-img create -f vdi -o preallocation=falloc,static=on b.vdi 3M
    preallocation-metadata | qemu-img create -f vdi -o preallocation=metadata a.vdi 3M
    nocow | qemu-img create -f vdi -o nocow=on a.vdi 3M
    size-0 | qemu-img create -f vdi a.vdi 0 ; qemu-img info a.vdi ; qemu-img map --output=json a.vdi
    size-1 | qemu-img create -f vdi a.vdi 1 ; qemu-img info a.vdi
    size-513 | qemu-img create -f vdi a.vdi 513 ; qemu-img info a.vdi
    size-odd | qemu-img create -f vdi a.vdi 1048577 ; qemu-img info a.vdi ; qemu-img map a.vdi
    size-1G | qemu-img create -f vdi a.vdi 1G ; qemu-img info a.vdi
    size-too-large | qemu-img create -f vdi a.vdi 1P ; try: @rm a.vdi
    size-2P | qemu-img create -f vdi a.vdi 2P ; try: @rm a.vdi
    size-8E | qemu-img create -f vdi a.vdi 8E
    no-size | qemu-img create -f vdi a.vdi
    unknown-key | qemu-img create -f vdi -o block_size=2M a.vdi 3M
    backing | qemu-img create -f vdi -b b.raw -F raw a.vdi 3M
    backing-format | qemu-img create -f vdi -F raw a.vdi 3M
    help | qemu-img create -f vdi -o help ; qemu-img create -f vdi -o help a.vdi
    several | qemu-img create -f vdi -o size=3M,static=on a.vdi
    """,
)

_WRITTEN = """
qemu-img create -q -f vdi a.vdi 10M
qemu-io -f vdi -c "write -P 1 1M 64k" -c "write -P 2 5000k 3k" -c "write -P 3 0 10" a.vdi
"""
CASES += table(
    "vdi/read",
    """
    info | qemu-img info a.vdi ; qemu-img info --output=json a.vdi
    map | qemu-img map a.vdi ; qemu-img map --output=json a.vdi
    map-part | qemu-img map -s 1500k -l 4M --output=json a.vdi
    check | qemu-img check a.vdi ; qemu-img check --output=json a.vdi ; qemu-img check -q a.vdi
    check-repair | qemu-img check -r all a.vdi ; qemu-img check -r leaks a.vdi
    snapshots | qemu-img snapshot -l a.vdi
    io | qemu-io -r -c "read -P 1 1M 64k" -c "read -P 2 5000k 3k" -c "read -P 0 2M 1M" -c "read -v 0 32" a.vdi
    io-beyond | qemu-io -r -c "read 10M 512" -c "read 10485248 1k" a.vdi
    io-info | qemu-io -r -c info -c map -c "alloc 0 10M" -c "alloc 2M 1M" a.vdi
    convert-raw | qemu-img convert -O raw a.vdi b.raw ; qemu-img compare a.vdi b.raw
    convert-qcow2 | qemu-img convert -f vdi -O qcow2 a.vdi b.qcow2
    convert-vdi | qemu-img convert -O vdi a.vdi b.vdi ; qemu-img map --output=json b.vdi
    convert-static | qemu-img convert -O vdi -o static=on a.vdi b.vdi ; qemu-img map --output=json b.vdi
    compare | qemu-img convert -O raw a.vdi b.raw ; qemu-img compare -f raw -F vdi b.raw a.vdi ; qemu-img compare -s a.vdi b.raw
    image-opts | qemu-img info --image-opts driver=vdi,file.filename=a.vdi
    image-opts-unknown | qemu-img info --image-opts driver=vdi,file.filename=a.vdi,foo=1
    image-opts-backing | qemu-io -r -c "read 0 1k" --image-opts driver=vdi,file.filename=a.vdi,backing.driver=raw,backing.file.filename=a.vdi
    json | qemu-img info 'json:{"driver":"vdi","file":{"driver":"file","filename":"a.vdi"}}'
    as-raw | qemu-img info -f raw a.vdi
    wrong-format | qemu-img info -f vdi b.raw
    as-backing | qemu-img create -f qcow2 -b a.vdi -F vdi o.qcow2 ; qemu-img convert -O raw o.qcow2 c.raw ; qemu-img map --output=json o.qcow2
    """,
    setup=_WRITTEN + "@random b.raw 64k 3",
)

CASES += table(
    "vdi/write",
    """
    new-block | qemu-io -c "write -P 7 3M 4k" a.vdi ; qemu-img map --output=json a.vdi ; qemu-img check a.vdi
    in-place | qemu-io -c "write -P 7 1M 4k" -c "read -v 1048570 16" a.vdi
    across | qemu-io -c "write -P 7 1900k 3M" a.vdi ; qemu-img check a.vdi
    unaligned | qemu-io -c "write -P 7 2097153 3" -c "read -v 2097150 16" a.vdi
    whole | qemu-io -c "write -P 7 0 10M" a.vdi ; qemu-img check a.vdi
    zeroes | qemu-io -c "write -z 3M 1M" a.vdi ; qemu-img check a.vdi
    zeroes-unmap | qemu-io -c "write -zu 1M 1M" a.vdi
    zeroes-no-fallback | qemu-io -c "write -zn 3M 1M" a.vdi
    discard | qemu-io -c "discard 1M 1M" -c "read -P 1 1M 64k" a.vdi
    flush | qemu-io -c "write -P 7 3M 4k" -c flush -c "write -P 8 6M 4k" -c "read -P 7 3M 4k" a.vdi
    fua | qemu-io -c "write -f -P 7 3M 4k" a.vdi
    compressed | qemu-io -c "write -c 0 64k" a.vdi
    resize | qemu-io -c "truncate 20M" a.vdi
    read-only | qemu-io -r -c "write 0 4k" a.vdi
    convert-into | qemu-img create -q -f raw r.raw 10M ; qemu-io -f raw -c "write -P 9 3M 1M" r.raw ; qemu-img convert -n -O vdi r.raw a.vdi ; qemu-img check a.vdi
    swap | qemu-io -c "write -P 7 3M 4k" a.vdi ; swap: qemu-io -c "write -P 8 7M 4k" a.vdi ; qemu-io -c "write -P 9 8M 4k" a.vdi ; qemu-img check a.vdi
    static | qemu-img create -q -f vdi -o static=on s.vdi 3M ; qemu-io -c "write -P 7 1M 4k" s.vdi ; qemu-img map --output=json s.vdi
    """,
    setup=_WRITTEN,
)

CASES += table(
    "vdi/damage",
    """
    signature | @poke a.vdi 0x40 03 ; qemu-img info a.vdi ; qemu-img info -f vdi a.vdi
    version | @poke a.vdi 0x44 03 ; qemu-img info a.vdi ; qemu-img check -f vdi a.vdi
    version-major | @poke a.vdi 0x46 07 ; qemu-img info a.vdi
    header-size | @poke a.vdi 0x48 03 ; qemu-img info a.vdi
    type | @poke a.vdi 0x4c 03 ; qemu-img info a.vdi ; qemu-img map --output=json a.vdi
    map-offset | @poke a.vdi 0x154 03 ; qemu-img info a.vdi
    data-offset | @poke a.vdi 0x158 03 ; qemu-img info a.vdi
    sector-size | @poke a.vdi 0x168 03 ; qemu-img info a.vdi
    disk-size | @poke a.vdi 0x170 03 ; qemu-img info a.vdi
    disk-size-huge | @poke a.vdi 0x176 03 ; qemu-img info a.vdi
    disk-size-max | @poke a.vdi 0x170 ffffffffffffffff ; qemu-img info a.vdi
    block-size | @poke a.vdi 0x178 03 ; qemu-img info a.vdi
    block-size-0 | @poke a.vdi 0x178 00000000 ; qemu-img info a.vdi
    block-extra | @poke a.vdi 0x17c 03 ; qemu-img info a.vdi
    blocks | @poke a.vdi 0x180 03 ; qemu-img info a.vdi
    blocks-many | @poke a.vdi 0x180 ffffff3f ; qemu-img info a.vdi
    link-uuid | @poke a.vdi 0x1a8 03 ; qemu-img info a.vdi
    parent-uuid | @poke a.vdi 0x1b8 03 ; qemu-img info a.vdi
    allocated | @poke a.vdi 0x184 07 ; qemu-img check a.vdi ; qemu-img check --output=json a.vdi ; qemu-img check -r all a.vdi
    two-faults | @poke a.vdi 0x1b8 03 ; @poke a.vdi 0x154 03 ; @poke a.vdi 0x168 03 ; qemu-img info a.vdi
    entry-large | @poke a.vdi 0x208 ff000000 ; qemu-img check a.vdi ; qemu-img map --output=json a.vdi ; qemu-io -r -c "read 2M 4k" a.vdi
    entry-huge | @poke a.vdi 0x208 fdffffff ; qemu-img check a.vdi ; qemu-io -c "read 2M 4k" -c "write 2M 4k" a.vdi
    entry-discarded | @poke a.vdi 0x200 feffffff ; qemu-img check a.vdi ; qemu-io -r -c "read -P 0 0 4k" a.vdi
    entry-twice | @poke a.vdi 0x208 00000000 ; qemu-img check a.vdi ; qemu-img check -q a.vdi
    short-map | @truncate a.vdi 516 ; qemu-img info a.vdi
    short-header | @truncate a.vdi 300 ; qemu-img info a.vdi
    short-data | @truncate a.vdi 100k ; qemu-img check a.vdi ; qemu-io -r -c "read -P 0 5000k 3k" a.vdi
    empty | @truncate a.vdi 0 ; qemu-img info -f vdi a.vdi
    """,
    setup=_WRITTEN,
    loose="images",
)

"""Parallels: making, reading, writing, checking and repairing, damage."""

from case import table

CASES = table(
    "parallels/create",
    """
    plain | qemu-img create -f parallels a.hds 10M ; qemu-img info a.hds ; qemu-img info --output=json a.hds ; qemu-img map --output=json a.hds ; qemu-img check a.hds
    cluster-4k | qemu-img create -f parallels -o cluster_size=4k a.hds 10M ; qemu-img check --output=json a.hds
    cluster-odd | qemu-img create -f parallels -o cluster_size=1000 a.hds 10M
    cluster-3M | qemu-img create -f parallels -o cluster_size=3M a.hds 10M
    cluster-0 | qemu-img create -f parallels -o cluster_size=0 a.hds 10M ; try: @rm a.hds
    cluster-4G | qemu-img create -f parallels -o cluster_size=4G a.hds 10M ; try: @rm a.hds
    size-0 | qemu-img create -f parallels a.hds 0 ; qemu-img info a.hds
    size-513 | qemu-img create -f parallels a.hds 513 ; qemu-img info a.hds
    size-1T | qemu-img create -f parallels a.hds 1T ; qemu-img info a.hds
    size-2P | qemu-img create -f parallels a.hds 2P ; qemu-img info a.hds
    size-16P | qemu-img create -f parallels -o cluster_size=2M a.hds 16P ; try: @rm a.hds
    unknown-key | qemu-img create -f parallels -o static=on a.hds 3M
    backing | qemu-img create -f parallels -b b.raw -F raw a.hds 3M
    help | qemu-img create -f parallels -o help ; qemu-img create -f parallels -o help a.hds
    """,
)

_WRITTEN = """
qemu-img create -q -f parallels -o cluster_size=64k a.hds 1M
qemu-io -f parallels -c "write -P 1 200k 64k" -c "write -P 3 0 10" a.hds
"""
CASES += table(
    "parallels/read",
    """
    info | qemu-img info a.hds ; qemu-img info --output=json a.hds
    map | qemu-img map a.hds ; qemu-img map --output=json a.hds
    check | qemu-img check a.hds ; qemu-img check --output=json a.hds ; qemu-img check -r all a.hds
    io | qemu-io -r -c "read -P 1 200k 64k" -c "read -P 0 64k 64k" -c "read -v 0 32" a.hds
    io-info | qemu-io -r -c map -c "alloc 0 1M" a.hds
    convert-raw | qemu-img convert -O raw a.hds b.raw ; qemu-img compare a.hds b.raw
    convert-parallels | qemu-img convert -O parallels a.hds b.hds ; qemu-img check b.hds
    options | qemu-img info --image-opts driver=parallels,file.filename=a.hds,prealloc-mode=foo
    """,
    setup=_WRITTEN,
)

CASES += table(
    "parallels/write",
    """
    new | qemu-io -c "write -P 7 300k 4k" a.hds ; qemu-img check a.hds
    in-place | qemu-io -c "write -P 7 210k 4k" a.hds ; qemu-img check a.hds
    whole | qemu-io -c "write -P 7 0 1M" a.hds ; qemu-img check a.hds
    zeroes | qemu-io -c "write -z 600k 64k" -c "write -zn 700k 64k" a.hds
    discard | qemu-io -c "discard 0 64k" -c "read -v 0 16" a.hds
    resize | qemu-io -c "truncate 2M" a.hds
    old-kind | @poke a.hds 0 576974686f7574467265655370616365 ; @poke a.hds 0x40 80010000 ; @poke a.hds 0x4c 8000000000010000 ; qemu-img map --output=json a.hds ; qemu-io -c "write -P 7 600k 4k" -c "read -P 7 600k 4k" a.hds ; qemu-img check a.hds
    swap | qemu-io -c "write -P 7 300k 4k" a.hds ; swap: qemu-io -c "write -P 8 700k 4k" a.hds ; qemu-img check a.hds
    """,
    setup=_WRITTEN,
)

CASES += table(
    "parallels/damage",
    """
    magic | @poke a.hds 0 03 ; qemu-img info -f parallels a.hds
    version | @poke a.hds 16 03 ; qemu-img info -f parallels a.hds
    tracks-0 | @poke a.hds 28 00000000 ; qemu-img info a.hds
    tracks-1 | @poke a.hds 28 01000000 ; qemu-img check a.hds
    tracks-7 | @poke a.hds 28 07000000 ; qemu-img check a.hds
    tracks-256 | @poke a.hds 28 00010000 ; qemu-img check a.hds
    tracks-big | @poke a.hds 28 ffff3f00 ; qemu-img info a.hds
    entries-0 | @poke a.hds 32 00000000 ; qemu-img info a.hds ; qemu-io -r -c "read -P 0 0 64k" a.hds
    entries-3 | @poke a.hds 32 03000000 ; qemu-img map --output=json a.hds
    entries-many | @poke a.hds 32 00000020 ; qemu-img info a.hds
    sectors-0 | @poke a.hds 36 0000000000000000 ; qemu-img info a.hds
    sectors-many | @poke a.hds 36 0000000000010000 ; qemu-img info a.hds
    in-use | @poke a.hds 44 596e6f74 ; qemu-img info a.hds ; qemu-img check a.hds ; qemu-img check -r all a.hds ; qemu-img check a.hds
    extension | @poke a.hds 56 01 ; qemu-img info a.hds
    outside | @poke a.hds 64 0a ; qemu-img check a.hds ; qemu-img check --output=json a.hds ; qemu-img check -r all a.hds
    far-outside | @poke a.hds 64 ffffffff ; qemu-img check a.hds ; qemu-io -r -c "read 0 4k" a.hds ; qemu-img check -r all a.hds
    twice | @poke a.hds 68 01 ; qemu-img check a.hds
    lost | @poke a.hds 64 00 ; qemu-img check a.hds ; qemu-img check -r leaks a.hds ; qemu-img check a.hds
    tail | @append a.hds 100 7 ; qemu-img check a.hds ; qemu-img check -r all a.hds
    leak | @append a.hds 128k 7 ; qemu-img check a.hds ; qemu-img check -r leaks a.hds
    short | @truncate a.hds 192k ; qemu-img check a.hds
    short-header | @truncate a.hds 40 ; qemu-img info a.hds
    """,
    setup=_WRITTEN,
    loose="images",
)

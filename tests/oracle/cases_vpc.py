"""VHD ("vpc"): every way to make one, reading, writing, damage. Images made are compared byte for
byte but for times, UUIDs and what follows from them (foreign.py)."""

from case import table

CASES = table(
    "vpc/create",
    """
    plain | qemu-img create -f vpc a.vhd 10M ; qemu-img info a.vhd ; qemu-img map --output=json a.vhd ; qemu-img check a.vhd
    fixed | qemu-img create -f vpc -o subformat=fixed a.vhd 3M ; qemu-img info -f vpc a.vhd ; qemu-img map -f vpc --output=json a.vhd ; qemu-img info a.vhd
    dynamic | qemu-img create -f vpc -o subformat=dynamic a.vhd 3M
    subformat-bad | qemu-img create -f vpc -o subformat=foo a.vhd 3M ; try: @rm a.vhd
    subformat-empty | qemu-img create -f vpc -o subformat= a.vhd 3M ; try: @rm a.vhd
    force-size | qemu-img create -f vpc -o force_size=on a.vhd 10M ; qemu-img info --output=json a.vhd
    force-size-odd | qemu-img create -f vpc -o force_size=on a.vhd 1000 ; qemu-img info a.vhd
    force-size-fixed | qemu-img create -f vpc -o force_size=on,subformat=fixed a.vhd 1000000 ; qemu-img info -f vpc a.vhd
    force-size-bad | qemu-img create -f vpc -o force_size=maybe a.vhd 10M
    preallocation | qemu-img create -f vpc -o preallocation=full a.vhd 3M
    size-0 | qemu-img create -f vpc a.vhd 0 ; qemu-img info a.vhd ; qemu-img create -f vpc -o subformat=fixed b.vhd 0
    size-1 | qemu-img create -f vpc a.vhd 1 ; qemu-img info a.vhd
    size-33M | qemu-img create -f vpc a.vhd 33M ; qemu-img info a.vhd
    size-504M | qemu-img create -f vpc a.vhd 504M ; qemu-img info a.vhd
    size-505M | qemu-img create -f vpc a.vhd 505M ; qemu-img info a.vhd
    size-2G | qemu-img create -f vpc a.vhd 2G ; qemu-img info a.vhd
    size-100G | qemu-img create -f vpc a.vhd 100G ; qemu-img info a.vhd
    size-127G | qemu-img create -f vpc a.vhd 127G ; qemu-img info a.vhd
    size-largest-geometry | qemu-img create -f vpc a.vhd 136899993600 ; qemu-img info a.vhd ; qemu-img create -f vpc b.vhd 136899993601 ; qemu-img info b.vhd
    size-1T | qemu-img create -f vpc a.vhd 1T ; qemu-img info a.vhd
    size-2040G | qemu-img create -f vpc a.vhd 2040G ; qemu-img info a.vhd
    size-2041G | qemu-img create -f vpc a.vhd 2041G ; try: @rm a.vhd
    size-2041G-fixed | qemu-img create -f vpc -o subformat=fixed,force_size=on a.vhd 2041G ; try: @rm a.vhd
    unknown-key | qemu-img create -f vpc -o block_size=2M a.vhd 3M
    backing | qemu-img create -f vpc -b b.raw -F raw a.vhd 3M
    help | qemu-img create -f vpc -o help ; qemu-img create -f vpc -o help a.vhd
    """,
)

_WRITTEN = """
qemu-img create -q -f vpc a.vhd 10M
qemu-io -f vpc -c "write -P 1 1M 64k" -c "write -P 2 5000k 3k" -c "write -P 3 0 10" a.vhd
qemu-img create -q -f vpc -o subformat=fixed f.vhd 3M
qemu-io -f vpc -c "write -P 4 1M 64k" f.vhd
"""
CASES += table(
    "vpc/read",
    """
    info | qemu-img info a.vhd ; qemu-img info --output=json a.vhd
    info-fixed | qemu-img info f.vhd ; qemu-img info -f vpc --output=json f.vhd
    map | qemu-img map a.vhd ; qemu-img map --output=json a.vhd
    map-fixed | qemu-img map -f vpc f.vhd ; qemu-img map -f vpc --output=json f.vhd
    check | qemu-img check a.vhd ; qemu-img check --output=json a.vhd ; qemu-img check -r all a.vhd
    snapshots | qemu-img snapshot -l a.vhd
    io | qemu-io -r -c "read -P 1 1M 64k" -c "read -P 2 5000k 3k" -c "read -P 0 2M 1M" -c "read -v 0 32" a.vhd
    io-beyond | qemu-io -r -c "read 10514432 512" -c "read 10513920 1k" a.vhd
    io-info | qemu-io -r -c info -c map -c "alloc 0 10M" -c "alloc 2M 1M" a.vhd
    convert-raw | qemu-img convert -O raw a.vhd b.raw ; qemu-img compare a.vhd b.raw
    convert-fixed-raw | qemu-img convert -f vpc -O raw f.vhd b.raw
    convert-qcow2 | qemu-img convert -f vpc -O qcow2 a.vhd b.qcow2
    convert-vpc | qemu-img convert -O vpc a.vhd b.vhd ; qemu-img map --output=json b.vhd
    convert-vpc-forced | qemu-img convert -O vpc -o force_size=on a.vhd b.vhd ; qemu-img info b.vhd
    convert-to-fixed | qemu-img convert -O vpc -o subformat=fixed a.vhd b.vhd ; qemu-img map -f vpc --output=json b.vhd
    convert-vdi | qemu-img convert -O vdi a.vhd b.vdi
    size-rule | qemu-img info --image-opts driver=vpc,file.filename=a.vhd,force_size_calc=chsx
    json | qemu-img info 'json:{"driver":"vpc","file":{"driver":"file","filename":"a.vhd"}}'
    as-raw | qemu-img info -f raw a.vhd
    """,
    setup=_WRITTEN,
)

CASES += table(
    "vpc/write",
    """
    new-block | qemu-io -c "write -P 7 3M 4k" a.vhd ; qemu-img map --output=json a.vhd
    in-place | qemu-io -c "write -P 7 1M 4k" -c "read -v 1048570 16" a.vhd
    across | qemu-io -c "write -P 7 1900k 3M" a.vhd
    unaligned | qemu-io -c "write -P 7 2097153 3" -c "read -v 2097150 16" a.vhd
    whole | qemu-io -c "write -P 7 0 10514432" a.vhd
    zeroes | qemu-io -c "write -z 3M 1M" a.vhd
    zeroes-unmap | qemu-io -c "write -zu 1M 1M" a.vhd
    zeroes-no-fallback | qemu-io -c "write -zn 3M 1M" a.vhd
    discard | qemu-io -c "discard 1M 1M" -c "read -P 1 1M 64k" a.vhd
    flush | qemu-io -c "write -P 7 3M 4k" -c flush -c "write -P 8 7M 4k" -c "read -P 7 3M 4k" a.vhd
    resize | qemu-io -c "truncate 20M" a.vhd
    read-only | qemu-io -r -c "write 0 4k" a.vhd
    fixed | qemu-io -f vpc -c "write -P 7 100k 2M" -c "write -z 0 10k" f.vhd ; qemu-img info -f vpc f.vhd
    partial-bitmap | @poke a.vhd 0x800 00 ; qemu-io -c "read -P 1 1M 64k" -c "write -P 7 1M 4k" a.vhd
    convert-into | qemu-img create -q -f raw r.raw 10M ; qemu-io -f raw -c "write -P 9 3M 1M" r.raw ; qemu-img convert -n -O vpc r.raw a.vhd
    swap | qemu-io -c "write -P 7 3M 4k" a.vhd ; swap: qemu-io -c "write -P 8 7M 4k" a.vhd ; qemu-io -c "write -P 9 9M 4k" a.vhd
    no-footer | @truncate a.vhd 4197376 ; qemu-io -c "write -P 7 3M 4k" a.vhd
    """,
    setup=_WRITTEN,
)

CASES += table(
    "vpc/damage",
    """
    magic | @poke a.vhd 0 03 ; qemu-img info a.vhd ; qemu-img info -f vpc a.vhd
    checksum | @poke a.vhd 64 03 ; qemu-img info a.vhd ; qemu-io -r -c "read 0 4k" a.vhd
    features | @poke a.vhd 8 03 ; qemu-img info a.vhd
    end-footer | @write a.vhd 4197376 512 7 ; qemu-img info a.vhd
    dynamic-magic | @poke a.vhd 0x200 03 ; qemu-img info a.vhd
    dynamic-checksum | @poke a.vhd 0x224 03 ; qemu-img info a.vhd
    table-offset | @poke a.vhd 0x210 03 ; qemu-img info a.vhd
    table-offset-max | @poke a.vhd 0x210 ffffffffffffffff ; qemu-img info a.vhd
    entries | @poke a.vhd 0x21c 00000005 ; qemu-img info a.vhd
    entries-more | @poke a.vhd 0x21c 00000010 ; qemu-img info a.vhd
    entries-many | @poke a.vhd 0x21c 3b9aca00 ; qemu-img info a.vhd
    entries-most | @poke a.vhd 0x21c ee6b2800 ; qemu-img info a.vhd
    block-size-0 | @poke a.vhd 0x220 00000000 ; qemu-img info a.vhd
    block-size-512 | @poke a.vhd 0x220 00000200 ; qemu-img info a.vhd
    block-size-3M | @poke a.vhd 0x220 00300000 ; qemu-img info a.vhd
    block-size-odd | @poke a.vhd 0x223 03 ; qemu-img info a.vhd
    entry-beyond | @poke a.vhd 0x604 00ffffff ; qemu-img info a.vhd
    entry-max | @poke a.vhd 0x604 fffffffe ; qemu-img info a.vhd
    entry-low | @poke a.vhd 0x604 00000001 ; qemu-img info a.vhd ; qemu-img map --output=json a.vhd
    short | @truncate a.vhd 600 ; qemu-img info a.vhd
    short-511 | @truncate a.vhd 511 ; qemu-img info -f vpc a.vhd
    empty | @truncate a.vhd 0 ; qemu-img info -f vpc a.vhd
    fixed-no-footer | @truncate f.vhd 3M ; qemu-img info -f vpc f.vhd
    fixed-checksum | @poke f.vhd 3168320 00 ; qemu-img info -f vpc f.vhd
    fixed-trailing | @append f.vhd 512 7 ; qemu-img info -f vpc f.vhd
    """,
    setup=_WRITTEN,
    loose="images",
)

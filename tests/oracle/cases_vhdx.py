"""VHDX: every way to make one, reading, writing, damage. Images made are compared byte for byte but
for GUIDs, sequence numbers and the log (foreign.py)."""

from case import table

CASES = table(
    "vhdx/create",
    """
    plain | qemu-img create -f vhdx a.vhdx 10M ; qemu-img info a.vhdx ; qemu-img info --output=json a.vhdx ; qemu-img map --output=json a.vhdx ; qemu-img map a.vhdx ; qemu-img check a.vhdx
    fixed | qemu-img create -f vhdx -o subformat=fixed a.vhdx 5M ; qemu-img info a.vhdx
    fixed-blocks | qemu-img create -f vhdx -o subformat=fixed,block_size=1M,block_state_zero=off a.vhdx 5000k ; qemu-img info a.vhdx
    fixed-zero | qemu-img create -f vhdx -o subformat=fixed,block_size=1M,block_state_zero=on a.vhdx 5000k
    dynamic | qemu-img create -f vhdx -o subformat=dynamic a.vhdx 5M
    subformat-bad | qemu-img create -f vhdx -o subformat=foo a.vhdx 5M ; try: @rm a.vhdx
    state-off | qemu-img create -f vhdx -o block_state_zero=off a.vhdx 5M
    state-on | qemu-img create -f vhdx -o block_state_zero=on a.vhdx 5M
    state-bad | qemu-img create -f vhdx -o block_state_zero=maybe a.vhdx 5M
    blocks | qemu-img create -f vhdx -o block_size=1M,log_size=2M a.vhdx 5M ; qemu-img info a.vhdx
    block-1 | qemu-img create -f vhdx -o block_size=1 a.vhdx 5M ; qemu-img info a.vhdx
    block-odd | qemu-img create -f vhdx -o block_size=1000000 a.vhdx 5M ; qemu-img info a.vhdx
    block-3M | qemu-img create -f vhdx -o block_size=3M a.vhdx 5M ; try: @rm a.vhdx
    block-257M | qemu-img create -f vhdx -o block_size=257M a.vhdx 5M ; qemu-img info a.vhdx
    block-1G | qemu-img create -f vhdx -o block_size=1G a.vhdx 5M ; qemu-img info a.vhdx
    log-0 | qemu-img create -f vhdx -o log_size=0 a.vhdx 5M ; try: @rm a.vhdx
    log-1 | qemu-img create -f vhdx -o log_size=1 a.vhdx 5M
    log-odd | qemu-img create -f vhdx -o log_size=1500k a.vhdx 5M ; qemu-img info a.vhdx
    log-3M | qemu-img create -f vhdx -o log_size=3M a.vhdx 5M
    log-4G | qemu-img create -f vhdx -o log_size=4G a.vhdx 5M ; try: @rm a.vhdx
    log-5G | qemu-img create -f vhdx -o log_size=5G a.vhdx 5M ; try: @rm a.vhdx
    preallocation | qemu-img create -f vhdx -o preallocation=full a.vhdx 5M
    size-1 | qemu-img create -f vhdx a.vhdx 1 ; qemu-img info a.vhdx
    size-513 | qemu-img create -f vhdx a.vhdx 513 ; qemu-img info a.vhdx
    size-1G | qemu-img create -f vhdx a.vhdx 1G ; qemu-img info a.vhdx
    size-over-1G | qemu-img create -f vhdx a.vhdx 1073742336 ; qemu-img info a.vhdx
    size-100G | qemu-img create -f vhdx a.vhdx 100G ; qemu-img info a.vhdx
    size-101G | qemu-img create -f vhdx a.vhdx 101G ; qemu-img info a.vhdx
    size-33T | qemu-img create -f vhdx a.vhdx 33T ; qemu-img info a.vhdx
    size-64T | qemu-img create -f vhdx a.vhdx 64T ; qemu-img info a.vhdx
    size-65T | qemu-img create -f vhdx a.vhdx 65T ; try: @rm a.vhdx
    chunks | qemu-img create -f vhdx -o block_size=1M a.vhdx 9G ; qemu-img info a.vhdx
    unknown-key | qemu-img create -f vhdx -o static=on a.vhdx 3M
    backing | qemu-img create -f vhdx -b b.raw -F raw a.vhdx 3M
    help | qemu-img create -f vhdx -o help ; qemu-img create -f vhdx -o help a.vhdx
    """,
)

_WRITTEN = """
qemu-img create -q -f vhdx -o block_size=1M a.vhdx 10M
qemu-io -f vhdx -c "write -P 1 1M 64k" -c "write -P 2 5000k 3k" -c "write -P 3 0 10" a.vhdx
"""
CASES += table(
    "vhdx/read",
    """
    info | qemu-img info a.vhdx ; qemu-img info --output=json a.vhdx
    map | qemu-img map a.vhdx ; qemu-img map --output=json a.vhdx
    check | qemu-img check a.vhdx ; qemu-img check --output=json a.vhdx ; qemu-img check -r all a.vhdx
    snapshots | qemu-img snapshot -l a.vhdx
    io | qemu-io -r -c "read -P 1 1M 64k" -c "read -P 2 5000k 3k" -c "read -P 0 2M 1M" -c "read -v 0 32" a.vhdx
    io-beyond | qemu-io -r -c "read 10M 512" -c "read 10485248 1k" a.vhdx
    io-info | qemu-io -r -c info -c map -c "alloc 0 10M" -c "alloc 2M 1M" a.vhdx
    convert-raw | qemu-img convert -O raw a.vhdx b.raw ; qemu-img compare a.vhdx b.raw
    convert-qcow2 | qemu-img convert -f vhdx -O qcow2 a.vhdx b.qcow2
    convert-vhdx | qemu-img convert -O vhdx a.vhdx b.vhdx ; qemu-img check b.vhdx
    convert-blocks | qemu-img convert -O vhdx -o block_size=1M a.vhdx b.vhdx ; qemu-img check b.vhdx
    convert-fixed | qemu-img convert -O vhdx -o subformat=fixed,block_state_zero=off a.vhdx b.vhdx ; qemu-img check b.vhdx
    convert-vpc | qemu-img convert -O vpc a.vhdx b.vhd
    json | qemu-img info 'json:{"driver":"vhdx","file":{"driver":"file","filename":"a.vhdx"}}'
    """,
    setup=_WRITTEN,
)

CASES += table(
    "vhdx/write",
    """
    new-block | qemu-io -c "write -P 7 3M 4k" a.vhdx ; qemu-img check a.vhdx
    in-place | qemu-io -c "write -P 7 1M 4k" -c "read -v 1048570 16" a.vhdx
    across | qemu-io -c "write -P 7 1900k 3M" a.vhdx ; qemu-img check a.vhdx
    unaligned | qemu-io -c "write -P 7 2097153 3" -c "read -v 2097150 16" a.vhdx
    whole | qemu-io -c "write -P 7 0 10M" a.vhdx ; qemu-img check a.vhdx
    zeroes | qemu-io -c "write -z 3M 1M" a.vhdx
    zeroes-no-fallback | qemu-io -c "write -zn 3M 1M" a.vhdx
    discard | qemu-io -c "discard 1M 1M" -c "read -P 1 1M 64k" a.vhdx
    flush | qemu-io -c "write -P 7 3M 4k" -c flush -c "write -P 8 7M 4k" -c "read -P 7 3M 4k" a.vhdx
    resize | qemu-io -c "truncate 20M" a.vhdx
    read-only | qemu-io -r -c "write 0 4k" a.vhdx
    chunks | qemu-img create -q -f vhdx -o block_size=1M c.vhdx 9G ; qemu-io -c "write -P 7 4095M 4M" -c "write -P 8 8191M 2M" c.vhdx ; swap: qemu-io -c "read -P 7 4095M 4M" -c "read -P 8 8191M 2M" c.vhdx
    fixed | qemu-img create -q -f vhdx -o subformat=fixed,block_state_zero=off,block_size=1M f.vhdx 5000k ; qemu-io -c "write -P 7 4M 100k" f.vhdx ; swap: qemu-io -c "read -P 7 4M 100k" f.vhdx
    convert-into | qemu-img create -q -f raw r.raw 10M ; qemu-io -f raw -c "write -P 9 3M 1M" r.raw ; qemu-img convert -n -O vhdx r.raw a.vhdx ; qemu-img check a.vhdx
    swap | qemu-io -c "write -P 7 3M 4k" a.vhdx ; swap: qemu-io -c "write -P 8 7M 4k" a.vhdx ; qemu-io -c "write -P 9 8M 4k" a.vhdx ; qemu-img check a.vhdx
    """,
    setup=_WRITTEN,
)

# Stock says no more than "Invalid argument" of most of these; ours says what is wrong.
CASES += table(
    "vhdx/damage",
    """
    signature | @poke a.vhdx 0 03 ; qemu-img info a.vhdx ; qemu-img info -f vhdx a.vhdx
    one-header | @poke a.vhdx 0x10000 03 ; qemu-img info a.vhdx ; qemu-io -c "write -P 5 3M 4k" a.vhdx ; qemu-img info a.vhdx
    other-header | @poke a.vhdx 0x20000 03 ; qemu-img info a.vhdx
    both-headers | @poke a.vhdx 0x10000 03 ; @poke a.vhdx 0x20000 03 ; qemu-img info a.vhdx
    second-region-table | @poke a.vhdx 0x40000 03 ; qemu-img info a.vhdx
    one-region-table | @poke a.vhdx 0x30000 03 ; qemu-img info a.vhdx
    both-region-tables | @poke a.vhdx 0x30000 03 ; @poke a.vhdx 0x40000 03 ; qemu-img info a.vhdx
    metadata-signature | @poke a.vhdx 0x300000 03 ; qemu-img info a.vhdx
    metadata-count | @poke a.vhdx 0x30000a 0400 ; qemu-img info a.vhdx
    metadata-many | @poke a.vhdx 0x30000a ffff ; qemu-img info a.vhdx
    metadata-offset | @poke a.vhdx 0x300030 00010000 ; qemu-img info a.vhdx
    metadata-offset-max | @poke a.vhdx 0x300030 f0ffffff ; qemu-img info a.vhdx
    metadata-unknown | @poke a.vhdx 0x300020 03 ; qemu-img info a.vhdx
    block-size-0 | @poke a.vhdx 0x310000 00000000 ; qemu-img info a.vhdx
    block-size-3M | @poke a.vhdx 0x310000 00003000 ; qemu-img info a.vhdx
    block-size-512M | @poke a.vhdx 0x310000 00000020 ; qemu-img info a.vhdx
    parent | @poke a.vhdx 0x310004 02 ; qemu-img info a.vhdx
    size-large | @poke a.vhdx 0x310008 0000000000400000 ; qemu-img info a.vhdx
    size-max | @poke a.vhdx 0x310008 00feffffffffffff ; qemu-img info a.vhdx
    sector-4096 | @poke a.vhdx 0x310020 00100000 ; qemu-img info a.vhdx
    state-4 | @poke a.vhdx 0x200008 04 ; qemu-io -c "read 1M 4k" -c "write 1M 4k" a.vhdx
    state-7 | @poke a.vhdx 0x200008 07 ; qemu-io -c "read 1M 4k" -c "write 1M 4k" a.vhdx
    state-3 | @poke a.vhdx 0x200008 03 ; qemu-io -c "read -P 0 1M 4k" -c "write -P 1 1M 4k" a.vhdx
    entry-beyond | @poke a.vhdx 0x200008 0600000000010000 ; qemu-img info a.vhdx ; qemu-img check a.vhdx
    entry-overflow | @poke a.vhdx 0x200008 060000000000f0ff ; qemu-img info a.vhdx
    entry-on-log | @poke a.vhdx 0x200008 0600100000000000 ; qemu-img info a.vhdx
    entry-twice | @poke a.vhdx 0x200010 0600800000000000 ; qemu-img check a.vhdx
    short-data | @truncate a.vhdx 9000000 ; qemu-img info a.vhdx
    short-metadata | @truncate a.vhdx 3M ; qemu-img info a.vhdx
    short-headers | @truncate a.vhdx 100k ; qemu-img info a.vhdx
    empty | @truncate a.vhdx 0 ; qemu-img info -f vhdx a.vhdx
    """,
    setup=_WRITTEN,
    loose="images stderr",
)

CASES += table(
    "vhdx/log",
    """
    read-only | qemu-img info a.vhdx ; qemu-img check a.vhdx ; qemu-img convert -O raw a.vhdx b.raw
    repaired | qemu-img check -r all a.vhdx ; qemu-img check a.vhdx ; qemu-io -r -c "read -P 0 1M 64k" a.vhdx
    repaired-json | qemu-img check -r leaks --output=json a.vhdx
    opened | qemu-io -c "read -P 0 1M 64k" -c "read -P 2 5000k 3k" a.vhdx ; qemu-img info a.vhdx
    """,
    setup=_WRITTEN + "@vhdx-log a.vhdx 3",
)

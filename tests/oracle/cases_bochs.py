"""Growing Bochs images: reading, refusals, damaged headers."""

from case import table
from read_only_format import SOURCE, cases, damaged

CASES = cases("bochs")

CASES += table(
    "bochs/forms",
    """
    version1 | @bochs s.raw v1.bochs 1 ; qemu-img info v1.bochs ; qemu-img compare s.raw v1.bochs
    small-extents | @bochs s.raw b.bochs 2 512 ; qemu-img compare s.raw b.bochs ; qemu-io -r -c "read -P 0x31 511 3000" b.bochs
    large-extents | @bochs s.raw b.bochs 2 1M ; qemu-img compare s.raw b.bochs ; qemu-img convert -O raw b.bochs c.raw
    odd-extents | @bochs s.raw b.bochs 2 8k ; qemu-img compare s.raw b.bochs ; qemu-img convert -O raw b.bochs c.raw
    """,
    setup=SOURCE,
)

CASES += damaged(
    "bochs",
    """
    magic | @poke v.bochs 0 41 ; qemu-img info v.bochs
    magic-longer | @poke v.bochs 22 41 ; qemu-img info v.bochs
    magic-behind | @poke v.bochs 30 41 ; qemu-img info v.bochs
    type | @poke v.bochs 32 41 ; qemu-img info v.bochs
    subtype | @poke v.bochs 48 41 ; qemu-img info v.bochs
    version-0 | @poke v.bochs 64 00000000 ; qemu-img info v.bochs
    version-3 | @poke v.bochs 64 00000300 ; qemu-img info v.bochs
    version-1 | @poke v.bochs 64 00000100
    header-0 | @poke v.bochs 68 00000000
    header-1k | @poke v.bochs 68 00040000
    header-huge | @poke v.bochs 68 ffffffff
    catalog-0 | @poke v.bochs 72 00000000
    catalog-small | @poke v.bochs 72 01000000
    catalog-max | @poke v.bochs 72 00001000
    catalog-large | @poke v.bochs 72 01001000
    catalog-huge | @poke v.bochs 72 ffffffff
    bitmap-0 | @poke v.bochs 76 00000000
    bitmap-4k | @poke v.bochs 76 00100000
    bitmap-huge | @poke v.bochs 76 ffffffff
    extent-0 | @poke v.bochs 80 00000000
    extent-256 | @poke v.bochs 80 00010000
    extent-512 | @poke v.bochs 80 00020000
    extent-odd | @poke v.bochs 80 01000100
    extent-8M | @poke v.bochs 80 00008000
    extent-16M | @poke v.bochs 80 00000001
    extent-huge | @poke v.bochs 80 ffffffff
    disk-0 | @poke v.bochs 88 0000000000000000
    disk-1 | @poke v.bochs 88 0100000000000000
    disk-odd | @poke v.bochs 88 0102000000000000
    disk-larger | @poke v.bochs 88 0000200000000000
    disk-huge | @poke v.bochs 88 ffffffffffffffff
    disk-negative | @poke v.bochs 88 0000000000000080
    entry-far | @poke v.bochs 512 ff000000
    entry-huge | @poke v.bochs 512 feffffff
    entry-absent | @poke v.bochs 512 ffffffff
    cut-header | @truncate v.bochs 300
    cut-catalog | @truncate v.bochs 540
    cut-data | @truncate v.bochs 100000
    """,
)

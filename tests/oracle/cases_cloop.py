"""Cloop images: reading, refusals, damaged tables and blocks."""

from case import table
from read_only_format import SOURCE, cases, damaged

CASES = cases("cloop")

CASES += table(
    "cloop/forms",
    """
    small-blocks | @cloop s.raw b.cloop 512 ; qemu-img info b.cloop ; qemu-img compare s.raw b.cloop
    large-blocks | @cloop s.raw b.cloop 2M ; qemu-img info b.cloop ; qemu-img map --output=json b.cloop ; qemu-img convert -O raw b.cloop c.raw
    odd-blocks | @cloop s.raw b.cloop 1536 ; qemu-img info b.cloop ; qemu-img compare s.raw b.cloop ; qemu-img convert -O raw b.cloop c.raw
    """,
    setup=SOURCE,
)

CASES += damaged(
    "cloop",
    """
    script | @poke v.cloop 0 41 ; qemu-img info v.cloop
    script-end | @poke v.cloop 72 41 ; qemu-img info v.cloop
    script-behind | @poke v.cloop 100 41 ; qemu-img info v.cloop
    block-0 | @poke v.cloop 128 00000000
    block-1 | @poke v.cloop 128 00000001
    block-1k | @poke v.cloop 128 00000400
    block-larger | @poke v.cloop 128 00020000
    block-large | @poke v.cloop 128 04000200
    blocks-0 | @poke v.cloop 132 00000000
    blocks-1 | @poke v.cloop 132 00000001
    blocks-more | @poke v.cloop 132 00000020
    blocks-many | @poke v.cloop 132 00100000
    blocks-64M | @poke v.cloop 132 04000000
    blocks-huge | @poke v.cloop 132 ffffffff
    place-huge | @poke v.cloop 136 ffffffffffffffff
    place-0 | @poke v.cloop 136 0000000000000000
    place-far | @poke v.cloop 144 00000000ffffffff
    place-back | @poke v.cloop 144 0000000000000000
    place-last | @poke v.cloop 264 00000000ffffffff
    block-damaged | @poke v.cloop 280 0000
    block-sum | @poke v.cloop -4 0000
    cut-header | @truncate v.cloop 100
    cut-sizes | @truncate v.cloop 130
    cut-table | @truncate v.cloop 150
    cut-table-whole | @truncate v.cloop 272
    cut-data | @truncate v.cloop 1000
    """,
)

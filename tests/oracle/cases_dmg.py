"""UDIF images (dmg): reading, refusals, damage. Stock says only "Invalid argument" of most damage,
and ours names the field: there the messages are not compared, but all else is."""

from case import table
from read_only_format import SOURCE, cases, damaged

CASES = cases("dmg")

CASES += table(
    "dmg/forms",
    """
    fork | @dmg s.raw b.dmg zlib 64k fork ; qemu-img info b.dmg ; qemu-img compare s.raw b.dmg
    raw-chunks | @dmg s.raw b.dmg raw+zlib 32k ; qemu-img compare s.raw b.dmg ; qemu-io -r -c "read -P 0x31 31k 2k" b.dmg
    small-chunks | @dmg s.raw b.dmg zlib+raw 512 ; qemu-img compare s.raw b.dmg ; qemu-img convert -O raw b.dmg c.raw
    large-chunks | @dmg s.raw b.dmg zlib 1M ; qemu-img compare s.raw b.dmg
    tables | @dmg s.raw b.dmg zlib+raw 16k plist 3 ; qemu-img compare s.raw b.dmg
    tables-fork | @dmg s.raw b.dmg raw+zlib 16k fork 5 ; qemu-img compare s.raw b.dmg
    zero | @dmg s.raw b.dmg zero+zlib ; qemu-img convert -O raw b.dmg c.raw
    ignored | @dmg s.raw b.dmg zlib+ignore ; qemu-img convert -O raw b.dmg c.raw
    unknown | @dmg s.raw b.dmg zlib+adc ; qemu-img info b.dmg ; qemu-io -r -c "read 0 64k" -c "read 64k 512" b.dmg
    lzfse | @dmg s.raw b.dmg lzfse+zlib ; qemu-img info b.dmg ; qemu-io -r -c "read 64k 64k" -c "read 0 512" b.dmg
    probe-name | @dmg s.raw b.img ; qemu-img info b.img ; @cp b.img B.DMG ; qemu-img info B.DMG
    probe-signature | qemu-img create -q -f qcow2 q.dmg 1M ; qemu-img info q.dmg
    probe-none | @cp s.raw x.dmg ; qemu-img info x.dmg
    behind | @dmg s.raw b.dmg ; @append b.dmg 1000 0 ; qemu-img info b.dmg
    short | @truncate b.dmg 400 ; qemu-img info b.dmg
    """,
    setup=SOURCE,
)

CASES += damaged(
    "dmg",
    """
    trailer | @poke v.dmg -512 41
    version | @poke v.dmg -508 00000005
    header-size | @poke v.dmg -504 00000100
    data-offset | @poke v.dmg -488 0000000000000100
    data-offset-huge | @poke v.dmg -488 ffffffffffffffff
    data-length | @poke v.dmg -480 ffffffffffffffff
    list-offset-far | @poke v.dmg -296 0000000000100000
    list-offset-huge | @poke v.dmg -296 ffffffffffffffff
    list-length-0 | @poke v.dmg -288 0000000000000000
    list-length-huge | @poke v.dmg -288 ffffffffffffffff
    list-length-far | @poke v.dmg -288 0000000010000000
    sectors-huge | @poke v.dmg -20 ffffffffffffffff
    sectors-1 | @poke v.dmg -20 0000000000000001
    sectors-0 | @poke v.dmg -20 0000000000000000
    sectors-more | @poke v.dmg -20 0000000000001000
    block | @poke v.dmg 20 ffffffff
    """,
    loose="stderr",
)


def _fork(rows):
    """Damage of an image whose tables stand in a resource fork; AT is where the fork begins."""
    lines = []
    for row in rows.splitlines():
        name, _, what = row.strip().partition("|")
        if not what:
            continue
        offset, text = what.split()
        lines.append(f"{name}| @poke v.dmg {int(offset) - _FORK_END} {text} ; "
                     "qemu-img info v.dmg ; qemu-img convert -O raw v.dmg v.raw")
    return table("dmg/fork", "\n".join(lines), loose="stderr",
                 setup=SOURCE + "@dmg s.raw v.dmg zlib 64k fork")


# From the fork's first byte to the file's end: header, length, table of 18 chunks, trailer.
_FORK_END = 256 + 4 + 204 + 18 * 40 + 512
CASES += _fork(
    """
    data-offset | 0 00000200
    data-offset-0 | 0 00000000
    map-offset | 4 00000000
    data-length-0 | 8 00000000
    data-length-16 | 8 00000010
    data-length-huge | 8 ffffffff
    piece-0 | 256 00000000
    piece-short | 256 00000100
    piece-huge | 256 ffffffff
    table-version | 264 00000002
    table-sector | 268 0000000000000010
    table-count | 276 0000000000000010
    table-offset | 284 0000000000000010
    table-chunks | 460 00000001
    chunk-unknown | 504 00000003
    chunk-sector | 512 0000000000000001
    chunk-sector-huge | 512 ffffffffffffffff
    chunk-count-0 | 520 0000000000000000
    chunk-count-more | 520 0000000000000100
    chunk-count-max | 520 0000000000020000
    chunk-count-large | 520 0000000000020001
    chunk-count-huge | 520 ffffffffffffffff
    chunk-offset | 528 0000000000000001
    chunk-offset-huge | 528 ffffffffffffffff
    chunk-length-max | 536 0000000004000000
    chunk-length-large | 536 0000000004000001
    chunk-length-1 | 536 0000000000000001
    chunk-length-0 | 536 0000000000000000
    """
)

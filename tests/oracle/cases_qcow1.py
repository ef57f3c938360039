"""Images of the first version of qcow: reading, backing files, compressed clusters, damage."""

from case import table
from read_only_format import SOURCE

_SETUP = SOURCE + """
    qemu-img create -q -f qcow q.qcow 4M
    qemu-io -f qcow -c "write -P 1 0 100k" -c "write -P 2 1M 1k" -c "write -z 2M 128k" q.qcow
    qemu-img create -q -f qcow -b s.raw -F raw b.qcow
    qemu-io -f qcow -c "write -P 3 5k 1k" -c "write -P 4 1047552 1k" b.qcow
    try: qemu-img convert -c -O qcow s.raw c.qcow
    try: qemu-img convert -c -O qcow r.raw p.qcow
    @cp q.qcow v.qcow
    @cp c.qcow w.qcow
"""

CASES = table(
    "qcow1",
    """
    info | qemu-img info q.qcow ; qemu-img info --output=json q.qcow ; qemu-img info b.qcow ; qemu-img info --output=json b.qcow ; qemu-img info c.qcow
    chain | qemu-img info --backing-chain b.qcow ; qemu-img info --backing-chain --output=json b.qcow
    image-opts | qemu-img info --image-opts driver=qcow,file.filename=q.qcow ; qemu-img info --image-opts driver=qcow,file.filename=q.qcow,foo=1
    map | qemu-img map q.qcow ; qemu-img map --output=json q.qcow ; qemu-img map b.qcow ; qemu-img map --output=json b.qcow
    map-compressed | qemu-img map c.qcow ; qemu-img map --output=json c.qcow
    check | qemu-img check q.qcow ; qemu-img check --output=json c.qcow
    compare | qemu-img compare s.raw c.qcow ; qemu-img compare s.raw b.qcow ; qemu-img compare q.qcow c.qcow
    convert | qemu-img convert -O raw q.qcow q.raw ; qemu-img convert -O raw b.qcow b.raw ; qemu-img convert -O raw c.qcow c.raw ; qemu-img convert -O raw p.qcow p.raw
    convert-qcow2 | qemu-img convert -O qcow2 b.qcow b2.qcow2 ; qemu-img convert -f qcow -O qcow2 c.qcow c2.qcow2
    read | qemu-io -r -c "read -P 1 0 100k" -c "read -P 0 100k 4k" -c "read -P 2 1M 1k" -c "read -P 0 4095k 1k" -c "read 4M 512" q.qcow
    read-compressed | qemu-io -r -c "read -P 0x31 511 70000" -c "read -P 0x32 716800 5000" -c "read -v 307190 20" c.qcow
    alloc | qemu-io -r -c map -c "alloc 0 4M" q.qcow ; qemu-io -r -c map b.qcow
    overlay | qemu-img create -q -f qcow2 -b c.qcow -F qcow o.qcow2 ; qemu-io -c "write -P 7 2k 4k" o.qcow2 ; qemu-img map --output=json o.qcow2
    read-only | qemu-io -r -c "write 0 4k" -c "write -z 0 4k" -c "discard 0 4k" q.qcow
    """,
    setup=_SETUP,
)

# What stock says of a few of them is no more than "Input/output error", and ours names the field.
_LOOK = " ; qemu-img info -f qcow v.qcow ; qemu-img convert -f qcow -O raw v.qcow v.raw"


def _damage(rows, loose=""):
    lines = [row.strip() + _LOOK for row in rows.splitlines() if row.strip()]
    return table("qcow1/damage", "\n".join(lines), setup=_SETUP, loose=loose)


CASES += _damage(
    """
    magic | @poke v.qcow 0 41
    version-0 | @poke v.qcow 4 00000000
    version-2 | @poke v.qcow 4 00000002
    backing-offset | @poke v.qcow 8 0000000000100000
    size-0 | @poke v.qcow 24 0000000000000000
    size-1 | @poke v.qcow 24 0000000000000001
    size-256 | @poke v.qcow 24 0000000000000100
    size-odd | @poke v.qcow 24 0000000000100123
    size-huge | @poke v.qcow 24 ffffffffffffffff
    cluster-8 | @poke v.qcow 32 08
    cluster-9 | @poke v.qcow 32 09
    cluster-16 | @poke v.qcow 32 10
    cluster-17 | @poke v.qcow 32 11
    l2-5 | @poke v.qcow 33 05
    l2-6 | @poke v.qcow 33 06
    l2-14 | @poke v.qcow 33 0e
    l2-255 | @poke v.qcow 33 ff
    crypt-2 | @poke v.qcow 36 00000002
    """
)

CASES += _damage(
    """
    crypt-1 | @poke v.qcow 36 00000001
    l1-offset-huge | @poke v.qcow 40 ffffffffffffffff
    backing-huge | @poke v.qcow 8 7fffffffffffffff ; @poke v.qcow 16 00000010
    compressed-damaged | @cp w.qcow v.qcow ; @poke v.qcow -3000 0000000000000000
    compressed-cut | @cp w.qcow v.qcow ; @truncate v.qcow 5000
    """,
    loose="stderr",
)

CASES += table(
    "qcow1/backing",
    """
    name-long | @poke b.qcow 16 00000400 ; qemu-img info b.qcow
    name-none | @poke b.qcow 16 00000000 ; qemu-img info b.qcow ; qemu-img map --output=json b.qcow
    offset-0 | @poke b.qcow 8 0000000000000000 ; qemu-img info b.qcow
    missing | @rm s.raw ; qemu-img info b.qcow ; qemu-img convert -O raw b.qcow b.raw
    """,
    setup=_SETUP,
)

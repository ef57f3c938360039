"""Cases that every format has which stock only reads: what is asked of `a.NAME`, and what is
refused. They begin with SOURCE, from which `@NAME s.raw a.NAME` makes the image."""

from case import table

SOURCE = """
    @truncate s.raw 1M
    @write s.raw 0 300k 0x31
    @random r.raw 5k 9
    @write s.raw 700k 5000 0x32
    @write s.raw 1040000 8576 0x33
"""

_ROWS = """
    info | qemu-img info a.NAME ; qemu-img info --output=json a.NAME ; qemu-img info -f NAME a.NAME
    image-opts | qemu-img info --image-opts driver=NAME,file.filename=a.NAME ; qemu-img info 'json:{"driver":"NAME","file":{"driver":"file","filename":"a.NAME"}}'
    option-unknown | qemu-img info --image-opts driver=NAME,file.filename=a.NAME,foo=1
    map | qemu-img map a.NAME ; qemu-img map --output=json a.NAME
    check | qemu-img check a.NAME ; qemu-img check -r all a.NAME ; qemu-img check --output=json a.NAME
    compare | qemu-img compare s.raw a.NAME ; qemu-img compare -f NAME -F raw a.NAME s.raw
    convert-raw | qemu-img convert -O raw a.NAME b.raw ; qemu-img convert -f NAME -O raw a.NAME c.raw
    convert-qcow2 | qemu-img convert -O qcow2 a.NAME b.qcow2 ; qemu-img map --output=json b.qcow2
    convert-n | qemu-img convert -n s.raw -O NAME a.NAME ; qemu-img convert -n -f raw s.raw -O NAME a.NAME
    convert-to | qemu-img convert -O NAME s.raw x.NAME
    create | qemu-img create -f NAME x.NAME 1M ; qemu-img create -f NAME -o help
    read | qemu-io -r -c "read -v 307190 20" a.NAME ; qemu-io -r -c "read -P 0x31 1000 200000" -c "read -P 0x31 64k 64k" -c "read -P 0 400k 200k" -c "read -P 0x33 1040000 8576" a.NAME
    read-ends | qemu-io -r -c "read 1M 512" -c "read 1048064 1024" -c "read 0 1M" a.NAME
    alloc | qemu-io -r -c "alloc 0 1k" -c map -c "alloc 600k 64k" a.NAME
    write | qemu-io -c "write 0 4k" a.NAME ; qemu-io -r -c "write 0 4k" -c "write -z 0 4k" -c "discard 0 4k" -c flush a.NAME
    write-wrong | qemu-io -f NAME -c "write 0 4k" s.raw ; qemu-io -f NAME -c "write 0 4k" none
    snapshot | qemu-img snapshot -l a.NAME ; qemu-img snapshot -c one a.NAME
    bitmap | qemu-img bitmap --add a.NAME b0
    overlay | qemu-img create -f qcow2 -b a.NAME -F NAME o.qcow2 ; qemu-io -c "write -P 7 2k 4k" -c "read -P 0x31 8k 4k" o.qcow2 ; qemu-img map --output=json o.qcow2 ; qemu-img info --backing-chain o.qcow2
    not-one | qemu-img info -f NAME s.raw ; qemu-img convert -f NAME -O raw s.raw x.raw
    empty-file | @truncate e.NAME 0 ; qemu-img info -f NAME e.NAME
"""


def cases(name):
    setup = SOURCE + f"@{name} s.raw a.{name}"
    return table(name, _ROWS.replace("NAME", name), setup=setup)


def damaged(name, rows, loose=""):
    """Each row is `name | damage`: actions on v.NAME, a copy of a.NAME; both tools look at it."""
    looks = f" ; qemu-img info -f {name} v.{name} ; qemu-img convert -f {name} -O raw v.{name} v.raw"
    lines = [row.strip() + looks for row in rows.splitlines() if row.strip()]
    setup = SOURCE + f"@{name} s.raw a.{name}\n@cp a.{name} v.{name}"
    return table(f"{name}/damage", "\n".join(lines), setup=setup, loose=loose)

"""dd: blocks of images into new images; operands, ranges, errors."""

from case import table

CASES = table(
    "dd",
    """
    plain | qemu-img dd -f raw if=a.raw of=o.raw ; qemu-img dd if=a.qcow2 of=o2.raw
    blocks | qemu-img dd -f raw bs=1M count=2 if=a.raw of=o.raw ; qemu-img dd -f raw bs=64k count=3 skip=1 if=a.raw of=o2.raw
    cut | qemu-img dd -f raw bs=1M count=3 skip=1 if=a.raw of=o.raw ; qemu-img dd -f raw bs=1M count=100 if=a.raw of=o2.raw
    odd | qemu-img dd bs=1000 skip=1 if=a.qcow2 of=o.raw ; qemu-img dd -O qcow2 bs=1000 count=3 if=a.qcow2 of=o.qcow2 ; qemu-img dd -O qcow2 bs=1000 skip=4194 if=a.qcow2 of=o2.qcow2
    qcow2 | qemu-img dd -O qcow2 if=a.qcow2 of=o.qcow2 bs=64k ; qemu-img info o.qcow2 ; qemu-img map --output=json o.qcow2
    from-raw | qemu-img dd -f raw -O qcow2 if=a.raw of=o.qcow2 ; qemu-img check o.qcow2
    skip-all | qemu-img dd -f raw bs=1M skip=4 if=a.raw of=o.raw ; qemu-img dd -f raw -O qcow2 bs=1M skip=4 if=a.raw of=o.qcow2
    skip-too-far | qemu-img dd -f raw bs=1M skip=5 if=a.raw of=o.raw ; qemu-img dd -f raw bs=1M count=2 skip=3 if=a.raw of=o2.raw ; qemu-img dd -f raw bs=1M skip=7E if=a.raw of=o3.raw
    count-none | qemu-img dd -f raw count=0 if=a.raw of=o.raw
    count-huge | qemu-img dd -f raw bs=1M count=1E if=a.raw of=o.raw
    last-wins | qemu-img dd -f raw bs=1k bs=2k count=1 count=2 skip=9 skip=0 if=a.raw if=empty.raw of=o2.raw of=o.raw
    existing | qemu-img dd -f raw if=empty.raw of=a.qcow2 ; qemu-img dd -O qcow2 -f raw if=empty.raw of=a.qcow2
    image-opts | qemu-img dd --image-opts if=driver=raw,file.filename=a.raw of=o.raw ; qemu-img dd --image-opts -f raw if=driver=raw,file.filename=a.raw of=o.raw
    share | qemu-img dd -U -f raw if=a.raw of=o.raw ; qemu-img dd --force-share -f raw if=a.raw of=o2.raw
    object | qemu-img dd --object secret,id=s,data=abc -f raw if=empty.raw of=o.raw ; qemu-img dd --object secret,id=s if=empty.raw of=o2.raw
    files | qemu-img dd ; qemu-img dd if=a.raw ; qemu-img dd of=o.raw ; qemu-img dd bs=4k
    operands | qemu-img dd if=a.raw of=o.raw nope=1 ; qemu-img dd if=a.raw of=o.raw seek=1 ; qemu-img dd if=a.raw of=o.raw foo ; qemu-img dd if=a.raw of=o.raw =foo ; qemu-img dd if=a.raw of=o.raw bs
    bs-bad | qemu-img dd if=a.raw of=o.raw bs=0 ; qemu-img dd if=a.raw of=o.raw bs=foo ; qemu-img dd if=a.raw of=o.raw bs=-1 ; qemu-img dd if=a.raw of=o.raw bs=2G ; qemu-img dd if=a.raw of=o.raw bs=
    bs-large | qemu-img dd -f raw bs=2147483647 if=empty.raw of=o.raw
    count-bad | qemu-img dd if=a.raw of=o.raw count=foo ; qemu-img dd if=a.raw of=o.raw count=9E ; qemu-img dd if=a.raw of=o.raw skip=-1 ; qemu-img dd if=a.raw of=o.raw skip=x
    missing | qemu-img dd -f raw if=none of=o.raw ; qemu-img dd -f raw if= of=o.raw ; qemu-img dd -f raw if=a.raw of= ; qemu-img dd -f raw if=a.raw of=none/o.raw
    formats | qemu-img dd -f nope if=a.raw of=o.raw ; qemu-img dd -f raw -O nope if=a.raw of=o.raw ; qemu-img dd -f raw -O null-co if=a.raw of=o.raw ; qemu-img dd -f raw if=a.raw of=foo:bar
    options-bad | qemu-img dd -n if=a.raw of=o.raw ; qemu-img dd --nope if=a.raw of=o.raw ; qemu-img dd -f
    itself | qemu-img dd -f raw if=a.raw of=a.raw
    """,
    uses="plain",
)

CASES += table(
    "dd/chain",
    """
    top | qemu-img dd -O qcow2 if=top.qcow2 of=o.qcow2 ; qemu-img dd bs=4k skip=3 count=500 if=top.qcow2 of=o.raw
    compressed | qemu-img convert -c -O qcow2 top.qcow2 c.qcow2 ; qemu-img dd if=c.qcow2 of=o.raw bs=100k
    """,
    uses="chain",
    loose="stderr",
)

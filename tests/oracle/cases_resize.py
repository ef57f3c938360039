"""resize: to a size and by one, growing and shrinking, with every preallocation; its errors."""

from case import table

CASES = table(
    "resize",
    """
    grow | qemu-img resize a.qcow2 8M ; qemu-img info a.qcow2 ; qemu-img map --output=json a.qcow2
    grow-by | qemu-img resize a.qcow2 +1M ; qemu-img info a.qcow2
    shrink | qemu-img resize --shrink a.qcow2 1M ; qemu-img info a.qcow2 ; qemu-img map --output=json a.qcow2 ; qemu-img check a.qcow2
    shrink-by | qemu-img resize --shrink a.qcow2 -3M ; qemu-img info a.qcow2
    shrink-and-grow | qemu-img resize --shrink a.qcow2 1100000 ; qemu-img resize --shrink a.qcow2 1049088 ; qemu-img resize a.qcow2 4M ; qemu-io -c "read -P 0 1049088 3145216" a.qcow2
    shrink-refused | qemu-img resize a.qcow2 1M ; qemu-img resize a.qcow2 -1M ; qemu-img resize -q a.qcow2 -1M ; qemu-img info a.qcow2
    same | qemu-img resize a.qcow2 4M ; qemu-img resize a.qcow2 +0 ; qemu-img resize a.qcow2 -0 ; qemu-img resize --shrink a.qcow2 4M
    quiet | qemu-img resize -q a.qcow2 8M ; qemu-img resize -q --shrink a.qcow2 1M
    odd | qemu-img resize a.qcow2 8388609 ; qemu-img resize a.qcow2 +100 ; qemu-img resize --shrink a.qcow2 -1
    zero | qemu-img resize a.qcow2 0 ; qemu-img resize --shrink a.qcow2 0 ; qemu-img resize --shrink a.qcow2 -4M ; qemu-img resize --shrink a.qcow2 -100M
    huge | qemu-img resize a.qcow2 9E ; qemu-img resize a.qcow2 7E ; qemu-img resize a.qcow2 +7E ; qemu-img resize a.qcow2 15E ; qemu-img resize a.qcow2 -- -15E ; qemu-img resize a.qcow2 100E
    large | qemu-img resize empty.qcow2 1T ; qemu-img info empty.qcow2 ; qemu-img check empty.qcow2 ; qemu-img resize --shrink empty.qcow2 1M
    words | qemu-img resize a.qcow2 foo ; qemu-img resize a.qcow2 +foo ; qemu-img resize a.qcow2 -foo ; qemu-img resize a.qcow2 + ; qemu-img resize a.qcow2 "" ; qemu-img resize a.qcow2 -- 5 ; qemu-img resize a.qcow2 4.5MB
    units | qemu-img resize a.qcow2 5120k ; qemu-img resize a.qcow2 5.5M ; qemu-img resize a.qcow2 0x600000 ; qemu-img resize a.qcow2 0x2000K ; qemu-img resize a.qcow2 8388608b ; qemu-img resize a.qcow2 " 9M" ; qemu-img resize a.qcow2 ++1M ; qemu-img resize a.qcow2 +-1M
    v2 | qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M ; qemu-img resize v2.qcow2 3M ; qemu-img resize --shrink v2.qcow2 512k
    raw | qemu-img resize a.raw 8M ; qemu-img resize -f raw a.raw +1M ; qemu-img resize -f raw --shrink a.raw 1M ; qemu-img info -f raw a.raw
    raw-odd | qemu-img resize -f raw a.raw 8388609 ; qemu-img resize -f raw a.raw 8388609 ; qemu-img resize -f raw a.raw +1 ; qemu-img resize -f raw --shrink a.raw -1
    raw-refused | qemu-img resize -f raw a.raw 1M ; qemu-img resize -f raw -q a.raw -1
    raw-opts | qemu-img resize --image-opts driver=raw,file.filename=a.raw 5M ; qemu-img resize --image-opts driver=raw,offset=1M,file.filename=a.raw 5M ; qemu-img info -f raw a.raw
    raw-window | qemu-img resize --image-opts driver=raw,size=1M,file.filename=a.raw 5M ; qemu-img resize --image-opts --shrink driver=raw,size=1M,file.filename=a.raw 512k
    raw-falloc | qemu-img resize -f raw --preallocation=falloc a.raw 5M ; qemu-img info -f raw a.raw
    raw-full | qemu-img resize -f raw --preallocation=full a.raw 5M ; qemu-img info -f raw a.raw
    raw-metadata | qemu-img resize -f raw --preallocation=metadata a.raw 5M
    raw-off | qemu-img resize -f raw --preallocation=off a.raw 5M
    no-growth | qemu-img resize --preallocation=full a.qcow2 4M ; qemu-img resize --preallocation=metadata --shrink a.qcow2 1M ; qemu-img resize --preallocation=off --shrink a.qcow2 1M ; qemu-img resize -f raw --preallocation=falloc --shrink a.raw 1M
    preallocation-bad | qemu-img resize --preallocation=nope a.qcow2 8M ; qemu-img resize --preallocation a.qcow2 8M ; qemu-img resize --preallocation= a.qcow2 8M
    null-co | qemu-img resize --image-opts driver=null-co,size=1M 2M ; qemu-img resize --image-opts driver=null-co,size=1M 512k
    missing | qemu-img resize none 1M ; qemu-img resize none foo ; qemu-img resize -f nope a.raw 8M ; qemu-img resize . 1M
    arguments | qemu-img resize ; qemu-img resize a.qcow2 ; qemu-img resize 4M ; qemu-img resize a.qcow2 b 4M ; qemu-img resize -f raw 4M ; qemu-img resize a.raw 1M -f raw ; qemu-img resize a.raw 4M -q ; qemu-img resize -q 8M
    options-bad | qemu-img resize -Z a.raw 8M ; qemu-img resize --size=3 a.raw 8M ; qemu-img resize -f ; qemu-img resize -f raw ; qemu-img resize --shrink=yes a.raw 8M ; qemu-img resize --image-opts -f raw driver=raw,file.filename=a.raw 8M
    object | qemu-img resize --object secret,id=s,data=abc a.qcow2 8M ; qemu-img resize --object secret,id=s a.qcow2 9M ; qemu-img resize --object nope,id=s a.qcow2 9M
    format-wrong | qemu-img resize -f qcow2 a.raw 8M ; qemu-img resize -f raw a.qcow2 8M
    """,
    uses="plain",
)

CASES += table(
    "resize/preallocation",
    "\n".join(
        f"{image}-{mode} | qemu-img resize --preallocation={mode} {image}.qcow2 {size}"
        f" ; qemu-img map --output=json {image}.qcow2 ; qemu-img check {image}.qcow2"
        f" ; qemu-img info {image}.qcow2"
        for mode in ("off", "metadata", "falloc", "full")
        for image, size in (("p", "3M"), ("odd", "3M"), ("small", "600k"), ("ext", "3M"),
                            ("snap", "+1M"), ("bits", "+1M"), ("big", "9M"), ("packed", "1M"))
        if (image, mode) != ("packed", "off")  # the tail that becomes zeroes is unpacked by ours
    ),
    setup="""
    qemu-img create -q -f qcow2 p.qcow2 1M
    qemu-io -c "write -P 1 1000k 24k" p.qcow2
    qemu-img create -q -f qcow2 odd.qcow2 1100k
    qemu-io -c "write -P 1 1000k 100k" odd.qcow2
    qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=1 small.qcow2 100k
    qemu-img create -q -f qcow2 -o extended_l2=on ext.qcow2 1100k
    qemu-io -c "write -P 1 1090k 10k" ext.qcow2
    qemu-img create -q -f qcow2 snap.qcow2 1M
    qemu-io -c "write -P 1 0 1M" snap.qcow2
    qemu-img snapshot -c one snap.qcow2
    qemu-img create -q -f qcow2 bits.qcow2 1M
    qemu-img bitmap --add bits.qcow2 b0
    qemu-io -c "write -P 1 100k 10k" bits.qcow2
    qemu-img create -q -f qcow2 -o cluster_size=2M big.qcow2 1M
    qemu-img create -q -f qcow2 -o extended_l2=on packed.qcow2 96k
    qemu-io -c "write -c -P 5 0 64k" -c "write -c -P 6 64k 32k" packed.qcow2
    """,
)

CASES += table(
    "resize/backing",
    "\n".join(
        f"{image}-{mode} | qemu-img resize --preallocation={mode} {image}.qcow2 3M"
        f" ; qemu-img map --output=json {image}.qcow2 ; qemu-img check {image}.qcow2"
        f" ; qemu-img resize --shrink {image}.qcow2 1M ; qemu-img resize {image}.qcow2 2M"
        f" ; qemu-img map --output=json {image}.qcow2"
        for mode in ("off", "metadata", "falloc", "full")
        for image in ("same", "cut", "over", "ext", "v2")
    ),
    setup="""
    @truncate base.raw 2M
    @write base.raw 0 2M 0x41
    qemu-img create -q -f qcow2 -b base.raw -F raw same.qcow2
    qemu-img create -q -f qcow2 -b base.raw -F raw cut.qcow2 1100k
    qemu-img create -q -f qcow2 -b base.raw -F raw over.qcow2 2500k
    qemu-img create -q -f qcow2 -o extended_l2=on -b base.raw -F raw ext.qcow2 1100k
    qemu-img create -q -f qcow2 -o compat=0.10 -b base.raw -F raw v2.qcow2 1100k
    """,
)

CASES += table(
    "resize/kept",
    """
    snapshot | qemu-img resize s.qcow2 4M ; qemu-img snapshot -l s.qcow2 ; qemu-img resize --shrink s.qcow2 512k ; qemu-img check s.qcow2 ; qemu-img snapshot -a one s.qcow2 ; qemu-img info s.qcow2
    snapshot-v2 | qemu-img resize v2s.qcow2 4M ; qemu-img resize --shrink v2s.qcow2 512k ; qemu-img resize v2s.qcow2 1M
    """,
    uses="snapshots",
)

CASES += table(
    "resize/bitmaps",
    """
    grow | qemu-img resize b.qcow2 3M ; qemu-img info b.qcow2 ; qemu-img bitmap --add b.qcow2 b2 ; qemu-img check b.qcow2
    grow-far | qemu-img resize b.qcow2 100G ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    shrink | qemu-img resize --shrink b.qcow2 512k ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    shrink-and-grow | qemu-img resize --shrink b.qcow2 512k ; qemu-img resize b.qcow2 2M ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    inconsistent | @bitmap-in-use b.qcow2 0 ; qemu-img resize b.qcow2 3M ; qemu-img info b.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 b.qcow2 1M
    qemu-img bitmap --add -g 512 b.qcow2 b0
    qemu-img bitmap --add --disable b.qcow2 b1
    qemu-io -c "write -P 1 700k 100k" b.qcow2
    """,
)

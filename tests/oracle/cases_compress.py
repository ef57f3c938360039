"""convert -c and io's write -c: every rule and message, what replaces compressed clusters, and what
other tools then read."""

from case import table

LOOK = "qemu-img check o.qcow2 ; qemu-img map --output=json o.qcow2"
SIZES = ("512", "1k", "4k", "16k", "64k", "256k", "2M")

CASES = table(
    "compress",
    f"""
    plain | qemu-img convert -c -O qcow2 a.qcow2 o.qcow2 ; {LOOK} ; qemu-img info o.qcow2
    from-raw | qemu-img convert -c -f raw -O qcow2 a.raw o.qcow2 ; {LOOK}
    back | qemu-img convert -c -O qcow2 a.qcow2 o.qcow2 ; qemu-img convert o.qcow2 o.raw
    again | qemu-img convert -c -O qcow2 a.qcow2 p.qcow2 ; qemu-img convert -c -O qcow2 -o compression_type=zstd p.qcow2 o.qcow2 ; {LOOK}
    zstd | qemu-img convert -c -O qcow2 -o compression_type=zstd a.qcow2 o.qcow2 ; {LOOK} ; qemu-img info o.qcow2
    v2 | qemu-img convert -c -O qcow2 -o compat=0.10 a.qcow2 o.qcow2 ; {LOOK}
    extended | qemu-img convert -c -O qcow2 -o extended_l2=on a.qcow2 o.qcow2 ; {LOOK}
    lazy | qemu-img convert -c -O qcow2 -o lazy_refcounts=on a.qcow2 o.qcow2 ; {LOOK}
    refcount-1 | qemu-img convert -c -O qcow2 -o refcount_bits=1 a.qcow2 o.qcow2 ; {LOOK}
    refcount-2 | qemu-img convert -c -O qcow2 -o refcount_bits=2 a.qcow2 o.qcow2 ; {LOOK}
    refcount-64 | qemu-img convert -c -O qcow2 -o refcount_bits=64 a.qcow2 o.qcow2 ; {LOOK}
    coroutines | qemu-img convert -c -m 1 -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    out-of-order | qemu-img convert -c -W -m 16 -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    all | qemu-img convert -c -S 0 -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    sparse | qemu-img convert -c -S 64k -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    progress | qemu-img convert -c -p -O qcow2 a.qcow2 o.qcow2
    cache-none | qemu-img convert -c -t none -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    empty | qemu-img convert -c -O qcow2 empty.qcow2 o.qcow2 ; {LOOK}
    noise | @random n.raw 1M 9 ; qemu-img convert -c -f raw -O qcow2 n.raw o.qcow2 ; {LOOK}
    into-raw | qemu-img convert -c a.qcow2 o.raw
    into-raw-named | qemu-img convert -c -O raw a.qcow2 o.raw
    into-vdi | qemu-img convert -c -O vdi a.qcow2 o.vdi
    into-unknown | qemu-img convert -c -O nope a.qcow2 o.nope
    preallocation | qemu-img convert -c -O qcow2 -o preallocation=metadata a.qcow2 o.qcow2
    preallocation-off | qemu-img convert -c -O qcow2 -o preallocation=off a.qcow2 o.qcow2 ; {LOOK}
    offloading | qemu-img convert -c -C -O qcow2 a.qcow2 o.qcow2
    level-unknown | qemu-img convert -c -O qcow2 -o compression_level=3 a.qcow2 o.qcow2
    existing | qemu-img create -q -f qcow2 o.qcow2 8M ; qemu-img convert -c -n -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    existing-zero | qemu-img create -q -f qcow2 o.qcow2 8M ; qemu-img convert -c -n --target-is-zero -O qcow2 a.qcow2 o.qcow2 ; {LOOK}
    existing-raw | @cp a.raw o.raw ; qemu-img convert -c -n -O raw a.qcow2 o.raw
    existing-none | qemu-img convert -c -n -O raw a.qcow2 o.raw
    existing-raw-opts | @cp a.raw o.raw ; qemu-img convert -c -n --target-image-opts a.qcow2 driver=raw,file.filename=o.raw
    bitmaps | qemu-img bitmap --add a.qcow2 b0 ; qemu-io -c "write 1M 64k" a.qcow2 ; qemu-img convert -c --bitmaps -O qcow2 a.qcow2 o.qcow2 ; qemu-img info o.qcow2
    """
    + "".join(
        f"""
    cluster-{size} | qemu-img convert -c -O qcow2 -o cluster_size={size} a.qcow2 o.qcow2 ; {LOOK}
    cluster-{size}-zstd | qemu-img convert -c -O qcow2 -o cluster_size={size},compression_type=zstd a.qcow2 o.qcow2 ; {LOOK}"""
        for size in SIZES
    ),
    uses="plain",
)

CASES += table(
    "compress-io",
    """
    twice | qemu-io -c "write -c 0 64k" -c "write -c 0 64k" -c "read -P 0xcd 0 64k" i.qcow2
    zero-plain | qemu-io -c "write -z 0 64k" -c "write -c -P 4 0 64k" -c "read -P 4 0 64k" i.qcow2
    zero-kept | qemu-io -c "write 0 64k" -c "write -z 0 64k" -c "write -c 0 64k" i.qcow2
    after-discard | qemu-io -c "write -c 0 128k" -c "discard 0 64k" -c "write -c -P 3 0 64k" -c "read -P 3 0 64k" i.qcow2
    several | qemu-io -c "write -c -P 8 64k 1M" -c "read -P 8 64k 1M" i.qcow2 ; qemu-img map --output=json i.qcow2
    odd-length | qemu-io -c "write -c 0 96k" -c "write -c 0 4k" -c "write -c 512 64k" i.qcow2 ; qemu-img map --output=json i.qcow2
    odd-sector | qemu-io -c "write -c 1 64k" -c "write -c 0 100" i.qcow2
    nothing | qemu-io -c "write -c 0 0" i.qcow2
    last | qemu-io -c "write -c -P 6 983040 17408" -c "write -c 983040 512" -c "read -P 6 983040 17408" odd.qcow2 ; qemu-img check odd.qcow2
    beyond | qemu-io -c "write -c 4M 64k" -c "write -c 4128768 128k" i.qcow2
    zeroes | qemu-io -c "write -c -z 0 64k" -c "write -c -n 0 64k" -c "write -c -f 0 64k" i.qcow2 ; qemu-img map --output=json i.qcow2
    noise-over | qemu-io -c "write -c 0 128k" -c "write -c -s rnd 0 64k" i.qcow2 ; qemu-img map --output=json i.qcow2 ; qemu-img check i.qcow2
    read-only | qemu-io -r -c "write -c 0 64k" i.qcow2
    raw | qemu-img create -q -f raw r.raw 1M ; qemu-io -f raw -c "write -c 0 64k" r.raw
    overwritten | qemu-io -c "write -c -P 1 0 256k" -c "write -P 2 4k 1k" -c "write -z 64k 64k" -c "write -z -u 130k 10k" -c "discard 192k 64k" i.qcow2 ; qemu-img check i.qcow2 ; qemu-img map --output=json i.qcow2
    zeroed-subclusters | qemu-img create -q -f qcow2 -o extended_l2=on e.qcow2 1M ; qemu-io -c "write -c -P 1 128k 64k" -c "write -z 100k 200k" -c "write -z -u 64k 70k" -c "read -P 0 64k 236k" e.qcow2 ; qemu-img check e.qcow2
    zeroed-part-of-subclusters | qemu-img create -q -f qcow2 -o extended_l2=on e.qcow2 1M ; qemu-io -c "write -c -P 1 128k 64k" -c "write -z 160k 200k" -c "read -P 1 128k 32k" -c "read -P 0 160k 200k" e.qcow2 ; qemu-img check e.qcow2
    snapshot | qemu-io -c "write -c -P 1 0 256k" i.qcow2 ; qemu-img snapshot -c s i.qcow2 ; qemu-io -c "write -P 2 0 64k" -c "write -c 64k 64k" -c "write -c 512k 64k" i.qcow2 ; qemu-img check i.qcow2 ; qemu-img snapshot -a s i.qcow2 ; qemu-io -c "read -P 1 0 256k" i.qcow2 ; qemu-img snapshot -d s i.qcow2 ; qemu-img check i.qcow2
    exchanged | qemu-io -c "write -c -P 5 0 512k" i.qcow2 ; swap: qemu-io -c "read -P 5 0 512k" -c "write -c -P 6 512k 512k" i.qcow2 ; qemu-io -c "read -P 6 512k 512k" -c "write -c -P 7 1M 64k" i.qcow2 ; qemu-img check i.qcow2
    backing | qemu-img create -q -f qcow2 -b i.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -c -P 5 0 64k" -c "read -P 5 0 64k" -c "read -P 0 64k 64k" t.qcow2
    resize | qemu-io -c "write -c -P 5 0 4M" i.qcow2 ; qemu-img resize --shrink i.qcow2 1000000 ; qemu-img check i.qcow2 ; qemu-img resize i.qcow2 2M ; qemu-io -c "read -P 0 1M 1M" i.qcow2
    """,
    setup="qemu-img create -q -f qcow2 i.qcow2 4M\nqemu-img create -q -f qcow2 odd.qcow2 1000000\n@random rnd 64k 4",
)

"""Named sets of images, made once by the stock tools, that many cases begin with."""

from case import parse_steps

_TEXT = {
    # one image of each common kind, little in it
    "plain": """
        qemu-img create -q -f qcow2 a.qcow2 4M
        qemu-io -c "write -P 0x11 0 200k" -c "write -P 0x22 1M 64k" -c "write -z 2M 128k" a.qcow2
        qemu-img create -q -f qcow2 empty.qcow2 4M
        qemu-img create -q -f raw a.raw 4M
        qemu-io -f raw -c "write -P 0x11 0 200k" -c "write -P 0x22 1M 64k" a.raw
        @truncate empty.raw 1M
        @write a.raw 3M 4k 0x33
    """,
    # overlay on overlay on raw; sizes differ
    "chain": """
        @truncate base.raw 2M
        @write base.raw 0 64k 0x41
        @write base.raw 1M 300k 0x42
        qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2 3M
        qemu-io -c "write -P 0x51 32k 64k" -c "write -z 1088k 64k" -c "write -P 0x52 2500k 20k" mid.qcow2
        qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2 4M
        qemu-io -c "write -P 0x61 48k 4k" -c "write -z 256k 64k" -c "write -P 0x62 3500k 9k" top.qcow2
        qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 short.qcow2 1100k
    """,
    # every sort of allocation: data, zero plain, zero allocated, compressed, discarded
    "mixed": """
        qemu-img create -q -f qcow2 -o cluster_size=4k m.qcow2 1M
        qemu-io -c "write -P 1 0 64k" -c "write -z 8k 4k" -c "write -zu 16k 4k" m.qcow2
        qemu-io -c "discard 24k 8k" -c "write -c -P 7 128k 4k" -c "write -c -P 8 132k 4k" m.qcow2
        qemu-io -c "write -P 9 1000k 24k" m.qcow2
    """,
    "compressed": """
        @truncate src.raw 2M
        @write src.raw 0 300k 0x31
        @random rnd.raw 128k 5
        @write src.raw 1M 70k 0x32
        qemu-img convert -c -f raw -O qcow2 src.raw zlib.qcow2
        qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd src.raw zstd.qcow2
        qemu-img convert -c -f raw -O qcow2 -o cluster_size=512 src.raw small.qcow2
        qemu-img convert -c -f raw -O qcow2 -o cluster_size=2M src.raw big.qcow2
        qemu-img convert -c -f raw -O qcow2 rnd.raw rnd.qcow2
    """,
    "extended": """
        qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=64k e.qcow2 4M
        qemu-io -c "write -P 1 0 6k" -c "write -P 2 70k 3k" -c "write -z 130k 4k" e.qcow2
        qemu-io -c "write -P 3 1M 128k" -c "discard 1030k 10k" -c "write -zu 1100k 8k" e.qcow2
        qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=16k -b e.qcow2 -F qcow2 eo.qcow2
        qemu-io -c "write -P 4 1k 1k" -c "write -z 72k 512" -c "discard 1M 20k" eo.qcow2
    """,
    "snapshots": """
        qemu-img create -q -f qcow2 s.qcow2 2M
        qemu-io -c "write -P 1 0 256k" s.qcow2
        qemu-img snapshot -c one s.qcow2
        qemu-io -c "write -P 2 64k 128k" s.qcow2
        qemu-img snapshot -c two s.qcow2
        qemu-io -c "write -P 3 1M 64k" -c "write -z 0 64k" s.qcow2
        qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=4k v2s.qcow2 1M
        qemu-io -c "write -P 1 0 64k" v2s.qcow2
        qemu-img snapshot -c old v2s.qcow2
    """,
    # one small image to be damaged
    "victim": """
        qemu-img create -q -f qcow2 v.qcow2 1M
        qemu-io -c "write -P 5 0 256k" -c "write -z 512k 64k" v.qcow2
    """,
    "victim2": """
        qemu-img create -q -f qcow2 -o compat=0.10 v.qcow2 1M
        qemu-io -c "write -P 5 0 256k" v.qcow2
    """,
    "victim-small": """
        qemu-img create -q -f qcow2 -o cluster_size=512,refcount_bits=1 v.qcow2 256k
        qemu-io -c "write -P 5 0 100k" v.qcow2
    """,
    "victim-over": """
        @truncate b.raw 1M
        @write b.raw 0 300k 0x77
        qemu-img create -q -f qcow2 -b b.raw -F raw v.qcow2
        qemu-io -c "write -P 5 64k 64k" v.qcow2
    """,
    "pairs": """
        @truncate p.raw 2M
        @write p.raw 0 100k 0x11
        @write p.raw 1M 4k 0x22
        qemu-img convert -f raw -O qcow2 p.raw p.qcow2
        @cp p.raw longer.raw
        @truncate longer.raw 3M
        @cp longer.raw tail.raw
        @write tail.raw 2500k 1 0x5
        @cp p.raw changed.raw
        @write changed.raw 70000 1 0x6
        @cp p.raw odd.raw
        @truncate odd.raw 2097000
        qemu-img create -q -f qcow2 -b p.raw -F raw over.qcow2
        qemu-img create -q -f qcow2 -b changed.raw -F raw fixed.qcow2
        qemu-io -c "write -P 0x11 64k 36k" fixed.qcow2
    """,
    # the passphrase of all is "abc"
    "encrypted": """
        qemu-img create -q --object secret,id=s,data=abc -f luks -o key-secret=s,iter-time=0 a.luks 1M
        qemu-io --object secret,id=s,data=abc -c "write -P 1 0 64k" --image-opts driver=luks,key-secret=s,file.filename=a.luks
        qemu-img create -q --object secret,id=s,data=abc -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=0 q.qcow2 1M
        qemu-io --object secret,id=s,data=abc -c "write -P 1 0 64k" --image-opts driver=qcow2,encrypt.key-secret=s,file.filename=q.qcow2
        qemu-img create -q --object secret,id=s,data=abc -f qcow2 -o encrypt.format=aes,encrypt.key-secret=s e.qcow2 1M
        qemu-io --object secret,id=s,data=abc -c "write -P 1 0 64k" --image-opts driver=qcow2,encrypt.key-secret=s,file.filename=e.qcow2
        qemu-img create -q -f qcow2 p.qcow2 1M
        qemu-io -c "write -P 2 0 64k" p.qcow2
    """,
}

FIXTURES = {name: parse_steps(text) for name, text in _TEXT.items()}

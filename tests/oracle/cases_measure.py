"""measure: new images of every shape, copies of every kind of source, bitmaps; its errors."""

from case import table

_SHAPES = (
    "cluster_size=512", "cluster_size=4k", "cluster_size=2M", "extended_l2=on",
    "extended_l2=on,cluster_size=16k", "refcount_bits=1", "refcount_bits=64",
    "cluster_size=512,refcount_bits=64", "compat=0.10", "preallocation=off",
    "preallocation=metadata", "preallocation=falloc", "preallocation=full",
    "backing_file=nope", "backing_file=nope,backing_fmt=raw", "lazy_refcounts=on",
    "compression_type=zstd", "size=5M", "extended_l2=on,compat=0.10", "lazy_refcounts=on,compat=0.10",
    "data_file_raw=on", "nocow=on",
)
_SIZES = ("0", "1", "1M", "1000000", "100M", "10G")

CASES = table(
    "measure/new",
    "\n".join(
        f"{shape} | "
        + " ; ".join(f"qemu-img measure -O qcow2 -o {shape} --size {size}" for size in _SIZES)
        for shape in _SHAPES
    ),
)

CASES += table(
    "measure",
    """
    raw | qemu-img measure --size 1G ; qemu-img measure -O raw --size 1 ; qemu-img measure -O raw --size 0 ; qemu-img measure -O raw --size 7E ; qemu-img measure -O raw --size 9223372036854775807
    json | qemu-img measure --output=json --size 1G ; qemu-img measure --output=json -O qcow2 --size 1G ; qemu-img measure --output=json -O qcow2 a.qcow2 ; qemu-img measure --output=json a.qcow2
    source | qemu-img measure a.qcow2 ; qemu-img measure -O qcow2 a.qcow2 ; qemu-img measure -O qcow2 a.raw ; qemu-img measure -O raw a.raw ; qemu-img measure -O qcow2 empty.raw ; qemu-img measure -O qcow2 empty.qcow2
    source-options | qemu-img measure -O qcow2 -o cluster_size=512 a.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=2M a.raw ; qemu-img measure -O qcow2 -o backing_file=x a.raw ; qemu-img measure -O qcow2 -o preallocation=full a.qcow2 ; qemu-img measure -O qcow2 -o preallocation=metadata a.qcow2
    source-forms | qemu-img measure -U -f qcow2 -O qcow2 a.qcow2 ; qemu-img measure --image-opts driver=raw,file.filename=a.raw ; qemu-img measure -O qcow2 -f raw a.qcow2 ; qemu-img measure --force-share a.raw
    size-bad | qemu-img measure -O qcow2 --size foo ; qemu-img measure -O qcow2 --size -1 ; qemu-img measure -O qcow2 --size 9E ; qemu-img measure --size "" ; qemu-img measure -O qcow2 --size 7E ; qemu-img measure -O qcow2 --size 9223372036854775807
    both | qemu-img measure -O qcow2 --size 1G a.raw ; qemu-img measure ; qemu-img measure a.raw a.qcow2 ; qemu-img measure --size 1M a.raw a.qcow2 ; qemu-img measure -O qcow2 --size 1M --size 2M
    need-file | qemu-img measure -f raw --size 1G ; qemu-img measure --image-opts --size 1G ; qemu-img measure -l one --size 1G ; qemu-img measure -f raw ; qemu-img measure -U --size 1G ; qemu-img measure --object secret,id=s,data=abc --size 1G
    output-bad | qemu-img measure --output=xml a.raw ; qemu-img measure --output xml
    format-bad | qemu-img measure -O nope --size 1M ; qemu-img measure -O null-co --size 1M ; qemu-img measure -O file --size 1M ; qemu-img measure -f nope a.raw ; qemu-img measure --image-opts -f raw driver=raw,file.filename=a.raw ; qemu-img measure -O "" --size 1M
    missing | qemu-img measure none ; qemu-img measure . ; qemu-img measure -O nope none
    options-bad | qemu-img measure -O qcow2 -o nope=1 --size 1M ; qemu-img measure -O raw -o cluster_size=4k --size 1M ; qemu-img measure -O qcow2 -o help --size 1M ; qemu-img measure -O qcow2 -o help ; qemu-img measure -O raw -o size=foo a.raw ; qemu-img measure -o ,, a.raw ; qemu-img measure -o a, a.raw
    values-bad | qemu-img measure -O qcow2 -o cluster_size=3 --size 1M ; qemu-img measure -O qcow2 -o cluster_size=300 --size 1M ; qemu-img measure -O qcow2 -o cluster_size=4M --size 1M ; qemu-img measure -O qcow2 -o refcount_bits=5 --size 1M ; qemu-img measure -O qcow2 -o refcount_bits=128 --size 1M ; qemu-img measure -O qcow2 -o compat=9 --size 1M ; qemu-img measure -O qcow2 -o preallocation=nope --size 1M
    values-excluding | qemu-img measure -O qcow2 -o refcount_bits=64,compat=0.10 --size 1M ; qemu-img measure -O qcow2 -o extended_l2=on,cluster_size=4k --size 1M ; qemu-img measure -O qcow2 -o cluster_size=512 --size 1T
    values-order | qemu-img measure -O qcow2 -o cluster_size=3,preallocation=nope,compat=3,refcount_bits=3 --size 1M ; qemu-img measure -O qcow2 -o preallocation=nope,refcount_bits=3 --size 1M ; qemu-img measure -O qcow2 -o compat=3,refcount_bits=3 --size 1M ; qemu-img measure -O qcow2 -o extended_l2=on,cluster_size=4k,preallocation=nope --size 1M ; qemu-img measure -O qcow2 -o refcount_bits=3 --size 1E ; qemu-img measure -O qcow2 -o compat=3,preallocation=nope --size 1M
    encrypt | qemu-img measure -O qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s a.raw ; qemu-img measure -O qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s,cluster_size=4k --size 1G ; qemu-img measure -O qcow2 --object secret,id=s,data=abc -o encrypt.format=aes,encrypt.key-secret=s a.raw
    encrypt-cipher | qemu-img measure -O qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s,encrypt.cipher-alg=aes-128 a.raw ; qemu-img measure -O qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s,encrypt.cipher-mode=cbc --size 1G
    encrypt-bad | qemu-img measure -O qcow2 -o encrypt.format=luks a.raw ; qemu-img measure -O qcow2 -o encrypt.format=luks,encrypt.key-secret=s a.raw ; qemu-img measure -O qcow2 -o encrypt.format=luks,cluster_size=3 --size 1M
    """,
    uses="plain",
)

_LUKS = "qemu-img measure --object secret,id=s,data=abc -O luks -o key-secret=s"

CASES += table(
    "measure/luks",
    f"""
    new | {_LUKS} --size 1M ; {_LUKS} --size 0 ; {_LUKS} --size 1000 ; {_LUKS} --size 7E ; {_LUKS} --output json --size 1G ; {_LUKS},size=3 --size 1M
    ciphers | {_LUKS},cipher-alg=aes-128 --size 1M ; {_LUKS},cipher-alg=cast5-128,cipher-mode=cbc --size 1M ; {_LUKS},cipher-alg=twofish-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha512,iter-time=10 --size 1M
    source | {_LUKS} a.raw ; {_LUKS} a.qcow2 ; {_LUKS},preallocation=falloc a.qcow2 ; {_LUKS} --output=json -f qcow2 -U a.qcow2
    no-secret | qemu-img measure -O luks --size 1M ; qemu-img measure -O luks -o key-secret=s --size 1M ; qemu-img measure -O luks a.raw
    bad | {_LUKS},cipher-alg=foo --size 1M ; {_LUKS},nope=1 a.raw ; {_LUKS},hash-alg=foo a.raw ; {_LUKS} --size 8E
    from-encrypted | qemu-img create -q --object secret,id=s,data=abc -f luks -o key-secret=s,iter-time=10 a.luks 1M ; {_LUKS} --image-opts driver=luks,key-secret=s,file.filename=a.luks ; qemu-img measure -O qcow2 --object secret,id=s,data=abc --image-opts driver=luks,key-secret=s,file.filename=a.luks ; qemu-img measure -O raw a.luks
    other-formats | {" ; ".join(f"qemu-img measure -O {fmt} --size 1M" for fmt in ("vdi", "vpc", "vhdx", "vmdk", "parallels", "qed", "qcow", "bochs"))}
    """,
    uses="plain",
)

CASES += table(
    "measure/mistakes",
    """
    letter | qemu-img measure -p a.raw
    word | qemu-img measure --nope a.raw
    no-value | qemu-img measure --size ; qemu-img measure -O
    """,
    uses="plain",
    loose="stdout",
)

CASES += table(
    "measure/snapshot",
    """
    either | qemu-img measure -O qcow2 -l one s.qcow2 ; qemu-img measure -O qcow2 -l 2 s.qcow2 ; qemu-img measure -O raw -l one s.qcow2
    named | qemu-img measure -O qcow2 -l snapshot.id=1 s.qcow2 ; qemu-img measure -O qcow2 -l snapshot.name=two s.qcow2 ; qemu-img measure -O qcow2 -l snapshot.id=1,snapshot.name=one s.qcow2
    none | qemu-img measure -O qcow2 -l nope s.qcow2 ; qemu-img measure -O qcow2 -l snapshot.id=1,snapshot.name=two s.qcow2 ; qemu-img measure -O qcow2 -l "" s.qcow2 ; qemu-img measure -O qcow2 -l snapshot.foo=1 s.qcow2
    v2 | qemu-img measure -O qcow2 -l old v2s.qcow2 ; qemu-img measure -O qcow2 v2s.qcow2
    luks | qemu-img measure --object secret,id=s,data=abc -O luks -o key-secret=s -l one s.qcow2 ; qemu-img measure --object secret,id=s,data=abc -O luks -o key-secret=s -l nope s.qcow2
    """,
    uses="snapshots",
)

CASES += table(
    "measure/sources",
    """
    chain | qemu-img measure -O qcow2 top.qcow2 ; qemu-img measure -O qcow2 short.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=4k mid.qcow2 ; qemu-img measure -O raw top.qcow2
    """,
    uses="chain",
)
CASES += table(
    "measure/sources",
    """
    mixed | qemu-img measure -O qcow2 m.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=512 m.qcow2
    """,
    uses="mixed",
)
CASES += table(
    "measure/sources",
    """
    compressed | qemu-img measure -O qcow2 zlib.qcow2 ; qemu-img measure -O qcow2 zstd.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=512 small.qcow2 ; qemu-img measure -O qcow2 big.qcow2
    """,
    uses="compressed",
)
CASES += table(
    "measure/sources",
    """
    extended | qemu-img measure -O qcow2 e.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=512 eo.qcow2 ; qemu-img measure -O qcow2 -o extended_l2=on eo.qcow2
    """,
    uses="extended",
)

CASES += table(
    "measure/bitmaps",
    """
    some | qemu-img measure -O qcow2 b.qcow2 ; qemu-img measure --output=json -O qcow2 b.qcow2 ; qemu-img measure b.qcow2
    clusters | qemu-img measure -O qcow2 -o cluster_size=512 b.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=4k b.qcow2 ; qemu-img measure -O qcow2 -o cluster_size=2M b.qcow2
    v2 | qemu-img measure -O qcow2 -o compat=0.10 b.qcow2
    snapshot | qemu-img measure -O qcow2 -l one b.qcow2
    inconsistent | @bitmap-in-use b.qcow2 0 ; qemu-img measure -O qcow2 b.qcow2
    overlay | qemu-img create -q -f qcow2 -b b.qcow2 -F qcow2 o.qcow2 ; qemu-img measure -O qcow2 o.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 b.qcow2 100M
    qemu-img bitmap --add -g 512 b.qcow2 b0
    qemu-img bitmap --add b.qcow2 a-longer-name
    qemu-img bitmap --add --disable b.qcow2 b2
    qemu-img snapshot -c one b.qcow2
    """,
)

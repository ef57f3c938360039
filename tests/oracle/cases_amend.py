"""amend: the options of an image changed in place, alone and together, up and down, and refused."""

from case import table
from cases_encrypt import words

CASES = table(
    "amend/arguments",
    """
    none | qemu-img amend ; qemu-img amend a.qcow2 ; qemu-img amend -f qcow2 a.qcow2 ; qemu-img amend --force a.qcow2
    file | qemu-img amend -o size=8M ; qemu-img amend -o size=8M a.qcow2 empty.qcow2 ; qemu-img amend -o help ; qemu-img amend -o size=8M none ; qemu-img amend -o size=8M .
    help | qemu-img amend -o help a.qcow2 ; qemu-img amend -f qcow2 -o help ; qemu-img amend -f luks -o ? ; qemu-img amend -o foo=1,help a.qcow2 ; qemu-img amend -f qcow2 -o help none ; qemu-img amend -f qcow2 -t nope -o help a.qcow2
    help-others | qemu-img amend -f raw -o help ; qemu-img amend -f nope -o help ; qemu-img amend -f vmdk -o help ; qemu-img amend -f file -o help ; qemu-img amend -f "" -o help ; qemu-img amend -o help -f raw a.raw ; qemu-img amend --image-opts -o help driver=qcow2,file.filename=a.qcow2
    formats | qemu-img amend -f raw -o size=8M a.raw ; qemu-img amend -f vmdk -o size=8M a.raw ; qemu-img amend -f nope -o size=8M a.qcow2 ; qemu-img amend -f "" -o size=8M a.qcow2 ; qemu-img amend -f raw -o foo=1 a.raw ; qemu-img amend -f qcow2 -o size=8M a.raw
    probed | qemu-img amend -o size=8M a.raw ; qemu-img amend -o help a.raw
    words | qemu-img amend -o foo=1 a.qcow2 ; qemu-img amend -o size=bar,foo=1 a.qcow2 ; qemu-img amend -o foo=1,size=bar a.qcow2 ; qemu-img amend -o "" a.qcow2 ; qemu-img amend -o , a.qcow2 ; qemu-img amend -o size=8M, a.qcow2 ; qemu-img amend -o id=x a.qcow2
    creation | qemu-img amend -o cluster_size=64k a.qcow2 ; qemu-img amend -o encryption=on a.qcow2 ; qemu-img amend -o preallocation=metadata a.qcow2 ; qemu-img amend -o extended_l2=on a.qcow2 ; qemu-img amend -o compression_type=zstd a.qcow2
    creation-encrypt | qemu-img amend -o encrypt.format=luks a.qcow2 ; qemu-img amend -o encrypt.key-secret=s a.qcow2 ; qemu-img amend -o encrypt.cipher-alg=aes-256 a.qcow2 ; qemu-img amend -o encrypt.hash-alg=sha1 a.qcow2 ; qemu-img amend -o encrypt.ivgen-alg=plain a.qcow2
    protocol | qemu-img amend -o nocow=on a.qcow2 ; qemu-img amend -o extent_size_hint=1M a.qcow2
    lists | qemu-img amend -o size=6M -o size=7M a.qcow2 ; qemu-img amend -o size=7M,size=9M a.qcow2 ; qemu-img info a.qcow2 ; qemu-img amend -o size=1M -o compat=foo a.qcow2
    opts | qemu-img amend --image-opts -o size=8M driver=qcow2,file.filename=a.qcow2 ; qemu-img amend --image-opts -f qcow2 -o size=8M driver=qcow2,file.filename=a.qcow2 ; qemu-img amend --image-opts -o size=8M a.qcow2 ; qemu-img info a.qcow2
    nodes | qemu-img amend -o size=8M --image-opts driver=raw,file.driver=qcow2,file.file.filename=a.qcow2 ; qemu-img amend -o size=8M --image-opts driver=blkdebug,image.driver=qcow2,image.file.filename=a.qcow2 ; qemu-img amend -o size=8M --image-opts driver=qcow2,file.driver=blkdebug,file.image.filename=a.qcow2
    cache | qemu-img amend -t none -o size=8M a.qcow2 ; qemu-img amend -t writethrough -o compat=0.10 a.qcow2 ; qemu-img amend -t directsync -o compat=1.1 a.qcow2 ; qemu-img amend -t unsafe -o refcount_bits=8 a.qcow2 ; qemu-img amend -t nope -o size=8M a.qcow2 ; qemu-img amend -t -o size=8M a.qcow2
    progress | qemu-img amend -p -o size=8M a.qcow2 ; qemu-img amend -p -q -o size=9M a.qcow2 ; qemu-img amend -q -o size=10M a.qcow2 ; qemu-img amend -p -o refcount_bits=8 a.qcow2 ; qemu-img amend -p -o compat=v2,refcount_bits=16 a.qcow2
    progress-refused | qemu-img amend -p -o foo=1 a.qcow2 ; qemu-img amend -p -o size=1000 a.qcow2 ; qemu-img amend -p -o backing_file=x a.qcow2 ; qemu-img amend -p -o size=8M none ; qemu-img amend -p -o help a.qcow2
    bad-options | qemu-img amend -Z a.qcow2 ; qemu-img amend -f ; qemu-img amend -o ; qemu-img amend -U -o size=8M a.qcow2 ; qemu-img amend --force=1 -o size=8M a.qcow2 ; qemu-img amend --options size=8M a.qcow2
    object | qemu-img amend --object secret,id=s,data=abc -o size=8M a.qcow2 ; qemu-img amend --object secret -o size=8M a.qcow2 ; qemu-img amend --object nope,id=s -o size=8M a.qcow2
    nothing | qemu-img amend -o compat=1.1 a.qcow2 ; qemu-img amend -o refcount_bits=16 a.qcow2 ; qemu-img amend -o lazy_refcounts=off a.qcow2 ; qemu-img amend -o size=4M a.qcow2 ; qemu-img amend -o size=0 a.qcow2 ; qemu-img amend -o data_file_raw=off a.qcow2 ; qemu-img amend --force -o compat=v3 a.qcow2
    """,
    uses="plain",
)

CASES += table(
    "amend/values",
    """
    compat | qemu-img amend -o compat=foo a.qcow2 ; qemu-img amend -o compat= a.qcow2 ; qemu-img amend -o compat a.qcow2 ; qemu-img amend -o compat=0.1 a.qcow2 ; qemu-img amend -o compat=v4 a.qcow2 ; qemu-img amend -o compat=1.10 a.qcow2
    refcount-bits | qemu-img amend -o refcount_bits=0 a.qcow2 ; qemu-img amend -o refcount_bits=3 a.qcow2 ; qemu-img amend -o refcount_bits=128 a.qcow2 ; qemu-img amend -o refcount_bits=-1 a.qcow2 ; qemu-img amend -o refcount_bits=foo a.qcow2 ; qemu-img amend -o refcount_bits= a.qcow2 ; qemu-img amend -o refcount_bits a.qcow2
    refcount-bits-hex | qemu-img amend -o refcount_bits=0x8 a.qcow2 ; qemu-img info a.qcow2 ; qemu-img amend -o refcount_bits=020 a.qcow2 ; qemu-img info a.qcow2
    lazy | qemu-img amend -o lazy_refcounts=foo a.qcow2 ; qemu-img amend -o lazy_refcounts a.qcow2 ; qemu-img info a.qcow2 ; qemu-img amend -o nolazy_refcounts a.qcow2 ; qemu-img info a.qcow2 ; qemu-img amend -o lazy_refcounts=yes a.qcow2
    size | qemu-img amend -o size=foo a.qcow2 ; qemu-img amend -o size a.qcow2 ; qemu-img amend -o size=-1 a.qcow2 ; qemu-img amend -o size=16E a.qcow2 ; qemu-img amend -o size=1000 a.qcow2 ; qemu-img amend -o size=5.5M a.qcow2 ; qemu-img amend -o size=0x600000 a.qcow2 ; qemu-img amend -o size=+1M a.qcow2
    size-huge | qemu-img amend -o size=1E a.qcow2 ; qemu-img amend -o size=8191P a.qcow2 ; qemu-img amend -o size=1T a.qcow2 ; qemu-img info a.qcow2
    data-file | qemu-img amend -o data_file=x a.qcow2 ; qemu-img amend -o data_file= a.qcow2 ; qemu-img amend -o data_file_raw=on a.qcow2 ; qemu-img amend -o data_file_raw=foo a.qcow2 ; qemu-img amend -o data_file_raw=on,data_file=x a.qcow2
    backing | qemu-img amend -o backing_file=x a.qcow2 ; qemu-img amend -o backing_file= a.qcow2 ; qemu-img amend -o backing_fmt=raw a.qcow2 ; qemu-img amend -o backing_fmt= a.qcow2 ; qemu-img amend -o backing_file=,backing_fmt= a.qcow2 ; qemu-img amend -o backing_file a.qcow2
    encrypt | qemu-img amend -o encrypt.state=active a.qcow2 ; qemu-img amend -o encrypt.keyslot=x a.qcow2 ; qemu-img amend -o encrypt.keyslot=1 a.qcow2 ; qemu-img amend -o encrypt.iter-time=1 a.qcow2 ; qemu-img amend -o encrypt.new-secret= a.qcow2 ; qemu-img amend --force -o encrypt.state=inactive a.qcow2
    """,
    uses="plain",
)

CASES += table(
    "amend/backing",
    """
    same | qemu-img amend -o backing_file=mid.qcow2,backing_fmt=qcow2 top.qcow2 ; qemu-img amend -o backing_file=mid.qcow2 top.qcow2 ; qemu-img amend -o backing_fmt=qcow2 top.qcow2
    other | qemu-img amend -o backing_file=base.raw,backing_fmt=raw top.qcow2 ; qemu-img amend -o backing_file=mid.qcow2,backing_fmt=raw top.qcow2 ; qemu-img amend -o backing_file=./mid.qcow2,backing_fmt=qcow2 top.qcow2 ; qemu-img amend -o backing_file=,size=8M top.qcow2
    missing | @rm mid.qcow2 ; qemu-img amend -o size=8M top.qcow2 ; qemu-img amend -o help top.qcow2
    down | qemu-img amend -o compat=0.10 top.qcow2 ; qemu-img map --output=json top.qcow2 ; qemu-img check top.qcow2 ; qemu-img info --backing-chain top.qcow2
    down-mid | qemu-img amend -o compat=0.10 mid.qcow2 ; qemu-img map --output=json top.qcow2 ; qemu-img amend -o compat=1.1 mid.qcow2 ; qemu-img info mid.qcow2
    down-short | qemu-img amend -o compat=v2 short.qcow2 ; qemu-img map --output=json short.qcow2
    grow-over | qemu-img amend -o size=2M short.qcow2 ; qemu-img map --output=json short.qcow2 ; qemu-img amend -o size=3M,compat=v2 short.qcow2 ; qemu-img map --output=json short.qcow2
    shrink | qemu-img amend -o size=1M top.qcow2 ; qemu-img info top.qcow2 ; qemu-img check top.qcow2
    refcounts | qemu-img amend -o refcount_bits=1 top.qcow2 ; qemu-img check top.qcow2 ; qemu-img info top.qcow2
    """,
    uses="chain",
)

# Widths, from and to each.
CASES += table(
    "amend/width",
    "\n".join(
        f"{old}-{new} | qemu-img amend -o refcount_bits={new} w{old}.qcow2 ; qemu-img info w{old}.qcow2"
        f" ; qemu-img check w{old}.qcow2 ; qemu-io -c \"read -P 5 0 100k\" -c \"write -P 6 50k 100k\" w{old}.qcow2"
        f" ; qemu-img check w{old}.qcow2"
        for old in (1, 4, 16, 64) for new in (1, 2, 4, 8, 16, 32, 64) if new != old
    ),
    setup="\n".join(
        f"qemu-img create -q -f qcow2 -o cluster_size={cluster},refcount_bits={bits} w{bits}.qcow2 1M\n"
        f"qemu-io -c \"write -P 5 0 100k\" w{bits}.qcow2"
        for bits, cluster in ((1, "512"), (4, "4k"), (16, "1k"), (64, "512"))
    ),
)

CASES += table(
    "amend/width-shared",
    """
    too-narrow | qemu-img amend -o refcount_bits=1 s.qcow2 ; qemu-img amend -o refcount_bits=1,lazy_refcounts=on s.qcow2 ; qemu-img info s.qcow2
    fits | qemu-img amend -o refcount_bits=2 s.qcow2 ; qemu-img check s.qcow2 ; qemu-img snapshot -l s.qcow2 ; qemu-img amend -o refcount_bits=64 s.qcow2 ; qemu-img snapshot -a one s.qcow2 ; qemu-img check s.qcow2
    v2 | qemu-img amend -o refcount_bits=8 v2s.qcow2 ; qemu-img amend -o refcount_bits=16 v2s.qcow2 ; qemu-img amend -o refcount_bits=8,compat=1.1 v2s.qcow2 ; qemu-img info v2s.qcow2 ; qemu-img check v2s.qcow2
    round | qemu-img amend -o refcount_bits=32 s.qcow2 ; qemu-img amend -o refcount_bits=4 s.qcow2 ; qemu-img amend -o refcount_bits=16 s.qcow2 ; qemu-img snapshot -d one s.qcow2 ; qemu-img check s.qcow2
    then-snapshots | qemu-img amend -o refcount_bits=2 s.qcow2 ; qemu-img snapshot -c x s.qcow2 ; qemu-img snapshot -c y s.qcow2 ; qemu-img snapshot -d x s.qcow2 ; qemu-img check s.qcow2
    """,
    uses="snapshots",
)

CASES += table(
    "amend/down",
    """
    plain | qemu-img amend -o compat=0.10 p.qcow2 ; qemu-img info p.qcow2 ; qemu-img check p.qcow2 ; qemu-img map --output=json p.qcow2 ; qemu-img amend -o compat=1.1 p.qcow2 ; qemu-img info p.qcow2
    words | qemu-img amend -o compat=v2 p.qcow2 ; qemu-img info p.qcow2 ; qemu-img amend -o compat=v2 p.qcow2 ; qemu-img amend -o compat=v3 p.qcow2 ; qemu-img info p.qcow2
    zeroes | qemu-img amend -o compat=0.10 z.qcow2 ; qemu-img map --output=json z.qcow2 ; qemu-img check z.qcow2 ; qemu-io -c "read -P 0 64k 64k" -c "read -P 0 1M 64k" -c "read -P 1 128k 64k" z.qcow2
    zeroes-progress | qemu-img amend -p -o compat=0.10 z.qcow2
    lazy | qemu-img amend -o compat=0.10 lazy.qcow2 ; qemu-img info lazy.qcow2 ; qemu-img amend -o compat=1.1 lazy.qcow2 ; qemu-img info lazy.qcow2
    lazy-kept | qemu-img amend -o compat=0.10,lazy_refcounts=on lazy.qcow2 ; qemu-img info lazy.qcow2
    order | qemu-img amend -o compat=0.10 bits8ext.qcow2 ; qemu-img snapshot -c s ext.qcow2 ; qemu-img resize ext.qcow2 5M ; qemu-img amend -o compat=0.10 ext.qcow2 ; qemu-img amend -o compat=0.10 zstdx.qcow2
    lazy-dirty | @header lazy.qcow2 incompatible |1 ; qemu-img amend -o compat=0.10 lazy.qcow2 ; qemu-img info lazy.qcow2 ; qemu-img check lazy.qcow2
    bits | qemu-img amend -o compat=0.10 bits8.qcow2 ; qemu-img amend -o compat=0.10,refcount_bits=16 bits8.qcow2 ; qemu-img info bits8.qcow2 ; qemu-img check bits8.qcow2
    extended | qemu-img amend -o compat=0.10 ext.qcow2 ; qemu-img amend -o compat=0.10,refcount_bits=16 ext.qcow2 ; qemu-img info ext.qcow2
    zstd | qemu-img amend -o compat=0.10 zstd.qcow2 ; qemu-img info zstd.qcow2
    zstd-held | qemu-img amend -o compat=0.10 zstdc.qcow2 ; qemu-img info zstdc.qcow2 ; qemu-io -c "read -P 7 0 64k" zstdc.qcow2
    zlib-held | qemu-img amend -o compat=0.10 zlibc.qcow2 ; qemu-io -c "read -P 7 0 64k" zlibc.qcow2 ; qemu-img check zlibc.qcow2
    small | qemu-img amend -o compat=0.10 small.qcow2 ; qemu-img check small.qcow2 ; qemu-img map --output=json small.qcow2 ; qemu-img amend -o compat=1.1 small.qcow2 ; qemu-img info small.qcow2
    both-ways | qemu-img amend -o compat=0.10 z.qcow2 ; qemu-img amend -o compat=1.1,lazy_refcounts=on,refcount_bits=32 z.qcow2 ; qemu-img amend -o compat=0.10,refcount_bits=16 z.qcow2 ; qemu-img check z.qcow2 ; qemu-img info z.qcow2
    larger | qemu-img amend -o compat=0.10,size=16M z.qcow2 ; qemu-img info z.qcow2 ; qemu-img check z.qcow2
    smaller | qemu-img amend -o compat=0.10,size=512k z.qcow2 ; qemu-img info z.qcow2 ; qemu-img check z.qcow2
    unknown-extension | @poke p.qcow2 0x70 1234567800000004aabbccdd0000000000000000 ; qemu-img amend -o compat=0.10 p.qcow2 ; qemu-img info p.qcow2 ; qemu-img amend -o compat=1.1 p.qcow2 ; qemu-img info p.qcow2
    then-written | qemu-img amend -o compat=0.10 z.qcow2 ; qemu-io -c "write -P 9 0 256k" -c "read -P 9 0 256k" -c "write -z 0 64k" -c "discard 64k 64k" z.qcow2 ; qemu-img check z.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 p.qcow2 4M
    qemu-io -c "write -P 1 0 200k" p.qcow2
    qemu-img create -q -f qcow2 z.qcow2 4M
    qemu-io -c "write -P 1 0 256k" -c "write -z 64k 64k" -c "write -zu 192k 64k" -c "write -z 1M 256k" z.qcow2
    qemu-img create -q -f qcow2 -o lazy_refcounts=on lazy.qcow2 4M
    qemu-io -c "write -P 1 0 200k" lazy.qcow2
    qemu-img create -q -f qcow2 -o refcount_bits=8 bits8.qcow2 4M
    qemu-io -c "write -P 1 0 200k" bits8.qcow2
    qemu-img create -q -f qcow2 -o extended_l2=on ext.qcow2 4M
    qemu-img create -q -f qcow2 -o extended_l2=on,refcount_bits=8 bits8ext.qcow2 4M
    qemu-img create -q -f qcow2 -o extended_l2=on,compression_type=zstd zstdx.qcow2 4M
    qemu-io -c "write -c -P 7 0 128k" zstdx.qcow2
    qemu-img create -q -f qcow2 -o compression_type=zstd zstd.qcow2 4M
    qemu-io -c "write -P 1 0 200k" zstd.qcow2
    qemu-img create -q -f qcow2 -o compression_type=zstd zstdc.qcow2 4M
    qemu-io -c "write -c -P 7 0 128k" zstdc.qcow2
    qemu-img create -q -f qcow2 zlibc.qcow2 4M
    qemu-io -c "write -c -P 7 0 128k" zlibc.qcow2
    qemu-img create -q -f qcow2 -o cluster_size=512 small.qcow2 1M
    qemu-io -c "write -P 1 0 100k" -c "write -z 20k 30k" -c "write -zu 80k 10k" -c "write -z 200k 300k" small.qcow2
    """,
)

CASES += table(
    "amend/up",
    """
    plain | qemu-img amend -o compat=1.1 v2.qcow2 ; qemu-img info v2.qcow2 ; qemu-img check v2.qcow2 ; qemu-io -c "write -z 0 64k" -c "read -P 0 0 64k" v2.qcow2 ; qemu-img map --output=json v2.qcow2
    small | qemu-img amend -o compat=1.1 tiny.qcow2 ; qemu-img info tiny.qcow2 ; qemu-img check tiny.qcow2 ; qemu-io -c "read -P 1 0 60k" tiny.qcow2
    over | qemu-img amend -o compat=1.1 over.qcow2 ; qemu-img info over.qcow2 ; qemu-img check over.qcow2 ; qemu-io -c "read -P 0x41 0 32k" over.qcow2
    long-name | qemu-img amend -o compat=1.1 long.qcow2 ; qemu-img info long.qcow2 ; qemu-img amend -o compat=0.10 long.qcow2 ; qemu-img info long.qcow2
    lazy | qemu-img amend -o lazy_refcounts=on v2.qcow2 ; qemu-img amend -o lazy_refcounts=on,compat=1.1 v2.qcow2 ; qemu-img info v2.qcow2
    all | qemu-img amend -o compat=1.1,lazy_refcounts=on,refcount_bits=64,size=3M v2.qcow2 ; qemu-img info v2.qcow2 ; qemu-img check v2.qcow2 ; qemu-io -c "read -P 1 0 100k" v2.qcow2
    snapshot | qemu-img amend -o compat=1.1 s.qcow2 ; qemu-img snapshot -l s.qcow2 ; qemu-img check s.qcow2 ; qemu-img amend -o size=2M s.qcow2 ; qemu-img snapshot -a one s.qcow2 ; qemu-img info s.qcow2
    snapshot-old | qemu-img amend -o size=2M s.qcow2 ; qemu-img amend -o size=2M,compat=1.1 s.qcow2 ; qemu-img info s.qcow2 ; qemu-img check s.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 2M
    qemu-io -c "write -P 1 0 100k" v2.qcow2
    qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=512 tiny.qcow2 256k
    qemu-io -c "write -P 1 0 60k" tiny.qcow2
    @truncate base.raw 1M
    @write base.raw 0 64k 0x41
    qemu-img create -q -f qcow2 -o compat=0.10 -b base.raw -F raw over.qcow2
    qemu-img create -q -f qcow2 -o compat=0.10 -u -b ././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././././base.raw -F raw long.qcow2 1M
    qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=4k s.qcow2 1M
    qemu-io -c "write -P 1 0 64k" s.qcow2
    qemu-img snapshot -c one s.qcow2
    qemu-io -c "write -P 2 0 16k" s.qcow2
    """,
)

CASES += table(
    "amend/snapshots",
    """
    down | qemu-img amend -o compat=0.10 s.qcow2 ; qemu-img snapshot -l s.qcow2 ; qemu-img snapshot -a one s.qcow2 ; qemu-io -c "read -P 1 0 256k" s.qcow2 ; qemu-img check s.qcow2
    down-other-size | qemu-img resize s.qcow2 4M ; qemu-img amend -o compat=0.10 s.qcow2 ; qemu-img snapshot -d one s.qcow2 ; qemu-img amend -o compat=0.10 s.qcow2 ; qemu-img info s.qcow2
    up | qemu-img amend -o compat=1.1 v2s.qcow2 ; qemu-img snapshot -l v2s.qcow2 ; qemu-img snapshot -c new v2s.qcow2 ; qemu-img amend -o size=2M v2s.qcow2 ; qemu-img check v2s.qcow2
    size | qemu-img amend -o size=4M s.qcow2 ; qemu-img amend -o size=1M s.qcow2 ; qemu-img snapshot -l s.qcow2 ; qemu-img check s.qcow2 ; qemu-img amend -o size=2M v2s.qcow2
    lazy | qemu-img amend -o lazy_refcounts=on s.qcow2 ; qemu-io -c "write -P 8 0 64k" s.qcow2 ; qemu-img check s.qcow2 ; qemu-img amend -o lazy_refcounts=off s.qcow2 ; qemu-img info s.qcow2
    """,
    uses="snapshots",
)

CASES += table(
    "amend/down-shared",
    """
    zeroes | qemu-img amend -o compat=0.10 a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-io -c "read -P 0 64k 64k" -c "read -P 1 0 64k" a.qcow2 ; qemu-img check a.qcow2
    zeroes-written | qemu-img amend -o compat=0.10 a.qcow2 ; qemu-io -c "write -P 9 0 512k" a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-io -c "read -P 1 0 64k" -c "read -P 0 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    over | qemu-img amend -o compat=0.10 o.qcow2 ; qemu-img map --output=json o.qcow2 ; qemu-img snapshot -a one o.qcow2 ; qemu-img map --output=json o.qcow2 ; qemu-img check o.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 a.qcow2 1M
    qemu-io -c "write -P 1 0 256k" -c "write -z 64k 64k" a.qcow2
    qemu-img snapshot -c one a.qcow2
    qemu-io -c "write -P 2 128k 64k" a.qcow2
    qemu-img snapshot -c two a.qcow2
    @truncate base.raw 1M
    @write base.raw 0 512k 0x41
    qemu-img create -q -f qcow2 -b base.raw -F raw o.qcow2
    qemu-io -c "write -zu 0 128k" o.qcow2
    qemu-img snapshot -c one o.qcow2
    qemu-io -c "write -P 2 0 64k" o.qcow2
    """,
)

CASES += table(
    "amend/bitmaps",
    """
    width | qemu-img amend -o refcount_bits=64 b.qcow2 ; qemu-img info b.qcow2 ; qemu-img check b.qcow2 ; qemu-img amend -o refcount_bits=1 b.qcow2 ; qemu-img check b.qcow2
    size | qemu-img amend -o size=3M b.qcow2 ; qemu-img info b.qcow2 ; qemu-img check b.qcow2 ; qemu-img amend -o size=512k b.qcow2 ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    lazy | qemu-img amend -o lazy_refcounts=on b.qcow2 ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    removed-then-down | qemu-img bitmap --remove b.qcow2 b0 ; qemu-img bitmap --remove b.qcow2 b1 ; qemu-img amend -o compat=0.10 b.qcow2 ; qemu-img info b.qcow2 ; qemu-img check b.qcow2
    inconsistent | @bitmap-in-use b.qcow2 0 ; qemu-img amend -o size=3M b.qcow2 ; qemu-img amend -o refcount_bits=8 b.qcow2 ; qemu-img info b.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 b.qcow2 1M
    qemu-img bitmap --add -g 512 b.qcow2 b0
    qemu-img bitmap --add --disable b.qcow2 b1
    qemu-io -c "write -P 1 700k 100k" b.qcow2
    """,
)

# What stock loses: docs/stock-losses.md.
CASES += table(
    "amend/lost",
    """
    snapshot | qemu-img amend -o compat=0.10 a.qcow2 ; qemu-img check a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-io -c "read -P 1 0 128k" a.qcow2
    bitmap | qemu-img amend -o compat=0.10 b.qcow2 ; qemu-img info b.qcow2
    zstd | qemu-img amend -o compat=0.10 z.qcow2 ; qemu-img snapshot -a one z.qcow2 ; qemu-io -c "read -P 1 0 64k" z.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 a.qcow2 1M
    qemu-io -c "write -P 1 0 128k" a.qcow2
    qemu-img snapshot -c one a.qcow2
    qemu-io -c "write -z 0 64k" a.qcow2
    qemu-img create -q -f qcow2 b.qcow2 1M
    qemu-img bitmap --add b.qcow2 b0
    qemu-img create -q -f qcow2 -o compression_type=zstd z.qcow2 1M
    qemu-io -c "write -c -P 1 0 64k" z.qcow2
    qemu-img snapshot -c one z.qcow2
    qemu-io -c "write -P 2 0 64k" z.qcow2
    """,
)

CASES += table(
    "amend/extended",
    """
    width | qemu-img amend -o refcount_bits=8 e.qcow2 ; qemu-img check e.qcow2 ; qemu-img map --output=json e.qcow2
    size | qemu-img amend -o size=5M,lazy_refcounts=on e.qcow2 ; qemu-img info e.qcow2 ; qemu-img check e.qcow2
    down | qemu-img amend -o compat=0.10 e.qcow2 ; qemu-img info e.qcow2
    over | qemu-img amend -o refcount_bits=1,size=8M eo.qcow2 ; qemu-img check eo.qcow2 ; qemu-img map --output=json eo.qcow2
    """,
    uses="extended",
)

CASES += table(
    "amend/mixed",
    """
    down | qemu-img amend -o compat=0.10 m.qcow2 ; qemu-img map --output=json m.qcow2 ; qemu-img check m.qcow2 ; qemu-io -c "read -P 7 128k 4k" -c "read -P 0 8k 4k" m.qcow2
    width | qemu-img amend -o refcount_bits=2 m.qcow2 ; qemu-img amend -o refcount_bits=64 m.qcow2 ; qemu-img check m.qcow2
    """,
    uses="mixed",
)

# Of two options that are refused, the first in stock's order is told.
REFUSED = {
    "compat": "compat=foo", "backing": "backing_file=x", "lazy": "lazy_refcounts=on",
    "encrypt": "encrypt.state=active", "width": "refcount_bits=3", "narrow": "refcount_bits=8",
    "file": "data_file=x", "raw": "data_file_raw=on", "size": "size=1000",
}
CASES += table(
    "amend/refused",
    "\n".join(
        f"{a} | " + " ; ".join(
            f"qemu-img amend -o {REFUSED[a]},{REFUSED[b]} v2.qcow2"
            for b in REFUSED if b != a and {a, b} != {"width", "narrow"})
        + f" ; qemu-img amend -o compat=0.10,{REFUSED[a]} ext.qcow2"
        for a in REFUSED
    ),
    setup="""
    qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M
    qemu-img create -q -f qcow2 -o extended_l2=on ext.qcow2 1M
    """,
)

# Stock has done a part of what it was asked for when it refuses the rest; ours refuses first.
CASES += table(
    "amend/refused-whole",
    """
    up | qemu-img amend -o compat=1.1,backing_file=x v2.qcow2 ; qemu-img info v2.qcow2
    width | qemu-img amend -o refcount_bits=8,size=1000 a.qcow2 ; qemu-img info a.qcow2
    lazy | qemu-img amend -o lazy_refcounts=on,size=1000 a.qcow2 ; qemu-img info a.qcow2
    size | qemu-img amend -o compat=0.10,size=8M ext.qcow2 ; qemu-img info ext.qcow2
    """,
    setup="""
    qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M
    qemu-img create -q -f qcow2 a.qcow2 1M
    qemu-img create -q -f qcow2 -o extended_l2=on ext.qcow2 1M
    """,
)

SIZES = ("512k", "1M", "1100k", "3M", "1G")
CASES += table(
    "amend/size",
    "\n".join(
        f"{image}-{size} | qemu-img amend -o size={size} {image}.qcow2 ; qemu-img info {image}.qcow2"
        f" ; qemu-img map --output=json {image}.qcow2 ; qemu-img check {image}.qcow2"
        for image in ("p", "small", "v2") for size in SIZES
    ),
    setup="""
    qemu-img create -q -f qcow2 p.qcow2 1M
    qemu-io -c "write -P 1 900k 124k" p.qcow2
    qemu-img create -q -f qcow2 -o cluster_size=4k small.qcow2 1M
    qemu-io -c "write -P 1 500k 100k" small.qcow2
    qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M
    qemu-io -c "write -P 1 0 100k" v2.qcow2
    """,
)


def keys(image, prefix):
    """Key slots of a luks volume, or of LUKS in qcow2."""
    state = {"active": f"{prefix}state=active,{prefix}new-secret=n,{prefix}iter-time=10",
             "inactive": f"{prefix}state=inactive"}
    amend = f"qemu-img amend SECRET NEW -o %s {image}"
    read = f'qemu-io SECRET -c "read -P 1 0 64k" {image}'
    read_new = f'qemu-io NEW -c "read -P 1 0 64k" {image}'.replace(":", "-NEW:")
    add = amend % state["active"]
    return f"""
    add | {add} ; {read_new} ; swap: {read_new} ; {read}
    add-slot | {amend % (state["active"] + f",{prefix}keyslot=5")} ; {read_new} ; {amend % (state["active"] + f",{prefix}keyslot=5")} ; {amend % (state["active"] + f",{prefix}keyslot=8")} ; {amend % (state["active"] + f",{prefix}keyslot=-1")}
    erase-old | {add} ; {amend % (state["inactive"] + f",{prefix}old-secret=s")} ; {read} ; {read_new}
    erase-new | {add} ; {amend % (state["inactive"] + f",{prefix}old-secret=n")} ; {read_new} ; {read}
    erase-slot | {add} ; {amend % (state["inactive"] + f",{prefix}keyslot=1")} ; {read_new} ; {read} ; {amend % (state["inactive"] + f",{prefix}keyslot=3")}
    erase-last | {amend % (state["inactive"] + f",{prefix}old-secret=s")} ; {amend % (state["inactive"] + f",{prefix}keyslot=0")} ; {read}
    erase-last-forced | {amend.replace("amend", "amend --force", 1) % (state["inactive"] + f",{prefix}keyslot=0")} ; {read}
    replace | {amend % (state["active"] + f",{prefix}keyslot=0")} ; {amend.replace("amend", "amend --force", 1) % (state["active"] + f",{prefix}keyslot=0")} ; {read_new} ; {read}
    replace-old | {amend % (state["active"] + f",{prefix}old-secret=s")} ; {amend.replace("amend", "amend --force", 1) % (state["active"] + f",{prefix}old-secret=s")} ; {read_new}
    incomplete | {amend % f"{prefix}state=active"} ; {amend % state["inactive"]} ; {amend % f"{prefix}keyslot=1"} ; {amend % f"{prefix}iter-time=10"} ; {amend % f"{prefix}state=foo"} ; {amend % f"{prefix}new-secret=n"}
    erase-with-new | {amend % (state["inactive"] + f",{prefix}new-secret=n")} ; {amend % (state["inactive"] + f",{prefix}iter-time=10,{prefix}keyslot=1")}
    unknown-secret | {amend % (f"{prefix}state=active,{prefix}new-secret=x")} ; {amend % (state["inactive"] + f",{prefix}old-secret=x")}
    progress | {amend.replace("amend", "amend -p", 1) % state["active"]} ; {amend.replace("amend", "amend -p", 1) % state["inactive"]}
    values | {amend % f"{prefix}keyslot=x"} ; {amend % (state["active"] + f",{prefix}iter-time=0,{prefix}keyslot=2")} ; {amend % f"{prefix}key-secret=s"} ; {amend % f"{prefix}cipher-alg=aes-128"} ; {amend % "foo=1"}
    """


def key_words(text):
    """The short words written out; IMAGE-NEW: opens with the other secret."""
    text = text.replace("LUKS-NEW:", "--image-opts driver=luks,key-secret=n,file.filename=")
    text = text.replace("QCOW-NEW:", "--image-opts driver=qcow2,encrypt.key-secret=n,file.filename=")
    return words(text)


CASES += table("amend/luks", key_words(keys("LUKS:a.luks", "")), uses="encrypted")
CASES += table("amend/luks-in-qcow2", key_words(keys("QCOW:q.qcow2", "encrypt.")), uses="encrypted")
CASES += table(
    "amend/encrypted",
    key_words("""
    no-key | qemu-img amend -o compat=0.10 q.qcow2 ; qemu-img amend -f luks SECRET -o state=active a.luks ; qemu-img amend -f luks SECRET -o help a.luks ; qemu-img amend SECRET -o help a.luks ; qemu-img amend -f qcow2 SECRET -o help a.luks
    aes-keys | qemu-img amend SECRET NEW -o encrypt.state=active,encrypt.new-secret=n QCOW:e.qcow2
    luks-size | qemu-img amend SECRET -o size=8M LUKS:a.luks ; qemu-img amend SECRET -o compat=0.10 LUKS:a.luks
    all | qemu-img amend SECRET NEW -o encrypt.state=active,encrypt.new-secret=n,encrypt.iter-time=10,size=2M,lazy_refcounts=on,refcount_bits=32 QCOW:q.qcow2 ; qemu-io NEW -c "read -P 1 0 64k" QCOW-NEW:q.qcow2 ; qemu-img check q.qcow2
    down | qemu-img amend SECRET -o compat=0.10 QCOW:q.qcow2 ; qemu-io SECRET -c "read -P 1 0 64k" QCOW:q.qcow2 ; qemu-img amend SECRET -o compat=1.1 QCOW:q.qcow2 ; qemu-io SECRET -c "read -P 1 0 64k" QCOW:q.qcow2
    down-aes | qemu-img amend SECRET -o compat=0.10 QCOW:e.qcow2 ; qemu-io SECRET -c "read -P 1 0 64k" QCOW:e.qcow2
    down-zeroes | qemu-io SECRET -c "write -z 0 64k" QCOW:q.qcow2 ; qemu-img amend SECRET -o compat=0.10 QCOW:q.qcow2 ; qemu-io SECRET -c "read -P 0 0 64k" QCOW:q.qcow2
    down-zeroes-aes | qemu-io SECRET -c "write -z 0 64k" QCOW:e.qcow2 ; qemu-img amend SECRET -o compat=0.10 QCOW:e.qcow2 ; qemu-io SECRET -c "read -P 0 0 64k" QCOW:e.qcow2
    """),
    uses="encrypted",
)

"""create: every -o key of qcow2 and raw, sizes, backing files, and what is refused."""

from case import case, table

CASES = table(
    "create",
    """
    plain | qemu-img create -f qcow2 a.qcow2 64M ; qemu-img info a.qcow2 ; qemu-img check a.qcow2
    raw | qemu-img create a.raw 64M ; qemu-img info a.raw ; qemu-img map --output=json a.raw
    quiet | qemu-img create -q -f qcow2 a.qcow2 1M ; qemu-img info --output=json a.qcow2
    quiet-after | qemu-img create -f qcow2 a.qcow2 1M -q
    options-after | qemu-img create a.qcow2 1M -f qcow2 -o cluster_size=4k
    size-zero | qemu-img create -f qcow2 a.qcow2 0 ; qemu-img info a.qcow2 ; qemu-img map a.qcow2 ; qemu-img check a.qcow2
    size-odd | qemu-img create -f qcow2 a.qcow2 1000 ; qemu-img info a.qcow2
    size-odd-513 | qemu-img create -f qcow2 a.qcow2 513 ; qemu-img info a.qcow2
    size-fraction | qemu-img create -f qcow2 a.qcow2 1.5M ; qemu-img create -f raw a.raw 0.3k
    size-hex | qemu-img create -f qcow2 a.qcow2 0x100000
    size-suffixes | qemu-img create -f qcow2 a.qcow2 1048576b ; qemu-img create -f qcow2 b.qcow2 1024K ; qemu-img create -f qcow2 c.qcow2 1m ; qemu-img create -f qcow2 d.qcow2 1g ; qemu-img create -f qcow2 e.qcow2 1t
    size-large | qemu-img create -f qcow2 a.qcow2 1P ; qemu-img info a.qcow2
    size-too-large | qemu-img create -f qcow2 a.qcow2 7E
    size-9E | qemu-img create -f qcow2 a.qcow2 9E
    size-16E | qemu-img create -f qcow2 a.qcow2 16E
    size-max | qemu-img create -f qcow2 a.qcow2 9223372036854775807
    size-over | qemu-img create -f qcow2 a.qcow2 9223372036854775808
    size-negative | qemu-img create -f qcow2 a.qcow2 -- -1
    size-bad-suffix | qemu-img create -f qcow2 a.qcow2 1X
    size-word | qemu-img create -f qcow2 a.qcow2 abc
    size-empty | qemu-img create -f qcow2 a.qcow2 ""
    size-space | qemu-img create -f qcow2 a.qcow2 "1 M"
    size-missing | qemu-img create -f qcow2 a.qcow2
    size-missing-raw | qemu-img create a.raw
    size-by-option | qemu-img create -f qcow2 -o size=2M a.qcow2
    size-by-option-raw | qemu-img create -f raw -o size=3M a.raw
    size-twice | qemu-img create -f qcow2 -o size=2M a.qcow2 1M
    size-option-bad | qemu-img create -f qcow2 -o size=abc a.qcow2
    size-option-negative | qemu-img create -f qcow2 -o size=-1 a.qcow2
    cluster-1000 | qemu-img create -f qcow2 -o cluster_size=1000 a.qcow2 1M
    cluster-256 | qemu-img create -f qcow2 -o cluster_size=256 a.qcow2 1M
    cluster-0 | qemu-img create -f qcow2 -o cluster_size=0 a.qcow2 1M
    cluster-4M | qemu-img create -f qcow2 -o cluster_size=4M a.qcow2 1M
    cluster-word | qemu-img create -f qcow2 -o cluster_size=abc a.qcow2 1M
    cluster-negative | qemu-img create -f qcow2 -o cluster_size=-4096 a.qcow2 1M
    cluster-no-value | qemu-img create -f qcow2 -o cluster_size a.qcow2 1M
    cluster-empty | qemu-img create -f qcow2 -o cluster_size= a.qcow2 1M
    cluster-twice | qemu-img create -f qcow2 -o cluster_size=4k,cluster_size=8k a.qcow2 1M
    cluster-hex | qemu-img create -f qcow2 -o cluster_size=0x1000 a.qcow2 1M
    cluster-512-large | qemu-img create -f qcow2 -o cluster_size=512 a.qcow2 1G
    cluster-512-too-large | qemu-img create -f qcow2 -o cluster_size=512 a.qcow2 1T
    refcount-3 | qemu-img create -f qcow2 -o refcount_bits=3 a.qcow2 1M
    refcount-0 | qemu-img create -f qcow2 -o refcount_bits=0 a.qcow2 1M
    refcount-128 | qemu-img create -f qcow2 -o refcount_bits=128 a.qcow2 1M
    refcount-word | qemu-img create -f qcow2 -o refcount_bits=x a.qcow2 1M
    refcount-suffix | qemu-img create -f qcow2 -o refcount_bits=1k a.qcow2 1M
    refcount-v2 | qemu-img create -f qcow2 -o refcount_bits=1,compat=0.10 a.qcow2 1M
    refcount-16-v2 | qemu-img create -f qcow2 -o refcount_bits=16,compat=0.10 a.qcow2 1M
    compat-0.10 | qemu-img create -f qcow2 -o compat=0.10 a.qcow2 1M ; qemu-img info a.qcow2
    compat-1.1 | qemu-img create -f qcow2 -o compat=1.1 a.qcow2 1M ; qemu-img info a.qcow2
    compat-v2 | qemu-img create -f qcow2 -o compat=v2 a.qcow2 1M ; qemu-img info --output=json a.qcow2
    compat-v3 | qemu-img create -f qcow2 -o compat=v3 a.qcow2 1M
    compat-0.9 | qemu-img create -f qcow2 -o compat=0.9 a.qcow2 1M
    compat-v4 | qemu-img create -f qcow2 -o compat=v4 a.qcow2 1M
    compat-empty | qemu-img create -f qcow2 -o compat= a.qcow2 1M
    version-2 | qemu-img create -f qcow2 -o version=2 a.qcow2 1M
    lazy | qemu-img create -f qcow2 -o lazy_refcounts=on a.qcow2 1M ; qemu-img info a.qcow2
    lazy-yes | qemu-img create -f qcow2 -o lazy_refcounts=yes a.qcow2 1M
    lazy-true | qemu-img create -f qcow2 -o lazy_refcounts=true a.qcow2 1M
    lazy-maybe | qemu-img create -f qcow2 -o lazy_refcounts=maybe a.qcow2 1M
    lazy-bare | qemu-img create -f qcow2 -o lazy_refcounts a.qcow2 1M
    lazy-no-prefix | qemu-img create -f qcow2 -o nolazy_refcounts a.qcow2 1M
    lazy-v2 | qemu-img create -f qcow2 -o lazy_refcounts=on,compat=0.10 a.qcow2 1M
    extended | qemu-img create -f qcow2 -o extended_l2=on a.qcow2 1M ; qemu-img info a.qcow2
    extended-small | qemu-img create -f qcow2 -o extended_l2=on,cluster_size=8k a.qcow2 1M
    extended-v2 | qemu-img create -f qcow2 -o extended_l2=on,compat=0.10 a.qcow2 1M
    zstd | qemu-img create -f qcow2 -o compression_type=zstd a.qcow2 1M ; qemu-img info a.qcow2
    zlib | qemu-img create -f qcow2 -o compression_type=zlib a.qcow2 1M
    zstd-v2 | qemu-img create -f qcow2 -o compression_type=zstd,compat=0.10 a.qcow2 1M
    compression-unknown | qemu-img create -f qcow2 -o compression_type=lz a.qcow2 1M
    prealloc-metadata | qemu-img create -f qcow2 -o preallocation=metadata a.qcow2 4M ; qemu-img check a.qcow2 ; qemu-img map --output=json a.qcow2
    prealloc-falloc | qemu-img create -f qcow2 -o preallocation=falloc a.qcow2 4M ; qemu-img map a.qcow2
    prealloc-full | qemu-img create -f qcow2 -o preallocation=full a.qcow2 4M ; qemu-img map a.qcow2
    prealloc-off | qemu-img create -f qcow2 -o preallocation=off a.qcow2 4M
    prealloc-unknown | qemu-img create -f qcow2 -o preallocation=x a.qcow2 4M
    prealloc-extended | qemu-img create -f qcow2 -o preallocation=metadata,extended_l2=on a.qcow2 4M ; qemu-img map --output=json a.qcow2
    prealloc-odd-size | qemu-img create -f qcow2 -o preallocation=metadata a.qcow2 1000000 ; qemu-img check a.qcow2
    prealloc-v2 | qemu-img create -f qcow2 -o preallocation=metadata,compat=0.10 a.qcow2 1M ; qemu-img check --output=json a.qcow2
    prealloc-raw-full | qemu-img create -f raw -o preallocation=full a.raw 1M ; qemu-img info a.raw ; qemu-img map --output=json a.raw
    prealloc-raw-falloc | qemu-img create -f raw -o preallocation=falloc a.raw 1M ; qemu-img map --output=json a.raw
    prealloc-raw-off | qemu-img create -f raw -o preallocation=off a.raw 1M
    prealloc-raw-metadata | qemu-img create -f raw -o preallocation=metadata a.raw 1M
    prealloc-raw-unknown | qemu-img create -f raw -o preallocation=x a.raw 1M
    nocow-raw | qemu-img create -f raw -o nocow=on a.raw 1M
    extent-hint | qemu-img create -f raw -o extent_size_hint=1M a.raw 1M
    extent-hint-qcow2 | qemu-img create -f qcow2 -o extent_size_hint=0 a.qcow2 1M
    all-keys | qemu-img create -f qcow2 -o refcount_bits=16,lazy_refcounts=off,preallocation=metadata,extended_l2=on,compression_type=zlib,compat=1.1,cluster_size=64k a.qcow2 1M
    several-o | qemu-img create -f qcow2 -o cluster_size=4k -o refcount_bits=8 a.qcow2 1M
    several-o-same | qemu-img create -f qcow2 -o cluster_size=4k -o cluster_size=8k a.qcow2 1M
    unknown-key | qemu-img create -f qcow2 -o nope=1 a.qcow2 1M
    unknown-key-raw | qemu-img create -f raw -o cluster_size=4k a.raw 1M
    empty-o | qemu-img create -f qcow2 -o "" a.qcow2 1M
    comma-o | qemu-img create -f qcow2 -o , a.qcow2 1M
    trailing-comma | qemu-img create -f qcow2 -o cluster_size=4k, a.qcow2 1M
    data-file-raw-alone | qemu-img create -f qcow2 -o data_file_raw=on a.qcow2 1M
    encryption-no-secret | qemu-img create -f qcow2 -o encryption=on a.qcow2 1M
    luks-no-secret | qemu-img create -f qcow2 -o encrypt.format=luks a.qcow2 1M
    no-directory | qemu-img create -f qcow2 none/a.qcow2 1M
    no-directory-raw | qemu-img create -f raw none/a.raw 1M
    is-directory | @mkdir d ; qemu-img create -f qcow2 d 1M
    is-directory-raw | @mkdir d ; qemu-img create -f raw d 1M
    over-existing | @random a.qcow2 100k 3 ; qemu-img create -f qcow2 a.qcow2 1M ; qemu-img check a.qcow2
    over-existing-raw | @random a.raw 100k 3 ; qemu-img create -f raw a.raw 50k
    failed-over-existing | @random a.qcow2 100k 3 ; qemu-img create -f qcow2 -o cluster_size=1000 a.qcow2 1M
    failed-leaves | qemu-img create -f qcow2 -o refcount_bits=5 a.qcow2 1M
    link-to-file | @link real a.qcow2 ; qemu-img create -f qcow2 a.qcow2 1M
    name-with-comma | qemu-img create -f qcow2 a,b.qcow2 1M ; qemu-img info a,b.qcow2
    name-with-quote | qemu-img create -f qcow2 "a'b.qcow2" 1M ; qemu-img info "a'b.qcow2"
    name-with-colon | qemu-img create -f qcow2 ./a:b.qcow2 1M ; qemu-img info ./a:b.qcow2
    name-with-protocol | qemu-img create -f qcow2 file:a.qcow2 1M ; qemu-img info file:a.qcow2
    unknown-protocol | qemu-img create -f qcow2 nope:a 1M
    unknown-protocol-raw | qemu-img create nope:a 1M
    unknown-format | qemu-img create -f nope a 1M
    format-file | qemu-img create -f file a.raw 1M ; qemu-img info a.raw
    three-arguments | qemu-img create -f qcow2 a.qcow2 1M 2M
    no-arguments | qemu-img create
    format-only | qemu-img create -f qcow2
    unknown-long | qemu-img create -f qcow2 a.qcow2 1M --nope
    unknown-short | qemu-img create -Z
    missing-value | qemu-img create -f
    missing-value-o | qemu-img create a 1M -o
    long-format-option | qemu-img create --format qcow2 a.qcow2 1M
    object-bad | qemu-img create --object nope,id=x -f qcow2 a.qcow2 1M
    object-secret | qemu-img create --object secret,id=s,data=abc -f qcow2 a.qcow2 1M
    """,
)

CASES += [
    case(
        f"create/cluster-{size}",
        f"""
        qemu-img create -f qcow2 -o cluster_size={size} a.qcow2 3M
        qemu-img info a.qcow2
        qemu-img check --output=json a.qcow2
        qemu-img create -f qcow2 -o cluster_size={size},preallocation=metadata b.qcow2 3M
        qemu-img check b.qcow2
        qemu-img map --output=json b.qcow2
        """,
    )
    for size in ("512", "1k", "2K", "4096", "8k", "16k", "32k", "128k", "256k", "512k", "1M", "2M")
]

CASES += [
    case(
        f"create/refcount-bits-{bits}",
        f"""
        qemu-img create -f qcow2 -o refcount_bits={bits} a.qcow2 10M
        qemu-img info --output=json a.qcow2
        qemu-img create -f qcow2 -o refcount_bits={bits},cluster_size=512,preallocation=full b.qcow2 1M
        qemu-img check b.qcow2
        """,
    )
    for bits in (1, 2, 4, 8, 16, 32, 64)
]

CASES += table(
    "create/backing",
    """
    plain | qemu-img create -f qcow2 -b a.qcow2 -F qcow2 o.qcow2 ; qemu-img info o.qcow2 ; qemu-img map --output=json o.qcow2
    raw | qemu-img create -f qcow2 -b a.raw -F raw o.qcow2 ; qemu-img info --output=json o.qcow2
    larger | qemu-img create -f qcow2 -b a.qcow2 -F qcow2 o.qcow2 8M ; qemu-img map o.qcow2
    smaller | qemu-img create -f qcow2 -b a.qcow2 -F qcow2 o.qcow2 1M ; qemu-img map o.qcow2
    by-options | qemu-img create -f qcow2 -o backing_file=a.qcow2,backing_fmt=qcow2 o.qcow2
    v2 | qemu-img create -f qcow2 -o compat=0.10 -b a.qcow2 -F qcow2 o.qcow2 ; qemu-img info o.qcow2
    both-ways | qemu-img create -f qcow2 -o backing_file=empty.qcow2 -b a.qcow2 -F qcow2 o.qcow2
    fmt-both-ways | qemu-img create -f qcow2 -o backing_fmt=raw -b a.qcow2 -F qcow2 o.qcow2
    no-format | qemu-img create -f qcow2 -b a.qcow2 o.qcow2
    no-format-raw | qemu-img create -f qcow2 -b a.raw o.qcow2
    no-format-sized | qemu-img create -f qcow2 -b a.qcow2 o.qcow2 1M
    missing | qemu-img create -f qcow2 -b none.qcow2 -F qcow2 o.qcow2
    missing-sized | qemu-img create -f qcow2 -b none.qcow2 -F qcow2 o.qcow2 1M
    missing-no-format | qemu-img create -f qcow2 -b none.qcow2 o.qcow2 1M
    unsafe-no-size | qemu-img create -u -f qcow2 -b none.qcow2 -F qcow2 o.qcow2
    unsafe | qemu-img create -u -f qcow2 -b none.qcow2 -F qcow2 o.qcow2 1M ; qemu-img info o.qcow2 ; qemu-img map o.qcow2
    unsafe-no-format | qemu-img create -u -f qcow2 -b none.qcow2 o.qcow2 1M
    unsafe-plain | qemu-img create -u -f qcow2 o.qcow2 1M
    unsafe-unknown-format | qemu-img create -u -f qcow2 -b a.qcow2 -F nope o.qcow2 1M
    format-alone | qemu-img create -f qcow2 -F qcow2 o.qcow2 1M
    unknown-format | qemu-img create -f qcow2 -b a.qcow2 -F nope o.qcow2
    wrong-format | qemu-img create -f qcow2 -b a.raw -F qcow2 o.qcow2
    qcow2-as-raw | qemu-img create -f qcow2 -b a.qcow2 -F raw o.qcow2 ; qemu-img info o.qcow2
    itself | qemu-img create -f qcow2 -b o.qcow2 -F qcow2 o.qcow2
    itself-existing | qemu-img create -f qcow2 -b a.qcow2 -F qcow2 a.qcow2
    for-raw | qemu-img create -f raw -b a.raw -F raw o.raw
    preallocated | qemu-img create -f qcow2 -o preallocation=metadata -b a.qcow2 -F qcow2 o.qcow2
    preallocated-extended | qemu-img create -f qcow2 -o preallocation=metadata,extended_l2=on -b a.qcow2 -F qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    directory | @mkdir d ; qemu-img create -f qcow2 -b d -F raw o.qcow2
    subdirectory | @mkdir d ; qemu-img create -f qcow2 -b ../a.qcow2 -F qcow2 d/o.qcow2 ; qemu-img info d/o.qcow2 ; qemu-img info --backing-chain d/o.qcow2
    relative-wrong | @mkdir d ; qemu-img create -f qcow2 -b a.qcow2 -F qcow2 d/o.qcow2
    json-name | qemu-img create -f qcow2 -b 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}' -F qcow2 o.qcow2 ; qemu-img info o.qcow2
    protocol-name | qemu-img create -f qcow2 -b file:a.qcow2 -F qcow2 o.qcow2 ; qemu-img info o.qcow2
    empty-name | qemu-img create -f qcow2 -b "" -F qcow2 o.qcow2 1M
    null-co | qemu-img create -f qcow2 -b null-co:// -F raw o.qcow2 ; qemu-img info o.qcow2
    """,
    uses="plain",
)

CASES += table(
    "create/help",
    """
    qcow2 | qemu-img create -f qcow2 -o help
    raw | qemu-img create -f raw -o help
    question | qemu-img create -f qcow2 -o ? a.qcow2 1M
    with-file | qemu-img create -f qcow2 -o help a.qcow2
    with-more | qemu-img create -f qcow2 -o cluster_size=4k,help a.qcow2 1M
    unknown-format | qemu-img create -f nope -o help
    default-format | qemu-img create -o help
    """,
)

CASES += table(
    "command",
    """
    none | qemu-img
    unknown | qemu-img nope
    unknown-option | qemu-img -x
    unknown-long | qemu-img --nope create
    trace-missing | qemu-img -T
    trace | qemu-img -T nope create a.raw 1M
    case | qemu-img CREATE -f qcow2 a.qcow2 1M
    prefix | qemu-img creat -f qcow2 a.qcow2 1M
    """,
)

CASES += table(
    "help-exits",
    """
    long | qemu-img --help
    short | qemu-img -h
    version | qemu-img --version
    version-short | qemu-img -V
    create | qemu-img create --help
    create-short | qemu-img create -h
    info | qemu-img info --help
    check | qemu-img check -h
    io | qemu-io --help
    io-version | qemu-io --version
    """,
    loose="stdout",
)

"""info: both outputs, chains, ways to name an image, and what cannot be opened."""

from case import case, table

CASES = table(
    "info",
    """
    qcow2 | qemu-img info a.qcow2
    qcow2-json | qemu-img info --output=json a.qcow2
    qcow2-human | qemu-img info --output=human a.qcow2
    raw | qemu-img info a.raw
    raw-json | qemu-img info --output json a.raw
    raw-forced | qemu-img info -f raw a.qcow2
    raw-forced-json | qemu-img info -f raw --output=json a.qcow2
    force-share | qemu-img info -U a.qcow2
    force-share-long | qemu-img info --force-share --output=json a.qcow2
    chain-of-one | qemu-img info --backing-chain a.qcow2
    chain-of-one-json | qemu-img info --backing-chain --output=json a.raw
    quick-help | qemu-img info --nope
    image-opts | qemu-img info --image-opts driver=qcow2,file.filename=a.qcow2
    image-opts-file | qemu-img info --image-opts driver=qcow2,file.driver=file,file.filename=a.qcow2
    image-opts-raw | qemu-img info --image-opts driver=raw,file.driver=file,file.filename=a.qcow2
    image-opts-bare | qemu-img info --image-opts a.qcow2
    image-opts-no-file | qemu-img info --image-opts driver=qcow2
    image-opts-file-only | qemu-img info --image-opts file.filename=a.qcow2
    image-opts-filename | qemu-img info --image-opts filename=a.qcow2
    image-opts-unknown-driver | qemu-img info --image-opts driver=nope,file.filename=a.qcow2
    image-opts-unknown-key | qemu-img info --image-opts driver=qcow2,nope=1,file.filename=a.qcow2
    image-opts-unknown-file-key | qemu-img info --image-opts driver=qcow2,file.nope=1,file.filename=a.qcow2
    image-opts-and-format | qemu-img info --image-opts -f qcow2 driver=qcow2,file.filename=a.qcow2
    image-opts-raw-window | qemu-img info --image-opts driver=raw,offset=1M,size=64k,file.filename=a.raw
    image-opts-read-only | qemu-img info --image-opts driver=qcow2,read-only=on,file.filename=a.qcow2
    image-opts-cache | qemu-img info --image-opts driver=qcow2,l2-cache-size=1M,file.filename=a.qcow2
    image-opts-discard | qemu-img info --image-opts driver=qcow2,discard=unmap,file.filename=a.qcow2
    image-opts-bad-bool | qemu-img info --image-opts driver=qcow2,lazy-refcounts=maybe,file.filename=a.qcow2
    json | qemu-img info 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}'
    json-flat | qemu-img info 'json:{"driver":"qcow2","file.filename":"a.qcow2"}'
    json-raw | qemu-img info 'json:{"driver":"raw","file.filename":"a.raw"}'
    json-window | qemu-img info 'json:{"driver":"raw","offset":512,"size":1048576,"file.filename":"a.raw"}'
    json-window-json | qemu-img info --output=json 'json:{"driver":"raw","offset":512,"size":1048576,"file.filename":"a.raw"}'
    json-empty | qemu-img info json:
    json-empty-object | qemu-img info json:{}
    json-array | qemu-img info json:[]
    json-broken | qemu-img info 'json:{"driver":'
    json-no-file | qemu-img info 'json:{"driver":"qcow2"}'
    json-unknown-key | qemu-img info 'json:{"driver":"qcow2","nope":1,"file.filename":"a.qcow2"}'
    json-unknown-driver | qemu-img info 'json:{"driver":"nope","file.filename":"a.qcow2"}'
    json-wrong-type | qemu-img info 'json:{"driver":1,"file.filename":"a.qcow2"}'
    null-co | qemu-img info --image-opts driver=null-co,size=1M
    null-co-url | qemu-img info null-co://
    null-aio-url | qemu-img info null-aio://
    protocol-file | qemu-img info file:a.qcow2
    protocol-unknown | qemu-img info nope:x
    missing | qemu-img info none
    missing-qcow2 | qemu-img info -f qcow2 none
    missing-json | qemu-img info --output=json none
    missing-directory | qemu-img info none/a.qcow2
    directory | qemu-img info .
    through-file | qemu-img info a.raw/x
    unknown-format | qemu-img info -f nope a.qcow2
    wrong-format | qemu-img info -f qcow2 a.raw
    output-xml | qemu-img info --output=xml a.qcow2
    output-empty | qemu-img info --output= a.qcow2
    two-files | qemu-img info a.qcow2 a.raw
    no-file | qemu-img info
    empty-name | qemu-img info ""
    snapshot-option | qemu-img info -l a.qcow2
    link | @link a.qcow2 l.qcow2 ; qemu-img info l.qcow2
    dangling-link | @link none l.qcow2 ; qemu-img info l.qcow2
    absolute-none | qemu-img info /none/none
    empty-file | @truncate e 0 ; qemu-img info e ; qemu-img info -f qcow2 e
    one-byte | @truncate e 1 ; qemu-img info e ; qemu-img info -f qcow2 e
    odd-raw | @truncate e 1000 ; qemu-img info e ; qemu-img info --output=json e
    magic-only | @text e "QFI" ; qemu-img info e
    large-raw | @truncate e 3G ; qemu-img info e
    """,
    uses="plain",
)

CASES += table(
    "info/kinds",
    """
    chain | qemu-img info top.qcow2 ; qemu-img info --backing-chain top.qcow2
    chain-json | qemu-img info --backing-chain --output=json top.qcow2
    chain-short | qemu-img info --backing-chain short.qcow2
    chain-opts | qemu-img info --backing-chain --image-opts driver=qcow2,file.filename=top.qcow2
    chain-json-name | qemu-img info --backing-chain 'json:{"driver":"qcow2","file.filename":"top.qcow2"}'
    chain-as-raw | qemu-img info --backing-chain -f raw top.qcow2
    chain-no-backing | qemu-img info --image-opts driver=qcow2,backing=,file.filename=top.qcow2
    chain-other-backing | qemu-img info --image-opts driver=qcow2,file.filename=top.qcow2,backing.driver=raw,backing.file.filename=base.raw
    chain-broken | @rm base.raw ; qemu-img info top.qcow2 ; qemu-img info --backing-chain top.qcow2 ; qemu-img info --backing-chain --output=json top.qcow2
    chain-mid-wrong | @cp base.raw mid.qcow2 ; qemu-img info --backing-chain top.qcow2
    moved | @mkdir d ; @mv top.qcow2 d/top.qcow2 ; qemu-img info d/top.qcow2 ; qemu-img info --backing-chain d/top.qcow2
    """,
    uses="chain",
)

CASES += [
    case("info/snapshots", "qemu-img info s.qcow2\nqemu-img info --output=json s.qcow2\n"
         "qemu-img info v2s.qcow2\nqemu-img info --output=json v2s.qcow2", uses="snapshots"),
    case("info/compressed", "qemu-img info zlib.qcow2\nqemu-img info --output=json zstd.qcow2",
         uses="compressed"),
    case("info/extended", "qemu-img info e.qcow2\nqemu-img info --output=json eo.qcow2",
         uses="extended"),
    case("info/mixed", "qemu-img info m.qcow2", uses="mixed"),
    case("info/loop", "qemu-img info --backing-chain a.qcow2\nqemu-img info a.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 1M
         qemu-img create -q -u -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 1M
         qemu-img create -q -u -f qcow2 -b b.qcow2 -F qcow2 a.qcow2 1M
         """, loose="stderr"),
    case("info/no-backing-format", "qemu-img info o.qcow2\nqemu-img info --backing-chain o.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 1M
         qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 o.qcow2
         @header o.qcow2 header_length 104
         @poke o.qcow2 104 0000000000000000
         """),
    case("info/bitmaps", "qemu-img info a.qcow2\nqemu-img info --output=json a.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 1M
         qemu-img bitmap --add a.qcow2 b0
         qemu-img bitmap --add -g 128k --disable a.qcow2 b1
         """),
    case("info/data-file", "qemu-img info a.qcow2\nqemu-img info --output=json a.qcow2",
         setup="qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 1M"),
    case("info/raw-that-looks", "qemu-img info v.qcow2\nqemu-img info -f raw v.qcow2",
         setup="@random v.qcow2 64k 9\n@poke v.qcow2 0 514649fb00000003"),
]

CASES += table(
    "info/header",
    """
    version-9 | @header v.qcow2 version 9 ; qemu-img info v.qcow2
    version-1 | @header v.qcow2 version 1 ; qemu-img info v.qcow2 ; qemu-img info -f qcow2 v.qcow2
    version-0 | @header v.qcow2 version 0 ; qemu-img info v.qcow2
    cluster-bits-8 | @header v.qcow2 cluster_bits 8 ; qemu-img info v.qcow2
    cluster-bits-22 | @header v.qcow2 cluster_bits 22 ; qemu-img info v.qcow2
    cluster-bits-big | @header v.qcow2 cluster_bits 0xffffffff ; qemu-img info v.qcow2
    size-odd | @header v.qcow2 size 1000 ; qemu-img info v.qcow2
    size-huge | @header v.qcow2 size 0xffffffffffffffff ; qemu-img info v.qcow2
    size-more-than-l1 | @header v.qcow2 size 0x10000000000 ; qemu-img info v.qcow2
    crypt-1 | @header v.qcow2 crypt 1 ; qemu-img info v.qcow2
    crypt-2 | @header v.qcow2 crypt 2 ; qemu-img info v.qcow2
    crypt-3 | @header v.qcow2 crypt 3 ; qemu-img info v.qcow2
    l1-size-0 | @header v.qcow2 l1_size 0 ; qemu-img info v.qcow2
    l1-size-huge | @header v.qcow2 l1_size 0x7fffffff ; qemu-img info v.qcow2
    l1-size-4G | @header v.qcow2 l1_size 0xffffffff ; qemu-img info v.qcow2
    l1-unaligned | @header v.qcow2 l1_offset 0x30200 ; qemu-img info v.qcow2
    l1-beyond | @header v.qcow2 l1_offset 0x1000000000 ; qemu-img info v.qcow2 ; qemu-img check v.qcow2
    l1-overflow | @header v.qcow2 l1_offset 0x7fffffffffff0000 ; qemu-img info v.qcow2
    reftable-unaligned | @header v.qcow2 reftable_offset 0x10200 ; qemu-img info v.qcow2
    reftable-beyond | @header v.qcow2 reftable_offset 0x1000000000 ; qemu-img info v.qcow2
    reftable-clusters-0 | @header v.qcow2 reftable_clusters 0 ; qemu-img info v.qcow2 ; qemu-img check v.qcow2
    reftable-clusters-huge | @header v.qcow2 reftable_clusters 0x7fffffff ; qemu-img info v.qcow2
    snapshots-many | @header v.qcow2 snapshots 0x10001 ; qemu-img info v.qcow2
    snapshots-one-nowhere | @header v.qcow2 snapshots 1 ; qemu-img info v.qcow2
    snapshots-unaligned | @header v.qcow2 snapshots 1 ; @header v.qcow2 snapshots_offset 0x10200 ; qemu-img info v.qcow2
    snapshots-beyond | @header v.qcow2 snapshots 1 ; @header v.qcow2 snapshots_offset 0x100000000000 ; qemu-img info v.qcow2
    dirty | @header v.qcow2 incompatible |1 ; qemu-img info v.qcow2 ; qemu-img info --output=json v.qcow2
    corrupt | @header v.qcow2 incompatible |2 ; qemu-img info v.qcow2 ; qemu-img info --output=json v.qcow2
    data-file-bit | @header v.qcow2 incompatible |4 ; qemu-img info v.qcow2
    compression-bit | @header v.qcow2 incompatible |8 ; qemu-img info v.qcow2
    extended-bit | @header v.qcow2 incompatible |16 ; qemu-img info v.qcow2
    feature-unknown | @header v.qcow2 incompatible |0x20 ; qemu-img info v.qcow2
    features-unknown | @header v.qcow2 incompatible |0x8000000000000020 ; qemu-img info v.qcow2
    compatible-unknown | @header v.qcow2 compatible |0x80 ; qemu-img info v.qcow2
    autoclear-unknown | @header v.qcow2 autoclear |0x80 ; qemu-img info v.qcow2
    autoclear-bitmaps | @header v.qcow2 autoclear |1 ; qemu-img info v.qcow2
    autoclear-raw | @header v.qcow2 autoclear |2 ; qemu-img info v.qcow2
    refcount-order-7 | @header v.qcow2 refcount_order 7 ; qemu-img info v.qcow2
    refcount-order-huge | @header v.qcow2 refcount_order 0xffffffff ; qemu-img info v.qcow2
    header-length-short | @header v.qcow2 header_length 96 ; qemu-img info v.qcow2
    header-length-odd | @header v.qcow2 header_length 108 ; qemu-img info v.qcow2
    header-length-huge | @header v.qcow2 header_length 0x100000 ; qemu-img info v.qcow2
    compression-7 | @header v.qcow2 compression 7 ; qemu-img info v.qcow2
    compression-zstd-no-bit | @header v.qcow2 compression 1 ; qemu-img info v.qcow2
    compression-zstd-bit | @header v.qcow2 compression 1 ; @header v.qcow2 incompatible |8 ; qemu-img info v.qcow2
    backing-too-long | @header v.qcow2 backing_offset 0x200 ; @header v.qcow2 backing_size 1024 ; qemu-img info v.qcow2
    backing-beyond-cluster | @header v.qcow2 backing_offset 0x20000 ; @header v.qcow2 backing_size 8 ; qemu-img info v.qcow2
    backing-overflow | @header v.qcow2 backing_offset 0xfffffffffffffff8 ; @header v.qcow2 backing_size 8 ; qemu-img info v.qcow2
    backing-empty | @header v.qcow2 backing_offset 0x200 ; @header v.qcow2 backing_size 0 ; qemu-img info v.qcow2
    extension-too-long | @poke v.qcow2 112 11223344ffffffff ; qemu-img info v.qcow2
    extension-unknown | @poke v.qcow2 112 1122334400000008616263646566676800000000 ; qemu-img info v.qcow2
    extension-format-long | @poke v.qcow2 112 e2792aca00000020 ; qemu-img info v.qcow2
    truncated-header | @truncate v.qcow2 60 ; qemu-img info v.qcow2
    truncated-header-100 | @truncate v.qcow2 100 ; qemu-img info v.qcow2
    truncated-cluster | @truncate v.qcow2 1000 ; qemu-img info v.qcow2
    truncated-tables | @truncate v.qcow2 0x30000 ; qemu-img info v.qcow2 ; qemu-img check v.qcow2
    """,
    uses="victim",
)

CASES += table(
    "info/header-v2",
    """
    refcount-order | @header v.qcow2 refcount_order 2 ; qemu-img info v.qcow2
    features | @header v.qcow2 incompatible 0x80 ; qemu-img info v.qcow2
    snapshots-many | @header v.qcow2 snapshots 70000 ; qemu-img info v.qcow2
    """,
    uses="victim2",
)

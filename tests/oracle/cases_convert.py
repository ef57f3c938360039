"""convert: raw and qcow2 both ways, every option, compressed sources, several sources, errors."""

from case import case, table

CASES = table(
    "convert",
    """
    to-raw | qemu-img convert a.qcow2 o.raw ; qemu-img info o.raw
    to-raw-named | qemu-img convert -f qcow2 -O raw a.qcow2 o.raw
    to-qcow2 | qemu-img convert -O qcow2 a.qcow2 o.qcow2 ; qemu-img info o.qcow2 ; qemu-img map --output=json o.qcow2 ; qemu-img check o.qcow2
    raw-to-qcow2 | qemu-img convert -f raw -O qcow2 a.raw o.qcow2 ; qemu-img map o.qcow2
    raw-to-raw | qemu-img convert -f raw -O raw a.raw o.raw ; qemu-img map --output=json o.raw
    raw-probed | qemu-img convert -O qcow2 a.raw o.qcow2
    empty | qemu-img convert -O qcow2 empty.qcow2 o.qcow2 ; qemu-img convert empty.qcow2 o.raw
    over-existing | @random o.raw 5M 1 ; qemu-img convert a.qcow2 o.raw
    over-existing-qcow2 | @cp a.qcow2 o.qcow2 ; qemu-img convert -O qcow2 a.raw o.qcow2
    options | qemu-img convert -O qcow2 -o cluster_size=4k,refcount_bits=8 a.qcow2 o.qcow2
    options-compat | qemu-img convert -O qcow2 -o compat=0.10 a.qcow2 o.qcow2 ; qemu-img info o.qcow2
    options-extended | qemu-img convert -O qcow2 -o extended_l2=on a.qcow2 o.qcow2
    options-lazy | qemu-img convert -O qcow2 -o lazy_refcounts=on a.qcow2 o.qcow2 ; qemu-img check o.qcow2
    options-metadata | qemu-img convert -O qcow2 -o preallocation=metadata a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    options-falloc | qemu-img convert -O qcow2 -o preallocation=falloc a.qcow2 o.qcow2
    options-full | qemu-img convert -O qcow2 -o preallocation=full a.qcow2 o.qcow2
    options-raw-full | qemu-img convert -O raw -o preallocation=full a.qcow2 o.raw
    options-raw-falloc | qemu-img convert -O raw -o preallocation=falloc a.qcow2 o.raw
    options-several | qemu-img convert -O qcow2 -o cluster_size=4k -o refcount_bits=8 a.qcow2 o.qcow2
    options-size-larger | qemu-img convert -O qcow2 -o size=6M a.qcow2 o.qcow2
    options-size-smaller | qemu-img convert -O qcow2 -o size=1M a.qcow2 o.qcow2
    options-help | qemu-img convert -O qcow2 -o help a.qcow2 o.qcow2
    options-help-raw | qemu-img convert -O raw -o help a.qcow2 o.raw
    options-help-alone | qemu-img convert -O qcow2 -o help
    options-unknown | qemu-img convert -O qcow2 -o nope=1 a.qcow2 o.qcow2
    options-unknown-raw | qemu-img convert -O raw -o cluster_size=4k a.qcow2 o.raw
    options-bad-cluster | qemu-img convert -O qcow2 -o cluster_size=1000 a.qcow2 o.qcow2
    options-bad-number | qemu-img convert -O qcow2 -o cluster_size=x a.qcow2 o.qcow2
    options-bad-bool | qemu-img convert -O qcow2 -o lazy_refcounts=x a.qcow2 o.qcow2
    options-comma | qemu-img convert -O qcow2 -o , a.qcow2 o.qcow2
    options-luks | qemu-img convert -O qcow2 -o encrypt.format=luks a.qcow2 o.qcow2
    sparse-0 | qemu-img convert -S 0 a.qcow2 o.raw ; qemu-img map --output=json o.raw
    sparse-0-qcow2 | qemu-img convert -S 0 -O qcow2 a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    sparse-512 | qemu-img convert -S 512 a.qcow2 o.raw
    sparse-64k | qemu-img convert -S 64k -O qcow2 a.raw o.qcow2
    sparse-16M | qemu-img convert -S 16M a.qcow2 o.raw
    sparse-17M | qemu-img convert -S 17M a.qcow2 o.raw
    sparse-1000 | qemu-img convert -S 1000 a.qcow2 o.raw
    sparse-word | qemu-img convert -S x a.qcow2 o.raw
    sparse-negative | qemu-img convert -S -1 a.qcow2 o.raw
    progress | qemu-img convert -p a.qcow2 o.raw
    progress-qcow2 | qemu-img convert -p -O qcow2 a.raw o.qcow2
    progress-empty | qemu-img convert -p -O qcow2 empty.qcow2 o.qcow2
    progress-quiet | qemu-img convert -p -q a.qcow2 o.raw
    quiet | qemu-img convert -q -O qcow2 a.qcow2 o.qcow2
    cache | qemu-img convert -t none -O qcow2 a.qcow2 o.qcow2 ; qemu-img convert -t writethrough -O qcow2 a.qcow2 p.qcow2 ; qemu-img convert -t directsync a.qcow2 q.raw ; qemu-img convert -t unsafe a.qcow2 r.raw ; qemu-img convert -t writeback a.qcow2 s.raw
    cache-bad | qemu-img convert -t foo a.qcow2 o.raw
    source-cache | qemu-img convert -T none a.qcow2 o.raw
    source-cache-bad | qemu-img convert -T foo a.qcow2 o.raw
    coroutines-1 | qemu-img convert -m 1 -O qcow2 a.qcow2 o.qcow2
    coroutines-16 | qemu-img convert -m 16 -O raw a.qcow2 o.raw
    coroutines-0 | qemu-img convert -m 0 a.qcow2 o.raw
    coroutines-17 | qemu-img convert -m 17 a.qcow2 o.raw
    coroutines-word | qemu-img convert -m x a.qcow2 o.raw
    out-of-order | qemu-img convert -W a.qcow2 o.raw
    rate | qemu-img convert -r 100M a.qcow2 o.raw
    rate-0 | qemu-img convert -r 0 a.qcow2 o.raw
    rate-bad | qemu-img convert -r x a.qcow2 o.raw
    no-create | qemu-img create -q -f raw o.raw 4M ; qemu-img convert -n -O raw a.qcow2 o.raw
    no-create-larger | qemu-img create -q -f raw o.raw 6M ; qemu-img convert -n -O raw a.qcow2 o.raw
    no-create-dirty | @random o.raw 5M 3 ; qemu-img convert -n -O raw a.qcow2 o.raw
    no-create-qcow2 | qemu-img create -q -f qcow2 o.qcow2 4M ; qemu-img convert -n -O qcow2 a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    no-create-qcow2-dirty | @cp a.qcow2 o.qcow2 ; qemu-img convert -n -O qcow2 a.raw o.qcow2 ; qemu-img map --output=json o.qcow2
    no-create-smaller | qemu-img create -q -f qcow2 o.qcow2 512k ; qemu-img convert -n -O qcow2 a.qcow2 o.qcow2
    no-create-missing | qemu-img convert -n -O raw a.qcow2 none
    no-create-wrong-format | @cp a.raw o.raw ; qemu-img convert -n -O qcow2 a.qcow2 o.raw
    no-create-options | qemu-img create -q -f qcow2 o.qcow2 4M ; qemu-img convert -n -O qcow2 -o cluster_size=4k a.qcow2 o.qcow2
    target-zero | qemu-img create -q -f qcow2 o.qcow2 4M ; qemu-img convert -n --target-is-zero -O qcow2 a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    target-zero-raw | @truncate o.raw 4M ; qemu-img convert -n --target-is-zero -O raw a.qcow2 o.raw
    target-zero-untrue | @random o.raw 4M 3 ; qemu-img convert -n --target-is-zero -O raw a.qcow2 o.raw
    target-zero-no-n | qemu-img convert --target-is-zero a.qcow2 o.raw
    target-opts | @truncate o.raw 4M ; qemu-img convert -n --target-image-opts a.qcow2 driver=raw,file.filename=o.raw
    target-opts-qcow2 | qemu-img create -q -f qcow2 o.qcow2 4M ; qemu-img convert -n --target-image-opts a.qcow2 driver=qcow2,file.filename=o.qcow2
    target-opts-window | @truncate o.raw 8M ; qemu-img convert -n --target-image-opts a.qcow2 driver=raw,offset=1M,size=4M,file.filename=o.raw
    target-opts-no-n | qemu-img convert --target-image-opts a.qcow2 driver=raw,file.filename=o.raw
    target-opts-format | @truncate o.raw 4M ; qemu-img convert -n --target-image-opts -O raw a.qcow2 driver=raw,file.filename=o.raw
    image-opts | qemu-img convert --image-opts driver=qcow2,file.filename=a.qcow2 o.raw
    image-opts-format | qemu-img convert --image-opts -f qcow2 driver=qcow2,file.filename=a.qcow2 o.raw
    image-opts-bad | qemu-img convert --image-opts driver=nope,file.filename=a.qcow2 o.raw
    json-source | qemu-img convert 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"}}' o.raw
    json-window | qemu-img convert 'json:{"driver":"raw","offset":65536,"size":1048576,"file.filename":"a.raw"}' o.raw
    json-window-odd | qemu-img convert -O qcow2 'json:{"driver":"raw","offset":1000,"size":66048,"file.filename":"a.raw"}' o.qcow2
    null-source | qemu-img convert -O qcow2 --image-opts driver=null-co,size=1M,read-zeroes=on o.qcow2
    null-target | qemu-img convert -n --target-image-opts a.qcow2 driver=null-co,size=4M
    force-share | qemu-img convert -U a.qcow2 o.raw
    salvage | qemu-img convert --salvage a.qcow2 o.raw
    copy-range | qemu-img convert -C a.raw o.raw ; qemu-img map --output=json o.raw
    copy-range-qcow2 | qemu-img convert -C -O qcow2 a.qcow2 o.qcow2
    copy-range-sparse | qemu-img convert -C -S 4k a.qcow2 o.raw
    backing | qemu-img convert -O qcow2 -B empty.qcow2 -F qcow2 a.qcow2 o.qcow2 ; qemu-img info o.qcow2
    backing-no-format | qemu-img convert -O qcow2 -B empty.qcow2 a.qcow2 o.qcow2
    backing-missing | qemu-img convert -O qcow2 -B none.qcow2 -F qcow2 a.qcow2 o.qcow2
    backing-raw-target | qemu-img convert -O raw -B empty.qcow2 -F qcow2 a.qcow2 o.raw
    backing-several | qemu-img convert -O qcow2 -B empty.qcow2 -F qcow2 a.qcow2 a.raw o.qcow2
    backing-by-options | qemu-img convert -O qcow2 -o backing_file=empty.qcow2,backing_fmt=qcow2 a.qcow2 o.qcow2
    backing-format-alone | qemu-img convert -O qcow2 -F qcow2 a.qcow2 o.qcow2
    several | qemu-img convert -O qcow2 a.qcow2 a.raw o.qcow2 ; qemu-img info o.qcow2
    several-raw | qemu-img convert -O raw a.qcow2 empty.qcow2 a.raw o.raw
    several-one-missing | qemu-img convert -O raw a.qcow2 none o.raw
    several-odd | @random x 1000 4 ; @random y 70000 5 ; qemu-img convert -f raw -O raw x y o.raw ; qemu-img convert -f raw -O qcow2 x y o.qcow2
    source-missing | qemu-img convert none o.raw
    source-missing-quiet | qemu-img convert -q none o.raw
    source-wrong-format | qemu-img convert -f qcow2 a.raw o.raw
    source-unknown-format | qemu-img convert -f nope a.qcow2 o.raw
    source-directory | qemu-img convert . o.raw
    target-unknown-format | qemu-img convert -O nope a.qcow2 o.raw
    target-directory-missing | qemu-img convert -O qcow2 a.qcow2 none/o.qcow2
    target-directory-missing-raw | qemu-img convert a.qcow2 none/o.raw
    target-directory | @mkdir d ; qemu-img convert a.qcow2 d
    target-itself | qemu-img convert -O qcow2 a.qcow2 a.qcow2
    target-itself-raw | qemu-img convert -f raw -O raw a.raw a.raw
    target-unknown-protocol | qemu-img convert a.qcow2 nope:x
    one-name | qemu-img convert a.qcow2
    no-name | qemu-img convert
    unknown-option | qemu-img convert -D a.qcow2 o.raw
    unknown-long | qemu-img convert --nope a.qcow2 o.raw
    compressed-raw | qemu-img convert -c -O raw a.qcow2 o.raw
    bitmaps-raw | qemu-img convert --bitmaps a.qcow2 o.raw
    skip-bitmaps-alone | qemu-img convert --skip-broken-bitmaps a.qcow2 o.raw
    snapshot-none | qemu-img convert -l none a.qcow2 o.raw
    snapshot-raw | qemu-img convert -f raw -l none a.raw o.raw
    odd-size | @random x 1000 4 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img convert o.qcow2 back.raw ; qemu-img info o.qcow2
    odd-size-513 | @random x 66049 4 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img convert o.qcow2 back.raw
    size-zero | @truncate x 0 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img convert o.qcow2 back.raw ; qemu-img convert -p -f raw x p.raw
    zero-data | @truncate x 1M ; @write x 0 1M 0 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img map --output=json o.qcow2 ; qemu-img convert -f raw x o.raw
    zero-islands | @random x 1M 8 ; @write x 64k 4k 0 ; @write x 200k 3k 0 ; @write x 300000 70000 0 ; @write x 1M 512 1 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img convert -f raw x o.raw ; qemu-img convert -S 512 -f raw x p.raw
    zero-islands-4k | @random x 1M 8 ; @write x 64k 4k 0 ; @write x 200k 3k 0 ; @write x 300000 70000 0 ; qemu-img convert -f raw -O qcow2 -o cluster_size=4k x o.qcow2 ; qemu-img map --output=json o.qcow2
    partial-last-cluster | @truncate x 1206k ; @write x 1152k 4k 5 ; qemu-img convert -S 0 -f raw -O qcow2 -o cluster_size=4k x s.qcow2 ; qemu-img convert -S 64k -O raw s.qcow2 o.raw
    large-sparse | @truncate x 3G ; @write x 2G 8k 5 ; qemu-img convert -f raw -O qcow2 x o.qcow2 ; qemu-img map --output=json o.qcow2
    """,
    uses="plain",
)

CASES += table(
    "convert/chain",
    """
    flatten | qemu-img convert -O qcow2 top.qcow2 o.qcow2 ; qemu-img convert top.qcow2 o.raw
    mid | qemu-img convert -O qcow2 mid.qcow2 o.qcow2
    short | qemu-img convert -O qcow2 short.qcow2 o.qcow2
    keep-base | qemu-img convert -O qcow2 -B base.raw -F raw top.qcow2 o.qcow2 ; qemu-img info --backing-chain o.qcow2
    keep-mid | qemu-img convert -O qcow2 -B mid.qcow2 -F qcow2 top.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    keep-mid-sparse | qemu-img convert -S 0 -O qcow2 -B mid.qcow2 -F qcow2 top.qcow2 o.qcow2
    unrelated-base | qemu-img convert -O qcow2 -B short.qcow2 -F qcow2 top.qcow2 o.qcow2
    no-backing | qemu-img convert -O qcow2 --image-opts driver=qcow2,backing=,file.filename=top.qcow2 o.qcow2
    broken | @rm base.raw ; qemu-img convert -O qcow2 top.qcow2 o.qcow2
    onto-overlay | qemu-img convert -n -O qcow2 mid.qcow2 top.qcow2 ; qemu-img map --output=json top.qcow2
    """,
    uses="chain",
)

CASES += [
    case("convert/compressed-zlib", "qemu-img convert zlib.qcow2 o.raw\n"
         "qemu-img convert -O qcow2 zlib.qcow2 o.qcow2", uses="compressed"),
    case("convert/compressed-zstd", "qemu-img convert zstd.qcow2 o.raw\n"
         "qemu-img convert -O qcow2 -o compression_type=zstd zstd.qcow2 o.qcow2",
         uses="compressed"),
    case("convert/compressed-sizes", "qemu-img convert small.qcow2 a.raw\n"
         "qemu-img convert big.qcow2 b.raw\nqemu-img convert rnd.qcow2 c.raw", uses="compressed"),
    case("convert/compressed-damaged", "@l2 zlib.qcow2 0 +0x300\n"
         "qemu-img convert zlib.qcow2 o.raw", uses="compressed", loose="images"),
    case("convert/mixed", "qemu-img convert m.qcow2 o.raw\nqemu-img convert -O qcow2 m.qcow2 o.qcow2",
         uses="mixed"),
    case("convert/extended", "qemu-img convert e.qcow2 e.raw\nqemu-img convert eo.qcow2 eo.raw\n"
         "qemu-img convert -O qcow2 eo.qcow2 o.qcow2\n"
         "qemu-img convert -O qcow2 -o extended_l2=on,cluster_size=32k eo.qcow2 p.qcow2",
         uses="extended"),
    case("convert/snapshot", "qemu-img convert -l one s.qcow2 o.raw\n"
         "qemu-img convert -l 2 -O qcow2 s.qcow2 o.qcow2\n"
         "qemu-img convert -l snapshot.name=one s.qcow2 p.raw\n"
         "qemu-img convert -l snapshot.id=2 s.qcow2 q.raw\n"
         "qemu-img convert -l three s.qcow2 r.raw\n"
         "qemu-img convert -l snapshot.nope=2 s.qcow2 t.raw", uses="snapshots"),
    *table("convert/resized-snapshot", """
    smaller | qemu-img convert -l one t.qcow2 o.raw
    larger | qemu-img convert -l two t.qcow2 o.raw
    """, setup="qemu-img create -q -f qcow2 t.qcow2 2M\n"
         'qemu-io -c "write -P 1 0 2M" t.qcow2\nqemu-img snapshot -c one t.qcow2\n'
         "qemu-img resize --shrink t.qcow2 1M\nqemu-img snapshot -c two t.qcow2\n"
         "qemu-img resize t.qcow2 1536k"),
    case("convert/snapshots-source", "qemu-img convert s.qcow2 o.raw\nqemu-img convert v2s.qcow2 p.raw",
         uses="snapshots"),
    case("convert/damaged-l2", "@l2 v.qcow2 0 +512\nqemu-img convert v.qcow2 o.raw\n"
         "qemu-img convert -O qcow2 v.qcow2 o.qcow2", uses="victim", loose="images"),
    case("convert/damaged-salvage", "@l2 v.qcow2 0 +512\nqemu-img convert --salvage v.qcow2 o.raw",
         uses="victim", loose="images"),
    case("convert/truncated-source", "@truncate v.qcow2 0x70000\nqemu-img convert v.qcow2 o.raw",
         uses="victim"),
    case("convert/corrupt-source", "@header v.qcow2 incompatible |2\nqemu-img convert v.qcow2 o.raw",
         uses="victim"),
]

CASES += [
    case(f"convert/cluster-{size}",
         f"qemu-img convert -O qcow2 -o cluster_size={size} a.qcow2 o.qcow2\n"
         "qemu-img map --output=json o.qcow2\nqemu-img check o.qcow2\n"
         f"qemu-img convert -f raw -O qcow2 -o cluster_size={size} a.raw p.qcow2\n"
         "qemu-img convert p.qcow2 back.raw", uses="plain")
    for size in ("512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1M",
                 "2M")
]

"""compare: identical, different, of different sizes, strict; options and errors."""

from case import table

CASES = table(
    "compare",
    """
    same | qemu-img compare p.raw p.qcow2
    same-reverse | qemu-img compare p.qcow2 p.raw
    itself | qemu-img compare p.qcow2 p.qcow2
    itself-raw | qemu-img compare -f raw -F raw p.raw p.raw
    overlay | qemu-img compare p.raw over.qcow2 ; qemu-img compare -s p.raw over.qcow2
    fixed | qemu-img compare p.raw fixed.qcow2
    changed | qemu-img compare p.raw changed.raw
    changed-reverse | qemu-img compare changed.raw p.qcow2
    longer | qemu-img compare p.raw longer.raw
    longer-reverse | qemu-img compare longer.raw p.qcow2
    tail | qemu-img compare p.raw tail.raw
    tail-reverse | qemu-img compare tail.raw p.qcow2
    odd | qemu-img compare p.raw odd.raw ; qemu-img compare odd.raw p.qcow2
    strict-same | qemu-img compare -s p.raw p.raw
    strict-status | qemu-img compare -s p.raw p.qcow2
    strict-longer | qemu-img compare -s p.raw longer.raw
    strict-changed | qemu-img compare -s p.raw changed.raw
    progress | qemu-img compare -p p.raw p.qcow2
    progress-changed | qemu-img compare -p p.raw changed.raw
    progress-longer | qemu-img compare -p p.raw longer.raw
    progress-quiet | qemu-img compare -p -q p.raw p.qcow2
    quiet | qemu-img compare -q p.raw p.qcow2 ; qemu-img compare -q p.raw changed.raw ; qemu-img compare -q p.raw longer.raw
    quiet-strict | qemu-img compare -q -s p.raw longer.raw
    formats | qemu-img compare -f raw -F qcow2 p.raw p.qcow2
    format-wrong | qemu-img compare -f qcow2 p.raw p.qcow2 ; qemu-img compare -F qcow2 p.qcow2 p.raw
    format-raw | qemu-img compare -f raw -F raw p.qcow2 p.raw
    format-unknown | qemu-img compare -f nope p.raw p.qcow2 ; qemu-img compare -F nope p.raw p.qcow2
    cache | qemu-img compare -T none p.raw p.qcow2 ; qemu-img compare -T unsafe p.raw p.qcow2
    cache-bad | qemu-img compare -T foo p.raw p.qcow2
    force-share | qemu-img compare -U p.raw p.qcow2
    image-opts | qemu-img compare --image-opts driver=raw,file.filename=p.raw driver=qcow2,file.filename=p.qcow2
    image-opts-format | qemu-img compare --image-opts -f raw driver=raw,file.filename=p.raw driver=qcow2,file.filename=p.qcow2
    image-opts-bad | qemu-img compare --image-opts driver=nope,file.filename=p.raw driver=qcow2,file.filename=p.qcow2
    json | qemu-img compare 'json:{"driver":"qcow2","file.filename":"p.qcow2"}' p.raw
    json-window | qemu-img compare 'json:{"driver":"raw","offset":1048576,"size":4096,"file.filename":"p.raw"}' 'json:{"driver":"raw","offset":1048576,"size":4096,"file.filename":"longer.raw"}'
    null-co | qemu-img compare --image-opts driver=null-co,size=1M,read-zeroes=on driver=null-co,size=2M,read-zeroes=on
    missing-first | qemu-img compare none p.raw
    missing-second | qemu-img compare p.raw none
    missing-both | qemu-img compare none1 none2
    missing-quiet | qemu-img compare -q p.raw none
    one-name | qemu-img compare p.raw
    no-name | qemu-img compare
    three-names | qemu-img compare p.raw p.raw p.raw
    unknown-option | qemu-img compare -Z p.raw p.raw
    directory | qemu-img compare . p.raw
    empty | @truncate a 0 ; @truncate b 0 ; qemu-img compare a b ; qemu-img compare -p a b ; qemu-img compare a p.raw
    last-byte | @cp p.raw q.raw ; @write q.raw 2097151 1 9 ; qemu-img compare p.raw q.raw ; qemu-img compare p.qcow2 q.raw
    first-byte | @cp p.raw q.raw ; @write q.raw 0 1 9 ; qemu-img compare -f raw -F raw p.raw q.raw
    zero-and-hole | @cp p.raw q.raw ; @write q.raw 512k 64k 0 ; qemu-img compare p.raw q.raw ; qemu-img compare -s -f raw -F raw p.raw q.raw
    broken-chain | @rm changed.raw ; qemu-img compare fixed.qcow2 p.raw
    """,
    uses="pairs",
)

CASES += table(
    "compare/kinds",
    """
    compressed | qemu-img compare zlib.qcow2 src.raw ; qemu-img compare zstd.qcow2 zlib.qcow2 ; qemu-img compare small.qcow2 src.raw ; qemu-img compare rnd.qcow2 rnd.raw
    compressed-strict | qemu-img compare -s zlib.qcow2 zstd.qcow2
    """,
    uses="compressed",
)

CASES += table(
    "compare/chain",
    """
    layers | qemu-img compare top.qcow2 mid.qcow2 ; qemu-img compare mid.qcow2 base.raw ; qemu-img compare short.qcow2 base.raw
    """,
    uses="chain",
)

CASES += table(
    "compare/damaged",
    """
    unreadable | @l2 v.qcow2 0 +512 ; qemu-img compare v.qcow2 v.qcow2 ; qemu-img compare -U v.qcow2 v.qcow2
    """,
    uses="victim",
    loose="images",
)

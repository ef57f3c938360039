"""map: both outputs, ranges, chains, raw files with holes."""

from case import case, table

CASES = table(
    "map",
    """
    qcow2 | qemu-img map a.qcow2
    qcow2-json | qemu-img map --output=json a.qcow2
    qcow2-human | qemu-img map --output=human a.qcow2
    empty | qemu-img map empty.qcow2 ; qemu-img map --output=json empty.qcow2
    raw | qemu-img map a.raw ; qemu-img map --output=json a.raw
    raw-empty | qemu-img map -f raw empty.raw ; qemu-img map --output=json empty.raw
    qcow2-as-raw | qemu-img map -f raw --output=json a.qcow2
    raw-as-qcow2 | qemu-img map -f qcow2 a.raw
    force-share | qemu-img map -U a.qcow2
    image-opts | qemu-img map --image-opts driver=qcow2,file.filename=a.qcow2
    image-opts-format | qemu-img map --image-opts -f raw driver=qcow2,file.filename=a.qcow2
    json-name | qemu-img map --output=json 'json:{"driver":"qcow2","file.filename":"a.qcow2"}'
    json-window | qemu-img map --output=json 'json:{"driver":"raw","offset":65536,"size":131072,"file.filename":"a.raw"}'
    json-window-human | qemu-img map 'json:{"driver":"raw","offset":65536,"size":131072,"file.filename":"a.raw"}'
    null-co | qemu-img map --image-opts driver=null-co,size=1M ; qemu-img map --output=json --image-opts driver=null-co,size=1M
    null-co-zero | qemu-img map --output=json --image-opts driver=null-co,size=1M,read-zeroes=on
    start | qemu-img map -s 100k a.qcow2 ; qemu-img map --start-offset=100k --output=json a.qcow2
    start-odd | qemu-img map -s 1 --output=json a.qcow2 ; qemu-img map -s 100001 --output=json a.qcow2
    length | qemu-img map -l 100k a.qcow2 ; qemu-img map --max-length=100k --output=json a.qcow2
    length-odd | qemu-img map -l 1 --output=json a.qcow2 ; qemu-img map -l 70001 a.qcow2
    both | qemu-img map -s 64k -l 1M --output=json a.qcow2 ; qemu-img map -s 3k -l 5000 a.qcow2
    start-zero-cluster | qemu-img map -s 2M -l 64k --output=json a.qcow2
    length-zero | qemu-img map -l 0 --output=json a.qcow2 ; qemu-img map -l 0 a.qcow2
    start-at-end | qemu-img map -s 4M --output=json a.qcow2 ; qemu-img map -s 4M a.qcow2
    start-beyond | qemu-img map -s 10M --output=json a.qcow2 ; qemu-img map -s 10M a.qcow2
    length-beyond | qemu-img map -s 3M -l 10M --output=json a.qcow2
    length-overflow | qemu-img map -s 1M -l 8E --output=json a.qcow2
    start-bad | qemu-img map -s x a.qcow2
    start-negative | qemu-img map -s -1 a.qcow2
    length-bad | qemu-img map -l x a.qcow2
    start-missing | qemu-img map a.qcow2 -s
    missing | qemu-img map none
    no-file | qemu-img map
    two-files | qemu-img map a.qcow2 a.raw
    output-bad | qemu-img map --output=x a.qcow2
    unknown-format | qemu-img map -f nope a.qcow2
    unknown-option | qemu-img map -Z a.qcow2
    size-zero | @truncate z 0 ; qemu-img map -f raw z ; qemu-img map -f raw --output=json z
    odd-raw | @truncate z 1000 ; qemu-img map -f raw z ; qemu-img map -f raw --output=json z
    odd-raw-data | @random z 1000 1 ; qemu-img map -f raw z ; qemu-img map -f raw --output=json z
    raw-punched | @punch a.raw 64k 32k ; qemu-img map -f raw --output=json a.raw ; qemu-img map -f raw a.raw
    raw-last-hole | @truncate a.raw 9M ; qemu-img map -f raw --output=json a.raw
    directory | qemu-img map .
    """,
    uses="plain",
)

CASES += table(
    "map/chain",
    """
    top | qemu-img map top.qcow2 ; qemu-img map --output=json top.qcow2
    mid | qemu-img map mid.qcow2 ; qemu-img map --output=json mid.qcow2
    short | qemu-img map short.qcow2 ; qemu-img map --output=json short.qcow2
    part | qemu-img map -s 30k -l 300k --output=json top.qcow2 ; qemu-img map -s 2000k -l 2000k top.qcow2
    no-backing | qemu-img map --output=json --image-opts driver=qcow2,backing=,file.filename=top.qcow2
    other-backing | qemu-img map --output=json --image-opts driver=qcow2,file.filename=top.qcow2,backing.driver=raw,backing.file.filename=base.raw
    broken | @rm base.raw ; qemu-img map top.qcow2
    cut-base | @truncate base.raw 1M ; qemu-img map --output=json top.qcow2 ; qemu-img map top.qcow2
    cut-base-odd | @truncate base.raw 1000000 ; qemu-img map --output=json top.qcow2
    base-as-raw | qemu-img map -f raw --output=json base.raw
    """,
    uses="chain",
)

CASES += [
    case("map/mixed", "qemu-img map --output=json m.qcow2\nqemu-img map m.qcow2", uses="mixed"),
    case("map/mixed-uncompressed-part", "qemu-img map -l 64k m.qcow2", uses="mixed"),
    case("map/compressed", "qemu-img map zlib.qcow2\nqemu-img map --output=json zlib.qcow2\n"
         "qemu-img map --output=json small.qcow2\nqemu-img map --output=json big.qcow2\n"
         "qemu-img map --output=json zstd.qcow2\nqemu-img map --output=json rnd.qcow2",
         uses="compressed"),
    case("map/extended", "qemu-img map e.qcow2\nqemu-img map --output=json e.qcow2\n"
         "qemu-img map eo.qcow2\nqemu-img map --output=json eo.qcow2\n"
         "qemu-img map -s 1023 -l 7777 --output=json eo.qcow2", uses="extended"),
    case("map/snapshots", "qemu-img map s.qcow2\nqemu-img map --output=json v2s.qcow2",
         uses="snapshots"),
    case("map/large", "qemu-img map a.qcow2\nqemu-img map --output=json a.qcow2",
         setup="""
         qemu-img create -q -f qcow2 a.qcow2 1T
         qemu-io -c "write 0 1k" -c "write 500G 64k" -c "write -z 1023G 1M" a.qcow2
         """),
    case("map/preallocated", "qemu-img map a.qcow2\nqemu-img map --output=json b.qcow2",
         setup="""
         qemu-img create -q -f qcow2 -o preallocation=metadata a.qcow2 8M
         qemu-img create -q -f qcow2 -o preallocation=full b.qcow2 4M
         """),
]

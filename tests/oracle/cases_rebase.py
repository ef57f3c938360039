"""rebase: on another backing file or none, safely or by name alone, every option, every error."""

from case import table

_SETUP = """
    qemu-img create -q -f qcow2 old.qcow2 4M
    qemu-io -c "write -P 1 0 1M" -c "write -P 5 1M 1M" old.qcow2
    qemu-img create -q -f qcow2 new.qcow2 4M
    qemu-io -c "write -P 1 0 1M" -c "write -P 6 2M 128k" -c "write -P 0 3M 128k" new.qcow2
    qemu-img create -q -f qcow2 -b old.qcow2 -F qcow2 t.qcow2
    qemu-io -c "write -P 2 30k 64k" -c "write -z 1100k 64k" t.qcow2
"""

CASES = table(
    "rebase",
    """
    safe | qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2 ; qemu-img check t.qcow2
    same | qemu-img rebase -b old.qcow2 -F qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    there-and-back | qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -b old.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2
    none | qemu-img rebase -b "" t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2
    none-format | qemu-img rebase -b "" -F raw t.qcow2 ; qemu-img info t.qcow2
    none-and-back | qemu-img rebase -b "" t.qcow2 ; qemu-img rebase -u -b old.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img bitmap --add t.qcow2 x ; qemu-img info t.qcow2
    unsafe | qemu-img rebase -u -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2
    unsafe-none | qemu-img rebase -u -b "" t.qcow2 ; qemu-img info t.qcow2
    unsafe-no-name | qemu-img rebase -u t.qcow2 ; qemu-img info t.qcow2
    unsafe-format-alone | qemu-img rebase -u -F qcow2 t.qcow2 ; qemu-img info t.qcow2
    unsafe-missing | qemu-img rebase -u -b none.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2
    unsafe-old-missing | @rm old.qcow2 ; qemu-img rebase -u -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2
    old-missing | @rm old.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2
    missing | qemu-img rebase -b none.qcow2 -F qcow2 t.qcow2
    itself | qemu-img rebase -b t.qcow2 -F qcow2 t.qcow2
    other-format | qemu-img rebase -u -b new.qcow2 -F raw t.qcow2 ; qemu-img info t.qcow2
    longer-format | qemu-img rebase -u -b new.qcow2 -F parallels t.qcow2 ; qemu-img info t.qcow2 ; qemu-img rebase -u -b new.qcow2 -F raw t.qcow2 ; qemu-img info t.qcow2 ; qemu-img check t.qcow2
    other-format-safe | qemu-img rebase -b new.qcow2 -F raw t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2
    no-format | qemu-img rebase -b new.qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    no-format-unsafe | qemu-img rebase -u -b new.qcow2 t.qcow2 ; qemu-img info t.qcow2
    format-unknown | qemu-img rebase -b new.qcow2 -F nope t.qcow2 ; qemu-img rebase -u -b new.qcow2 -F nope t.qcow2 ; qemu-img rebase -b "" -F nope t.qcow2 ; qemu-img rebase -u -b x -F "" t.qcow2
    format-unknown-no-file | qemu-img rebase -b new.qcow2 -F nope none.qcow2
    top-format-unknown | qemu-img rebase -f nope -b new.qcow2 -F qcow2 t.qcow2
    raw | qemu-img rebase -f raw -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -u -f raw -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -u -f raw -b new.qcow2 t.qcow2 ; qemu-img rebase -u -f raw -b "" t.qcow2
    quiet | qemu-img rebase -q -b new.qcow2 -F qcow2 t.qcow2
    progress | qemu-img rebase -p -b new.qcow2 -F qcow2 t.qcow2
    progress-unsafe | qemu-img rebase -p -u -b new.qcow2 -F qcow2 t.qcow2
    progress-quiet | qemu-img rebase -p -q -b new.qcow2 -F qcow2 t.qcow2
    cache | qemu-img rebase -t none -T none -b new.qcow2 -F qcow2 t.qcow2
    cache-through | qemu-img rebase -t writethrough -T directsync -b new.qcow2 -F qcow2 t.qcow2
    cache-bad | qemu-img rebase -t nope -b new.qcow2 -F qcow2 t.qcow2
    source-cache-bad | qemu-img rebase -T nope -b new.qcow2 -F qcow2 t.qcow2
    cache-both-bad | qemu-img rebase -t no -T nope -b new.qcow2 -F qcow2 none.qcow2
    share | qemu-img rebase -U -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -u -U -b old.qcow2 -F qcow2 t.qcow2
    image-opts | qemu-img rebase --image-opts -b new.qcow2 -F qcow2 driver=qcow2,file.filename=t.qcow2 ; qemu-img info t.qcow2
    image-opts-format | qemu-img rebase --image-opts -f qcow2 -b new.qcow2 -F qcow2 driver=qcow2,file.filename=t.qcow2
    json-top | qemu-img rebase -b new.qcow2 -F qcow2 'json:{"driver":"qcow2","file":{"driver":"file","filename":"t.qcow2"}}'
    json-new | qemu-img rebase -b 'json:{"driver":"qcow2","file.filename":"new.qcow2"}' -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img map --output=json t.qcow2
    json-new-no-format | qemu-img rebase -b 'json:{"driver":"qcow2","file.filename":"new.qcow2"}' t.qcow2
    json-new-bad | qemu-img rebase -b 'json:{}' -F qcow2 t.qcow2
    object | qemu-img rebase --object secret,id=s,data=x -b new.qcow2 -F qcow2 t.qcow2
    no-name | qemu-img rebase ; qemu-img rebase -b new.qcow2 ; qemu-img rebase -u
    no-backing-named | qemu-img rebase t.qcow2 ; qemu-img rebase -F qcow2 t.qcow2
    two-names | qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 new.qcow2
    unknown-option | qemu-img rebase -x t.qcow2 ; qemu-img rebase -c -b new.qcow2 -F qcow2 t.qcow2
    option-no-value | qemu-img rebase -F qcow2 -b
    folder | @mkdir d ; @mv old.qcow2 d/old.qcow2 ; @mv new.qcow2 d/new.qcow2 ; @mv t.qcow2 d/t.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 d/t.qcow2 ; qemu-img rebase -b d/old.qcow2 -F qcow2 d/t.qcow2 ; qemu-img rebase -b ../d/old.qcow2 -F qcow2 d/t.qcow2 ; qemu-img info d/t.qcow2
    no-old | qemu-img create -q -f qcow2 n.qcow2 4M ; qemu-io -c "write -P 7 64k 3k" n.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 n.qcow2 ; qemu-img map --output=json n.qcow2
    no-old-none | qemu-img create -q -f qcow2 n.qcow2 4M ; qemu-img rebase -b "" n.qcow2
    read-error-new | qemu-img rebase -b 'json:{"driver":"qcow2","file":{"driver":"blkdebug","inject-error":[{"event":"read_aio"}],"image":{"driver":"file","filename":"new.qcow2"}}}' -F qcow2 t.qcow2
    read-error-old | qemu-img rebase -u -b 'json:{"driver":"qcow2","file":{"driver":"blkdebug","inject-error":[{"event":"read_aio"}],"image":{"driver":"file","filename":"old.qcow2"}}}' -F qcow2 t.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2
    bitmap-top | qemu-img bitmap --add t.qcow2 b ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img check t.qcow2
    bitmap-unsafe | qemu-img bitmap --add t.qcow2 b ; qemu-img rebase -u -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img rebase -u -b "" t.qcow2 ; qemu-img info t.qcow2 ; qemu-img bitmap --add t.qcow2 c ; qemu-img info t.qcow2
    top-in-use | hold: qemu-io -r t.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -u -b new.qcow2 -F qcow2 t.qcow2
    new-in-use | hold: qemu-io new.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -U -b new.qcow2 -F qcow2 t.qcow2
    new-read | hold: qemu-io -r new.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2
    old-in-use | hold: qemu-io old.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 t.qcow2 ; qemu-img rebase -u -b new.qcow2 -F qcow2 t.qcow2
    """,
    setup=_SETUP,
)

CASES += table(
    "rebase/sizes",
    """
    new-longer | qemu-img create -q -f qcow2 l.qcow2 8M ; qemu-io -c "write -P 8 5M 64k" l.qcow2 ; qemu-img rebase -b l.qcow2 -F qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    new-longer-top-too | qemu-img create -q -f qcow2 l.qcow2 8M ; qemu-io -c "write -P 8 5M 64k" l.qcow2 ; qemu-img create -q -f qcow2 -b old.qcow2 -F qcow2 u.qcow2 8M ; qemu-img rebase -b l.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    new-shorter | qemu-img create -q -f qcow2 s.qcow2 1536k ; qemu-img rebase -b s.qcow2 -F qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    top-shorter | qemu-img create -q -f qcow2 -b old.qcow2 -F qcow2 u.qcow2 1100k ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    odd | @random r1.raw 100001 5 ; @cp r1.raw r2.raw ; @truncate r2.raw 77777 ; qemu-img create -q -f qcow2 -b r1.raw -F raw u.qcow2 1M ; qemu-img rebase -b r2.raw -F raw u.qcow2 ; qemu-img map --output=json u.qcow2
    odd-longer | @random r1.raw 100001 5 ; @cp r1.raw r2.raw ; @truncate r1.raw 77777 ; qemu-img create -q -f qcow2 -b r1.raw -F raw u.qcow2 1M ; qemu-img rebase -b r2.raw -F raw u.qcow2 ; qemu-img map --output=json u.qcow2
    small-clusters | qemu-img create -q -f qcow2 -o cluster_size=512 -b old.qcow2 -F qcow2 u.qcow2 ; qemu-io -c "write -P 9 1M 512" old.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map u.qcow2
    big-clusters | qemu-img create -q -f qcow2 -o cluster_size=2M -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    extended | qemu-img create -q -f qcow2 -o extended_l2=on -b old.qcow2 -F qcow2 u.qcow2 ; qemu-io -c "write -P 4 3k 2k" u.qcow2 ; qemu-io -c "write -P 9 12k 512" -c "write -P 9 200k 6k" new.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    v2 | qemu-img create -q -f qcow2 -o compat=0.10 -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img info u.qcow2 ; qemu-img map --output=json u.qcow2 ; qemu-img rebase -b "" u.qcow2 ; qemu-img info u.qcow2 ; qemu-img check u.qcow2
    v2-longer | qemu-img create -q -f qcow2 l.qcow2 8M ; qemu-io -c "write -P 8 5M 64k" l.qcow2 ; qemu-img create -q -f qcow2 -o compat=0.10 -b old.qcow2 -F qcow2 u.qcow2 8M ; qemu-img rebase -b l.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    v2-without-old | qemu-img create -q -f qcow2 -o compat=0.10 u.qcow2 4M ; qemu-io -c "write -P 1 0 512" u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-io -r -c "read -P 0 512 3M" u.qcow2 ; qemu-img check u.qcow2
    lazy | qemu-img create -q -f qcow2 -o lazy_refcounts=on -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img check u.qcow2
    name-long | @mkdir dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd ; qemu-img create -q -f qcow2 -o cluster_size=512 -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -u -b dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd/x -F qcow2 u.qcow2 ; qemu-img rebase -u -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img info u.qcow2
    raw-old | qemu-img convert -O raw old.qcow2 old.raw ; qemu-img create -q -f qcow2 -b old.raw -F raw u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    raw-new | qemu-img convert -O raw new.qcow2 new.raw ; qemu-img rebase -b new.raw -F raw t.qcow2 ; qemu-img map --output=json t.qcow2
    compressed-top | stock: qemu-img convert -c -O qcow2 new.qcow2 c.qcow2 ; qemu-img rebase -u -b old.qcow2 -F qcow2 c.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 c.qcow2 ; qemu-img map --output=json c.qcow2
    compressed-below | stock: qemu-img convert -c -O qcow2 old.qcow2 c.qcow2 ; qemu-img create -q -f qcow2 -b c.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -b new.qcow2 -F qcow2 u.qcow2 ; qemu-img map --output=json u.qcow2
    compressed-new | stock: qemu-img convert -c -O qcow2 new.qcow2 c.qcow2 ; qemu-img rebase -b c.qcow2 -F qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    preallocated-new | qemu-img create -q -f qcow2 -o preallocation=metadata p.qcow2 4M ; qemu-img rebase -b p.qcow2 -F qcow2 t.qcow2 ; qemu-img map --output=json t.qcow2
    """,
    setup=_SETUP,
)

CASES += table(
    "rebase/names",
    f"""
    longest | qemu-img rebase -u -b /{"d/" * 510}x -F qcow2 t.qcow2 ; qemu-img info t.qcow2 ; qemu-img rebase -u -b /{"e/" * 510}x -F raw t.qcow2 ; qemu-img check t.qcow2
    too-long | qemu-img rebase -u -b /{"d/" * 512}x -F qcow2 t.qcow2 ; qemu-img info t.qcow2
    no-room | qemu-img create -q -f qcow2 -o cluster_size=512 -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img rebase -u -b /{"d/" * 200}x -F qcow2 u.qcow2 ; qemu-img info u.qcow2
    room-for-one | qemu-img create -q -f qcow2 -o cluster_size=1024 -b /{"d/" * 240}x -F qcow2 -u u.qcow2 1M ; qemu-img rebase -u -b /{"e/" * 240}x -F qcow2 u.qcow2 ; qemu-img rebase -u -b old.qcow2 -F qcow2 u.qcow2 ; qemu-img info u.qcow2
    """,
    setup=_SETUP,
)

CASES += table(
    "rebase/chain",
    """
    over-mid | qemu-img rebase -b base.raw -F raw top.qcow2 ; qemu-img map --output=json top.qcow2
    none | qemu-img rebase -b "" top.qcow2 ; qemu-img map --output=json top.qcow2
    short | qemu-img rebase -b base.raw -F raw short.qcow2 ; qemu-img map --output=json short.qcow2
    to-sibling | qemu-img rebase -b short.qcow2 -F qcow2 top.qcow2 ; qemu-img map --output=json top.qcow2
    deeper | qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 n.qcow2 ; qemu-io -c "write -P 7 0 3k" -c "write -z 1M 64k" n.qcow2 ; qemu-img rebase -b n.qcow2 -F qcow2 top.qcow2 ; qemu-img map --output=json top.qcow2
    four | qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 four.qcow2 6M ; qemu-io -c "write -P 9 0 33k" -c "write -P 8 5M 1k" four.qcow2 ; qemu-img rebase -b mid.qcow2 -F qcow2 four.qcow2 ; qemu-img map --output=json four.qcow2 ; qemu-img rebase -b base.raw -F raw four.qcow2 ; qemu-img map --output=json four.qcow2
    """,
    uses="chain",
)

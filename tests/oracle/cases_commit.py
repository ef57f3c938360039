"""commit: into the file below, into the middle of a chain, every option, what becomes of the top."""

from case import table

CASES = table(
    "commit",
    """
    plain | qemu-img commit v.qcow2 ; qemu-img info v.qcow2 ; qemu-img map --output=json v.qcow2 ; qemu-img check v.qcow2
    keep | qemu-img commit -d v.qcow2 ; qemu-img map --output=json v.qcow2
    quiet | qemu-img commit -q v.qcow2
    progress | qemu-img commit -p v.qcow2
    progress-quiet | qemu-img commit -p -q v.qcow2
    progress-keep | qemu-img commit -p -d v.qcow2
    base | qemu-img commit -b b.raw v.qcow2 ; qemu-img map v.qcow2
    base-dot | qemu-img commit -b ./b.raw v.qcow2
    base-itself | qemu-img commit -b v.qcow2 v.qcow2
    base-unknown | qemu-img commit -b none v.qcow2
    base-empty | qemu-img commit -b "" v.qcow2
    no-backing | qemu-img commit -f raw b.raw ; qemu-img commit -d -f raw b.raw ; qemu-img commit -f raw -b b.raw b.raw
    no-backing-probed | qemu-img commit b.raw
    format | qemu-img commit -f qcow2 v.qcow2
    format-wrong | qemu-img commit -f raw v.qcow2
    format-unknown | qemu-img commit -f nope v.qcow2
    cache | qemu-img commit -t none v.qcow2
    cache-unsafe | qemu-img commit -t unsafe v.qcow2
    cache-through | qemu-img commit -t writethrough v.qcow2
    cache-direct | qemu-img commit -t directsync v.qcow2
    cache-bad | qemu-img commit -t nope v.qcow2
    rate | qemu-img commit -r 100M v.qcow2
    rate-none | qemu-img commit -r 0 v.qcow2
    rate-bad | qemu-img commit -r x v.qcow2
    rate-negative | qemu-img commit -r -1 v.qcow2
    image-opts | qemu-img commit --image-opts driver=qcow2,file.filename=v.qcow2
    image-opts-format | qemu-img commit --image-opts -f qcow2 driver=qcow2,file.filename=v.qcow2
    json | qemu-img commit 'json:{"driver":"qcow2","file":{"driver":"file","filename":"v.qcow2"}}'
    json-backing | @cp b.raw c.raw ; qemu-img commit 'json:{"driver":"qcow2","file.filename":"v.qcow2","backing":{"driver":"raw","file.filename":"c.raw"}}'
    json-no-backing | qemu-img commit 'json:{"driver":"qcow2","file.filename":"v.qcow2","backing":null}'
    object | qemu-img commit --object secret,id=s,data=x v.qcow2
    object-bad | qemu-img commit --object nope,id=s v.qcow2
    no-name | qemu-img commit
    two-names | qemu-img commit v.qcow2 b.raw
    missing | qemu-img commit none.qcow2
    unknown-option | qemu-img commit -x v.qcow2 ; qemu-img commit -U v.qcow2 ; qemu-img commit -c v.qcow2
    option-no-value | qemu-img commit -b
    backing-missing | @rm b.raw ; qemu-img commit v.qcow2
    twice | qemu-img commit v.qcow2 ; qemu-img commit v.qcow2 ; qemu-io -c "write -P 9 0 4k" v.qcow2 ; qemu-img commit v.qcow2
    written-after | qemu-img commit v.qcow2 ; qemu-io -c "write -P 9 100k 70k" v.qcow2 ; qemu-img check v.qcow2
    zeroed | qemu-io -c "write -z 0 256k" v.qcow2 ; qemu-img commit v.qcow2 ; qemu-img map --output=json v.qcow2
    discarded | qemu-io -d unmap -c "discard 0 256k" v.qcow2 ; qemu-img commit v.qcow2
    read-error | qemu-img commit 'json:{"driver":"qcow2","file":{"driver":"blkdebug","inject-error":[{"event":"read_aio"}],"image":{"driver":"file","filename":"v.qcow2"}}}'
    empty-top | qemu-img create -q -f qcow2 -b b.raw -F raw e.qcow2 ; qemu-img commit -p e.qcow2 ; qemu-img map e.qcow2
    zero-size | qemu-img create -q -f raw z.raw 0 ; qemu-img create -q -f qcow2 -b z.raw -F raw z.qcow2 ; qemu-img commit z.qcow2
    relative-folder | @mkdir d ; @mv v.qcow2 d/v.qcow2 ; @mv b.raw d/b.raw ; qemu-img commit -b b.raw d/v.qcow2
    relative-folder-path | @mkdir d ; @mv v.qcow2 d/v.qcow2 ; @mv b.raw d/b.raw ; qemu-img commit -b d/b.raw d/v.qcow2
    """,
    uses="victim-over",
)

CASES += table(
    "commit/chain",
    """
    direct | qemu-img commit top.qcow2 ; qemu-img map --output=json top.qcow2
    keep | qemu-img commit -d top.qcow2 ; qemu-img map --output=json top.qcow2
    to-base | qemu-img commit -b base.raw top.qcow2 ; qemu-img map --output=json top.qcow2
    to-mid | qemu-img commit -b mid.qcow2 top.qcow2 ; qemu-img map --output=json top.qcow2
    to-mid-keep | qemu-img commit -d -b mid.qcow2 top.qcow2
    mid-alone | qemu-img commit mid.qcow2
    short | qemu-img commit short.qcow2
    short-to-base | qemu-img commit -b base.raw short.qcow2
    step-by-step | qemu-img commit top.qcow2 ; qemu-img commit mid.qcow2 ; qemu-img map top.qcow2
    four | qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 four.qcow2 6M ; qemu-io -c "write -P 9 0 33k" -c "write -P 8 5M 1k" four.qcow2 ; qemu-img commit -b mid.qcow2 four.qcow2 ; qemu-img map four.qcow2
    four-to-base | qemu-img create -q -f qcow2 -b top.qcow2 -F qcow2 four.qcow2 6M ; qemu-io -c "write -P 9 0 33k" -c "write -P 8 5M 1k" four.qcow2 ; qemu-img commit -b base.raw four.qcow2
    small-clusters | qemu-img create -q -f qcow2 -o cluster_size=512 -b mid.qcow2 -F qcow2 s.qcow2 ; qemu-io -c "write -P 9 5k 1k" -c "write -z 100k 3k" s.qcow2 ; qemu-img commit s.qcow2
    big-clusters | qemu-img create -q -f qcow2 -o cluster_size=2M -b mid.qcow2 -F qcow2 s.qcow2 ; qemu-io -c "write -P 9 5k 1k" -c "write -z 100k 3k" s.qcow2 ; qemu-img commit s.qcow2
    base-in-use | hold: qemu-io -r -f raw base.raw ; qemu-img commit -b base.raw top.qcow2
    mid-in-use | hold: qemu-io -r mid.qcow2 ; qemu-img commit top.qcow2
    mid-written | hold: qemu-io mid.qcow2 ; qemu-img commit top.qcow2
    top-in-use | hold: qemu-io -r top.qcow2 ; qemu-img commit top.qcow2
    """,
    uses="chain",
)

CASES += table(
    "commit/sizes",
    """
    longer | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 8M ; qemu-io -c "write -P 5 7M 70k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img info t.qcow2
    longer-nothing-there | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 8M ; qemu-img commit t.qcow2
    shorter | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 1M ; qemu-io -c "write -P 5 100k 70k" t.qcow2 ; qemu-img commit t.qcow2
    longer-raw | qemu-img create -q -f qcow2 -b a.raw -F raw t.qcow2 8M ; qemu-io -c "write -P 5 7M 70k" t.qcow2 ; qemu-img commit t.qcow2
    odd-raw | @truncate odd.raw 100001 ; qemu-img create -q -f qcow2 -b odd.raw -F raw t.qcow2 ; qemu-io -c "write -P 5 64k 30k" t.qcow2 ; qemu-img commit t.qcow2
    window | qemu-img create -q -f qcow2 t.qcow2 4M ; qemu-io -c "write -P 5 64k 30k" t.qcow2 ; qemu-img commit 'json:{"driver":"qcow2","file.filename":"t.qcow2","backing":{"driver":"raw","size":1048576,"file.filename":"a.raw"}}'
    base-snapshot | qemu-img snapshot -c s a.qcow2 ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 8M ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check a.qcow2
    base-v2-snapshot | qemu-img create -q -f qcow2 -o compat=0.10 o.qcow2 4M ; qemu-img snapshot -c s o.qcow2 ; qemu-img create -q -f qcow2 -b o.qcow2 -F qcow2 t.qcow2 8M ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2
    middle-short | qemu-io -c "write -P 1 0 4M" a.qcow2 ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 m.qcow2 2M ; qemu-img create -q -f qcow2 -b m.qcow2 -F qcow2 t.qcow2 4M ; qemu-img commit -b a.qcow2 t.qcow2 ; qemu-io -c "read -P 0 2M 2M" a.qcow2
    """,
    uses="plain",
)

CASES += table(
    "commit/kinds",
    """
    v2 | qemu-img create -q -f qcow2 -o compat=0.10 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" -c "write -z 1M 64k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img map --output=json t.qcow2 ; qemu-img check t.qcow2
    v2-base | qemu-img create -q -f qcow2 -o compat=0.10 o.qcow2 4M ; qemu-io -c "write -P 1 0 300k" o.qcow2 ; qemu-img create -q -f qcow2 -b o.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 100k 30k" -c "write -z 0 64k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check o.qcow2
    lazy | qemu-img create -q -f qcow2 -o lazy_refcounts=on -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    lazy-base | qemu-img create -q -f qcow2 -o lazy_refcounts=on o.qcow2 4M ; qemu-img create -q -f qcow2 -b o.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check o.qcow2
    extended | qemu-img create -q -f qcow2 -o extended_l2=on -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 10k 3k" -c "write -z 70k 4k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    extended-base | qemu-img create -q -f qcow2 -o extended_l2=on o.qcow2 4M ; qemu-img create -q -f qcow2 -o cluster_size=4k -b o.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 10k 3k" -c "write -z 70k 4k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check o.qcow2
    refcount-1 | qemu-img create -q -f qcow2 -o refcount_bits=1 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    preallocated | qemu-img create -q -f qcow2 -o preallocation=metadata t.qcow2 4M ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img rebase -u -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    preallocated-base | qemu-img create -q -f qcow2 -o preallocation=metadata o.qcow2 4M ; qemu-img create -q -f qcow2 -b o.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img map --output=json o.qcow2
    zero-data | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 0 1M 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img map --output=json a.qcow2
    bitmap-base | qemu-img bitmap --add a.qcow2 b ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 100k 300k" -c "write -z 2M 1M" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img info a.qcow2
    bitmap-base-disabled | qemu-img bitmap --add --disable a.qcow2 b ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 100k 300k" t.qcow2 ; qemu-img commit t.qcow2
    bitmap-base-longer | qemu-img bitmap --add a.qcow2 b ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 8M ; qemu-io -c "write -P 5 7M 300k" t.qcow2 ; qemu-img commit t.qcow2
    bitmap-base-in-use | qemu-img bitmap --add a.qcow2 b ; @bitmap-in-use a.qcow2 0 ; qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 100k 300k" t.qcow2 ; qemu-img commit t.qcow2
    bitmap-top | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img bitmap --add t.qcow2 b ; qemu-io -c "write -P 5 100k 300k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img info t.qcow2 ; qemu-img check t.qcow2
    bitmap-top-kept | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img bitmap --add t.qcow2 b ; qemu-io -c "write -P 5 100k 300k" t.qcow2 ; qemu-img commit -d t.qcow2 ; qemu-img info t.qcow2
    snapshot-then-same | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 100k 300k" t.qcow2 ; qemu-img snapshot -c s t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    """,
    uses="plain",
)

CASES += table(
    "commit/compressed",
    """
    top | qemu-img convert -f raw -O qcow2 src.raw base.qcow2 ; qemu-img rebase -u -b base.qcow2 -F qcow2 zlib.qcow2 ; qemu-img commit zlib.qcow2 ; qemu-img map --output=json base.qcow2 ; qemu-img check zlib.qcow2
    base | qemu-img create -q -f qcow2 -b zlib.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 9 10k 100k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check zlib.qcow2
    small | qemu-img convert -f raw -O raw src.raw base.raw ; qemu-img rebase -u -b base.raw -F raw small.qcow2 ; qemu-img commit small.qcow2
    """,
    uses="compressed",
)

# Where stock changes what a snapshot reads, ours refuses.
CASES += table(
    "chain-snapshots",
    """
    commit | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-io -c "write -P 5 0 64k" t.qcow2 ; qemu-img commit t.qcow2
    commit-keep | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-io -c "write -P 5 0 64k" t.qcow2 ; qemu-img commit -d t.qcow2
    rebase | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-img rebase -b empty.qcow2 -F qcow2 t.qcow2
    rebase-none | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-img rebase -b "" t.qcow2
    """,
    uses="plain",
    loose="exit stdout stderr images",
)

CASES += table(
    "chain-snapshots/whole",
    """
    rebase-same | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; @cp a.qcow2 b.qcow2 ; qemu-img rebase -b b.qcow2 -F qcow2 t.qcow2 ; qemu-img info t.qcow2
    rebase-unsafe | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-img rebase -u -b empty.qcow2 -F qcow2 t.qcow2
    commit-nothing | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2
    commit-held | qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 t.qcow2 ; qemu-io -c "write -P 5 0 300k" t.qcow2 ; qemu-img snapshot -c one t.qcow2 ; qemu-io -c "write -P 6 64k 64k" t.qcow2 ; qemu-img commit t.qcow2 ; qemu-img check t.qcow2 ; qemu-img snapshot -a one t.qcow2 ; qemu-io -c "read -P 5 0 300k" t.qcow2
    """,
    uses="plain",
)

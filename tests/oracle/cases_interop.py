"""One image worked on by both tools in turn, and by stock commands that Oxbow does not have."""

from case import table

CASES = table(
    "interop",
    """
    make-then-write | qemu-img create -f qcow2 a.qcow2 4M ; swap: qemu-io -c "write -P 1 0 100k" -c "write -P 2 3M 5k" a.qcow2 ; qemu-io -c "read -P 1 0 100k" -c "write -P 3 50k 200k" a.qcow2 ; qemu-img check a.qcow2
    preallocated | qemu-img create -f qcow2 -o preallocation=metadata,cluster_size=4k a.qcow2 1M ; swap: qemu-io -c "write -P 1 1000 100k" -c "discard 8k 64k" a.qcow2 ; qemu-img check a.qcow2
    extended | qemu-img create -f qcow2 -o extended_l2=on a.qcow2 4M ; swap: qemu-io -c "write -P 1 1k 5k" -c "write -z 64k 3k" a.qcow2 ; qemu-io -c "write -P 2 3k 1k" -c "discard 0 2k" a.qcow2 ; swap: qemu-img map --output=json a.qcow2
    lazy | qemu-img create -f qcow2 -o lazy_refcounts=on a.qcow2 4M ; swap: qemu-io -c "write 0 1M" a.qcow2 ; qemu-io -c "write 2M 1M" a.qcow2 ; qemu-img check a.qcow2
    v2 | qemu-img create -f qcow2 -o compat=0.10 a.qcow2 4M ; swap: qemu-io -c "write 0 1M" -c "discard 0 64k" -c "write -z 64k 64k" a.qcow2 ; qemu-io -c "write -z 0 1M" a.qcow2
    refcount-1 | qemu-img create -f qcow2 -o refcount_bits=1,cluster_size=512 a.qcow2 1M ; swap: qemu-io -c "write 0 300k" a.qcow2 ; qemu-io -c "write 500k 300k" -c "discard 100k 100k" a.qcow2 ; swap: qemu-io -c "write 100k 50k" a.qcow2 ; qemu-img check a.qcow2
    refcount-64 | qemu-img create -f qcow2 -o refcount_bits=64,cluster_size=512 a.qcow2 1M ; swap: qemu-io -c "write 0 300k" a.qcow2 ; qemu-io -c "write 500k 300k" a.qcow2 ; qemu-img check a.qcow2
    snapshot-between | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 500k" a.qcow2 ; stock: qemu-img snapshot -c s a.qcow2 ; qemu-io -c "write -P 2 100k 100k" -c "discard 300k 100k" a.qcow2 ; qemu-img check a.qcow2 ; stock: qemu-img snapshot -a s a.qcow2 ; qemu-io -c "read -P 1 0 500k" a.qcow2
    snapshot-delete | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 500k" a.qcow2 ; stock: qemu-img snapshot -c s a.qcow2 ; qemu-io -c "write -P 2 100k 100k" a.qcow2 ; stock: qemu-img snapshot -d s a.qcow2 ; qemu-io -c "write -P 3 200k 500k" a.qcow2 ; qemu-img check a.qcow2
    resize | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 2M" a.qcow2 ; stock: qemu-img resize a.qcow2 5M ; qemu-io -c "write -P 2 3M 1M" a.qcow2 ; qemu-io -c "truncate 6M" a.qcow2 ; stock: qemu-img resize --shrink a.qcow2 1M ; qemu-img check a.qcow2
    commit | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 500k" a.qcow2 ; qemu-img create -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 ; qemu-io -c "write -P 2 100k 1M" b.qcow2 ; stock: qemu-img commit b.qcow2 ; qemu-io -c "read -P 2 100k 1M" a.qcow2 ; qemu-img check a.qcow2
    rebase | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 500k" a.qcow2 ; qemu-img create -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 ; stock: qemu-img rebase -b "" b.qcow2 ; qemu-img info b.qcow2 ; qemu-img map --output=json b.qcow2
    amend | qemu-img create -f qcow2 -o compat=0.10 a.qcow2 2M ; qemu-io -c "write 0 500k" a.qcow2 ; stock: qemu-img amend -o compat=1.1,lazy_refcounts=on a.qcow2 ; qemu-io -c "write -z 100k 100k" a.qcow2 ; qemu-img info a.qcow2
    bitmap | qemu-img create -f qcow2 a.qcow2 2M ; stock: qemu-img bitmap --add a.qcow2 b ; qemu-img info a.qcow2 ; qemu-img check a.qcow2
    compressed-then-write | @random r.raw 300k 4 ; @write r.raw 10k 200k 7 ; stock: qemu-img convert -c -O qcow2 r.raw a.qcow2 ; qemu-io -c "write -P 1 5k 100k" -c "discard 128k 64k" a.qcow2 ; qemu-img check a.qcow2 ; swap: qemu-io -c "write -P 2 0 64k" a.qcow2 ; qemu-img check a.qcow2
    repair-stock | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write 0 500k" a.qcow2 ; @leak a.qcow2 ; stock: qemu-img check -r leaks a.qcow2 ; qemu-io -c "write 1M 500k" a.qcow2 ; qemu-img check a.qcow2
    convert-round | @random r.raw 300k 4 ; qemu-img convert -f raw -O qcow2 r.raw a.qcow2 ; swap: qemu-img convert a.qcow2 b.raw ; swap: qemu-img convert -f raw -O qcow2 b.raw c.qcow2 ; qemu-img convert c.qcow2 d.raw ; qemu-img compare d.raw r.raw
    chain-of-both | qemu-img create -f qcow2 a.qcow2 2M ; qemu-io -c "write -P 1 0 300k" a.qcow2 ; swap: qemu-img create -f qcow2 -b a.qcow2 -F qcow2 b.qcow2 ; swap: qemu-io -c "write -P 2 100k 1k" b.qcow2 ; qemu-img create -f qcow2 -b b.qcow2 -F qcow2 c.qcow2 3M ; qemu-io -c "write -P 3 200k 1k" c.qcow2 ; swap: qemu-io -r -c "read -P 1 0 100k" -c "read -P 2 100k 1k" -c "read -P 3 200k 1k" c.qcow2 ; qemu-img info --backing-chain c.qcow2
    """,
)

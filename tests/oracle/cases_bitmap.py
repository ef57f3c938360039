"""bitmap: added, changed, merged, removed; what they are worth after writes by either tool."""

from case import case, table

CASES = table(
    "bitmap",
    """
    nothing | qemu-img bitmap ; qemu-img bitmap a.qcow2 ; qemu-img bitmap a.qcow2 b
    no-name | qemu-img bitmap --add a.qcow2 ; qemu-img bitmap --add ; qemu-img bitmap --add a.qcow2 x y
    add | qemu-img bitmap --add a.qcow2 b ; qemu-img info a.qcow2 ; qemu-img check a.qcow2 ; stock: qemu-img check a.qcow2
    add-twice | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --add a.qcow2 b ; stock: qemu-img check a.qcow2
    add-disabled | qemu-img bitmap --add --disable a.qcow2 b ; qemu-img info --output=json a.qcow2
    add-three | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --add -g 4k a.qcow2 c ; qemu-img bitmap --add -g 1M a.qcow2 d ; qemu-img info a.qcow2 ; qemu-img check a.qcow2
    granularities | qemu-img bitmap --add -g 512 a.qcow2 b ; qemu-img bitmap --add --granularity=2G a.qcow2 c ; qemu-img bitmap --add -g 0x10000 a.qcow2 d ; qemu-img info a.qcow2
    granularity-odd | qemu-img bitmap --add -g 100 a.qcow2 c ; qemu-img bitmap --add -g 3k a.qcow2 c ; qemu-img bitmap --add -g 256 a.qcow2 c ; qemu-img bitmap --add -g 4G a.qcow2 c ; qemu-img bitmap --add -g 64G a.qcow2 c
    granularity-bad | qemu-img bitmap --add -g x a.qcow2 c ; qemu-img bitmap --add -g -1 a.qcow2 c ; qemu-img bitmap --add -g "" a.qcow2 c
    granularity-zero | qemu-img bitmap --add -g 0 a.qcow2 c ; qemu-img info a.qcow2
    granularity-alone | qemu-img bitmap --clear -g 64k a.qcow2 b ; qemu-img bitmap -F raw -g 64k --merge x a.qcow2 b
    default-granularity | qemu-img create -q -f qcow2 -o cluster_size=512 s.qcow2 1M ; qemu-img bitmap --add s.qcow2 b ; qemu-img info s.qcow2 ; qemu-img create -q -f qcow2 -o cluster_size=2M l.qcow2 1M ; qemu-img bitmap --add l.qcow2 b ; qemu-img info l.qcow2
    absent | qemu-img bitmap --remove a.qcow2 b ; qemu-img bitmap --clear a.qcow2 b ; qemu-img bitmap --enable a.qcow2 b ; qemu-img bitmap --disable a.qcow2 b ; qemu-img bitmap --merge b a.qcow2 c
    merge-absent | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --merge x a.qcow2 b ; qemu-img bitmap --merge b a.qcow2 x
    merge-self | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --merge b a.qcow2 b ; qemu-img check a.qcow2
    remove | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --add a.qcow2 c ; qemu-img bitmap --remove a.qcow2 b ; qemu-img info a.qcow2 ; qemu-img check a.qcow2 ; qemu-img bitmap --remove a.qcow2 c ; qemu-img info a.qcow2 ; qemu-img check a.qcow2
    remove-add | qemu-img bitmap --add a.qcow2 b ; qemu-img bitmap --remove a.qcow2 b ; qemu-img bitmap --add a.qcow2 c ; qemu-img info a.qcow2 ; stock: qemu-img check a.qcow2
    chain-of-actions | qemu-img bitmap --add --clear --disable --enable --disable a.qcow2 b ; qemu-img info a.qcow2 ; qemu-img bitmap --add --remove a.qcow2 d ; qemu-img info a.qcow2 ; qemu-img bitmap --clear --remove --clear a.qcow2 b ; qemu-img info a.qcow2
    misuse | qemu-img bitmap -F qcow2 --clear a.qcow2 b ; qemu-img bitmap -b x --add a.qcow2 q ; qemu-img bitmap -f qcow2 --image-opts --add a.qcow2 b ; qemu-img bitmap --bogus a.qcow2 b ; qemu-img bitmap --merge
    empty-name | qemu-img bitmap --add a.qcow2 ""
    missing | qemu-img bitmap --add none b
    wrong-format | qemu-img bitmap --add -f raw a.raw b
    image-opts | qemu-img bitmap --add --image-opts driver=qcow2,file.filename=a.qcow2 b ; qemu-img info a.qcow2
    raw | qemu-img bitmap --remove -f raw a.raw b
    v2 | qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 1M ; qemu-img bitmap --add v2.qcow2 b ; qemu-img bitmap --remove v2.qcow2 b
    written | qemu-img bitmap --add a.qcow2 b ; qemu-io -c "write -P 3 0 70k" -c "write -z 300k 64k" -c "discard 0 64k" a.qcow2 ; qemu-img check a.qcow2 ; stock: qemu-img check a.qcow2 ; stock: qemu-img info a.qcow2
    snapshots | qemu-img bitmap --add a.qcow2 b ; qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 3 0 70k" a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-img snapshot -d one a.qcow2 ; qemu-img check a.qcow2
    resized | qemu-img bitmap --add -g 4k a.qcow2 b ; qemu-io -c "truncate 40G" a.qcow2 ; qemu-img check a.qcow2 ; stock: qemu-img info a.qcow2 ; qemu-io -c "truncate 1M" a.qcow2 ; qemu-img check a.qcow2 ; stock: qemu-img check a.qcow2
    size-zero | qemu-img create -q -f qcow2 z.qcow2 0 ; qemu-img bitmap --add z.qcow2 b ; qemu-img info z.qcow2 ; stock: qemu-img info z.qcow2
    too-large | qemu-img create -q -f qcow2 t.qcow2 64T ; qemu-img bitmap --add -g 512 t.qcow2 b ; qemu-img info t.qcow2
    """,
    uses="plain",
)

# Bitmaps that stock has filled, and one that it did not close.
FILLED = """
    qemu-img create -q -f qcow2 f.qcow2 4M
    qemu-img bitmap --add f.qcow2 b
    qemu-img bitmap --add -g 512 f.qcow2 fine
    qemu-io -c "write -P 1 0 100k" -c "write -P 2 3M 1" f.qcow2
    qemu-img bitmap --add --disable f.qcow2 off
    @cp f.qcow2 i.qcow2
    @bitmap-in-use i.qcow2 0
    qemu-img create -q -f qcow2 other.qcow2 8M
    qemu-img bitmap --add other.qcow2 big
    qemu-img create -q -f qcow2 -b f.qcow2 -F qcow2 over.qcow2
"""

CASES += [
    case(f"bitmap/filled/{name}", run.replace(" ; ", "\n"), setup=FILLED)
    for name, run in (line.strip().split(" | ") for line in """
    info | qemu-img info f.qcow2 ; qemu-img info --output=json f.qcow2 ; qemu-img check f.qcow2
    clear | qemu-img bitmap --clear f.qcow2 b ; qemu-img check f.qcow2
    merge | qemu-img bitmap --merge fine f.qcow2 off ; qemu-img check f.qcow2
    merge-other | qemu-img bitmap --add over.qcow2 o ; qemu-img bitmap --merge b -b f.qcow2 -F qcow2 over.qcow2 o ; qemu-img check over.qcow2
    merge-sizes | qemu-img bitmap --merge big -b other.qcow2 -F qcow2 f.qcow2 b ; qemu-img bitmap --merge none -b other.qcow2 f.qcow2 b ; qemu-img bitmap --merge x -b nofile f.qcow2 b
    in-use | qemu-img info i.qcow2 ; qemu-img check i.qcow2 ; qemu-img bitmap --clear i.qcow2 b ; qemu-img bitmap --enable i.qcow2 b ; qemu-img bitmap --disable i.qcow2 b ; qemu-img bitmap --add i.qcow2 b
    in-use-merge | qemu-img bitmap --merge b i.qcow2 off ; qemu-img bitmap --merge off i.qcow2 b
    in-use-written | qemu-io -c "write 0 64k" i.qcow2 ; qemu-img info i.qcow2 ; qemu-img check i.qcow2
    in-use-removed | qemu-img bitmap --remove i.qcow2 b ; qemu-img info i.qcow2 ; qemu-img check i.qcow2
    convert | qemu-img convert --bitmaps -O qcow2 f.qcow2 o.qcow2 ; qemu-img info o.qcow2 ; qemu-img check o.qcow2
    convert-broken | qemu-img convert --bitmaps -O qcow2 i.qcow2 o.qcow2 ; qemu-img convert --bitmaps --skip-broken-bitmaps -O qcow2 i.qcow2 p.qcow2 ; qemu-img info p.qcow2
    convert-twice | qemu-img convert --bitmaps -O qcow2 f.qcow2 o.qcow2 ; qemu-img convert -n --bitmaps -O qcow2 f.qcow2 o.qcow2
    convert-without | qemu-img convert -O qcow2 f.qcow2 o.qcow2 ; qemu-img info o.qcow2
    written-by-both | swap: qemu-io -c "write 1M 64k" f.qcow2 ; qemu-io -c "write 2M 64k" f.qcow2 ; swap: qemu-io -c "discard 0 64k" f.qcow2 ; qemu-img check f.qcow2 ; qemu-img info f.qcow2
    """.strip().splitlines())
]

"""Images of the first version of qcow: made, read, written; compressed and encrypted clusters,
backing files, damage; each side reads what the other has written."""

from case import table, with_last
from read_only_format import SOURCE

_SETUP = SOURCE + """
    qemu-img create -q -f qcow q.qcow 4M
    qemu-io -f qcow -c "write -P 1 0 100k" -c "write -P 2 1M 1k" -c "write -z 2M 128k" q.qcow
    qemu-img create -q -f qcow -b s.raw -F raw b.qcow
    qemu-io -f qcow -c "write -P 3 5k 1k" -c "write -P 4 1047552 1k" b.qcow
    try: qemu-img convert -c -O qcow s.raw c.qcow
    try: qemu-img convert -c -O qcow r.raw p.qcow
    @cp q.qcow v.qcow
    @cp c.qcow w.qcow
"""

CASES = table(
    "qcow1",
    """
    info | qemu-img info q.qcow ; qemu-img info --output=json q.qcow ; qemu-img info b.qcow ; qemu-img info --output=json b.qcow ; qemu-img info c.qcow
    chain | qemu-img info --backing-chain b.qcow ; qemu-img info --backing-chain --output=json b.qcow
    image-opts | qemu-img info --image-opts driver=qcow,file.filename=q.qcow ; qemu-img info --image-opts driver=qcow,file.filename=q.qcow,foo=1
    map | qemu-img map q.qcow ; qemu-img map --output=json q.qcow ; qemu-img map b.qcow ; qemu-img map --output=json b.qcow
    map-compressed | qemu-img map c.qcow ; qemu-img map --output=json c.qcow
    check | qemu-img check q.qcow ; qemu-img check --output=json c.qcow
    compare | qemu-img compare s.raw c.qcow ; qemu-img compare s.raw b.qcow ; qemu-img compare q.qcow c.qcow
    convert | qemu-img convert -O raw q.qcow q.raw ; qemu-img convert -O raw b.qcow b.raw ; qemu-img convert -O raw c.qcow c.raw ; qemu-img convert -O raw p.qcow p.raw
    convert-qcow2 | qemu-img convert -O qcow2 b.qcow b2.qcow2 ; qemu-img convert -f qcow -O qcow2 c.qcow c2.qcow2
    read | qemu-io -r -c "read -P 1 0 100k" -c "read -P 0 100k 4k" -c "read -P 2 1M 1k" -c "read -P 0 4095k 1k" -c "read 4M 512" q.qcow
    read-compressed | qemu-io -r -c "read -P 0x31 511 70000" -c "read -P 0x32 716800 5000" -c "read -v 307190 20" c.qcow
    alloc | qemu-io -r -c map -c "alloc 0 4M" q.qcow ; qemu-io -r -c map b.qcow
    overlay | qemu-img create -q -f qcow2 -b c.qcow -F qcow o.qcow2 ; qemu-io -c "write -P 7 2k 4k" o.qcow2 ; qemu-img map --output=json o.qcow2
    read-only | qemu-io -r -c "write 0 4k" -c "write -z 0 4k" -c "discard 0 4k" q.qcow
    """,
    setup=_SETUP,
)

# What stock says of a few of them is no more than "Input/output error", and ours names the field.
_LOOK = " ; qemu-img info -f qcow v.qcow ; qemu-img convert -f qcow -O raw v.qcow v.raw"


def _damage(rows, loose=""):
    lines = [row.strip() + _LOOK for row in rows.splitlines() if row.strip()]
    return table("qcow1/damage", "\n".join(lines), setup=_SETUP, loose=loose)


CASES += _damage(
    """
    magic | @poke v.qcow 0 41
    version-0 | @poke v.qcow 4 00000000
    version-2 | @poke v.qcow 4 00000002
    backing-offset | @poke v.qcow 8 0000000000100000
    size-0 | @poke v.qcow 24 0000000000000000
    size-1 | @poke v.qcow 24 0000000000000001
    size-256 | @poke v.qcow 24 0000000000000100
    size-odd | @poke v.qcow 24 0000000000100123
    size-huge | @poke v.qcow 24 ffffffffffffffff
    cluster-8 | @poke v.qcow 32 08
    cluster-9 | @poke v.qcow 32 09
    cluster-16 | @poke v.qcow 32 10
    cluster-17 | @poke v.qcow 32 11
    l2-5 | @poke v.qcow 33 05
    l2-6 | @poke v.qcow 33 06
    l2-14 | @poke v.qcow 33 0e
    l2-255 | @poke v.qcow 33 ff
    crypt-2 | @poke v.qcow 36 00000002
    """
)

CASES += _damage(
    """
    crypt-1 | @poke v.qcow 36 00000001
    l1-offset-huge | @poke v.qcow 40 ffffffffffffffff
    backing-huge | @poke v.qcow 8 7fffffffffffffff ; @poke v.qcow 16 00000010
    compressed-damaged | @cp w.qcow v.qcow ; @poke v.qcow -3000 0000000000000000
    compressed-cut | @cp w.qcow v.qcow ; @truncate v.qcow 5000
    """,
    loose="stderr",
)

CASES += table(
    "qcow1/backing",
    """
    name-long | @poke b.qcow 16 00000400 ; qemu-img info b.qcow
    name-none | @poke b.qcow 16 00000000 ; qemu-img info b.qcow ; qemu-img map --output=json b.qcow
    offset-0 | @poke b.qcow 8 0000000000000000 ; qemu-img info b.qcow
    missing | @rm s.raw ; qemu-img info b.qcow ; qemu-img convert -O raw b.qcow b.raw
    """,
    setup=_SETUP,
)

_READ = "swap: qemu-img convert -O raw X X.raw"

CASES += table(
    "qcow1/write",
    with_last(
        _READ,
        """
    allocating | q.qcow qemu-io -c "write -P 5 200k 300k" -c "write -P 6 3000k 1k" -c "read -P 0 2999k 1k" q.qcow ; qemu-img map q.qcow
    in-place | q.qcow qemu-io -c "write -P 5 10k 5k" -c "read -P 1 0 10k" -c "read -P 5 10k 5k" -c "write -P 6 99 100" -c "read -P 1 0 99" q.qcow
    end | q.qcow qemu-io -c "write -P 5 4193792 512" -c "write 4M 512" q.qcow
    zeroes | q.qcow qemu-io -c "write -z 0 4k" -c "write -z 3M 64k" -c "read -P 0 0 4k" -c "read -P 1 4k 96k" q.qcow
    discard | q.qcow qemu-io -c "discard 0 64k" -c "read -P 1 0 64k" q.qcow
    overlay | b.qcow qemu-io -c "write -P 8 90k 20k" -c "write -P 9 900k 64k" -c "read -P 3 5k 1k" -c "read -P 8 90k 20k" b.qcow ; qemu-img map --output=json b.qcow
    over-packed | c.qcow qemu-io -c "write -P 8 310k 2k" -c "read -P 49 300k 10k" -c "read -P 8 310k 2k" c.qcow
    packed | q.qcow qemu-io -c "write -c -P 5 1M 4k" -c "write -c -P 6 3M 4k" -c "write -c 3M 1k" -c "read -P 5 1M 4k" -c "read -P 6 3M 4k" q.qcow
    packed-again | c.qcow qemu-io -c "write -c -P 8 312k 4k" -c "read -P 8 312k 4k" -c "write -P 9 312k 1k" -c "read -P 8 313k 3k" c.qcow
    commit | b.qcow qemu-img commit b.qcow ; qemu-img map --output=json b.qcow ; qemu-io -c "write -P 5 0 64k" b.qcow
    commit-keep | b.qcow qemu-img commit -d b.qcow ; qemu-img map --output=json b.qcow
    grown | q.qcow qemu-img resize q.qcow 20M ; qemu-img rebase -u -b s.raw -F raw q.qcow ; qemu-img snapshot -c a q.qcow
    converted | o.qcow qemu-img convert -O qcow s.raw o.qcow
    converted-over | o.qcow qemu-img convert -O qcow -B s.raw -F raw b.qcow o.qcow ; qemu-img info o.qcow
    into | q.qcow qemu-img convert -n -O qcow b.qcow q.qcow
    filter | q.qcow qemu-io -c "write -P 5 3M 4k" -c "write -P 6 3200k 1k" -c "read -P 5 3M 4k" --image-opts driver=compress,file.driver=qcow,file.file.filename=q.qcow
        """,
    ),
    setup=_SETUP,
    loose="images stderr",
)

CASES += table(
    "qcow1/packed",
    """
    convert | qemu-img convert -c -O qcow z.raw o.qcow ; swap: qemu-img compare z.raw o.qcow
    noise | qemu-img convert -c -O qcow n.raw o.qcow ; swap: qemu-img compare n.raw o.qcow
    encrypted | qemu-img convert -c -O qcow -o encryption=on z.raw o.qcow
    """,
    setup="""
    @truncate z.raw 2M
    @write z.raw 100k 700k 0x31
    @random n.raw 1M 3
    """,
    loose="images",
)

_MADE = " ; qemu-img info c.qcow ; qemu-img info --output=json c.qcow"
_SECRET = "--object secret,id=s,data=abc"
_KEY = "encrypt.key-secret=s"

CASES += table(
    "qcow1/create",
    "\n".join(
        row.strip().replace("CREATE", "qemu-img create -f qcow") + _MADE
        for row in f"""
    plain | CREATE c.qcow 5G
    odd | CREATE c.qcow 1000
    one | CREATE c.qcow 512
    large | CREATE c.qcow 1T
    backing | CREATE -b s.raw -F raw c.qcow
    backing-larger | CREATE -b s.raw -F raw c.qcow 30M
    backing-qcow | CREATE -b q.qcow -F qcow c.qcow
    encryption | CREATE {_SECRET} -o encryption=on,{_KEY} c.qcow 1M
    encrypt-format | CREATE {_SECRET} -o encrypt.format=aes,{_KEY} c.qcow 1M
    encryption-off | CREATE -o encryption=off c.qcow 1M
    """.splitlines()
        if row.strip()
    )
    + f"""
    empty | qemu-img create -f qcow c.qcow 0
    missing | qemu-img create -f qcow -b nope -F raw c.qcow 1M
    no-format | qemu-img create -f qcow -b s.raw c.qcow 1M
    unknown | qemu-img create -f qcow -o cluster_size=4k c.qcow 1M ; qemu-img create -f qcow -o help
    no-secret | qemu-img create -f qcow -o encryption=on c.qcow 1M ; qemu-img create -f qcow -o encrypt.format=aes c.qcow 1M ; qemu-img create -f qcow -o encrypt.format=aes,{_KEY} c.qcow 1M
    no-method | qemu-img create {_SECRET} -f qcow -o {_KEY} c.qcow 1M
    methods | qemu-img create {_SECRET} -f qcow -o encrypt.format=luks,{_KEY} c.qcow 1M ; qemu-img create {_SECRET} -f qcow -o encrypt.format=foo,{_KEY} c.qcow 1M ; qemu-img create {_SECRET} -f qcow -o encrypt.format=aes,encryption=on,{_KEY} c.qcow 1M
    """,
    setup=_SETUP,
    loose="images",
)

_OPEN = f"--image-opts driver=qcow,{_KEY},file.filename=e.qcow"

CASES += table(
    "qcow1/encrypted",
    f"""
    info | qemu-img info e.qcow ; qemu-img info --output=json e.qcow
    read | qemu-io -r {_SECRET} -c "read -P 1 0 64k" -c "read -P 1 100 1000" -c "read -P 0 64k 64k" {_OPEN}
    write | qemu-io {_SECRET} -c "write -P 5 200k 4k" -c "write -P 6 100 100" -c "write -P 7 300k 1k" -c "read -P 1 0 100" -c "read -P 6 100 100" -c "read -P 1 200 1000" -c "read -P 0 301k 3k" {_OPEN} ; swap: qemu-img convert {_SECRET} {_OPEN} -O raw e.raw
    zeroes | qemu-io {_SECRET} -c "write -z 1k 10k" -c "write -z 500k 10k" -c "read -P 0 1k 10k" -c "read -P 0 500k 10k" {_OPEN} ; swap: qemu-img convert {_SECRET} {_OPEN} -O raw e.raw
    convert-into | qemu-img convert {_SECRET} -O qcow -o encryption=on,{_KEY} s.raw o.qcow ; swap: qemu-img convert {_SECRET} --image-opts driver=qcow,{_KEY},file.filename=o.qcow -O raw o.raw
    no-key | qemu-io -c "read 0 4k" e.qcow ; qemu-img check e.qcow ; qemu-img convert -O raw e.qcow e.raw
    methods | qemu-io -r {_SECRET} -c "read -P 1 0 4k" --image-opts driver=qcow,{_KEY},encrypt.format=aes,file.filename=e.qcow ; qemu-img info --image-opts driver=qcow,encrypt.format=luks,file.filename=e.qcow ; qemu-img info --image-opts driver=qcow,encrypt.format=aes,file.filename=q.qcow
    """,
    setup=_SETUP
    + f"""
    qemu-img create -q {_SECRET} -f qcow -o encryption=on,{_KEY} e.qcow 1M
    qemu-io {_SECRET} -c "write -P 1 0 64k" {_OPEN}
    """,
    loose="images",
)

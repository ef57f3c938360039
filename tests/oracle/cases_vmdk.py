"""Images of VMware (vmdk): every subformat read, mapped, written and read by the other side,
backing files, texts and headers that are damaged, and the trust gate's part."""

from case import table, with_last
from read_only_format import SOURCE

_SETUP = SOURCE + """
    qemu-img create -q -f vmdk m.vmdk 10M
    qemu-io -c "write -P 1 0 100k" -c "write -P 2 1M 1k" -c "write -z 2M 128k" m.vmdk
    qemu-img create -q -f vmdk -o zeroed_grain=on z.vmdk 10M
    qemu-io -c "write -P 1 0 100k" -c "write -z 2M 128k" -c "write -z 64k 64k" z.vmdk
    qemu-img create -q -f vmdk -o subformat=monolithicFlat f.vmdk 2M
    qemu-io -c "write -P 1 4k 8k" -c "write -P 2 1M 64k" f.vmdk
    qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentSparse t.vmdk 3G
    qemu-io -c "write -P 1 2147479552 8k" -c "write -P 2 0 64k" t.vmdk
    qemu-img create -q -f vmdk -o subformat=twoGbMaxExtentFlat u.vmdk 3G
    qemu-io -c "write -P 1 2147479552 8k" -c "write -P 2 0 64k" u.vmdk
    qemu-img convert -O vmdk -o subformat=streamOptimized s.raw so.vmdk
    qemu-img create -q -f vmdk -b m.vmdk -F vmdk o.vmdk
    qemu-io -c "write -P 6 1k 1k" -c "write -P 7 3M 64k" o.vmdk
"""

_EACH = ("m", "z", "f", "t", "u", "so", "o")


def _each(name, line):
    return f"{name} | " + " ; ".join(line.replace("X", one) for one in _EACH)


CASES = table(
    "vmdk",
    "\n".join(
        [
            _each("info", "qemu-img info X.vmdk"),
            _each("info-json", "qemu-img info --output=json X.vmdk"),
            _each("map", "qemu-img map X.vmdk"),
            _each("map-json", "qemu-img map --output=json X.vmdk"),
            _each("check", "qemu-img check X.vmdk"),
            "convert | " + " ; ".join(f"qemu-img convert -O raw {x}.vmdk {x}.raw"
                                      for x in ("m", "z", "f", "so", "o")),
            "convert-qcow2 | " + " ; ".join(f"qemu-img convert -O qcow2 {x}.vmdk {x}.qcow2"
                                            for x in ("m", "t", "so")),
        ]
    )
    + """
    chain | qemu-img info --backing-chain o.vmdk ; qemu-img info --backing-chain --output=json o.vmdk
    compare | qemu-img compare s.raw so.vmdk ; qemu-img compare m.vmdk o.vmdk ; qemu-img compare m.vmdk z.vmdk ; qemu-img compare t.vmdk u.vmdk
    image-opts | qemu-img info --image-opts driver=vmdk,file.filename=m.vmdk ; qemu-img info --image-opts driver=vmdk,file.filename=m.vmdk,foo=1
    read | qemu-io -r -c "read -P 1 0 100k" -c "read -P 0 100k 900k" -c "read -P 2 1M 1k" m.vmdk ; qemu-io -r -c "read -P 1 2147479552 8k" -c "read -P 2 0 64k" t.vmdk ; qemu-io -r -c "read -P 1 2147479552 8k" u.vmdk ; qemu-io -r -c "read -P 0x31 100 300000" -c "read -P 0x32 716800 5000" so.vmdk
    read-chain | qemu-io -r -c "read -P 6 1k 1k" -c "read -P 1 2k 62k" -c "read -P 7 3M 64k" -c "read -P 2 1M 1k" o.vmdk
    read-only | qemu-io -r -c "write 0 4k" -c "write -z 0 4k" m.vmdk
    overlay | qemu-img create -q -f qcow2 -b t.vmdk -F vmdk x.qcow2 ; qemu-io -c "write -P 9 1k 1k" x.qcow2 ; qemu-img map --output=json x.qcow2
    part-missing | @rm t-s002.vmdk ; qemu-img info t.vmdk
    parent-missing | @rm m.vmdk ; qemu-img info o.vmdk ; qemu-img map o.vmdk
    directory | @mkdir d ; @mv u.vmdk d/u.vmdk ; qemu-img info d/u.vmdk ; @mv u-f001.vmdk d/u-f001.vmdk ; @mv u-f002.vmdk d/u-f002.vmdk ; qemu-img info d/u.vmdk ; qemu-img map d/u.vmdk
    """,
    setup=_SETUP,
)

# Each side writes to its own copies; the other side's tools read them.
_READ = "swap: qemu-img check X.vmdk ; swap: qemu-img convert -O raw X.vmdk X.raw"

CASES += table(
    "vmdk/write",
    with_last(
        _READ,
        """
    allocating | m qemu-io -c "write -P 5 200k 300k" -c "write -P 6 5000k 1k" -c "read -P 0 4999k 1k" m.vmdk ; qemu-img map --output=json m.vmdk
    in-place | m qemu-io -c "write -P 5 10k 5k" -c "read -P 1 0 10k" -c "read -P 5 10k 5k" m.vmdk ; qemu-img map --output=json m.vmdk
    end | m qemu-io -c "write -P 5 10485248 512" -c "write 10M 512" m.vmdk
    zeroes | m qemu-io -c "write -z 0 64k" -c "write -z 5M 64k" -c "read -P 0 0 64k" -c "read -P 1 64k 36k" m.vmdk
    zero-grains | z qemu-io -c "write -z 0 64k" -c "write -z 5M 128k" -c "write -P 3 5M 1k" -c "read -P 0 5243904 1k" z.vmdk ; qemu-img map --output=json z.vmdk
    discard | m qemu-io -c "discard 0 64k" -c "read -P 1 0 64k" m.vmdk ; qemu-img map --output=json m.vmdk
    flat | f qemu-io -c "write -P 5 100k 64k" -c "write -z 4k 4k" -c "read -P 0 4k 4k" f.vmdk
    overlay | o qemu-io -c "write -P 8 90k 20k" -c "write -P 9 6M 64k" -c "read -P 1 64k 26k" -c "read -P 0 110k 18k" o.vmdk ; qemu-img map --output=json o.vmdk
        """,
    ),
    setup=_SETUP,
    loose="images",
)

# Stock says why on a line of its own, before the failure.
CASES += table(
    "vmdk/write-packed",
    """
    again | qemu-io -c "write 0 64k" -c "write 0 1k" so.vmdk ; swap: qemu-img compare s.raw so.vmdk
    new | qemu-io -c "write -P 5 320k 64k" -c "write -P 6 448k 64k" so.vmdk ; swap: qemu-img convert -O raw so.vmdk so.raw
    """,
    setup=_SETUP,
    loose="images stderr",
)

CASES += table(
    "vmdk/write-split",
    """
    sparse | qemu-io -c "write -P 5 2147418112 128k" -c "read -P 5 2147483648 64k" t.vmdk ; swap: qemu-io -r -c "read -P 5 2147418112 128k" -c "read -P 2 0 64k" t.vmdk ; qemu-img map --output=json t.vmdk
    flat | qemu-io -c "write -P 5 2147418112 128k" u.vmdk ; swap: qemu-io -r -c "read -P 5 2147418112 128k" -c "read -P 2 0 64k" u.vmdk ; qemu-img map u.vmdk
    parent-changed | qemu-io -c "write -P 9 9M 1k" m.vmdk ; qemu-img info o.vmdk ; qemu-io -r -c "read 1k 1k" o.vmdk
    """,
    setup=_SETUP,
    loose="images",
)

_TEXT = (
    '# Disk DescriptorFile\\nversion=1\\nCID=12345678\\nparentCID=ffffffff\\n'
)


def _texts(rows, loose=""):
    """Each row is `name | what follows the text's beginning`."""
    lines = []
    for row in rows.splitlines():
        name, _, rest = row.strip().partition("|")
        if rest:
            lines.append(f"{name.strip()} | @lines d.vmdk '{_TEXT}{rest.strip()}' ; "
                         "qemu-img info -f vmdk d.vmdk ; qemu-img map -f vmdk d.vmdk")
    return table("vmdk/text", "\n".join(lines), setup=_SETUP + "@truncate e.raw 2M", loose=loose)


CASES += _texts(
    r"""
    flat | createType="monolithicFlat"\nRW 2048 FLAT "e.raw" 0\n
    flat-offset | createType="monolithicFlat"\nRW 2048 FLAT "e.raw" 2048\n
    flat-beyond | createType="monolithicFlat"\nRW 4097 FLAT "e.raw" 0\n
    flat-no-offset | createType="monolithicFlat"\nRW 4096 FLAT "e.raw"\n
    missing | createType="monolithicFlat"\nRW 4096 FLAT "none.raw" 0\n
    mixed | createType="twoGbMaxExtentSparse"\nRW 20480 SPARSE "m.vmdk"\nRW 100 ZERO\nRW 2048 FLAT "e.raw" 0\n
    not-sparse | createType="twoGbMaxExtentSparse"\nRW 20480 SPARSE "e.raw"\n
    type-monolithic-sparse | createType="monolithicSparse"\nRW 20480 SPARSE "m.vmdk"\n
    type-unknown | createType="foo"\nRW 20480 SPARSE "m.vmdk"\n
    type-missing | RW 20480 SPARSE "m.vmdk"\n
    vmfs | createType="vmfs"\nRW 2048 VMFS "e.raw"\n
    vmfs-offset | createType="vmfs"\nRW 2048 VMFS "e.raw" 0\n
    extent-unknown | createType="monolithicFlat"\nRW 2048 BAR "e.raw" 0\n
    parent-hint | createType="monolithicFlat"\nparentFileNameHint="m.vmdk"\nRW 2048 FLAT "e.raw" 0\n
    """
)


def _damage(rows, loose):
    lines = []
    for row in rows.splitlines():
        if row.strip():
            lines.append(row.strip() + " ; qemu-img info m.vmdk ; "
                         "qemu-img convert -f vmdk -O raw m.vmdk v.raw")
    return table("vmdk/damage", "\n".join(lines), setup=_SETUP, loose=loose)


CASES += _damage(
    """
    magic | @poke m.vmdk 0 41
    version-4 | @poke m.vmdk 4 04000000
    version-huge | @poke m.vmdk 4 ffffffff
    flags-zero-grains | @poke m.vmdk 8 07000000
    entries-huge | @poke m.vmdk 44 ffffffff
    entries-513 | @poke m.vmdk 44 01020000
    text-gone | @poke m.vmdk 512 0000000000000000
    directory-0 | @poke m.vmdk 13312 00000000
    """,
    loose="stderr",
)

# Created by each side; info of each (the CID apart), and the other side's look at it.
_MADE = " ; qemu-img info c.vmdk ; qemu-img map --output=json c.vmdk ; swap: qemu-img check c.vmdk"

CASES += table(
    "vmdk/create",
    "\n".join(
        row.strip().replace("CREATE", "qemu-img create -f vmdk") + _MADE
        for row in """
    sparse | CREATE c.vmdk 5G
    odd | CREATE c.vmdk 1000
    large | CREATE c.vmdk 3T
    flat | CREATE -o subformat=monolithicFlat c.vmdk 2M
    split-sparse | CREATE -o subformat=twoGbMaxExtentSparse c.vmdk 5G
    split-flat | CREATE -o subformat=twoGbMaxExtentFlat c.vmdk 5G
    stream | CREATE -o subformat=streamOptimized c.vmdk 20M
    zeroed-grain | CREATE -o zeroed_grain=on c.vmdk 20M
    lsilogic | CREATE -o adapter_type=lsilogic c.vmdk 20M
    buslogic | CREATE -o adapter_type=buslogic,hwversion=9 c.vmdk 20M
    legacy-esx | CREATE -o adapter_type=legacyESX c.vmdk 20M
    compat6 | CREATE -o compat6=on c.vmdk 20M
    tools-version | CREATE -o toolsversion=123 c.vmdk 20M
    backing | CREATE -b m.vmdk -F vmdk c.vmdk
    backing-size | CREATE -b m.vmdk -F vmdk c.vmdk 30M
    backing-stream | CREATE -o subformat=streamOptimized,backing_file=m.vmdk,backing_fmt=vmdk c.vmdk
    converted | qemu-img convert -O vmdk s.raw c.vmdk
    converted-stream | qemu-img convert -O vmdk -o subformat=streamOptimized s.raw c.vmdk
    converted-flat | qemu-img convert -O vmdk -o subformat=monolithicFlat s.raw c.vmdk
    """.splitlines()
        if row.strip()
    ),
    setup=_SETUP,
    loose="images",
)

CASES += table(
    "vmdk/commit",
    """
    plain | qemu-img commit o.vmdk ; qemu-img map o.vmdk ; qemu-io -r -c "read -P 6 1k 1k" -c "read -P 7 3M 64k" -c "read -P 1 2k 62k" m.vmdk
    kept | qemu-img commit -d o.vmdk ; qemu-img map o.vmdk ; qemu-io -r -c "read -P 6 1k 1k" m.vmdk
    """,
    setup=_SETUP,
    loose="images",
)

_FOREIGN = SOURCE + """
    @vmdk-stream s.raw fs.vmdk
    @vmdk-esx s.raw esx.vmdk
"""

CASES += table(
    "vmdk/foreign",
    """
    stream | qemu-img info fs.vmdk ; qemu-img check fs.vmdk ; qemu-img map --output=json fs.vmdk ; qemu-img compare s.raw fs.vmdk ; qemu-io -r -c "read -v 0 16" -c "read 0 64k" fs.vmdk
    stream-write | qemu-io -c "write -P 5 320k 64k" -c "read -P 5 320k 64k" -c "write 0 64k" fs.vmdk ; swap: qemu-img convert -O raw fs.vmdk fs.raw
    stream-cut | @truncate fs.vmdk 70000 ; qemu-img info fs.vmdk
    stream-no-footer | @poke fs.vmdk -1024 00000000 ; qemu-img info fs.vmdk
    stream-footer-at-end | @poke fs.vmdk -968 ffffffffffffffff ; qemu-img info fs.vmdk
    esx-named | @lines d.vmdk '# Disk DescriptorFile\\nversion=1\\nCID=12345678\\nparentCID=ffffffff\\ncreateType="vmfsSparse"\\nRW 2048 VMFSSPARSE "esx.vmdk"\\n' ; qemu-img info d.vmdk ; qemu-img map --output=json d.vmdk ; qemu-img convert -O raw d.vmdk d.raw
    esx-write | @lines d.vmdk '# Disk DescriptorFile\\nversion=1\\nCID=12345678\\nparentCID=ffffffff\\ncreateType="vmfsSparse"\\nRW 2048 VMFSSPARSE "esx.vmdk"\\n' ; qemu-io -c "write -P 5 320k 64k" -c "write -P 6 10k 1k" -c "read -P 5 320k 64k" d.vmdk ; swap: qemu-img convert -O raw d.vmdk d.raw
    """,
    setup=_FOREIGN,
    loose="images stderr",
)

_OUT = "qemu-img convert -c -O vmdk"
_BACK = " ; qemu-img info c.vmdk ; swap: qemu-img check c.vmdk ; swap: qemu-img compare s.raw c.vmdk"

CASES += table(
    "vmdk/packed",
    f"""
    stream | {_OUT} -o subformat=streamOptimized s.raw c.vmdk{_BACK}
    stream-zeroed | {_OUT} -o subformat=streamOptimized,zeroed_grain=on s.raw c.vmdk{_BACK}
    stream-options | {_OUT} -W -m 8 -S 0 -o subformat=streamOptimized s.raw c.vmdk{_BACK}
    sparse | {_OUT} s.raw c.vmdk{_BACK}
    split | {_OUT} -o subformat=twoGbMaxExtentSparse s.raw c.vmdk{_BACK}
    flat | {_OUT} -o subformat=monolithicFlat s.raw c.vmdk
    into | qemu-img create -q -f vmdk -o subformat=streamOptimized c.vmdk 10M ; qemu-img convert -c -n -O vmdk s.raw c.vmdk ; swap: qemu-img check c.vmdk ; swap: qemu-img convert -O raw c.vmdk c.raw
    into-opts | qemu-img create -q -f vmdk -o subformat=streamOptimized c.vmdk 10M ; qemu-img convert -c -n s.raw --target-image-opts driver=vmdk,file.filename=c.vmdk ; swap: qemu-img convert -O raw c.vmdk c.raw
    others | {" ; ".join(f"qemu-img convert -c -O {fmt} s.raw c.{fmt}" for fmt in ("raw", "vdi", "vpc", "vhdx", "parallels", "qed", "luks"))}
    others-into | qemu-img convert -c -n -O raw s.raw m.vmdk ; qemu-img create -q -f vdi c.vdi 10M ; qemu-img convert -c -n -O vdi s.raw c.vdi
    """,
    setup=_SETUP,
    loose="images",
)

CASES += table(
    "vmdk/create-refused",
    """
    help | qemu-img create -f vmdk -o help ; qemu-img create -f vmdk -o help c.vmdk
    subformat | qemu-img create -f vmdk -o subformat=foo c.vmdk 1M
    adapter | qemu-img create -f vmdk -o adapter_type=foo c.vmdk 1M ; qemu-img create -f vmdk -o adapter_type=IDE c.vmdk 1M
    compat6-hwversion | qemu-img create -f vmdk -o compat6=on,hwversion=4 c.vmdk 1M
    flat-zeroed | qemu-img create -f vmdk -o subformat=monolithicFlat,zeroed_grain=on c.vmdk 1M
    flat-backing | qemu-img create -f vmdk -o subformat=monolithicFlat,backing_file=m.vmdk,backing_fmt=vmdk c.vmdk 1M
    backing-raw | qemu-img create -f vmdk -b s.raw -F raw c.vmdk
    backing-no-format | qemu-img create -f vmdk -b m.vmdk c.vmdk
    no-size | qemu-img create -f vmdk c.vmdk
    """,
    setup=_SETUP,
)

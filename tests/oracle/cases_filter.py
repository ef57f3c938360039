"""Filters and drivers with several children: throttle, copy-on-read, quorum, blkverify, preallocate,
an image below another."""

from case import table

_CHAIN = """
    qemu-img create -q -f qcow2 base.qcow2 1M
    qemu-io -c "write -P 1 0 128k" base.qcow2
    qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
    qemu-io -c "write -P 2 64k 64k" top.qcow2
"""

_TOP = "file.driver=qcow2,file.file.filename=top.qcow2"
_GROUP = "--object throttle-group,id=t0"
_THROTTLE = f"driver=throttle,throttle-group=t0,{_TOP}"

CASES = table(
    "filter/throttle",
    "\n".join(
        (
            f"info | qemu-img info {_GROUP} --image-opts {_THROTTLE}",
            f"info-json | qemu-img info {_GROUP} --output=json --image-opts {_THROTTLE}",
            f"chain | qemu-img info {_GROUP} --backing-chain --image-opts {_THROTTLE}",
            f"below | qemu-img info {_GROUP} --image-opts driver=qcow2,file.driver=throttle,"
            "file.throttle-group=t0,file.file.filename=top.qcow2",
            f"map | qemu-img map {_GROUP} --output=json --image-opts {_THROTTLE}",
            f"check | qemu-img check {_GROUP} --image-opts {_THROTTLE}",
            f"io | qemu-io {_GROUP} -c 'write -P 3 0 64k' -c 'read -P 2 64k 64k' -c map --image-opts {_THROTTLE}",
            f"io-limited | qemu-io {_GROUP},limits.bps-total=1000000,limits.iops-total=100 "
            f"-c 'write -P 3 0 64k' -c 'read -P 2 64k 64k' -c 'write -z 0 4k' --image-opts {_THROTTLE}",
            f"io-below | qemu-io {_GROUP} -c 'write -P 3 0 256k' -c 'read -P 3 64k 64k' -c flush --image-opts "
            "driver=qcow2,file.driver=throttle,file.throttle-group=t0,file.file.filename=top.qcow2",
            f"convert | qemu-img convert {_GROUP} --image-opts -O raw {_THROTTLE} out.raw",
            f"plain-file | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0,file.filename=top.qcow2",
            f"json-object | qemu-img info --object '{{\"qom-type\":\"throttle-group\",\"id\":\"t0\","
            f"\"limits\":{{\"bps-total\":1000000}}}}' --image-opts {_THROTTLE}",
            f"stacked | qemu-img info {_GROUP} --object throttle-group,id=t1 --image-opts driver=throttle,"
            f"throttle-group=t1,file.driver=throttle,file.throttle-group=t0,file.file.driver=qcow2,file.file.file.filename=top.qcow2",
            f"no-group | qemu-img info --image-opts {_THROTTLE}",
            f"no-group-option | qemu-img info --image-opts driver=throttle,{_TOP}",
            f"no-file | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0",
            f"file-reference | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0,file=x",
            f"left-over | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0,foo=1,file.filename=top.qcow2",
            "by-format | qemu-img info -f throttle top.qcow2",
            "protocol | qemu-img info throttle:top.qcow2",
            f"missing | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0,file.driver=qcow2,file.file.filename=nope",
            *(
                f"limits-{number} | qemu-img info {_GROUP},{limits} --image-opts {_THROTTLE}"
                for number, limits in enumerate(
                    (
                        "limits.bps-total=1,limits.bps-read=1",
                        "limits.iops-total=-1",
                        "limits.iops-total=1e30",
                        "limits.bps-total-max=10",
                        "limits.bps-total=10,limits.bps-total-max=5",
                        "limits.bps-total=10,limits.bps-total-max-length=5",
                        "limits.bps-total=10,limits.bps-total-max-length=0",
                        "limits.foo=1",
                        "x-bps-total=5",
                        "limits.iops-size=4096",
                        "limits.bps-total=2000000000000000",
                        "foo=3",
                    )
                )
            ),
        )
    ),
    setup=_CHAIN,
) + table(
    "filter/copy-on-read",
    f"""
    io | qemu-io -c 'read -P 1 0 4k' -c map -c 'read -P 2 64k 64k' -c map --image-opts driver=copy-on-read,{_TOP}
    read-only | qemu-img info --image-opts driver=copy-on-read,{_TOP}
    io-read-only | qemu-io -r -c 'read -P 1 0 4k' --image-opts driver=copy-on-read,{_TOP}
    bottom | qemu-io -c 'read -P 1 0 4k' --image-opts driver=copy-on-read,bottom=x,{_TOP}
    no-file | qemu-img info --image-opts driver=copy-on-read
    by-format | qemu-img info -f copy-on-read top.qcow2
    throttled | qemu-io {_GROUP} -c 'read -P 1 0 4k' -c map --image-opts driver=throttle,throttle-group=t0,file.driver=copy-on-read,file.file.driver=qcow2,file.file.file.filename=top.qcow2
    missing | qemu-img info {_GROUP} --image-opts driver=throttle,throttle-group=t0,file.driver=copy-on-read,file.file.driver=qcow2,file.file.file.filename=nope
    """,
    setup=_CHAIN,
)

_COPIES = """
    qemu-img create -q -f qcow2 c0.qcow2 1M
    qemu-io -c "write -P 1 0 128k" c0.qcow2
    qemu-img convert -O qcow2 c0.qcow2 c1.qcow2
    qemu-img convert -O qcow2 c0.qcow2 c2.qcow2
    qemu-img convert -O raw c0.qcow2 c0.raw
    qemu-img convert -O raw c0.qcow2 c1.raw
"""
_SPOILT = _COPIES + '    qemu-io -c "write -P 9 0 64k" c1.qcow2\n'


def _quorum(count, more=""):
    children = ",".join(
        f"children.{i}.driver=qcow2,children.{i}.file.filename=c{i}.qcow2" for i in range(count)
    )
    return f"driver=quorum,{children}{more}"


_THREE = _quorum(3)
_PAIR = "driver=quorum,vote-threshold=2,children.0.driver=qcow2,children.0.file.filename=c0.qcow2," \
    "children.1.driver=qcow2,children.1.file.filename=c1.qcow2"

CASES += table(
    "filter/quorum",
    "\n".join(
        (
            f"no-threshold | qemu-img info --image-opts {_THREE}",
            *(
                f"threshold-{value} | qemu-img info --image-opts {_THREE},vote-threshold={value}"
                for value in ("0", "1", "2", "3", "4", "-1", "x")
            ),
            *(
                f"option-{number} | qemu-img info --image-opts {_THREE},vote-threshold=2,{option}"
                for number, option in enumerate(
                    (
                        "rewrite-corrupted=on",
                        "blkverify=on",
                        "read-pattern=fifo",
                        "read-pattern=foo",
                        "read-pattern=quorum,blkverify=on",
                        "foo=1",
                    )
                )
            ),
            f"verify | qemu-img info --image-opts {_PAIR},blkverify=on",
            "probed | qemu-img info --image-opts driver=quorum,vote-threshold=1,children.0.file.filename=c0.qcow2",
            "one-missing | qemu-img info --image-opts driver=quorum,vote-threshold=1,children.0.file.filename=nope",
            "no-children | qemu-img info --image-opts driver=quorum,vote-threshold=1",
            "reference | qemu-img info --image-opts driver=quorum,vote-threshold=1,children.0=x",
            "filename | qemu-img info --image-opts driver=quorum,vote-threshold=1,children.0.filename=c0.qcow2",
            "by-format | qemu-img info -f quorum c0.raw",
            "protocol | qemu-img info quorum:c0.raw",
            f"map | qemu-img map --output=json --image-opts {_THREE},vote-threshold=2",
            f"convert | qemu-img convert --image-opts -O raw {_THREE},vote-threshold=2 out.raw",
            f"io | qemu-io -c 'write -P 3 0 64k' -c 'write -z 0 32k' -c 'discard 0 64k' -c flush -c 'read 0 1M' --image-opts {_THREE},vote-threshold=2",
            f"resize | qemu-io -c 'truncate 2M' --image-opts {_THREE},vote-threshold=2",
        )
    ),
    setup=_COPIES,
) + table(
    "filter/quorum-spoilt",
    f"""
    majority | qemu-io -c 'read -P 1 0 64k' --image-opts {_THREE},vote-threshold=2
    no-majority | qemu-io -c 'read -P 1 0 64k' -c 'read 64k 64k' --image-opts {_THREE},vote-threshold=3
    first | qemu-io -c 'read -P 1 0 64k' --image-opts {_THREE},vote-threshold=1,read-pattern=fifo
    rewrite | qemu-io -c 'read -P 1 0 64k' --image-opts {_THREE},vote-threshold=2,rewrite-corrupted=on ; qemu-io -c 'read -P 1 0 64k' c1.qcow2
    verify | qemu-io -c 'read 64k 64k' -c 'read 0 64k' --image-opts {_PAIR},blkverify=on
    """,
    setup=_SPOILT,
) + table(
    "filter/blkverify",
    """
    info | qemu-img info blkverify:c0.raw:c1.qcow2
    info-opts | qemu-img info --output=json --image-opts driver=blkverify,test.driver=qcow2,test.file.filename=c1.qcow2,raw.driver=file,raw.filename=c0.raw
    io | qemu-io -f raw -c 'read 0 64k' -c 'write -P 7 0 4k' -c 'read -P 7 0 4k' -c flush blkverify:c0.raw:c1.qcow2
    map | qemu-img map --output=json --image-opts driver=blkverify,test.driver=qcow2,test.file.filename=c1.qcow2,raw.driver=file,raw.filename=c0.raw
    no-test | qemu-img info --image-opts driver=blkverify,raw.driver=file,raw.filename=c0.raw
    no-raw | qemu-img info --image-opts driver=blkverify,test.driver=qcow2,test.file.filename=c1.qcow2
    one-name | qemu-img info blkverify:c0.raw
    empty-raw | qemu-img info blkverify::c0.raw
    empty-test | qemu-img info blkverify:c0.raw:
    missing-raw | qemu-img info blkverify:nope:c1.qcow2
    missing-test | qemu-img info blkverify:c0.raw:nope
    by-format | qemu-img info -f blkverify c0.raw
    left-over | qemu-img info --image-opts driver=blkverify,test.driver=qcow2,test.file.filename=c1.qcow2,raw.driver=file,raw.filename=c0.raw,foo=1
    """,
    setup=_COPIES,
) + table(
    "filter/blkverify-spoilt",
    """
    differs | qemu-io -f raw -c 'read 64k 64k' -c 'read 0 128k' blkverify:c0.raw:c1.qcow2
    """,
    setup=_SPOILT,
) + table(
    "filter/preallocate",
    """
    info | qemu-img info --image-opts driver=preallocate,file.filename=c0.raw
    by-format | qemu-img info -f preallocate c0.raw
    below | qemu-img info --image-opts driver=qcow2,file.driver=preallocate,file.file.filename=c0.qcow2
    map | qemu-img map --output=json --image-opts driver=preallocate,file.filename=c0.raw
    align-0 | qemu-img info --image-opts driver=preallocate,prealloc-align=0,file.filename=c0.raw
    align-odd | qemu-img info --image-opts driver=preallocate,prealloc-align=1000,file.filename=c0.raw
    size-bad | qemu-img info --image-opts driver=preallocate,prealloc-size=-1,file.filename=c0.raw
    left-over | qemu-img info --image-opts driver=preallocate,foo=1,file.filename=c0.raw
    writes | qemu-io -c 'write -P 5 512k 256k' -c 'read -P 5 512k 256k' -c flush --image-opts driver=qcow2,file.driver=preallocate,file.prealloc-size=2M,file.file.filename=c0.qcow2
    no-file | qemu-img info --image-opts driver=preallocate
    """,
    setup=_COPIES,
) + table(
    "filter/nested",
    """
    raw-over-qcow2 | qemu-img convert --image-opts -O raw driver=raw,file.driver=qcow2,file.file.filename=c0.qcow2 out.raw
    raw-info | qemu-img info --image-opts driver=raw,file.driver=qcow2,file.file.filename=c0.qcow2
    raw-writes | qemu-io -c 'write -P 6 0 64k' -c 'read -P 6 0 64k' --image-opts driver=raw,file.driver=qcow2,file.file.filename=c0.qcow2
    blkdebug-info | qemu-img info --image-opts driver=blkdebug,image.driver=qcow2,image.file.filename=c0.qcow2
    unknown | qemu-img info --image-opts driver=raw,file.driver=nope,file.file.filename=c0.qcow2
    """,
    setup=_COPIES,
)

_PACKED = "driver=compress,file.driver=qcow2,file.file.filename=c.qcow2"
_PACKED_TOP = "driver=compress,file.driver=qcow2,file.file.filename=top.qcow2"
_COMPRESS = """
    @truncate r.raw 1M
    @write r.raw 100k 300k 0x21
    @random n.raw 256k 3
    qemu-img create -q -f qcow2 c.qcow2 1M
    qemu-io -c "write -P 1 0 128k" c.qcow2
    qemu-img create -q -f qcow2 -b c.qcow2 -F qcow2 top.qcow2
    qemu-img create -q -f qcow2 e.qcow2 1M
"""


def _below(driver, name):
    return f"driver=compress,file.driver={driver},file.file.filename={name}"


CASES += table(
    "filter/compress",
    "\n".join(
        (
            f"info | qemu-img info --image-opts {_PACKED} ; qemu-img info --output=json --image-opts {_PACKED}",
            f"chain | qemu-img info --backing-chain --image-opts {_PACKED_TOP}",
            f"check | qemu-img check --image-opts {_PACKED}",
            f"map | qemu-img map --output=json --image-opts {_PACKED}",
            f"whole | qemu-io -c 'write -P 3 256k 128k' -c 'read -P 3 256k 128k' -c map --image-opts {_PACKED} ; qemu-img map --output=json c.qcow2",
            f"parts | qemu-io -c 'write -P 3 257k 1k' -c 'write -P 4 400k 200k' -c 'read -P 0 256k 1k' -c 'read -P 3 257k 1k' -c 'read -P 4 400k 200k' -c map --image-opts {_PACKED} ; qemu-img map --output=json c.qcow2",
            f"over-data | qemu-io -c 'write -P 3 0 64k' -c 'write -P 3 100k 4k' -c 'read -P 1 0 128k' --image-opts {_PACKED}",
            f"twice | qemu-io -c 'write -P 3 256k 4k' -c 'write -P 4 260k 4k' -c 'write -P 4 256k 64k' -c 'read -P 3 256k 4k' --image-opts {_PACKED}",
            f"zeroes | qemu-io -c 'write -z 0 64k' -c 'write -z 512k 64k' -c 'discard 64k 64k' -c flush --image-opts {_PACKED} ; qemu-img map --output=json c.qcow2",
            f"over-backing | qemu-io -c 'write -P 9 257k 1k' -c 'write -P 9 1k 1k' -c 'read -P 1 0 1k' -c 'read -P 9 1k 1k' -c map --image-opts {_PACKED_TOP} ; qemu-img map --output=json top.qcow2",
            f"aio | qemu-io -c 'aio_write -P 3 512k 64k' -c aio_flush -c 'aio_write -P 4 640k 100k' -c aio_flush -c 'read -P 3 512k 64k' -c 'read -P 4 640k 100k' --image-opts {_PACKED}",
            f"resize | qemu-img resize --image-opts {_PACKED} 2M ; qemu-img info c.qcow2",
            f"snapshot | qemu-img snapshot -c s --image-opts {_PACKED} ; qemu-img check c.qcow2",
            f"read-only | qemu-io -r -c 'read -P 1 0 4k' -c 'write 512k 64k' --image-opts {_PACKED}",
            f"convert-into | qemu-img convert -f raw -n r.raw --target-image-opts {_below('qcow2', 'e.qcow2')} ; qemu-img map --output=json e.qcow2 ; qemu-img compare -f raw r.raw e.qcow2",
            f"convert-noise | qemu-img convert -f raw -n n.raw --target-image-opts {_below('qcow2', 'e.qcow2')} ; qemu-img map --output=json e.qcow2",
            f"convert-packed-into | qemu-img convert -c -f raw -n r.raw --target-image-opts {_below('qcow2', 'e.qcow2')}",
            f"convert-from | qemu-img convert -O raw --image-opts {_PACKED} out.raw",
            f"commit | qemu-io -c 'write -P 9 256k 64k' top.qcow2 ; qemu-img commit --image-opts {_PACKED_TOP}",
            f"throttled | qemu-io {_GROUP} -c 'write -P 3 512k 64k' -c map --image-opts driver=throttle,throttle-group=t0,file.driver=compress,file.file.driver=qcow2,file.file.file.filename=c.qcow2",
            f"over-throttle | qemu-io {_GROUP} -c 'write -P 3 512k 64k' -c map --image-opts driver=compress,file.driver=throttle,file.throttle-group=t0,file.file.driver=qcow2,file.file.file.filename=c.qcow2",
            f"raw | qemu-img info --image-opts {_below('raw', 'r.raw')} ; qemu-io -c 'read 0 4k' --image-opts {_below('raw', 'r.raw')}",
            "file | qemu-img info --image-opts driver=compress,file.filename=r.raw",
            *(
                f"over-{fmt} | qemu-img create -q -f {fmt} x.{fmt} 1M ; qemu-img info --image-opts {_below(fmt, 'x.' + fmt)}"
                for fmt in ("vdi", "vpc", "vhdx", "parallels")
            ),
            "no-file | qemu-img info --image-opts driver=compress",
            "file-reference | qemu-img info --image-opts driver=compress,file=x",
            f"left-over | qemu-img info --image-opts {_PACKED},foo=1",
            "by-format | qemu-img info -f compress c.qcow2",
            "protocol | qemu-img info compress:c.qcow2",
            f"missing | qemu-img info --image-opts {_below('qcow2', 'nope')}",
        )
    ),
    setup=_COMPRESS,
)

# What stock says besides of a packed grain, and CIDs, are its own.
CASES += table(
    "filter/compress-vmdk",
    f"""
    info | qemu-img create -q -f vmdk x.vmdk 1M ; qemu-img info --image-opts {_below('vmdk', 'x.vmdk')}
    stream | qemu-img create -q -f vmdk -o subformat=streamOptimized s.vmdk 1M ; qemu-io -c 'write -P 3 0 128k' -c 'write -P 4 200k 4k' -c 'write 0 4k' -c 'read -P 3 0 128k' -c map --image-opts {_below('vmdk', 's.vmdk')}
    """,
    setup=_COMPRESS,
    loose="images stderr",
)

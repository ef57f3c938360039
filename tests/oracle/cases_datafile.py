"""External data files: guest data in a file of its own, raw or not, under every command.

The data file is an image of the case like any other, so its bytes, length and holes are compared.
"""

import random

from case import case, table
from random_io import Guest, call, sequence

_PLAIN = "qemu-img create -q -f qcow2 -o data_file=d.raw{options} a.qcow2 2M"
_KINDS = {
    "plain": "",
    "raw": ",data_file_raw=on",
    "plain-4k": ",cluster_size=4k",
    "raw-2M": ",cluster_size=2M,data_file_raw=on",
    "ext": ",extended_l2=on",
    "raw-ext": ",extended_l2=on,data_file_raw=on",
    "lazy": ",lazy_refcounts=on",
}


def _create_cases():
    cases = table("datafile/create", """
        plain | qemu-img create -f qcow2 -o data_file=d.raw a.qcow2 4M ; qemu-img info a.qcow2
        raw | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on a.qcow2 4M ; qemu-img info a.qcow2
        raw-yes | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=yes a.qcow2 4M
        raw-off | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=off a.qcow2 4M
        raw-word | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=maybe a.qcow2 4M
        raw-alone | qemu-img create -f qcow2 -o data_file_raw=on a.qcow2 4M
        raw-alone-yes | qemu-img create -f qcow2 -o data_file_raw=yes a.qcow2 4M
        raw-alone-off | qemu-img create -f qcow2 -o data_file_raw=off a.qcow2 4M
        odd-size | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on a.qcow2 1000001
        no-bytes | qemu-img create -f qcow2 -o data_file=d.raw a.qcow2 0
        raw-no-bytes | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on a.qcow2 0
        no-folder | qemu-img create -f qcow2 -o data_file=nowhere/d.raw a.qcow2 4M
        a-folder | @mkdir d ; qemu-img create -f qcow2 -o data_file=d a.qcow2 4M
        empty-name | qemu-img create -f qcow2 -o data_file= a.qcow2 4M
        file-protocol | qemu-img create -f qcow2 -o data_file=file:d.raw a.qcow2 4M ; qemu-img info a.qcow2
        v2 | qemu-img create -f qcow2 -o data_file=d.raw,compat=0.10 a.qcow2 4M
        v2-raw | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,compat=0.10 a.qcow2 4M
        v2-lazy | qemu-img create -f qcow2 -o data_file=d.raw,compat=0.10,lazy_refcounts=on a.qcow2 4M
        v2-refcounts | qemu-img create -f qcow2 -o data_file=d.raw,compat=0.10,refcount_bits=1 a.qcow2 4M
        v2-zstd | qemu-img create -f qcow2 -o data_file=d.raw,compat=0.10,compression_type=zstd a.qcow2 4M
        v2-ext | qemu-img create -f qcow2 -o data_file=d.raw,compat=0.10,extended_l2=on a.qcow2 4M
        zstd | qemu-img create -f qcow2 -o data_file=d.raw,compression_type=zstd a.qcow2 4M
        rc1 | qemu-img create -f qcow2 -o data_file=d.raw,refcount_bits=1 a.qcow2 4M
        rc64-512 | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,refcount_bits=64,cluster_size=512 a.qcow2 4M
        512-large | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,cluster_size=512 a.qcow2 64M ; qemu-img check a.qcow2
        existing | @random d.raw 100k 3 ; qemu-img create -f qcow2 -o data_file=d.raw a.qcow2 4M
        existing-larger | @random d.raw 300k 3 ; qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on a.qcow2 128k
        help | qemu-img create -f qcow2 -o help a.qcow2
    """)
    for how in ("off", "metadata", "falloc", "full"):
        for kind in ("plain", "raw", "ext", "raw-ext", "plain-4k"):
            line = f"qemu-img create -f qcow2 -o data_file=d.raw,preallocation={how}{_KINDS[kind]} a.qcow2 2M"
            lines = f"{line}\nqemu-img map --output=json a.qcow2\nqemu-img check a.qcow2"
            cases.append(case(f"datafile/create/{how}-{kind}", lines))
    cases += table("datafile/create", """
        backed | qemu-img create -f qcow2 -o data_file=d.raw -b b.qcow2 -F qcow2 a.qcow2 ; qemu-img info a.qcow2
        backed-raw | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on -b b.qcow2 -F qcow2 a.qcow2
        backed-raw-v2 | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,compat=0.10 -b b.qcow2 -F qcow2 a.qcow2
        backed-raw-rc | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,refcount_bits=7 -b b.qcow2 -F qcow2 a.qcow2
        backed-raw-full | qemu-img create -f qcow2 -o data_file=d.raw,data_file_raw=on,preallocation=full -b b.qcow2 -F qcow2 a.qcow2
        backed-full | qemu-img create -f qcow2 -o data_file=d.raw,preallocation=full -b b.qcow2 -F qcow2 a.qcow2
        backed-ext-metadata | qemu-img create -f qcow2 -o data_file=d.raw,preallocation=metadata,extended_l2=on -b b.qcow2 -F qcow2 a.qcow2 ; qemu-img map --output=json a.qcow2
    """, setup="""
        qemu-img create -q -f qcow2 b.qcow2 1M
        qemu-io -c "write -P 3 100k 300k" b.qcow2
    """)
    return cases


_IO = """
    write-whole | qemu-io -c "write -P 1 128k 256k" a.qcow2
    write-first | qemu-io -c "write -P 1 0 64k" a.qcow2
    write-part | qemu-io -c "write -P 1 70k 1000" a.qcow2
    write-parts | qemu-io -c "write -P 1 70k 1000" -c "write -P 2 0 100" -c "write -P 3 130k 90k" a.qcow2
    write-end | qemu-io -c "write -P 1 2047k 1k" a.qcow2
    write-twice | qemu-io -c "write -P 1 100k 100k" -c "write -P 2 120k 10k" a.qcow2
    write-zero | qemu-io -c "write -P 1 0 512k" -c "write -z 64k 128k" a.qcow2
    write-zero-part | qemu-io -c "write -P 1 0 512k" -c "write -z 70k 3k" a.qcow2
    write-zero-unmap | qemu-io -c "write -P 1 0 512k" -c "write -z -u 64k 128k" a.qcow2
    write-zero-empty | qemu-io -c "write -z 64k 128k" a.qcow2
    write-zero-unmap-empty | qemu-io -c "write -z -u 64k 128k" a.qcow2
    write-zero-then-data | qemu-io -c "write -P 1 0 512k" -c "write -z 64k 128k" -c "write -P 2 80k 5k" a.qcow2
    write-unmap-then-data | qemu-io -c "write -P 1 0 512k" -c "write -z -u 64k 128k" -c "write -P 2 80k 5k" a.qcow2
    discard | qemu-io -c "write -P 1 0 512k" -c "discard 64k 128k" -c "read -P 0 64k 128k" a.qcow2
    discard-first | qemu-io -c "write -P 1 0 512k" -c "discard 0 64k" a.qcow2
    discard-all | qemu-io -c "write -P 1 0 512k" -c "discard 0 2M" a.qcow2
    discard-empty | qemu-io -c "discard 0 512k" a.qcow2
    discard-then-data | qemu-io -c "write -P 1 0 512k" -c "discard 64k 128k" -c "write -P 2 80k 5k" a.qcow2
    writev | qemu-io -c "writev -P 5 60k 4k 8k 512" -c "readv -P 5 60k 4k 8k 512" a.qcow2
    aio | qemu-io -c "aio_write -P 5 60k 100k" -c "aio_flush" -c "aio_read -P 5 60k 100k" -c "aio_flush" a.qcow2
    fua | qemu-io -c "write -f -P 5 60k 4k" a.qcow2
    compressed | qemu-io -c "write -c -P 5 64k 64k" a.qcow2
    map | qemu-io -c "write -P 1 0 300k" -c "write -z 64k 64k" -c "map" a.qcow2
    alloc | qemu-io -c "write -P 1 0 300k" -c "alloc 0 1M" -c "alloc 1M 4k" a.qcow2
    length | qemu-io -c "length" -c "info" a.qcow2
    truncate | qemu-io -c "write -P 1 1M 64k" -c "truncate 3M" -c "length" a.qcow2
    read-only | qemu-io -r -c "read -P 0 0 2M" -c "write 0 1k" a.qcow2
    snapshot | qemu-io -s -c "write -P 3 0 64k" -c "read -P 3 0 64k" a.qcow2
    detect-zeroes | qemu-io -c "write -P 0 0 128k" --image-opts driver=qcow2,file.filename=a.qcow2,detect-zeroes=on
    discard-ignored | qemu-io -c "write -P 1 0 128k" -c "discard 0 64k" -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,discard=ignore
    cache-none | qemu-io -t none -c "write -P 1 0 128k" -c "read -P 1 0 128k" a.qcow2
    cache-writethrough | qemu-io -t writethrough -c "write -P 1 0 128k" a.qcow2
    vm-state | qemu-io -c "write -b -P 7 0 100k" -c "read -b -P 7 0 100k" -c "read -P 0 0 2M" a.qcow2
"""


def _io_cases():
    cases = []
    for kind, options in _KINDS.items():
        setup = _PLAIN.format(options=options)
        for row in table(f"datafile/io/{kind}", _IO, setup=setup):
            cases.append(row)
    return cases


_COMMANDS = """
    info | qemu-img info a.qcow2 ; qemu-img info --output=json a.qcow2
    info-chain | qemu-img info --backing-chain a.qcow2
    map | qemu-img map a.qcow2 ; qemu-img map --output=json a.qcow2
    check | qemu-img check a.qcow2 ; qemu-img check --output=json a.qcow2
    check-repair | @leak a.qcow2 ; qemu-img check a.qcow2 ; qemu-img check -r all a.qcow2 ; qemu-img check a.qcow2
    check-no-counts | @reftable a.qcow2 0 0 ; qemu-img check -r all a.qcow2 ; qemu-io -c "read -P 1 0 100k" a.qcow2
    measure | qemu-img measure -O qcow2 a.qcow2 ; qemu-img measure -O raw a.qcow2 ; qemu-img measure --output=json -O qcow2 -o data_file=x.raw a.qcow2
    compare-itself | qemu-img compare a.qcow2 a.qcow2
    compare-raw | qemu-img convert -O raw a.qcow2 o.raw ; qemu-img compare a.qcow2 o.raw
    compare-data-file | qemu-img compare -U -f qcow2 -F raw a.qcow2 d.raw
    snapshot-create | qemu-img snapshot -c one a.qcow2 ; qemu-img snapshot -l a.qcow2
    snapshot-apply | qemu-img snapshot -a one a.qcow2
    snapshot-delete | qemu-img snapshot -d one a.qcow2
    bitmap | qemu-img bitmap --add a.qcow2 b0 ; qemu-io -c "write -P 9 1M 64k" a.qcow2 ; qemu-img info a.qcow2 ; qemu-img bitmap --remove a.qcow2 b0
    grow | qemu-img resize a.qcow2 3M ; qemu-img map --output=json a.qcow2
    grow-odd | qemu-img resize a.qcow2 2500k ; qemu-img resize a.qcow2 3000k ; qemu-img map --output=json a.qcow2
    grow-metadata | qemu-img resize --preallocation=metadata a.qcow2 3M ; qemu-img map --output=json a.qcow2
    grow-falloc | qemu-img resize --preallocation=falloc a.qcow2 3M ; qemu-img map --output=json a.qcow2
    grow-full | qemu-img resize --preallocation=full a.qcow2 3M ; qemu-img map --output=json a.qcow2
    grow-many-tables | qemu-img resize a.qcow2 3G ; qemu-img check a.qcow2
    shrink | qemu-img resize --shrink a.qcow2 256k ; qemu-img map --output=json a.qcow2
    shrink-odd | qemu-img resize --shrink a.qcow2 200k ; qemu-img map --output=json a.qcow2 ; qemu-img resize a.qcow2 1M ; qemu-io -c "read -P 0 200k 800k" a.qcow2
    shrink-refused | qemu-img resize a.qcow2 256k
    shrink-and-grow | qemu-img resize --shrink a.qcow2 128k ; qemu-img resize a.qcow2 2M ; qemu-io -c "read -P 0 128k 1920k" a.qcow2
    convert-raw | qemu-img convert -O raw a.qcow2 o.raw
    convert-qcow2 | qemu-img convert -O qcow2 a.qcow2 o.qcow2 ; qemu-img info o.qcow2
    convert-compressed | qemu-img convert -c -O qcow2 a.qcow2 o.qcow2
    convert-data-file | qemu-img convert -O qcow2 -o data_file=x.raw a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    convert-raw-data-file | qemu-img convert -O qcow2 -o data_file=x.raw,data_file_raw=on a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    convert-to-compressed | qemu-img convert -c -O qcow2 -o data_file=x.raw a.qcow2 o.qcow2
    convert-sparse-off | qemu-img convert -S 0 -O qcow2 -o data_file=x.raw,data_file_raw=on a.qcow2 o.qcow2
    convert-onto | qemu-img convert -n -O qcow2 b.qcow2 a.qcow2 ; qemu-io -c "read -P 4 1M 128k" a.qcow2
    convert-onto-zero | qemu-img convert -n --target-is-zero -O qcow2 b.qcow2 a.qcow2
    convert-offload | qemu-img convert -C -O raw a.qcow2 o.raw
    dd | qemu-img dd -f qcow2 -O raw if=a.qcow2 of=o.raw bs=64k skip=1 count=3
    bench | qemu-img bench -c 20 -d 4 -s 4k -f qcow2 a.qcow2 ; qemu-img bench -w -c 20 -s 4k --pattern=7 -f qcow2 a.qcow2
    no-data-file-info | @rm d.raw ; qemu-img info a.qcow2
    no-data-file-check | @rm d.raw ; qemu-img check a.qcow2
    no-data-file-map | @rm d.raw ; qemu-img map a.qcow2
    no-data-file-read | @rm d.raw ; qemu-io -c "read 0 1k" a.qcow2
    no-data-file-resize | @rm d.raw ; qemu-img resize a.qcow2 3M
    no-data-file-snapshots | @rm d.raw ; qemu-img snapshot -l a.qcow2
    no-data-file-convert | @rm d.raw ; qemu-img convert -O raw a.qcow2 o.raw
    no-data-file-measure | @rm d.raw ; qemu-img measure -O raw a.qcow2
    no-data-file-bitmap | @rm d.raw ; qemu-img bitmap --add a.qcow2 b0
    short-data-file | @truncate d.raw 100k ; qemu-io -c "read -P 0 200k 1M" a.qcow2 ; qemu-img map --output=json a.qcow2
    long-data-file | @truncate d.raw 5M ; qemu-img resize a.qcow2 3M
    rebase-unsafe | qemu-img rebase -u -b b.qcow2 -F qcow2 a.qcow2 ; qemu-img info a.qcow2
    rebase | qemu-img rebase -b b.qcow2 -F qcow2 a.qcow2 ; qemu-img info a.qcow2
    amend-raw-on | qemu-img amend -o data_file_raw=on a.qcow2 ; qemu-img info a.qcow2
    amend-raw-off | qemu-img amend -o data_file_raw=off a.qcow2 ; qemu-img info a.qcow2 ; qemu-io -c "write -P 7 1M 70k" -c "discard 0 64k" a.qcow2
    amend-name | @cp d.raw e.raw ; qemu-img amend -o data_file=e.raw a.qcow2 ; qemu-img info a.qcow2 ; qemu-io -c "write -P 7 1M 64k" a.qcow2
    amend-no-name | qemu-img amend -o data_file= a.qcow2 ; qemu-img info a.qcow2 ; qemu-io -c "read 0 1" a.qcow2
    amend-version | qemu-img amend -o compat=0.10 a.qcow2
    amend-size | qemu-img amend -o size=3M a.qcow2 ; qemu-img map --output=json a.qcow2
    on-top | qemu-img create -f qcow2 -b a.qcow2 -F qcow2 o.qcow2 ; qemu-io -c "write -P 8 1M 64k" o.qcow2 ; qemu-img commit o.qcow2 ; qemu-io -c "read -P 8 1M 64k" a.qcow2
"""


def _command_cases():
    cases = []
    for kind in ("plain", "raw", "raw-ext"):
        setup = _PLAIN.format(options=_KINDS[kind]) + """
            qemu-io -c "write -P 1 0 300k" -c "write -P 2 700k 5k" -c "write -z 64k 64k" a.qcow2
            qemu-img create -q -f qcow2 b.qcow2 2M
            qemu-io -c "write -P 4 1M 128k" b.qcow2
        """
        cases += table(f"datafile/{kind}", _COMMANDS, setup=setup)
    return cases


_OPENING = table("datafile/open", """
    given | qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=d.raw
    given-driver | qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=file,data-file.filename=d.raw
    given-other | qemu-io -c "read -P 0 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=other.raw
    given-raw | qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=raw,data-file.file.filename=d.raw
    given-window | qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=raw,data-file.offset=64k,data-file.file.filename=d.raw
    given-qcow2 | qemu-io -c "read -P 0 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=qcow2,data-file.file.filename=p.qcow2
    given-null | qemu-io -c "write 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=null-co,data-file.size=2M
    given-missing | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=nowhere.raw
    given-node | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=a.qcow2,data-file=node
    given-empty-node | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=a.qcow2,data-file=
    given-bogus | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.bogus=1
    given-bogus-too | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=d.raw,data-file.bogus=1
    given-read-only | qemu-io -r -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=d.raw
    given-no-locks | qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=d.raw,data-file.locking=off
    not-wanted | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=p.qcow2,data-file.filename=d.raw
    not-wanted-node | qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=p.qcow2,data-file=node
    info-given | qemu-img info --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=d.raw
    info-given-missing | qemu-img info --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=nowhere.raw
    info-not-wanted | qemu-img info --image-opts driver=qcow2,file.filename=p.qcow2,data-file.filename=d.raw
    map-given-raw | qemu-img map --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=raw,data-file.file.filename=d.raw ; qemu-img map --output=json --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=raw,data-file.file.filename=d.raw
    check-given | qemu-img check --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=other.raw
    json | qemu-img map 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"},"data-file":{"driver":"file","filename":"d.raw"}}'
    json-info | qemu-img info 'json:{"driver":"qcow2","file":{"driver":"file","filename":"a.qcow2"},"data-file":{"driver":"file","filename":"d.raw"}}'
    blkdebug | qemu-io -c "write -P 2 64k 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.driver=blkdebug,data-file.image.filename=d.raw,data-file.inject-error.0.event=none,data-file.inject-error.0.iotype=write,data-file.inject-error.0.errno=5
    renamed | @mv d.raw e.raw ; qemu-io -c "read -P 1 0 64k" --image-opts driver=qcow2,file.filename=a.qcow2,data-file.filename=e.raw
    read-only-file | qemu-io -r -c "read -P 1 0 64k" a.qcow2
    in-a-folder | @mkdir f ; qemu-img create -q -f qcow2 -o data_file=f/x.raw f/y.qcow2 1M ; qemu-io -c "write -P 6 0 64k" f/y.qcow2 ; qemu-img map f/y.qcow2
    seen-from-the-working-folder | @mkdir f ; qemu-img create -q -f qcow2 -o data_file=x.raw f/y.qcow2 1M ; qemu-io -c "write -P 6 0 64k" f/y.qcow2 ; qemu-img map f/y.qcow2
    bit-without-name | @header p.qcow2 incompatible |4 ; qemu-img info p.qcow2 ; qemu-io -c "read 0 1" p.qcow2
    bit-without-name-given | @header p.qcow2 incompatible |4 ; qemu-io -c "read 0 1" --image-opts driver=qcow2,file.filename=p.qcow2,data-file.filename=other.raw
    raw-bit-alone | @header p.qcow2 autoclear |2 ; qemu-img info p.qcow2 ; qemu-io -c "write 0 1" p.qcow2 ; qemu-img info p.qcow2
""", setup="""
    qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 2M
    qemu-io -c "write -P 1 0 128k" a.qcow2
    qemu-img create -q -f raw other.raw 2M
    qemu-img create -q -f qcow2 p.qcow2 2M
""")

_DAMAGE = table("datafile/damage", """
    elsewhere | @l2 a.qcow2 64k 0x8000000000050000 ; qemu-io -r -c "read 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    elsewhere-map | @l2 a.qcow2 64k 0x8000000000050000 ; qemu-img map --output=json a.qcow2
    elsewhere-zero | @l2 a.qcow2 64k 0x8000000000050001 ; qemu-io -r -c "read 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    elsewhere-write-mode | @l2 a.qcow2 64k 0x8000000000050000 ; qemu-io -c "read 64k 64k" a.qcow2 ; qemu-img info a.qcow2
    compressed | @l2 a.qcow2 64k 0x4000000000050000 ; qemu-io -r -c "read 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    not-copied | @l2 a.qcow2 64k 0x10000 ; qemu-img check a.qcow2 ; qemu-io -c "write -P 4 64k 1k" a.qcow2 ; qemu-img check a.qcow2
    not-copied-repaired | @l2 a.qcow2 64k 0x10000 ; qemu-img check -r all a.qcow2 ; qemu-img check a.qcow2
    unaligned | @l2 a.qcow2 64k 0x8000000000010200 ; qemu-img check a.qcow2
    first-without-flag | @l2 a.qcow2 0 0 ; qemu-img check a.qcow2 ; qemu-io -c "read -P 0 0 64k" a.qcow2
    dirty | @header a.qcow2 incompatible |1 ; qemu-io -c "read -P 1 0 128k" a.qcow2 ; qemu-img info a.qcow2
""", setup="""
    qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 2M
    qemu-io -c "write -P 1 0 128k" a.qcow2
""")

_CHAINS = table("datafile/chain", """
    commit | qemu-img commit a.qcow2 ; qemu-img map --output=json a.qcow2 ; qemu-io -c "read -P 1 0 128k" b.qcow2
    commit-keep | qemu-img commit -d a.qcow2 ; qemu-io -c "read -P 1 0 128k" b.qcow2
    map | qemu-img map a.qcow2 ; qemu-img map --output=json a.qcow2
    convert | qemu-img convert -O raw a.qcow2 o.raw
    convert-onto-backing | qemu-img convert -O qcow2 -B b.qcow2 -F qcow2 -o data_file=x.raw a.qcow2 o.qcow2 ; qemu-img map --output=json o.qcow2
    write-part | qemu-io -c "write -P 5 1030k 1k" -c "read -P 3 1024k 6k" a.qcow2
    discard | qemu-io -c "discard 1M 64k" -c "read -P 0 1M 64k" a.qcow2
    rebase-to-none | qemu-img rebase -b '' a.qcow2 ; qemu-img map --output=json a.qcow2
    rebase | qemu-img rebase -b c.qcow2 -F qcow2 a.qcow2 ; qemu-img map --output=json a.qcow2
    info-chain | qemu-img info --backing-chain a.qcow2 ; qemu-img info --backing-chain --output=json a.qcow2
    grow | qemu-img resize a.qcow2 3M ; qemu-img map --output=json a.qcow2
""", setup="""
    qemu-img create -q -f qcow2 b.qcow2 2M
    qemu-io -c "write -P 3 1M 256k" b.qcow2
    qemu-img create -q -f qcow2 c.qcow2 2M
    qemu-img create -q -f qcow2 -o data_file=d.raw -b b.qcow2 -F qcow2 a.qcow2
    qemu-io -c "write -P 1 0 128k" -c "write -z 192k 64k" a.qcow2
""")

_LUKS = ("--object secret,id=s,data=abc --image-opts "
         "driver=qcow2,file.filename=a.qcow2,encrypt.key-secret=s")
_ENCRYPTED = []
for _format in ("luks,encrypt.iter-time=10", "aes"):
    _ENCRYPTED += table("datafile/encrypted/" + _format[:4].strip(","), f"""
        read | qemu-io {_LUKS} -c "read -P 1 64k 100k"
        write | qemu-io {_LUKS} -c "write -P 5 1M 70k" -c "read -P 5 1M 70k" ; swap: qemu-io {_LUKS} -c "read -P 5 1M 70k" -c "read -P 1 64k 100k"
        write-part | qemu-io {_LUKS} -c "write -P 5 1M 100" -c "read -P 5 1M 100" -c "read -P 0 1025k 10k"
        discard | qemu-io {_LUKS} -c "discard 64k 64k" -c "read -P 0 64k 64k" -c "read -P 1 128k 36k"
        convert | qemu-img convert -O raw {_LUKS} o.raw
        map | qemu-img map --output=json {_LUKS}
        info | qemu-img info a.qcow2
        check | qemu-img check a.qcow2
    """, setup=f"""
        qemu-img create -q -f qcow2 --object secret,id=s,data=abc -o data_file=d.raw,encrypt.format={_format},encrypt.key-secret=s a.qcow2 2M
        qemu-io {_LUKS} -c "write -P 1 64k 100k"
    """)

_USERS = """
    read | qemu-io -r -c "read 0 1" b.qcow2
    write | qemu-io -c "write 0 1" b.qcow2
    share | qemu-io -r -U -c "read 0 1" b.qcow2
    info | qemu-img info b.qcow2
    check | qemu-img check b.qcow2
    data-file | qemu-io -f raw -c "write 0 512" d.raw
    data-file-read | qemu-io -f raw -r -c "read 0 512" d.raw
    create | qemu-img create -f qcow2 -o data_file=d.raw c.qcow2 1M
    resize-data-file | qemu-img resize -f raw d.raw 4M
"""


def _lock_cases():
    cases = []
    for held, options in (("writer", ""), ("reader", "-r")):
        for row in _USERS.strip().splitlines():
            name, line = (part.strip() for part in row.split("|", 1))
            text = f"stock-holds-{held}/{name} | stock-hold: qemu-io {options} a.qcow2 ; {line}\n"
            text += f"holds-{held}/{name} | hold: qemu-io {options} a.qcow2 ; stock: {line}"
            cases += table("datafile/lock", text, setup="""
                qemu-img create -q -f qcow2 -o data_file=d.raw a.qcow2 1M
                qemu-img create -q -f qcow2 -o data_file=d.raw b.qcow2 1M
            """)
    return cases


def _random_cases(count=80):
    """Random work by both tools in turn; the same for the same number."""
    cases = []
    for number in range(count):
        rng = random.Random(f"data file {number}")
        cluster = rng.choice((512, 4096, 16384, 65536, 65536, 1 << 20))
        parts = [f"cluster_size={cluster}"]
        raw = rng.random() < 0.5
        if raw:
            parts.append("data_file_raw=on")
        if cluster >= 16384 and rng.random() < 0.4:
            parts.append("extended_l2=on")
        backed = not raw and rng.random() < 0.4
        # Stock takes no space for a raw one, whatever it is told; ours does.
        if not backed and not raw and rng.random() < 0.2:
            parts.append(f"preallocation={rng.choice(('metadata', 'falloc', 'full'))}")
        size = rng.choice((3 * cluster, 200000, 1 << 20, 3 << 20)) - rng.choice((0, 0, 512, 100))
        backing = "-b b.qcow2 -F qcow2" if backed else ""
        guest = Guest(size, 0x61 if backed else 0)
        lines = [f"qemu-img create -f qcow2 -o data_file=d.raw,{','.join(parts)} {backing} a.qcow2 {size}"]
        for turn in range(rng.randrange(1, 4)):
            who = rng.choice(("", "swap: ")) if turn else ""
            flags = rng.choice(("", "", "-t none", "-d unmap", "-d ignore"))
            lines.append(who + call(sequence(rng, guest, cluster, rng.randrange(4, 16)), "a.qcow2", flags))
        lines += ["qemu-img check a.qcow2", "qemu-img map --output=json a.qcow2"]
        setup = f"""
            qemu-img create -q -f qcow2 b.qcow2 {size}
            qemu-io -c "write -P 0x61 0 {(size + 511) // 512 * 512}" b.qcow2
        """
        cases.append(case(f"datafile/random/{number}", "\n".join(lines), setup))
    return cases


CASES = (_create_cases() + _io_cases() + _command_cases() + _OPENING + _DAMAGE + _CHAINS
         + _ENCRYPTED + _lock_cases() + _random_cases())

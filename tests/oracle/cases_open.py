"""Ways to open: option trees, json names, blkdebug rules, locks and cache options."""

from case import table


def _blkdebug(rules, image="i.qcow2"):
    """A json: name of a qcow2 image over blkdebug with these rules."""
    return (
        '\'json:{"driver":"qcow2","file":{"driver":"blkdebug",'
        f'"image":{{"driver":"file","filename":"{image}"}}{rules}}}}}\''
    )


_SETUP = """
    qemu-img create -q -f qcow2 i.qcow2 4M
    qemu-io -c "write -P 1 0 128k" i.qcow2
    qemu-img create -q -f raw i.raw 1M
"""

_RULE = ',"inject-error":[{{"event":"{}","errno":{}{}}}]'

CASES = table(
    "blkdebug",
    "\n".join(
        f"{name} | qemu-io {commands} {_blkdebug(rules)}"
        for name, rules, commands in (
            ("none", "", '-c "read 0 64k"'),
            ("read-once", _RULE.format("read_aio", 5, ',"once":true'), '-c "read 0 1" -c "read 0 1"'),
            ("read-always", _RULE.format("read_aio", 5, ""), '-c "read 0 1" -c "read 0 1"'),
            ("read-eperm", _RULE.format("read_aio", 1, ""), '-c "read 0 1"'),
            ("write", _RULE.format("write_aio", 28, ',"once":true'), '-c "write 0 1" -c "write 0 1"'),
            ("write-new", _RULE.format("write_aio", 28, ',"once":true'), '-c "write 1M 1" -c "write 1M 1"'),
            ("cluster-alloc", _RULE.format("cluster_alloc", 28, ""), '-c "write 0 1" -c "write 3M 1"'),
            ("l2-load", _RULE.format("l2_load", 5, ',"once":true'), '-c "read 0 1" -c "read 0 1"'),
            ("l2-update", _RULE.format("l2_update", 5, ',"once":true'), '-c "write 1M 64k" -c flush'),
            ("refblock-load", _RULE.format("refblock_load", 5, ',"once":true'), '-c "write 1M 64k"'),
            ("flush", _RULE.format("flush_to_disk", 5, ',"once":true'), '-c "write 1M 64k" -c flush -c flush'),
            ("unknown-event", _RULE.format("nope", 5, ""), '-c "read 0 1"'),
            ("immediately", _RULE.format("write_aio", 28, ',"immediately":true'), '-c "write 0 1"'),
            ("state", ',"inject-error":[{"event":"read_aio","errno":5,"state":2}],'
                      '"set-state":[{"event":"write_aio","new_state":2}]',
             '-c "read 0 1" -c "write 0 1" -c "read 0 1"'),
            ("sector", ',"inject-error":[{"event":"read_aio","errno":5,"sector":640}]',
             '-c "read 0 512" -c "read 64k 512"'),
            ("iotype-write", ',"inject-error":[{"event":"none","iotype":"write","errno":28}]',
             '-c "read 0 512" -c "write 0 512"'),
            ("iotype-flush", ',"inject-error":[{"event":"none","iotype":"flush","errno":5}]',
             '-c "write 0 512" -c flush'),
            ("align", ',"align":4096', '-c "write -P 9 1 3" -c "read -v 0 8"'),
            ("align-bad", ',"align":1000', '-c "read 0 1"'),
            ("max-transfer", ',"max-transfer":65536', '-c "write 1M 300k" -c "read 1M 300k"'),
            ("max-write-zero", ',"max-write-zero":65536,"align":4096', '-c "write -z 0 1M"'),
            ("opt-discard", ',"opt-discard":65536', '-c "discard 0 100k"'),
            ("unknown-key", ',"nope":1', '-c "read 0 1"'),
            ("break", "", '-c "break write_aio A" -c "aio_write 0 512" -c "wait_break A" -c "resume A" -c aio_flush'),
            ("break-two", "", '-c "break read_aio A" -c "aio_read 0 512" -c "wait_break A" -c "remove_break A" -c aio_flush'),
            ("resume-unknown", "", '-c "resume A"'),
        )
    ),
    setup=_SETUP,
    loose="images",
)

CASES += table(
    "open",
    """
    raw-window | qemu-io -c length -c "write -P 5 0 64k" --image-opts driver=raw,offset=64k,size=64k,file.filename=i.raw
    raw-window-unaligned | qemu-io -c length --image-opts driver=raw,offset=1000,size=512,file.filename=i.raw
    raw-window-odd-size | qemu-io -c length --image-opts driver=raw,offset=512,size=1000,file.filename=i.raw
    raw-window-offset | qemu-io -c length -c map --image-opts driver=raw,offset=512k,file.filename=i.raw
    raw-window-beyond | qemu-io -c length --image-opts driver=raw,offset=2M,file.filename=i.raw
    raw-window-too-long | qemu-io -c length --image-opts driver=raw,size=2M,file.filename=i.raw
    raw-window-negative | qemu-io -c length --image-opts driver=raw,size=-1,file.filename=i.raw
    qcow2-in-window | @cp i.raw w.raw ; qemu-io -f raw -c "read 0 512" w.raw ; qemu-img info --image-opts driver=qcow2,file.driver=raw,file.file.filename=i.qcow2
    qcow2-in-window-map | qemu-img map --output=json --image-opts driver=qcow2,file.driver=raw,file.file.filename=i.qcow2 ; qemu-img map --image-opts driver=qcow2,file.driver=raw,file.file.filename=i.qcow2
    null-size-bad | qemu-io -c length --image-opts driver=null-co,size=x
    null-latency | qemu-io -c "read 0 1" --image-opts driver=null-co,size=1M,latency-ns=1000
    null-unknown | qemu-io -c length --image-opts driver=null-co,nope=1
    l2-cache-size | qemu-io -c "write 0 1M" --image-opts driver=qcow2,l2-cache-size=64k,file.filename=i.qcow2
    cache-size | qemu-io -c "write 0 1M" --image-opts driver=qcow2,cache-size=1M,file.filename=i.qcow2
    cache-sizes-too-big | qemu-io -c length --image-opts driver=qcow2,l2-cache-size=1M,refcount-cache-size=1M,cache-size=1M,file.filename=i.qcow2
    cache-sizes-all | qemu-io -c length --image-opts driver=qcow2,l2-cache-size=1M,refcount-cache-size=256k,cache-size=2M,file.filename=i.qcow2
    cache-size-l2-over | qemu-io -c length --image-opts driver=qcow2,l2-cache-size=2M,cache-size=1M,file.filename=i.qcow2
    l2-entry-size | qemu-io -c "read 0 1" --image-opts driver=qcow2,l2-cache-entry-size=4k,file.filename=i.qcow2
    l2-entry-size-bad | qemu-io -c length --image-opts driver=qcow2,l2-cache-entry-size=1000,file.filename=i.qcow2
    overlap-check | qemu-io -c "write 0 1" --image-opts driver=qcow2,overlap-check=all,file.filename=i.qcow2
    overlap-check-bad | qemu-io -c length --image-opts driver=qcow2,overlap-check=nope,file.filename=i.qcow2
    pass-discard | qemu-io -c "discard 0 64k" --image-opts driver=qcow2,pass-discard-request=on,discard=unmap,file.filename=i.qcow2
    detect-zeroes | qemu-io -c "write -P 0 0 64k" -c "write -P 0 1M 64k" -c map --image-opts driver=qcow2,detect-zeroes=on,file.filename=i.qcow2 ; qemu-img map --output=json i.qcow2
    detect-zeroes-unmap | qemu-io -c "write -P 0 0 64k" -c map --image-opts driver=qcow2,detect-zeroes=unmap,discard=unmap,file.filename=i.qcow2
    detect-zeroes-bad | qemu-io -c length --image-opts driver=qcow2,detect-zeroes=x,file.filename=i.qcow2
    detect-zeroes-unmap-no-discard | qemu-io -c length --image-opts driver=qcow2,detect-zeroes=unmap,file.filename=i.qcow2
    cache-direct | qemu-io -c "write 0 1" --image-opts driver=qcow2,cache.direct=on,file.filename=i.qcow2
    cache-no-flush | qemu-io -c "write 0 1" --image-opts driver=qcow2,cache.no-flush=on,file.filename=i.qcow2
    read-only | qemu-io -c "write 0 1" --image-opts driver=qcow2,read-only=on,file.filename=i.qcow2
    auto-read-only | qemu-io -c "write 0 1" --image-opts driver=qcow2,auto-read-only=on,file.filename=i.qcow2
    force-share | qemu-io -r -c "read 0 1" --image-opts driver=qcow2,force-share=on,file.filename=i.qcow2
    locking-off | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.locking=off,file.filename=i.qcow2
    locking-on | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.locking=on,file.filename=i.qcow2
    locking-bad | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.locking=x,file.filename=i.qcow2
    file-aio | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.aio=threads,file.filename=i.qcow2
    file-aio-bad | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.aio=x,file.filename=i.qcow2
    node-name | qemu-io -c "write 0 1" --image-opts driver=qcow2,node-name=n,file.filename=i.qcow2
    node-name-bad | qemu-io -c length --image-opts driver=qcow2,node-name=1x,file.filename=i.qcow2
    lazy-refcounts | qemu-io -c "write 0 1" --image-opts driver=qcow2,lazy-refcounts=on,file.filename=i.qcow2 ; qemu-img check i.qcow2
    backing-null | qemu-img info 'json:{"driver":"qcow2","backing":null,"file.filename":"i.qcow2"}'
    backing-override | qemu-io -c "read -P 0 1M 64k" -c map --image-opts driver=qcow2,file.filename=i.qcow2,backing.driver=raw,backing.file.filename=i.raw
    json-in-json | qemu-img info 'json:{"driver":"qcow2","file":{"driver":"file","filename":"json:{}"}}'
    json-nested-strings | qemu-io -c length 'json:{"driver":"raw","size":"65536","file":{"driver":"file","filename":"i.raw"}}'
    json-escapes | qemu-img info 'json:{"driver":"qcow2","file.filename":"i\\u002eqcow2"}'
    json-single-quotes | qemu-img info "json:{'driver':'qcow2','file.filename':'i.qcow2'}"
    json-trailing | qemu-img info 'json:{"driver":"qcow2","file.filename":"i.qcow2"} x'
    json-duplicate | qemu-img info 'json:{"driver":"raw","driver":"qcow2","file.filename":"i.qcow2"}'
    opts-duplicate | qemu-img info --image-opts driver=raw,driver=qcow2,file.filename=i.qcow2
    opts-comma-name | @cp i.raw a,b ; qemu-img info --image-opts driver=raw,file.filename=a,,b
    opts-empty | qemu-img info --image-opts ""
    opts-file-name-and-node | qemu-img info --image-opts driver=qcow2,file=x,file.filename=i.qcow2
    """,
    setup=_SETUP,
)

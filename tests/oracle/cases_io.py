"""io: every command of the io shell with its flags, its own options, scripts from stdin."""

from case import case, table

_COMMANDS = r"""
    write | write 0 64k | read 0 64k
    write-pattern | write -P 0xab 64k 512 | read -P 0xab 64k 512
    write-pattern-dec | write -P 7 1000 1000 | read -P 7 1000 1000 | read -v 990 20
    write-pattern-bad | write -P 256 0 512 | write -P -1 0 512 | write -P x 0 512
    write-quiet | write -q 0 4k
    write-short-stats | write -C 0 4k | read -C 0 4k
    write-fua | write -f 0 512
    write-p-ignored | write -p 0 512 | read -p 0 512
    write-zero | write -z 0 64k | read -P 0 0 64k
    write-zero-unmap | write -z -u 64k 64k | read -P 0 64k 64k
    write-zero-nofallback | write -z -n 0 64k
    write-zero-small | write -z 100 300 | read -P 0 100 300 | read -v 90 20
    write-zero-nofallback-small | write -z -n 100 300
    write-zero-large | write -z 0 4M | read -P 0 0 4M
    write-zero-fua | write -zf 0 64k
    write-n-alone | write -n 0 64k
    write-u-alone | write -u 0 512
    write-z-and-P | write -P 1 -z 0 512
    write-z-and-s | write -z -s a.raw 0 512
    write-z-and-c | write -z -c 0 64k
    write-b-and-z | write -b -z 0 512
    write-b-and-c | write -b -c 0 64k
    write-b-and-f | write -b -f 0 512
    write-source | write -s pat 0 100 | read -v 0 112
    write-source-missing | write -s none 0 512
    write-source-empty | write -s nothing 0 512
    write-beyond | write 4M 512
    write-across-end | write 4095k 2k
    write-too-much | write 0 5M
    write-too-long | write 0 3G
    write-zero-too-long | write -z 0 3G
    write-nothing | write 0 0 | read 0 0 | discard 0 0
    write-unaligned | write 1 511 | write 511 3 | read -v 500 30
    write-no-args | write
    write-one-arg | write 0
    write-three-args | write 0 1 2
    write-bad-offset | write x 512 | write 1X 512
    write-bad-length | write 0 x
    write-negative | write -- -1 512 | write 0 -- -1
    write-unknown-flag | write -Z 0 512
    write-flag-no-value | write -P
    write-vmstate | write -b 0 1000 | read -b 0 1000
    read-vmstate-nothing | read -b 0 512
    read-verbose | write -P 0x41 0 40 | read -v 0 40
    read-verbose-odd | write -P 0x7e 3 40 | read -v 1 37
    read-quiet | read -q 0 512 | read -qv 0 16
    read-wrong | write -P 1 0 512 | read -P 2 0 512
    read-wrong-quiet | read -q -P 2 0 512
    read-wrong-C | read -C -P 2 0 512
    read-part | write -P 1 0 256 | read -P 1 -l 256 0 512 | read -P 0 -s 256 0 512 | read -P 0 -s 256 -l 10 0 512
    read-part-bad | read -P 0 -l 600 0 512 | read -P 0 -s 512 -l 100 0 512 | read -P 0 -s 600 0 512
    read-s-without-P | read -s 1 0 512 | read -l 1 0 512
    read-part-words | read -P 0 -s x 0 512 | read -P 0 -l x 0 512
    read-beyond | read 4M 1 | read 4095k 2k | read 8M 512
    read-all | read 0 4M
    read-suffixes | read 1k 1k | read 1K 0x200 | read 1M 1b | read 1.5k 512 | read 0.5M 10
    read-huge-offset | read 8E 512 | read 16E 1 | read 7E 512
    read-a | read -a 0 512
    readv | write -P 3 0 2k | readv 0 512 1k | readv -P 3 0 512 512 | readv -v 0 16 16 | readv -q 0 512 | readv -C 0 512
    readv-wrong | readv -P 4 0 512 512
    readv-no-length | readv 0
    readv-bad-length | readv 0 x
    readv-odd | readv 1 3 5 7
    readv-zero | readv 0 0
    readv-beyond | readv 4M 512
    readv-unknown | readv -Z 0 512
    writev | writev 0 512 | writev -P 3 512 512 1k | writev -f 4k 512 | writev -q 0 512 | writev -C 0 512 | read -v 500 24
    writev-no-length | writev 0
    writev-bad | writev x 512 | writev 0 x | writev -P 300 0 512
    writev-odd | writev -P 9 1 3 5 7 | read -v 0 20
    writev-beyond | writev 4M 512
    aio-read | aio_read 0 512 | aio_flush
    aio-read-flags | aio_read -P 0 0 512 | aio_flush | aio_read -P 9 0 512 | aio_flush | aio_read -v 0 16 | aio_flush | aio_read -q 0 512 | aio_flush | aio_read -C 0 512
    aio-read-invalid | aio_read -i 0 512
    aio-read-bad | aio_read 0 | aio_read x 512 | aio_read 0 x | aio_read -Z 0 512 | aio_read -P 300 0 512
    aio-read-beyond | aio_read 4M 512 | aio_flush
    aio-read-several | aio_read 0 512 512
    aio-write | aio_write 0 512 | aio_flush | read -P 0xcd 0 512
    aio-write-flags | aio_write -P 4 0 512 512 | aio_flush | aio_write -f 0 512 | aio_flush | aio_write -q 0 512 | aio_flush | aio_write -C 0 512
    aio-write-zero | aio_write -z 0 64k | aio_flush | aio_write -z -u 64k 64k | aio_flush
    aio-write-invalid | aio_write -i 0 512
    aio-write-bad | aio_write 0 | aio_write x 512 | aio_write -z 0 512 512 | aio_write -u 0 512 | aio_write -z -P 1 0 512 | aio_write -Z 0 512
    aio-write-beyond | aio_write 4M 512 | aio_flush
    aio-flush | aio_flush
    aio-flush-extra | aio_flush x
    flush | flush | write 0 512 | flush
    flush-extra | flush x
    discard | write 0 256k | discard 0 64k | read -P 0 0 64k | map
    discard-flags | write 0 256k | discard -q 0 64k | discard -C 64k 64k
    discard-unaligned | write 0 256k | discard 1 100 | discard 100 100000 | map
    discard-all | write 0 256k | discard 0 4M | map
    discard-beyond | discard 4M 512 | discard 0 5M
    discard-bad | discard 0 | discard x 1 | discard 0 x | discard -Z 0 1 | discard 0 1 2
    discard-long | discard 0 3G
    length | length
    length-extra | length x
    truncate | truncate 5M | length | truncate 3M | length | truncate 4M
    truncate-odd | truncate 1000 | length | truncate 4999999 | length
    truncate-modes | truncate -m off 5M | truncate -m metadata 6M | truncate -m falloc 7M | truncate -m full 8M | map
    truncate-mode-bad | truncate -m nope 6M
    truncate-shrink-mode | truncate -m full 1M
    truncate-shrink-data | write 3M 1M | truncate 1M | truncate 4M | read -P 0 3M 1M
    truncate-bad | truncate x | truncate
    truncate-zero | truncate 0 | length | map
    info | info
    info-extra | info x
    map | map | write 0 64k | write 1M 64k | write -z 2M 64k | map
    map-extra | map x
    alloc | write 0 128k | alloc 0 | alloc 0 64k | alloc 0 1M | alloc 1M 512 | alloc 64k 128k | alloc 1000 10
    alloc-end | alloc 4M 512 | alloc 100M | alloc 4095k 4k
    alloc-bad | alloc x | alloc | alloc 0 x | alloc 0 1 2
    sleep | sleep 1
    sleep-bad | sleep x | sleep
    sigraise-bad | sigraise x | sigraise
    unknown | nope
    unknown-between | read 0 1 | nope | read 0 2
    words | open | close | read 0 1
    close | close | read 0 1
    quit | quit | read 0 1
    quit-short | q | read 0 1
    quit-extra | q x
    reopen | reopen | reopen -r | write 0 512 | reopen -w | write 0 512
    reopen-cache | reopen -c none | write 0 512 | reopen -c writeback | reopen -c writethrough | write 0 512
    reopen-options | reopen -o lazy-refcounts=on | write 0 512 | reopen -o l2-cache-size=128k
    reopen-bad | reopen -c foo | reopen -o nope=1 | reopen -r -w | reopen -Z | reopen x
    reopen-checks | reopen -o overlap-check=none | reopen -o overlap-check.template=all | reopen -o overlap-check.main-header=off | write 0 512
    reopen-checks-bad | reopen -o overlap-check.template=some | write 0 512
    reopen-option-bad | reopen -o lazy-refcounts=maybe
    breaks | break x y | resume a | remove_break a
    breaks-bad | break x | break | resume | remove_break | wait_break
    empty-command | read 0 1
    spaces |   read    0   1
    help-unknown | help nope
    help-extra | help read write
    aliases | w 0 512 | r 0 512 | s 1 | l | f | i | m | d 0 512 | t 4M | o
    writes-many | write -P 1 0 1M | write -P 2 100k 100k | write -z 300k 10k | write -P 3 4000k 96k | read -P 1 0 100k | read -P 2 100k 100k | read -P 0 300k 10k
"""


def _io_cases(prefix, image, options=""):
    """One case for each row `name | command | command`, all in one call on `image`."""
    cases = []
    for row in _COMMANDS.splitlines():
        name, *commands = [part for part in row.split("|")] if row.strip() else [""]
        if not name.strip():
            continue
        words = " ".join(f"-c '{c if name.strip() == 'spaces' else c.strip()}'" for c in commands)
        setup = f"""
            qemu-img create -q -f qcow2 i.qcow2 4M
            qemu-img create -q -f raw i.raw 4M
            @text pat "abcdefghijklmnopqrstuvwxyz"
            @truncate nothing 0
            @truncate a.raw 1k
        """
        cases.append(case(f"{prefix}/{name.strip()}", f"qemu-io {options} {words} {image}", setup))
    return cases


CASES = _io_cases("io", "i.qcow2") + _io_cases("io-raw", "i.raw", "-f raw")

CASES += table(
    "io-compressed",
    """
    write | qemu-io -c "write -c -P 1 1M 64k" -c "read -P 1 1M 64k" i.qcow2 ; qemu-img map --output=json i.qcow2
    write-random | qemu-io -c "write -c -s rnd 0 64k" i.qcow2
    write-part | qemu-io -c "write -c 1M 512" i.qcow2
    write-over-data | qemu-io -c "write 0 64k" -c "write -c 0 64k" i.qcow2
    overwrite | qemu-io -c "write -c -P 1 0 64k" -c "write -P 2 0 4k" -c "read -P 1 4k 60k" i.qcow2
    """,
    setup="qemu-img create -q -f qcow2 i.qcow2 4M\n@random rnd 64k 4",
)

CASES += [
    case(f"io-help/{name}", f"qemu-io -c 'help {name}'")
    for name in """abort aio_flush aio_read aio_write alloc break close discard flush help info
        length map open quit read readv remove_break reopen resume sigraise sleep truncate
        wait_break write writev""".split()
]
CASES += [case("io-help/all", "qemu-io -c help\nqemu-io -c 'help all'\nqemu-io -c '?'")]

CASES += table(
    "io-options",
    """
    no-file | qemu-io -c "read 0 1"
    missing | qemu-io -c "read 0 1" none
    command-after | qemu-io i.qcow2 -c "read 0 1"
    long-names | qemu-io --cmd "read 0 1" --format qcow2 i.qcow2
    format-wrong | qemu-io -f qcow2 -c "read 0 1" i.raw
    format-unknown | qemu-io -f nope -c "read 0 1" i.qcow2
    format-raw | qemu-io -f raw -c "read -v 0 16" i.qcow2
    raw-probed-read | qemu-io -c "read 0 512" i.raw
    raw-probed-write | qemu-io -c "write 0 512" i.raw
    raw-probed-magic | qemu-io -c "write -s magic 0 512" i.raw
    raw-probed-read-only | qemu-io -r -c "read 0 512" i.raw
    read-only | qemu-io -r -c "read 0 512" -c "write 0 512" -c "discard 0 64k" -c "truncate 5M" -c flush i.qcow2
    read-only-long | qemu-io --read-only -c "aio_write 0 512" i.qcow2
    snapshot | qemu-io -s -c "write -P 77 0 512" -c "read -P 77 0 512" i.qcow2 ; qemu-io -c "read -P 0 0 512" i.qcow2
    nocache | qemu-io -n -c "write -P 5 1 511" -c "read -P 5 1 511" i.qcow2
    nocache-raw | qemu-io -n -f raw -c "write -P 5 1 511" -c "read -v 0 16" i.raw
    misalign | qemu-io -n -m -c "write -P 5 0 4k" -c "read -P 5 0 4k" i.qcow2
    copy-on-read | qemu-io -C -c "read 0 64k" i.qcow2
    native-aio | qemu-io -k -c "read 0 1" i.qcow2
    native-aio-direct | qemu-io -k -n -c "read 0 1" i.qcow2
    aio-threads | qemu-io -i threads -c "write 0 1" i.qcow2
    aio-io-uring | qemu-io -i io_uring -c "write 0 1" i.qcow2
    aio-native | qemu-io -i native -t none -c "write 0 4k" i.qcow2
    aio-bad | qemu-io -i foo -c "read 0 1" i.qcow2
    cache-none | qemu-io -t none -c "write 0 1k" i.qcow2
    cache-writethrough | qemu-io -t writethrough -c "write 0 1k" i.qcow2
    cache-directsync | qemu-io -t directsync -c "write 0 1k" i.qcow2
    cache-unsafe | qemu-io -t unsafe -c "write 0 1k" i.qcow2
    cache-off | qemu-io -t off -c "write 0 1k" i.qcow2
    cache-bad | qemu-io -t foo -c "read 0 1" i.qcow2
    discard-unmap | qemu-io -d unmap -c "write 0 64k" -c "discard 0 64k" i.qcow2
    discard-on | qemu-io -d on -c "write 0 64k" -c "discard 0 64k" i.qcow2
    discard-ignore | qemu-io -d ignore -c "write 0 64k" -c "discard 0 64k" -c "write -zu 64k 64k" i.qcow2
    discard-off-raw | qemu-io -d off -f raw -c "write 0 64k" -c "discard 0 64k" -c "read -P 0 0 64k" i.raw
    discard-unmap-raw | qemu-io -d unmap -f raw -c "write 0 64k" -c "discard 0 64k" -c "write -zu 64k 64k" i.raw
    discard-bad | qemu-io -d foo -c "read 0 1" i.qcow2
    force-share | qemu-io -U -c "read 0 1" i.qcow2
    force-share-read-only | qemu-io -U -r -c "read 0 1" i.qcow2
    image-opts | qemu-io --image-opts -c "write 0 1" driver=qcow2,file.filename=i.qcow2
    image-opts-bad | qemu-io --image-opts -c "read 0 1" driver=nope
    image-opts-format | qemu-io --image-opts -f qcow2 -c "read 0 1" driver=qcow2,file.filename=i.qcow2
    image-opts-read-only | qemu-io --image-opts -c "write 0 1" driver=qcow2,read-only=on,file.filename=i.qcow2
    two-files | qemu-io -c "read 0 1" i.qcow2 i.raw
    unknown-option | qemu-io -Z
    unknown-long | qemu-io --nope
    option-no-value | qemu-io -c
    trace | qemu-io -T foo -c "read 0 1" i.qcow2
    object-bad | qemu-io --object nope,id=a -c "read 0 1" i.qcow2
    directory | qemu-io -c "read 0 1" .
    json | qemu-io -c "write -P 3 0 4k" 'json:{"driver":"qcow2","file":{"driver":"file","filename":"i.qcow2"}}'
    json-window | qemu-io -c "write -P 3 0 1k" -c "read -v 1020 8" -c "write 1024k 1" -c length 'json:{"driver":"raw","offset":512,"size":1048576,"file":{"driver":"file","filename":"i.raw"}}'
    null-co | qemu-io -c "read 0 512" -c "write 0 1M" -c length -c info null-co://
    null-co-opts | qemu-io --image-opts -c "read -P 0 0 512" -c "write 1M 1" -c map driver=null-co,size=1M,read-zeroes=on
    blkdebug-name | qemu-io -c "read 0 64k" blkdebug::i.qcow2
    """,
    setup="""
        qemu-img create -q -f qcow2 i.qcow2 4M
        qemu-img create -q -f raw i.raw 4M
        @truncate magic 512
        @poke magic 0 514649fb00000003
    """,
)

CASES += table(
    "io-open",
    """
    open | qemu-io -c "open i.qcow2" -c "read 0 1" -c close -c "read 0 1"
    open-twice | qemu-io -c "open i.qcow2" i.qcow2
    open-missing | qemu-io -c "open none" -c "read 0 1"
    open-nothing | qemu-io -c open
    open-flags | qemu-io -c "open -r i.qcow2" -c "write 0 1"
    open-nocache | qemu-io -c "open -n i.qcow2" -c "write 0 1k"
    open-snapshot | qemu-io -c "open -s i.qcow2" -c "write -P 77 0 512" -c "read -P 77 0 512"
    open-cor | qemu-io -c "open -C i.qcow2" -c "read 0 512"
    open-share | qemu-io -c "open -U i.qcow2" -c "open -U -r i.qcow2" -c "read 0 1"
    open-cache | qemu-io -c "open -t writethrough i.qcow2" -c "write 0 1"
    open-cache-bad | qemu-io -c "open -t foo i.qcow2"
    open-discard | qemu-io -c "open -d unmap i.qcow2" -c "write 0 64k" -c "discard 0 64k"
    open-discard-bad | qemu-io -c "open -d foo i.qcow2"
    open-options | qemu-io -c "open -o driver=qcow2,file.filename=i.qcow2" -c "read 0 1"
    open-options-name | qemu-io -c "open -o driver=qcow2 i.qcow2" -c "read 0 1"
    open-options-bad | qemu-io -c "open -o driver=nope i.qcow2"
    open-options-unknown | qemu-io -c "open -o nope=1 i.qcow2"
    open-unknown-flag | qemu-io -c "open -Z"
    open-two | qemu-io -c "open i.qcow2 i.raw"
    open-quoted | qemu-io -c 'open "i.qcow2"' -c "read 0 1"
    reopen-closed | qemu-io -c reopen
    after-close | qemu-io -c close -c "open -f raw i.raw" -c length i.qcow2
    """,
    setup="""
        qemu-img create -q -f qcow2 i.qcow2 4M
        qemu-img create -q -f raw i.raw 4M
    """,
)

CASES += table(
    "io-stdin",
    r"""
    script | qemu-io i.qcow2 <<< "write -P 5 0 64k\nread -P 5 0 64k\nquit\n"
    end-of-file | qemu-io i.qcow2 <<< "read 0 1\nlength"
    nothing | qemu-io i.qcow2
    no-file | qemu-io <<< "length\nopen i.qcow2\nlength\nq\n"
    unknown | qemu-io i.qcow2 <<< "nope\nread 0 1\nq\n"
    blank-lines | qemu-io i.qcow2 <<< "\n\n  \nlength\n"
    failing | qemu-io i.qcow2 <<< "read -P 9 0 512\nq\n"
    aio | qemu-io i.qcow2 <<< "aio_write -P 3 0 512\naio_flush\nread -P 3 0 512\nq\n"
    bad-arguments | qemu-io i.qcow2 <<< "read\nread x 1\nread -Z 0 1\nq\n"
    help | qemu-io i.qcow2 <<< "help\nhelp write\nhelp nope\nq\n"
    spaces | qemu-io i.qcow2 <<< "   read   0    512   \n\tlength\n"
    comment | qemu-io i.qcow2 <<< "# read 0 1\nq\n"
    carriage-return | qemu-io i.qcow2 <<< "length\r\nq\r\n"
    long-line | qemu-io i.qcow2 <<< "read 0 512 512 512 512 512 512 512 512 512 512 512 512 512 512 512 512\nq\n"
    with-c | qemu-io -c length i.qcow2 <<< "read 0 1\n"
    """,
    setup="qemu-img create -q -f qcow2 i.qcow2 4M",
)

CASES += table(
    "io-kinds",
    """
    compressed-read | qemu-io -r -c "read -P 0x31 0 300k" -c "read -P 0 300k 100k" -c "read -P 0x32 1M 70k" zlib.qcow2 ; qemu-io -r -c "read -P 0x31 0 300k" -c "read -v 1048570 20" zstd.qcow2
    compressed-small | qemu-io -r -c "read -P 0x31 1 299999" -c "read -P 0x32 1M 70k" small.qcow2
    compressed-big | qemu-io -r -c "read -P 0x31 1 299999" -c "read -P 0x32 1M 70k" big.qcow2
    compressed-overwrite | qemu-io -c "write -P 1 1000 1000" -c "read -P 0x31 2000 60000" zlib.qcow2 ; qemu-img check zlib.qcow2
    compressed-discard | qemu-io -c "discard 0 128k" -c "write -z 128k 64k" -c map zlib.qcow2 ; qemu-img check zlib.qcow2
    compressed-vmap | qemu-io -c map -c "alloc 0 1M" zstd.qcow2
    """,
    uses="compressed",
)

CASES += table(
    "io-chain",
    """
    read | qemu-io -r -c "read -P 0x61 48k 4k" -c "read -P 0x51 52k 44k" -c "read -P 0x42 1152k 100k" -c map top.qcow2
    write-head | qemu-io -c "write -P 9 1M 512" -c "read -P 9 1M 512" -c "read -P 0x42 1049088 512" top.qcow2
    write-tail | qemu-io -c "write -P 9 1113600 512" -c "read -P 0 1088k 512" top.qcow2
    write-past-base | qemu-io -c "write -P 9 2900k 300k" -c "read -P 9 2900k 300k" -c "read -P 0 2600k 300k" top.qcow2
    zero-over-backing | qemu-io -c "write -z 0 64k" -c "write -z 70k 5k" -c "read -P 0 0 64k" -c map top.qcow2
    unmap-over-backing | qemu-io -c "write -zu 0 64k" -c "write -zu 1M 100k" -c map top.qcow2 ; qemu-img map --output=json top.qcow2
    discard-over-backing | qemu-io -c "write -P 1 0 256k" -c "discard 0 128k" -c "read -v 0 16" -c map top.qcow2
    truncate-up | qemu-io -c "truncate 6M" -c "read -P 0 4M 2M" -c map top.qcow2
    truncate-short | qemu-io -c "truncate 3M" -c "read -P 0 1100k 1900k" -c length short.qcow2 ; qemu-img map --output=json short.qcow2
    copy-on-read | qemu-io -C -c "read 1M 64k" -c "read 0 1k" top.qcow2 ; qemu-img map --output=json top.qcow2
    no-backing | qemu-io --image-opts -c "read -P 0 0 48k" -c "write 1M 512" driver=qcow2,backing=,file.filename=top.qcow2
    broken | @rm base.raw ; qemu-io -c "read 0 1" top.qcow2
    """,
    uses="chain",
)

CASES += table(
    "io-extended",
    """
    write-subclusters | qemu-io -c "write -P 7 200k 1k" -c "write -P 8 204k 2k" -c "read -v 204798 8" -c map e.qcow2 ; qemu-img map --output=json e.qcow2
    zero-subcluster | qemu-io -c "write -z 2k 2k" -c "write -zu 1M 64k" -c "write -z 1100k 2k" -c map e.qcow2 ; qemu-img map --output=json e.qcow2
    discard-subcluster | qemu-io -c "discard 1M 2k" -c "discard 1088k 64k" -c map e.qcow2 ; qemu-img check e.qcow2
    overlay | qemu-io -c "write -P 7 3k 100" -c "write -z 1M 3k" -c "discard 16k 16k" -c "read -v 3060 30" eo.qcow2 ; qemu-img map --output=json eo.qcow2
    """,
    uses="extended",
)

CASES += table(
    "io-snapshots",
    """
    overwrite | qemu-io -c "write -P 9 0 300k" -c "read -P 9 0 300k" s.qcow2 ; qemu-img check s.qcow2 ; qemu-img convert -l one s.qcow2 o.raw
    zero | qemu-io -c "write -z 64k 128k" -c "write -zu 1M 64k" s.qcow2 ; qemu-img check s.qcow2
    discard | qemu-io -c "discard 0 2M" -c map s.qcow2 ; qemu-img check s.qcow2
    truncate | qemu-io -c "truncate 3M" -c length s.qcow2
    truncate-down | qemu-io -c "truncate 1M" s.qcow2
    v2 | qemu-io -c "write -P 9 10k 3k" -c "truncate 2M" v2s.qcow2 ; qemu-img check v2s.qcow2
    v2-discard | qemu-io -c "discard 0 64k" -c "write -z 0 8k" -c map v2s.qcow2 ; qemu-img check v2s.qcow2
    """,
    uses="snapshots",
)

CASES += table(
    "io-damaged",
    """
    l2-unaligned-read | @l2 v.qcow2 0 +512 ; qemu-io -c "read 0 512" v.qcow2 ; qemu-io -c "write 0 512" v.qcow2
    l2-unaligned-read-only | @l2 v.qcow2 0 +512 ; qemu-io -r -c "read 0 512" v.qcow2
    l2-unaligned-write | @l2 v.qcow2 0 +512 ; qemu-io -c "write 0 512" -c "write 512k 512" v.qcow2
    l2-unaligned-discard | @l2 v.qcow2 0 +512 ; qemu-io -c "discard 0 64k" v.qcow2
    l1-unaligned | @l1 v.qcow2 0 +512 ; qemu-io -c "read 0 512" v.qcow2
    l1-beyond | @l1 v.qcow2 0 0x8000010000000000 ; qemu-io -c "read 0 512" v.qcow2
    data-beyond | @l2 v.qcow2 0 0x8000010000000000 ; qemu-io -c "read -P 0 0 512" v.qcow2
    data-on-header | @l2 v.qcow2 0 0x8000000000000000 ; qemu-io -c "write 0 512" v.qcow2
    data-on-l1 | @l2 v.qcow2 0 0x8000000000030000 ; qemu-io -c "write 0 512" v.qcow2
    data-on-l2 | @l2 v.qcow2 0 0x8000000000040000 ; qemu-io -c "write 0 512" v.qcow2
    data-on-refcounts | @l2 v.qcow2 0 0x8000000000020000 ; qemu-io -c "write 0 512" v.qcow2
    refcount-lies | @refcount v.qcow2 l2:0 0 ; qemu-io -c "write 600k 512" v.qcow2
    refcount-block-gone | @reftable v.qcow2 0 0 ; qemu-io -c "write 900k 512" v.qcow2
    refcount-unaligned | @reftable v.qcow2 0 +512 ; qemu-io -c "write 900k 512" v.qcow2
    corrupt-bit-write | @header v.qcow2 incompatible |2 ; qemu-io -c "write 0 512" v.qcow2
    corrupt-bit-read | @header v.qcow2 incompatible |2 ; qemu-io -r -c "read 0 512" v.qcow2
    dirty-bit | @header v.qcow2 incompatible |1 ; @leak v.qcow2 ; qemu-io -c "read 0 512" v.qcow2
    truncated | @truncate v.qcow2 0x70000 ; qemu-io -c "read 0 256k" v.qcow2
    """,
    uses="victim",
)

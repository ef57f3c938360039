"""bench: requests of every shape; how long they take is masked. What was written is compared."""

from case import table

CASES = table(
    "bench",
    """
    read | qemu-img bench -c 100 a.qcow2 ; qemu-img bench -c 100 -f raw a.raw ; qemu-img bench -c 100 a.raw
    write | qemu-img bench -c 100 -w a.qcow2 ; qemu-img bench -w -c 100 --pattern=65 -f raw a.raw ; qemu-img check a.qcow2
    write-pattern | qemu-img bench -w -c 300 -s 3000 -S 7000 -o 1M --pattern=0x41 a.qcow2 ; qemu-img check a.qcow2
    wraps | qemu-img bench -w -c 2000 -s 4k -S 100k --pattern=7 a.qcow2 ; qemu-img bench -w -c 5 -s 64k -S 8M --pattern=9 -f raw a.raw
    depth | qemu-img bench -c 50 -d 1 a.qcow2 ; qemu-img bench -c 3 -d 64 a.qcow2 ; qemu-img bench -c 0 a.qcow2 ; qemu-img bench -c 0x10 a.qcow2
    flush | qemu-img bench -w -c 100 -d 4 --flush-interval=10 a.qcow2 ; qemu-img bench -w -c 100 -d 1 --flush-interval=1 a.qcow2 ; qemu-img bench -w -c 10 --flush-interval=100 a.qcow2 ; qemu-img bench -w -c 10 --flush-interval=0 a.qcow2
    no-drain | qemu-img bench -w -c 100 -d 4 --no-drain --flush-interval=10 a.qcow2 ; qemu-img bench -c 100 --no-drain a.qcow2
    flush-bad | qemu-img bench -c 1 --flush-interval=10 a.qcow2 ; qemu-img bench -w -c 1 --flush-interval=10 a.qcow2 ; qemu-img bench -w --flush-interval=foo a.qcow2 ; qemu-img bench -w --flush-interval=-1 a.qcow2
    sizes | qemu-img bench -c 10 -s 0 a.qcow2 ; qemu-img bench -c 10 -s 3 a.qcow2 ; qemu-img bench -c 10 -s 64k -S 1M a.qcow2 ; qemu-img bench -c 10 -S 0 a.qcow2 ; qemu-img bench -c 10 -o 1M a.qcow2
    sizes-bad | qemu-img bench -s foo a.qcow2 ; qemu-img bench -s 3G a.qcow2 ; qemu-img bench -S foo a.qcow2 ; qemu-img bench -S 3G a.qcow2 ; qemu-img bench -o foo a.qcow2 ; qemu-img bench -o -1 a.qcow2
    beyond | qemu-img bench -c 10 -s 8M a.qcow2 ; qemu-img bench -c 10 -o 8M a.qcow2 ; qemu-img bench -c 10 -o 4194300 a.qcow2 ; qemu-img bench -c 1 -w -o 8M a.qcow2
    counts-bad | qemu-img bench -c foo a.qcow2 ; qemu-img bench -c -1 a.qcow2 ; qemu-img bench -c 1k a.qcow2 ; qemu-img bench -c 99999999999 a.qcow2 ; qemu-img bench -d foo a.qcow2 ; qemu-img bench -d -1 a.qcow2
    pattern-bad | qemu-img bench -w --pattern=256 a.qcow2 ; qemu-img bench -w --pattern=foo a.qcow2 ; qemu-img bench -w --pattern=-1 a.qcow2 ; qemu-img bench -c 1 --pattern=3 a.qcow2
    cache | qemu-img bench -c 10 -t none a.qcow2 ; qemu-img bench -c 10 -t nope a.qcow2 ; qemu-img bench -w -c 10 -t unsafe a.qcow2 ; qemu-img bench -w -c 10 -t writethrough a.qcow2
    aio | qemu-img bench -c 10 -i threads a.qcow2 ; qemu-img bench -c 10 -i io_uring a.qcow2 ; qemu-img bench -c 10 -t none -n a.qcow2 ; qemu-img bench -c 10 -i native a.qcow2 ; qemu-img bench -c 10 -n a.qcow2 ; qemu-img bench -i nope a.qcow2
    others | qemu-img bench -c 10 -q a.qcow2 ; qemu-img bench -c 10 -U a.qcow2 ; qemu-img bench -U -w a.qcow2 ; qemu-img bench -c 10 --image-opts driver=raw,file.filename=a.raw
    missing | qemu-img bench none ; qemu-img bench ; qemu-img bench a b ; qemu-img bench -f nope a.qcow2 ; qemu-img bench -Z a.qcow2
    """,
    uses="plain",
)

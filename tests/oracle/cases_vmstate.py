"""The VM state behind the disk: read and written by the io shell, taken along by snapshots."""

from case import table

CASES = table(
    "vmstate",
    """
    read-nothing | qemu-io -c "read -b -P 0 0 64k" a.qcow2 ; qemu-io -c "read -b -P 0 5G 512" a.qcow2
    write | qemu-io -c "write -b -P 7 0 64k" -c "read -b -P 7 0 64k" -c "read -b -P 0 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    write-part | qemu-io -c "write -b -P 7 1k 512" -c "read -b -P 0 0 1k" -c "read -b -P 7 1k 512" -c "read -b -P 0 1536 62k" a.qcow2 ; qemu-img check a.qcow2
    write-far | qemu-io -c "write -b -P 7 600M 512" -c "read -b -P 7 600M 512" a.qcow2 ; qemu-img check a.qcow2
    kept | qemu-io -c "write -b -P 7 0 64k" a.qcow2 ; qemu-io -c "read -b -P 7 0 64k" a.qcow2 ; qemu-io -c "read -P 0x11 0 200k" a.qcow2
    disk-apart | qemu-io -c "write -b -P 7 0 4M" -c "write -P 8 0 4M" a.qcow2 ; qemu-io -c "read -b -P 7 0 4M" -c "read -P 8 0 4M" a.qcow2 ; qemu-img check a.qcow2
    unaligned | qemu-io -c "write -b 1k 1000" a.qcow2 ; qemu-io -c "write -b 100 512" a.qcow2 ; qemu-io -c "read -b 100 512" a.qcow2 ; qemu-io -c "read -b 0 100" a.qcow2
    too-far | qemu-io -c "write -b 9223372036854774784 512" a.qcow2 ; qemu-io -c "read -b 9223372036854774784 512" a.qcow2 ; qemu-io -c "write -b 4P 512" a.qcow2 ; qemu-io -c "read -b 4P 512" a.qcow2 ; qemu-img check a.qcow2
    no-format | qemu-io -f raw -c "read -b 0 512" a.raw ; qemu-io -f raw -c "write -b 0 512" a.raw
    read-only | qemu-io -r -c "read -b 0 512" a.qcow2 ; qemu-io -r -c "write -b 0 512" a.qcow2
    and-zero | qemu-io -c "write -b -z 0 512" a.qcow2
    empty-disk | qemu-img create -q -f qcow2 z.qcow2 0 ; qemu-io -c "write -b -P 3 0 1k" -c "read -b -P 3 0 1k" z.qcow2 ; qemu-img check z.qcow2
    snapshot | qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-img snapshot -c s a.qcow2 ; qemu-img check a.qcow2 ; qemu-io -c "write -b -P 8 1k 1k" -c "read -b -P 7 0 1k" -c "read -b -P 8 1k 1k" -c "read -b -P 7 2k 126k" a.qcow2 ; qemu-img check a.qcow2 ; qemu-img snapshot -a s a.qcow2 ; qemu-io -c "read -b -P 7 0 128k" a.qcow2 ; qemu-img check a.qcow2
    snapshot-without | qemu-img snapshot -c s a.qcow2 ; qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-img snapshot -a s a.qcow2 ; qemu-io -c "read -b -P 0 0 128k" a.qcow2 ; qemu-img check a.qcow2
    snapshot-delete | qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-img snapshot -c s a.qcow2 ; qemu-io -c "write -b -P 8 0 64k" a.qcow2 ; qemu-img snapshot -d s a.qcow2 ; qemu-io -c "read -b -P 8 0 64k" -c "read -b -P 7 64k 64k" a.qcow2 ; qemu-img check a.qcow2
    grow-within | qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-io -c "truncate 8M" -c "read -P 0 4M 4M" -c "read -b -P 7 0 128k" a.qcow2 ; qemu-img check a.qcow2
    grow-over | qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-io -c "truncate 2G" -c "read -P 0 512M 128k" -c "read -b -P 7 0 128k" a.qcow2 ; qemu-img check a.qcow2
    shrink | qemu-io -c "write -b -P 7 0 128k" a.qcow2 ; qemu-img resize --shrink a.qcow2 2M ; qemu-io -c "read -b -P 7 0 128k" a.qcow2 ; qemu-img check a.qcow2
    v2 | qemu-img create -q -f qcow2 -o compat=0.10 v2.qcow2 4M ; qemu-io -c "write -b -P 8 1k 1k" v2.qcow2 ; qemu-io -c "read -b -P 8 1k 1k" -c "read -b -P 0 2k 1k" v2.qcow2 ; qemu-img check v2.qcow2
    extended | qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=16k e.qcow2 4M ; qemu-io -c "write -b -P 8 1k 1k" -c "write -b -P 9 40k 3k" e.qcow2 ; qemu-io -c "read -b -P 8 1k 1k" -c "read -b -P 0 2k 38k" -c "read -b -P 9 40k 3k" e.qcow2 ; qemu-img check e.qcow2
    long-backing | qemu-img create -q -f qcow2 big.qcow2 2G ; qemu-io -c "write -q -P 9 512M 1M" big.qcow2 ; qemu-img create -q -f qcow2 -F qcow2 -b big.qcow2 ov.qcow2 4M ; qemu-io -c "read -b -P 0 0 64k" ov.qcow2 ; qemu-io -c "write -b -P 7 1k 1k" -c "read -b -P 0 0 1k" ov.qcow2
    """,
    uses="plain",
)

"""snapshot: taken, listed, gone back to, deleted; what the disk and each snapshot hold."""

from case import table

CASES = table(
    "snapshot",
    """
    create | qemu-img snapshot -c one a.qcow2 ; qemu-img check a.qcow2
    create-quiet | qemu-img snapshot -q -c one a.qcow2
    create-three | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 3 0 70k" a.qcow2 ; qemu-img snapshot -c two a.qcow2 ; qemu-io -c "write -P 4 32k 70k" a.qcow2 ; qemu-img snapshot -c three a.qcow2 ; qemu-img check a.qcow2
    same-name | qemu-img snapshot -c one a.qcow2 ; qemu-img snapshot -c one a.qcow2 ; qemu-img check a.qcow2
    empty-name | qemu-img snapshot -c "" a.qcow2 ; qemu-img check a.qcow2
    empty-image | qemu-img snapshot -c one empty.qcow2 ; qemu-img snapshot -a one empty.qcow2 ; qemu-img snapshot -d one empty.qcow2 ; qemu-img check empty.qcow2
    apply | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 9 0 300k" a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-img check a.qcow2
    apply-by-id | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 9 0 300k" a.qcow2 ; qemu-img snapshot -a 1 a.qcow2 ; qemu-img check a.qcow2
    apply-none | qemu-img snapshot -a one a.qcow2
    apply-twice | qemu-img snapshot -c one a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-io -c "write -P 9 0 300k" a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-img check a.qcow2
    delete | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 9 0 300k" a.qcow2 ; qemu-img snapshot -d one a.qcow2 ; qemu-img check a.qcow2
    delete-first | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -P 9 0 300k" a.qcow2 ; qemu-img snapshot -c two a.qcow2 ; qemu-img snapshot -d one a.qcow2 ; qemu-img check a.qcow2 ; qemu-img snapshot -a two a.qcow2
    delete-none | qemu-img snapshot -d one a.qcow2
    delete-by-id | qemu-img snapshot -c one a.qcow2 ; qemu-img snapshot -d 1 a.qcow2
    list-empty | qemu-img snapshot -l a.qcow2 ; qemu-img snapshot a.qcow2
    no-file | qemu-img snapshot -l ; qemu-img snapshot -c one
    mixed | qemu-img snapshot -c one -d two a.qcow2 ; qemu-img snapshot -l -a one a.qcow2
    two-files | qemu-img snapshot -l a.qcow2 b.qcow2
    missing | qemu-img snapshot -l none ; qemu-img snapshot -c one none
    raw | qemu-img snapshot -c one a.raw ; qemu-img snapshot -a one a.raw ; qemu-img snapshot -d one a.raw ; qemu-img snapshot -l a.raw
    image-opts | qemu-img snapshot -c one --image-opts driver=qcow2,file.filename=a.qcow2 ; qemu-img check a.qcow2
    resized | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "truncate 4M" a.qcow2 ; qemu-img snapshot -c two a.qcow2 ; qemu-img snapshot -a one a.qcow2 ; qemu-img check a.qcow2 ; qemu-io -c length a.qcow2
    discarded | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "discard 0 1M" a.qcow2 ; qemu-img check a.qcow2 ; qemu-img snapshot -a one a.qcow2
    zeroed | qemu-img snapshot -c one a.qcow2 ; qemu-io -c "write -z 0 1M" a.qcow2 ; qemu-img check a.qcow2 ; qemu-img snapshot -a one a.qcow2
    """,
    uses="plain",
)

CASES += table(
    "snapshot/others",
    """
    list | qemu-img snapshot -l s.qcow2 ; qemu-img snapshot s.qcow2
    list-share | qemu-img snapshot -U -l s.qcow2
    apply | qemu-img snapshot -a one s.qcow2 ; qemu-img check s.qcow2
    delete | qemu-img snapshot -d one s.qcow2 ; qemu-img check s.qcow2
    v2-apply | qemu-img snapshot -a one v2s.qcow2 ; qemu-img check v2s.qcow2
    v2-delete | qemu-img snapshot -d one v2s.qcow2 ; qemu-img check v2s.qcow2
    """,
    uses="snapshots",
)

"""Writes that a damaged image would send into its own metadata: refused in the same words, by
every setting of overlap-check that has the class. Reads are left out after a refusal: stock
ends them, too, which ours does not."""

from case import table

# What lies where in the victim: see its fixture; a cluster is 64 KiB.
_PLACES = {
    "refcount-table": "0x8000000000010000",
    "refcount-block": "0x8000000000020000",
    "active-l1": "0x8000000000030000",
    "active-l2": "0x8000000000040000",
}
_ROADS = {
    "write": 'write 0 64k',
    "write-part": 'write 4k 4k',
    "write-middle": 'write 60k 8k',
    "aio": 'aio_write 4k 4k" -c "aio_flush',
    "writev": 'writev 0 4k 4k',
}
_SETTINGS = ("all", "cached", "constant")


def _rows():
    for place, entry in _PLACES.items():
        for road, command in _ROADS.items():
            yield (f"{place}/{road} | @l2 v.qcow2 0 {entry} ; "
                   f'qemu-io -c "{command}" v.qcow2 ; qemu-img check v.qcow2')
        for setting in _SETTINGS:
            if setting == "constant" and place in ("refcount-block", "active-l2"):
                continue
            yield (f"{place}/{setting} | @l2 v.qcow2 0 {entry} ; qemu-io -c \"write 0 512\" "
                   f"--image-opts driver=qcow2,overlap-check={setting},file.filename=v.qcow2")
        yield (f"{place}/alone | @l2 v.qcow2 0 {entry} ; qemu-io -c \"write 0 512\" --image-opts "
               f"driver=qcow2,overlap-check=none,overlap-check.{place}=on,file.filename=v.qcow2")


CASES = table("guard", "\n".join(_rows()), uses="victim")

CASES += table(
    "guard/allocation",
    """
    refcount-table | @refcount v.qcow2 1 0 ; qemu-io -c "write 900k 512" v.qcow2
    refcount-block | @refcount v.qcow2 2 0 ; qemu-io -c "write 900k 512" v.qcow2
    active-l1 | @refcount v.qcow2 3 0 ; qemu-io -c "write 900k 512" v.qcow2
    active-l2 | @refcount v.qcow2 l2:0 0 ; qemu-io -c "write 900k 512" v.qcow2
    header | @refcount v.qcow2 0 0 ; qemu-io -c "write 900k 512" v.qcow2
    closed-for-writing | @refcount v.qcow2 1 0 ; qemu-io -c "write 900k 512" v.qcow2 ; qemu-io -c "write 900k 512" v.qcow2
    reads-by-others | @refcount v.qcow2 1 0 ; qemu-io -c "write 900k 512" v.qcow2 ; qemu-io -r -c "read 0 64k" v.qcow2
    """,
    uses="victim",
)

CASES += table(
    "guard/options",
    """
    template-bad | qemu-io -c length --image-opts driver=qcow2,overlap-check=some,file.filename=a.qcow2
    template-twice | qemu-io -c length --image-opts driver=qcow2,overlap-check=none,overlap-check.template=all,file.filename=a.qcow2
    template-twice-same | qemu-io -c length --image-opts driver=qcow2,overlap-check=all,overlap-check.template=all,file.filename=a.qcow2
    reopen-twice | qemu-io -c "reopen -o overlap-check=none,overlap-check.template=all" -c "write 0 512" a.qcow2
    reopen-class | qemu-io -c "reopen -o overlap-check.active-l1=off" -c "reopen -o overlap-check=all" -c "write 0 512" a.qcow2
    class-bad | qemu-io -c length --image-opts driver=qcow2,overlap-check.main-header=maybe,file.filename=a.qcow2
    class-unknown | qemu-io -c length --image-opts driver=qcow2,overlap-check.nothing=on,file.filename=a.qcow2
    open-command | qemu-io -c "open -o driver=qcow2,overlap-check=some a.qcow2" -c length
    json | qemu-io -c "write 0 512" 'json:{"driver":"qcow2","overlap-check":{"template":"cached","inactive-l2":true},"file.filename":"a.qcow2"}'
    """,
    uses="plain",
)

"""Image locks: what one tool keeps open, the other tool may or may not open."""

from case import table

_USERS = """
    info | qemu-img info {image}
    info-share | qemu-img info -U {image}
    check | qemu-img check {image}
    check-share | qemu-img check -U {image}
    map | qemu-img map {image}
    map-share | qemu-img map -U --output=json {image}
    convert | qemu-img convert {image} o.raw
    convert-share | qemu-img convert -U {image} o.raw
    convert-onto | qemu-img convert -n -O qcow2 b.qcow2 {image}
    compare | qemu-img compare {image} b.qcow2
    compare-share | qemu-img compare -U {image} b.qcow2
    read | qemu-io -r -c "read 0 1" {image}
    read-share | qemu-io -r -U -c "read 0 1" {image}
    write | qemu-io -c "write 0 1" {image}
    create-over | qemu-img create -f qcow2 {image} 1M
    create-on-top | qemu-img create -f qcow2 -b {image} -F qcow2 o.qcow2
    write-on-top | qemu-io -c "write 0 1" over.qcow2
    no-locking | qemu-io -c "write 0 1" --image-opts driver=qcow2,file.locking=off,file.filename={image}
"""

_SETUP = """
    qemu-img create -q -f qcow2 a.qcow2 1M
    qemu-io -c "write 0 64k" a.qcow2
    qemu-img create -q -f qcow2 -b a.qcow2 -F qcow2 over.qcow2
    qemu-img create -q -f qcow2 b.qcow2 1M
"""


def _lock_cases():
    """Each user of an image, while it is held for writing or reading, by either tool."""
    cases = []
    for held, options in (("writer", ""), ("reader", "-r"), ("top", "over")):
        holder = "qemu-io over.qcow2" if held == "top" else f"qemu-io {options} a.qcow2"
        for row in _USERS.format(image="a.qcow2").strip().splitlines():
            name, line = (part.strip() for part in row.split("|", 1))
            text = f"stock-holds-{held}/{name} | stock-hold: {holder} ; {line}\n"
            text += f"holds-{held}/{name} | hold: {holder} ; stock: {line}"
            cases += table("lock", text, setup=_SETUP)
    return cases


CASES = _lock_cases()

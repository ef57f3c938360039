"""Random sequences of io commands, with a model of the guest's bytes for pattern verification."""

UNKNOWN = 256  # a byte that the model cannot tell: discarded, or never seen


class Guest:
    """What the guest should read: runs of one byte each, kept as a list of values by block."""

    def __init__(self, size, fill=0, packs=True):
        self.size = size
        self.packs = packs  # stock takes compressed writes where nothing was written
        self.bytes = [(0, size, fill)]  # (begin, end, value), sorted, covering all
        self.seen_changes = []  # (begin, end) of each

    def set(self, begin, end, value):
        """The guest bytes [begin, end) are now `value`."""
        self.seen_changes.append((begin, end))
        kept = []
        for b, e, v in self.bytes:
            if b < begin:
                kept.append((b, min(e, begin), v))
            if e > end:
                kept.append((max(b, end), e, v))
        if begin < end:
            kept.append((begin, end, value))
        self.bytes = sorted(run for run in kept if run[0] < run[1])

    def untouched(self, begin, end):
        """Nothing in [begin, end) was changed since this model began."""
        return all(e <= begin or b >= end for b, e in self.seen_changes)

    def resize(self, size):
        """A longer disk reads zeroes behind the old end."""
        old, self.size = self.size, size
        if size > old:
            self.bytes.append((old, size, 0))
        else:
            self.bytes = [(b, min(e, size), v) for b, e, v in self.bytes if b < size]


def _range(rng, size, cluster):
    """A random range, often at or near cluster borders, never beyond the end."""
    unit = rng.choice((1, 512, 4096, cluster, cluster))
    longest = rng.choice((16, 600, 5000, cluster, 2 * cluster + 700, 4 * cluster))
    begin = rng.randrange(0, size) // unit * unit
    length = max(1, rng.randrange(1, longest + 1) // unit * unit)
    if rng.random() < 0.2:
        begin = max(0, begin + rng.choice((-1, 1, -512, 512)))
    if rng.random() < 0.15:
        begin, length = begin // cluster * cluster, cluster * rng.randrange(1, 4)
    begin = min(begin, size - 1)
    return begin, max(1, min(length, size - begin))


def _read(rng, guest):
    """A verified read inside one run of the model, or a plain one anywhere."""
    known = [run for run in guest.bytes if run[2] != UNKNOWN]
    if known and rng.random() < 0.8:
        b, e, value = rng.choice(known)
        begin = rng.randrange(b, e)
        length = rng.randrange(1, min(e - begin, 200000) + 1)
        verb = rng.choice(("read", "read", "readv", "aio_read"))
        if length > 8 and verb == "read" and rng.random() < 0.2:
            cut = rng.randrange(1, length - 2)
            return f"read -P {value} -s {cut} -l {length - cut - 1} {begin} {length}", "read"
        return f"{verb} -P {value:#x} {begin} {length}", verb
    begin = rng.randrange(0, guest.size)
    length = min(guest.size - begin, rng.randrange(1, 50))
    return f"read -v {begin} {length}", "read"


def _write(rng, guest, begin, length, cluster):
    value = rng.randrange(1, 256)
    whole = begin % cluster == 0 and length % cluster == 0
    if guest.packs and whole and rng.random() < 0.3:
        # Elsewhere something may be there already, which stock does not replace.
        if guest.untouched(begin, begin + length):
            guest.set(begin, begin + length, value)
            return f"write -c -P {value} {begin} {length}", "write"
    guest.set(begin, begin + length, value)
    verb = rng.choice(("write", "write", "write", "writev", "aio_write"))
    flags = " -f" if rng.random() < 0.1 else ""
    if verb == "writev" and length > 2:
        cut = rng.randrange(1, length)
        return f"writev{flags} -P {value} {begin} {cut} {length - cut}", verb
    return f"{verb}{flags} -P {value} {begin} {length}", verb


def _zero(rng, guest, begin, length):
    guest.set(begin, begin + length, 0)
    verb = rng.choice(("write", "write", "aio_write"))
    flags = rng.choice(("-z", "-z", "-z -u", "-zu"))
    return f"{verb} {flags} {begin} {length}", verb


def sequence(rng, guest, cluster, length, grow=False):
    """`length` random io commands; changes the model as they change the guest."""
    commands = []
    while len(commands) < length:
        begin, count = _range(rng, guest.size, cluster)
        dice = rng.random()
        if dice < 0.45:
            text, verb = _write(rng, guest, begin, count, cluster)
        elif dice < 0.60:
            text, verb = _zero(rng, guest, begin, count)
        elif dice < 0.72:
            guest.set(begin, begin + count, UNKNOWN)
            text, verb = f"discard {begin} {count}", "discard"
        elif dice < 0.92:
            text, verb = _read(rng, guest)
        else:
            text, verb = _other(rng, guest, begin, grow)
        commands.append(text)
        if verb.startswith("aio_"):
            commands.append("aio_flush")  # keeps the order of what is printed
    return commands


def _other(rng, guest, begin, grow):
    choice = rng.randrange(6)
    if choice == 0:
        return "flush", "flush"
    if choice == 1:
        return f"alloc {begin} {rng.randrange(1, guest.size)}", "alloc"
    if choice == 2:
        return "map", "map"
    if choice == 3:
        beyond = guest.size + rng.choice((0, -1, -100, 512))
        verb = rng.choice(("write", "read", "write -z", "discard"))
        return f"{verb} {max(0, beyond)} 1000", "beyond"
    if choice == 4 and grow:
        size = guest.size + rng.choice((512, 4096, 100000, 1 << 20))
        guest.resize(size)
        return f"truncate {size}", "truncate"
    return "length", "length"


def call(commands, image, options=""):
    """One qemu-io command line that runs these commands."""
    words = " ".join(f'-c "{command}"' for command in commands)
    return " ".join(f"qemu-io {options} {words} {image}".split())

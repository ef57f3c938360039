"""What a case of the differential harness is: a name, images to begin with, command lines.

A case is a table of command lines, one a line. Each line is run on both sides in a directory of
the side's own, so relative file names, and therefore messages, are the same. Forms of a line:

    qemu-img ... | qemu-io ...   the tool of the side
    stock: qemu-img ...          the stock tool on both sides (what only stock can make)
    swap: qemu-io ...            the tool of the other side, on this side's images
    try: ...                     in a setup: stock's tool, or anywhere an @verb; may fail
    hold: qemu-io ...            the side's tool opens the image and keeps it, to the case's end
    stock-hold: qemu-io ...      the same with the stock tool on both sides
    @verb ...                    done by the harness itself (see actions.py)

`... <<< "text"` feeds text (with \\n escapes) to standard input; otherwise it is empty.
"""

import shlex
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One parsed line: who runs it, its words, its standard input."""

    who: str  # the prefix, "side" without one, or "action"
    argv: tuple
    stdin: bytes
    text: str


@dataclass(frozen=True)
class Case:
    """A named list of steps. `setup` is run once by stock, and its files copied to both sides.

    `uses` names fixtures (fixtures.py) whose files are there from the start. `loose` names what
    is not compared ("stdout", "stderr", "exit", "images"), or compared only as a sorted set of
    lines ("order"). With "guard" ours may refuse a write that stock makes.
    """

    name: str
    run: tuple
    setup: tuple = ()
    uses: tuple = ()
    loose: frozenset = field(default_factory=frozenset)

    def lines(self):
        """The case as text, to be printed and repeated by hand."""
        yield from (f"uses {name}" for name in self.uses)
        yield from (f"setup $ {step.text}" for step in self.setup)
        yield from (f"$ {step.text}" for step in self.run)


def parse_step(text):
    """Parses one line of a table into a Step."""
    who, line = "side", text.strip()
    for prefix in ("stock", "swap", "try", "hold", "stock-hold"):
        if line.startswith(prefix + ":"):
            who, line = prefix, line[len(prefix) + 1 :].strip()
    stdin = b""
    if "<<<" in line:
        line, _, tail = line.partition("<<<")
        stdin = shlex.split(tail)[0].encode().decode("unicode_escape").encode("latin-1")
    argv = tuple(shlex.split(line))
    if argv[0].startswith("@"):
        who = "try-action" if who == "try" else "action"
    elif argv[0] not in ("qemu-img", "qemu-io"):
        raise ValueError(f"not a command of the harness: {text}")
    return Step(who, argv, stdin, text.strip())


def parse_steps(text):
    """Parses a table: blank lines and lines that begin with # are left out."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(parse_step(line) for line in lines if line and not line.startswith("#"))


def case(name, run, setup="", uses="", loose=""):
    """Builds a Case from tables as text; `uses` and `loose` are words."""
    return Case(
        name,
        parse_steps(run),
        parse_steps(setup),
        tuple(uses.split()),
        frozenset(loose.split()),
    )


def table(prefix, text, setup="", uses="", loose=""):
    """One case for each line of `text`: `name | line ; line ; ...`."""
    cases = []
    for row in text.splitlines():
        row = row.strip()
        if not row or row.startswith("#"):
            continue
        name, _, lines = row.partition("|")
        steps = "\n".join(lines.split(" ; "))
        cases.append(case(f"{prefix}/{name.strip()}", steps, setup, uses, loose))
    return cases


def with_last(last, text):
    """Rows for table(), each `name | IMAGE line ; ...`: `last` follows, with X for the image."""
    rows = []
    for row in text.splitlines():
        name, _, rest = row.strip().partition("|")
        if rest:
            image, lines = rest.strip().split(" ", 1)
            rows.append(f"{name.strip()} | {lines} ; {last.replace('X', image)}")
    return "\n".join(rows)

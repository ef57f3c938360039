"""The records of a run: what a command said, what differed, what a case came to."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Failure:
    """One difference: its kind ("exit", "stdout", ..., "image-map"), where, and what."""

    kind: str
    where: str
    detail: str


@dataclass
class Outcome:
    """What a case came to."""

    name: str
    commands: list
    failures: list = field(default_factory=list)
    facts: Counter = field(default_factory=Counter)


@dataclass
class Said:
    """What one command said: exit code (or the word "timeout") and both outputs."""

    code: object
    stdout: str
    stderr: str

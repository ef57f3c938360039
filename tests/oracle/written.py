"""All the cases written by hand, of every table."""

import importlib
from pathlib import Path


def written_cases():
    """The cases of every cases_*.py; a name may be used once."""
    cases = []
    for table in sorted(Path(__file__).parent.glob("cases_*.py")):
        cases += importlib.import_module(table.stem).CASES
    names = [case.name for case in cases]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"names used twice: {sorted(doubled)}")
    return cases

"""All the cases written by hand, of every table."""

import importlib

TABLES = ("create", "info", "check", "map", "convert", "compare", "io", "open", "lock",
          "commit", "rebase",
          "interop", "guard", "repair", "snapshot",
          "bitmap", "vmstate",
          "bochs", "cloop", "dmg")


def written_cases():
    """The cases of every cases_*.py; a name may be used once."""
    cases = []
    for name in TABLES:
        cases += importlib.import_module("cases_" + name).CASES
    names = [case.name for case in cases]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"names used twice: {sorted(doubled)}")
    return cases

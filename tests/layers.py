#!/usr/bin/env python3
"""Holds the includes to the direction of the layers: a folder may include only itself and
what it stands on. With compilers, also sees that each public header compiles by itself.
Prints each breach; exit 1 if there is one.

    tests/layers.py [ROOT] [--compile CXX CC]
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

# folder -> folders it may include, besides itself and the public headers
ALLOWED = {
    "base": [],
    "async": ["base"],
    "codec": ["base"],
    "storage": ["async", "base"],
    "format": ["storage", "codec", "async", "base"],
    "graph": ["format", "storage", "async", "base"],
    "jobs": ["graph", "format", "storage", "async", "base"],
    "api": ["jobs", "graph", "format", "storage", "codec", "async", "base"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
RING_HEADERS = re.compile(r"^liburing")


def breaches(root):
    for path in sorted(root.glob("src/**/*.[hc]*")):
        layer = path.relative_to(root / "src").parts[0]
        for name in INCLUDE.findall(path.read_text()):
            top = name.split("/")[0]
            if top in ALLOWED and top != layer and top not in ALLOWED.get(layer, []):
                yield f"{path.relative_to(root)}: {layer} must not include {name}"
            if RING_HEADERS.match(name) and layer != "async":
                yield f"{path.relative_to(root)}: only async sees {name}"
    for path in sorted(root.glob("include/oxbow/*")):
        for name in INCLUDE.findall(path.read_text()):
            if "/" in name and not name.startswith("oxbow/"):
                yield f"{path.relative_to(root)}: public headers need the standard library alone, not {name}"


def compile_alone(header, root, cxx, cc):
    """The compiler's complaint about a file that includes nothing but `header`; empty if none."""
    language, compiler = ("c", cc) if header.suffix == ".h" and header.stem == "oxbow" else ("c++", cxx)
    standard = "-std=c99" if language == "c" else "-std=c++23"
    command = [compiler, "-x", language, standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
               f"-I{root}/include", "-"]
    text = f"#include <oxbow/{header.name}>\n"
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--compile", nargs=2, metavar=("CXX", "CC"))
    arguments = parser.parse_args()
    found = list(breaches(arguments.root))
    if arguments.compile:
        for header in sorted(arguments.root.glob("include/oxbow/*")):
            found += filter(None, [compile_alone(header, arguments.root, *arguments.compile)])
    print("\n".join(found) if found else "the layers hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

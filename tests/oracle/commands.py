#!/usr/bin/env python3
"""Every sub-command and option of the stock tools, and whether Oxbow takes it.

    commands.py --oxbow-dir build            # compares docs/commands.md with the tools; a test
    commands.py --oxbow-dir build --write    # writes docs/commands.md

What stock has is read from its help. A command line with each option alone is given to ours: an
answer other than "unrecognized option" or "not found" counts as taken. The test fails where the
document lacks something that stock has, or says "yes" of what ours does not take.
"""

import argparse
import os
import re
import subprocess
import sys

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "commands.md")
_UNKNOWN = ("unrecognized option", "Command not found", "invalid option")
_OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)(?:(=| )([A-Za-z_\[][^\s\]|)]*))?")

_HEAD = """# Commands and options

What the stock tools' help lists, and whether Oxbow takes it. Made by
`tests/oracle/commands.py --write`; a test holds it to the tools. That an option does what stock's
does is the business of the differential cases (`tests/oracle/cases_*.py`).

"""


def run(tool, *arguments):
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)
    return done.stdout + done.stderr


def stock_options(stock):
    """{command: [(option, has an argument)]} from the lines of qemu-img --help."""
    text = run(os.path.join(stock, "qemu-img"), "--help")
    lines = text.split("Command syntax:\n")[1].split("\n\n")[0].splitlines()
    commands = {}
    for line in lines:
        name, _, syntax = line.strip().partition(" ")
        found = {}
        for option, _, argument in _OPTION.findall(syntax):
            found[option] = found.get(option, False) or bool(argument)
        commands[name] = list(found.items())
    return commands


def takes(tool, command, option, has_argument):
    """Whether our tool knows an option: it may dislike everything else about the line."""
    words = [command, option] + (["1"] if has_argument else [])
    if option.startswith("--") and has_argument:
        words = [command, f"{option}=1"]
    answer = run(tool, *words, "/nonexistent/image")
    return not any(sign in answer for sign in _UNKNOWN)


def io_commands(stock):
    """The names of qemu-io's commands."""
    text = run(os.path.join(stock, "qemu-io"), "-c", "help")
    return re.findall(r"^(\w+) .*-- ", text, re.M)


def io_takes(tool, command):
    return "not found" not in run(tool, "-c", f"help {command}")


def survey(stock, ours):
    """Rows (tool, command, option or '', taken)."""
    rows = []
    image_tool, io_tool = (os.path.join(ours, name) for name in ("qemu-img", "qemu-io"))
    for command, options in sorted(stock_options(stock).items()):
        known = "Command not found" not in run(image_tool, command)
        rows.append(("qemu-img", command, "", known))
        for option, has_argument in options:
            taken = known and takes(image_tool, command, option, has_argument)
            rows.append(("qemu-img", command, option, taken))
    for command in sorted(io_commands(stock)):
        rows.append(("qemu-io", command, "", io_takes(io_tool, command)))
    return rows


def as_text(rows):
    lines = [_HEAD + "## qemu-img\n\n| command | option | taken |\n|---|---|---|"]
    for tool, command, option, taken in rows:
        if tool == "qemu-img":
            lines.append(f"| {command} | {option and '`' + option + '`'} | {_word(taken)} |")
    lines.append("\n## qemu-io\n\n| command | taken |\n|---|---|")
    lines += [f"| {row[1]} | {_word(row[3])} |" for row in rows if row[0] == "qemu-io"]
    return "\n".join(lines) + "\n"


def _word(taken):
    return "yes" if taken else "not yet"


def mistakes(rows, text):
    """What the document says wrongly, or does not say."""
    for tool, command, option, taken in rows:
        cells = f"| {command} | " + (f"{option and '`' + option + '`'} | " if tool == "qemu-img" else "")
        name = f"{tool} {command} {option}".strip()
        if cells + "yes |" in text:
            if not taken:
                yield f"{name}: documented, and not taken"
        elif cells + "not yet |" not in text:
            yield f"{name}: not in docs/commands.md"
        elif taken:
            print(f"taken by now: {name} (commands.py --write)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oxbow-dir", required=True)
    parser.add_argument("--stock-dir", default="/usr/bin")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = survey(options.stock_dir, os.path.abspath(options.oxbow_dir))
    if options.write:
        with open(DOCUMENT, "w", encoding="utf-8") as document:
            document.write(as_text(rows))
        return 0
    with open(DOCUMENT, encoding="utf-8") as document:
        found = list(mistakes(rows, document.read()))
    for line in found:
        print(line)
    print(f"{len(rows)} commands and options, {len(found)} mistakes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The pages made from the table of commands: the manual renders, the shells load and complete.

    help_pages.py BUILD_DIRECTORY

What needs a program that is not installed (groff, zsh, fish) is left out, and said so.
"""

import os
import shutil
import subprocess
import sys
import tempfile

OXBOW = os.path.join(os.path.abspath(sys.argv[1]), "oxbow")
FAILURES = []


def run(*words, stdin=""):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def expect(what, true):
    print(f"{'ok' if true else 'FAILED'}: {what}")
    if not true:
        FAILURES.append(what)


def page(kind):
    code, text, errors = run(OXBOW, "help", kind)
    expect(f"help {kind} prints its page", code == 0 and text and not errors)
    return text


def check_man(text):
    if not shutil.which("groff"):
        return print("left out: groff is not installed")
    code, shown, warnings = run("groff", "-man", "-ww", "-Tascii", "-P-cbou", stdin=text)
    expect(f"the manual page renders without a warning {warnings}", code == 0 and not warnings)
    for word in ("oxbow resize", "--preallocation", "measure"):
        expect(f"the manual page has {word}", word in shown)


def complete_in_bash(script, *words):
    """The words that bash offers for the last of a command line."""
    quoted = " ".join(f"'{word}'" for word in words)
    code, shown, errors = run("bash", "-c", f"""source '{script}'
        compopt() {{ :; }}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _oxbow; echo "${{COMPREPLY[@]}}" """)
    return shown.split() if code == 0 and not errors else [f"code {code}", errors]


def check_bash(script):
    def offers(*words):
        return complete_in_bash(script, "oxbow", *words)

    expect("bash completes a command", offers("res") == ["resize"])
    expect("bash offers every command", {"convert", "measure", "dd"} <= set(offers("")))
    expect("bash completes an option", offers("resize", "--pre") == ["--preallocation="])
    expect("bash completes an option's word", offers("resize", "--preallocation", "=", "fu") == ["full"])
    expect("bash completes a format", offers("info", "-f", "q") == ["qcow2"])


def check_zsh(script):
    if not shutil.which("zsh"):
        return print("left out: zsh is not installed")
    code, _, errors = run("zsh", "-n", script)
    expect(f"zsh reads its page {errors}", code == 0 and not errors)
    with open(script, encoding="utf-8") as text:
        expect("zsh's page has an option", "--preallocation=[" in text.read())


def check_fish(script):
    if not shutil.which("fish"):
        return print("left out: fish is not installed")

    def offers(line):
        _, shown, errors = run("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'")
        return [row.split("\t")[0] for row in shown.splitlines()] + errors.split()

    expect("fish completes a command", offers("oxbow res") == ["resize"])
    expect("fish completes an option", "--preallocation" in " ".join(offers("oxbow resize --pre")))


def main():
    with tempfile.TemporaryDirectory() as directory:
        scripts = {}
        for kind in ("bash", "zsh", "fish"):
            scripts[kind] = os.path.join(directory, kind)
            with open(scripts[kind], "w", encoding="utf-8") as file:
                file.write(page(kind))
        check_man(page("man"))
        check_bash(scripts["bash"])
        check_zsh(scripts["zsh"])
        check_fish(scripts["fish"])
    code, _, _ = run(OXBOW, "help", "nope")
    expect("help refuses another word", code == 1)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())

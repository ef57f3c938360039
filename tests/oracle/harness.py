"""Runs a case on both sides, in lock step, in two directories with the same file names."""

import os
import re
import shutil
import subprocess

import actions
import compare
from files import copy_tree, listing, same_trees
from fixtures import FIXTURES
from holder import Holder
from judge import Judge
from outcome import Failure, Outcome, Said

TIMEOUT = 40  # seconds that one command may take
FLAKE = "Unable to get accurate CPU usage"  # what stock says every other time it calibrates PBKDF2
TRIES = 60
GUARD = "Preventing invalid "  # what the refusals of writes have in common


class Tools:
    """Runs one side's tools by the names qemu-img and qemu-io."""

    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"}

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)

    def run(self, argv, cwd, stdin=b""):
        """Runs argv, whose first word names the tool, and returns what it said."""
        for _ in range(TRIES):
            said = self._run(argv, cwd, stdin)
            if FLAKE not in said.stderr:
                break
        return said

    def _run(self, argv, cwd, stdin):
        try:
            done = subprocess.run(
                argv,
                executable=os.path.join(self.directory, argv[0]),
                cwd=cwd,
                input=stdin,
                capture_output=True,
                timeout=TIMEOUT,
                env=self.environment,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return Said("timeout", _text(late.stdout, cwd), _text(late.stderr, cwd))
        return Said(done.returncode, _text(done.stdout, cwd), _text(done.stderr, cwd))


# What Debian has split off from stock (unpackers for dmg), and stock misses aloud.
_MODULE = re.compile(rb"^qemu: module block-\S+ not found, .*\n", re.M)


def _text(data, cwd):
    data = _MODULE.sub(b"", data or b"")
    return data.decode("utf-8", "backslashreplace").replace(cwd, "DIR")


class Harness:
    """Holds the two tools and a scratch directory; runs cases one after the other."""

    def __init__(self, stock_dir, oxbow_dir, work, options):
        self.stock, self.oxbow = Tools(stock_dir), Tools(oxbow_dir)
        self.work, self.options = work, options
        self.judge = Judge(self.stock, self.oxbow, options)
        self.fixtures = {}

    def run(self, case):
        """Runs one case and compares everything; never raises for what a tool does."""
        root = os.path.join(self.work, "case")
        shutil.rmtree(root, ignore_errors=True)
        stock, ours = os.path.join(root, "s"), os.path.join(root, "o")
        os.makedirs(stock)
        os.mkdir(ours)
        outcome = Outcome(case.name, list(case.lines()))
        before = os.path.join(root, "b")
        os.mkdir(before)
        self._prepare(case, before)
        copy_tree(before, stock)
        copy_tree(before, ours)
        self._steps(case, stock, ours, outcome)
        if outcome.facts["stock timeouts"]:
            return outcome  # stock itself does not end: nothing to compare with
        self._compare_files(stock, ours, outcome)
        if "images" not in case.loose:
            self.judge.compare_images(before, stock, ours, outcome)
        if "guard" in case.loose and outcome.facts["refused by the guard"]:
            outcome.failures.clear()  # stock wrote on into what is damaged
        return outcome

    def _steps(self, case, stock, ours, outcome):
        holders = []
        for step in case.run:
            if step.who in ("hold", "stock-hold"):
                own = self.oxbow if step.who == "hold" else self.stock
                holders.append(Holder(self.stock, step.argv, stock))
                holders.append(Holder(own, step.argv, ours))
            elif not outcome.facts["stock timeouts"]:
                self._step(step, case, stock, ours, outcome)
        self._release(holders, outcome)

    def _release(self, holders, outcome):
        codes = [holder.release() for holder in holders]
        if codes[::2] != codes[1::2]:
            detail = f"stock {codes[::2]}, oxbow {codes[1::2]}"
            outcome.failures.append(Failure("exit", "qemu-io held open", detail))

    def _prepare(self, case, directory):
        for name in case.uses:
            copy_tree(self._fixture(name), directory)
        self._setup(case.setup, directory, case.name)

    def _setup(self, steps, directory, name):
        for step in steps:
            if step.who == "action":
                actions.run_action(step.argv, directory)
                continue
            said = self.stock.run(step.argv, directory, step.stdin)
            if said.code and step.who != "try":
                raise RuntimeError(f"{name}: stock fails in setup: {step.text}: {said}")

    def _fixture(self, name):
        """The directory of a fixture's images, made at its first use."""
        if name not in self.fixtures:
            directory = os.path.join(self.work, "fixture-" + name)
            shutil.rmtree(directory, ignore_errors=True)
            os.mkdir(directory)
            self._setup(FIXTURES[name], directory, name)
            self.fixtures[name] = directory
        return self.fixtures[name]

    def _step(self, step, case, stock_dir, our_dir, outcome):
        if step.argv[0].startswith("@"):
            for directory in (stock_dir, our_dir):
                self._action(step, directory, outcome)
            return
        left, right = {
            "side": (self.stock, self.oxbow),
            "swap": (self.oxbow, self.stock),
            "stock": (self.stock, self.stock),
        }[step.who]
        stock = left.run(step.argv, stock_dir, step.stdin)
        ours = right.run(step.argv, our_dir, step.stdin)
        outcome.facts["commands"] += 1
        by_stock = [said.code for tool, said in ((left, stock), (right, ours)) if tool is self.stock]
        if "timeout" in by_stock:
            outcome.facts["stock timeouts"] += 1
            return

        # A map or check must agree to the byte where both read the same bytes.
        def layout_may_differ():
            return not (self.options.strict or same_trees(stock_dir, our_dir))

        self._compare_said(step, case.loose, stock, ours, layout_may_differ, outcome)

    def _action(self, step, directory, outcome):
        try:
            actions.run_action(step.argv, directory)
        except (OSError, TypeError, ArithmeticError) as error:
            if step.who != "try-action":
                outcome.failures.append(Failure("action", step.text, str(error)))

    def _compare_said(self, step, loose, stock, ours, layout_may_differ, outcome):
        if stock.code != ours.code and "exit" not in loose:
            kind = "exit"
            if ours.code == "timeout":
                kind = "timeout"
            elif isinstance(ours.code, int) and ours.code < 0:
                kind = "crash"
            detail = f"stock {stock.code}, oxbow {ours.code}"
            outcome.failures.append(Failure(kind, step.text, detail))
        if GUARD in ours.stderr and GUARD not in stock.stderr:
            outcome.facts["refused by the guard"] = 1
        for stream in ("stdout", "stderr"):
            if stream in loose:
                continue
            a, b = getattr(stock, stream), getattr(ours, stream)
            if "order" in loose:
                a, b = ("\n".join(sorted(compare.mask(t).splitlines())) for t in (a, b))
            if not compare.same_output(a, b, step.argv, layout_may_differ):
                detail = difference(compare.mask(a), compare.mask(b))
                outcome.failures.append(Failure(stream, step.text, detail))

    def _compare_files(self, stock, ours, outcome):
        a, b = listing(stock), listing(ours)
        if a != b:
            detail = f"only stock: {sorted(a - b)}, only oxbow: {sorted(b - a)}"
            outcome.failures.append(Failure("files", "set of files", detail))


def difference(stock, ours, limit=12):
    """The lines that differ, stock's with -, ours with +; at most `limit` of each side."""
    a, b = stock.splitlines(keepends=True), ours.splitlines(keepends=True)
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    lines = ["- " + repr(line)[1:-1] for line in a[:limit]]
    return "\n".join(lines + ["+ " + repr(line)[1:-1] for line in b[:limit]])

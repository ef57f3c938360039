#!/usr/bin/env python3
"""Tests the harness itself: stock against stock passes, and each kind of fault is caught."""

import os
import tempfile
import unittest

import compare
import run
from case import case
from harness import Harness, Tools

HERE = os.path.dirname(os.path.abspath(__file__))

WRITES = """
    qemu-img create -f qcow2 a.qcow2 4M
    qemu-io -c "write -P 1 0 100k" a.qcow2
"""
READS = """
    qemu-img info a.qcow2
    qemu-io -c "read 0 1" a.qcow2
    qemu-img info none
"""
CONVERTS = "qemu-img convert a.qcow2 o.raw"


class FaultsAreCaught(unittest.TestCase):
    """One broken tool after the other in place of ours."""

    def kinds(self, fault, lines, uses=""):
        """The kinds of failures of a case, with ours broken by `fault`."""
        with tempfile.TemporaryDirectory() as work:
            tools = os.path.join(work, "tools")
            os.mkdir(tools)
            for name in ("qemu-img", "qemu-io"):
                path = os.path.join(tools, name)
                # A script sees its own path as its name, whatever argv[0] was.
                os.symlink(os.path.join(HERE, "broken_tool.py"), path)
            options = run.arguments(["--oxbow-dir", tools])
            os.environ["ORACLE_FAULT"] = fault
            Tools.environment = Tools.environment | {"ORACLE_FAULT": fault}
            harness = Harness("/usr/bin", tools, work, options)
            outcome = harness.run(case("selftest", lines, uses=uses))
            return {failure.kind for failure in outcome.failures}

    def test_no_fault_passes(self):
        self.assertEqual(self.kinds("none", WRITES + READS + CONVERTS), set())

    def test_exit_code(self):
        self.assertIn("exit", self.kinds("exit", READS, "plain"))

    def test_standard_output(self):
        self.assertEqual(self.kinds("stdout", READS, "plain"), {"stdout"})

    def test_malformed_statistics(self):
        self.assertEqual(self.kinds("statistics", READS, "plain"), {"stdout"})

    def test_standard_error(self):
        self.assertEqual(self.kinds("stderr", READS, "plain"), {"stderr"})

    def test_extra_file(self):
        self.assertEqual(self.kinds("files", WRITES), {"files"})

    def test_wrong_guest_byte(self):
        self.assertEqual(self.kinds("guest", WRITES), {"image-guest"})

    def test_wrong_allocation(self):
        self.assertIn("image-map", self.kinds("map", WRITES))

    def test_leak(self):
        self.assertIn("image-check", self.kinds("check", WRITES))

    def test_header_bit(self):
        self.assertEqual(self.kinds("header", WRITES), {"image-header"})

    def test_image_too_large(self):
        self.assertEqual(self.kinds("size", WRITES), {"image-size"})

    def test_raw_contents(self):
        self.assertIn("raw-bytes", self.kinds("raw-bytes", CONVERTS, "plain"))

    def test_raw_holes(self):
        self.assertEqual(self.kinds("raw-holes", CONVERTS, "plain"), {"raw-holes"})

    def test_raw_size(self):
        self.assertIn("raw-size", self.kinds("raw-size", CONVERTS, "plain"))

    def test_reading_of_stocks_image(self):
        self.assertEqual(self.kinds("cross-read", WRITES), {"cross-read"})

    def test_crash(self):
        self.assertIn("crash", self.kinds("crash", READS, "plain"))


class MasksAreNarrow(unittest.TestCase):
    """What is masked is masked, what is not masked differs."""

    def test_times_do_not_matter(self):
        a = "64 KiB, 1 ops; 00.00 sec (112.502 MiB/sec and 1800.0374 ops/sec)\n"
        b = "64 KiB, 1 ops; 00.01 sec (1 bytes/sec and 1.0000 ops/sec)\n"
        self.assertTrue(compare.same_output(a, b, ("qemu-io",), lambda: False))

    def test_sizes_matter(self):
        a = "64 KiB, 1 ops; 00.00 sec (112.502 MiB/sec and 1800.0374 ops/sec)\n"
        self.assertFalse(compare.same_output(a, a.replace("64", "63"), ("qemu-io",), lambda: False))

    def test_offsets_matter_where_the_bytes_are_the_same(self):
        a = '[{ "start": 0, "length": 512, "data": true, "offset": 0}]\n'
        b = a.replace('"offset": 0', '"offset": 9')
        argv = ("qemu-img", "map", "--output=json", "a")
        self.assertFalse(compare.same_output(a, b, argv, lambda: False))
        self.assertTrue(compare.same_output(a, b, argv, lambda: True))

    def test_generated_cases_are_the_same_again(self):
        names = [[c.lines() for c in run.generate(3, 50)] for _ in range(2)]
        self.assertEqual([list(n) for n in names[0]], [list(n) for n in names[1]])


if __name__ == "__main__":
    unittest.main()

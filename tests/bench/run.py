#!/usr/bin/env python3
"""Stock tools and Oxbow, in turns, on the same work: ratios of CPU, wall time and memory.

    tests/bench/run.py --ours build                  # everything at the stated sizes
    tests/bench/run.py --ours build --quick          # about a minute
    tests/bench/run.py --ours build --only convert

Figures are medians of --runs runs (at least 5 for publication). A ratio below 1 means that
Oxbow needs less. The scratch folder should be on the disk that is to be measured and needs
room for three times the size of the file system image."""

import argparse
import os
import platform
import shutil
import sys
import tempfile

import bitmaps
import chain
import compress
import convert
import encrypt
import guard
import measure
import small_io
import snapshots
import tables

PARTS = {"convert": convert, "compress": compress, "encrypt": encrypt, "tables": tables, "io": small_io,
         "snapshots": snapshots, "chain": chain}
TABLES = {"guard": guard, "bitmaps": bitmaps}  # with figures of their own


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True, help="folder with Oxbow's qemu-img and qemu-io")
    parser.add_argument("--stock", default=os.path.dirname(shutil.which("qemu-img") or "/usr/bin/x"),
                        help="folder with the stock ones")
    parser.add_argument("--only", choices=[*sorted(PARTS), *TABLES], action="append")
    parser.add_argument("--scratch", help="folder for images, kept (default: a temporary one, removed)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=5120, help="of the file system image")
    parser.add_argument("--table-size", default="1T", help="of the preallocated image")
    parser.add_argument("--operations", type=int, default=20000, help="small reads and writes")
    parser.add_argument("--quick", action="store_true", help="small sizes, three runs")
    settings = parser.parse_args()
    if settings.quick:
        settings.runs, settings.megabytes = 3, 400
        settings.table_size, settings.operations = "64G", 2000
    return settings


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    processor = models[0] if models else platform.machine()
    return (f"{os.cpu_count()} processors ({processor}), {memory:.0f} GiB of memory, "
            f"Linux {platform.release().split('-')[0]}")


def main():
    settings = arguments()
    temporary = settings.scratch is None
    folder = settings.scratch or tempfile.mkdtemp(prefix="oxbow-bench-")
    os.makedirs(folder, exist_ok=True)
    chosen = settings.only or [*PARTS, *TABLES]
    settings.scratch = folder
    tools = measure.Tools(os.path.abspath(settings.stock), os.path.abspath(settings.ours))
    results = []
    tables_made = []
    try:
        for part in chosen:
            if part in PARTS:
                results.extend(PARTS[part].benchmarks(tools, settings))
            else:
                tables_made.append(TABLES[part].table(tools, settings))
    except measure.Failed as failure:
        print(f"stopped: {failure}", file=sys.stderr)
    finally:
        print(f"{machine()}\n")
        if results:
            print(measure.table(results))
        for made in tables_made:
            print(f"\n{made}")
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if results or tables_made else 1


if __name__ == "__main__":
    sys.exit(main())

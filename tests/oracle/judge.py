"""Judges the images that a case left behind, with the stock tools as the judge.

For each image that the case made or changed: `check` and `map` by stock on both, guest contents
by stock's `compare`, header facts read by ourselves; raw files by their bytes and holes. Then the
cross reading: our tools read the image that stock wrote, and must see what stock sees.
"""

import json
import os
import re

import compare
from files import data_ranges, same_bytes
from foreign import format_of, masked_copy
from outcome import Failure
from qcow2 import MAGIC, Qcow2

IMG = "qemu-img"
LARGEST_READ = 256 << 20  # guest bytes; larger images are judged by check and map only
CHECK_KEYS = ("check-errors", "corruptions", "leaks", "total-clusters", "allocated-clusters")
CHECK_KEYS += ("compressed-clusters",)


class Judge:
    """Compares two directories of images against each other and against the state before."""

    def __init__(self, stock, oxbow, options):
        self.stock, self.oxbow, self.options = stock, oxbow, options

    def compare_images(self, before, stock_dir, our_dir, outcome):
        """Appends a failure for every image that differs in what must be equal."""
        data_files = _data_files(stock_dir)
        for name in sorted(os.listdir(stock_dir)):
            paths = [os.path.join(base, name) for base in (before, stock_dir, our_dir)]
            if not all(os.path.isfile(path) for path in paths[1:]):
                continue
            if _unchanged(*paths):
                continue
            foreign = format_of(paths[1])
            kind = {MAGIC: "qcow2", b"LUKS": "luks"}.get(_magic(paths[1])) or foreign or "raw"
            outcome.facts[f"{kind} images"] += 1
            identical = _same_image(foreign, *paths[1:])
            outcome.facts[f"{kind} identical"] += identical
            if foreign:
                self._foreign(name, foreign, stock_dir, our_dir, identical, outcome)
                continue
            if kind == "luks":  # random throughout; cases let each side read the other's
                self._size(name, paths[1], paths[2], outcome)
                continue
            if name in data_files:
                self._external_data(name, data_files[name], stock_dir, our_dir, outcome)
                continue
            if kind == "raw":
                self._raw(name, paths[1], paths[2], outcome)
                continue
            self._qcow2(name, stock_dir, our_dir, identical, outcome)
            if self.options.cross:
                self._cross(name, stock_dir, outcome)

    def _fail(self, outcome, kind, name, detail):
        outcome.failures.append(Failure(kind, name, detail))

    def _size(self, name, stock, ours, outcome):
        sizes = os.path.getsize(stock), os.path.getsize(ours)
        if sizes[0] != sizes[1]:
            self._fail(outcome, "raw-size", name, f"stock {sizes[0]}, oxbow {sizes[1]}")
        return sizes

    def _raw(self, name, stock, ours, outcome):
        sizes = self._size(name, stock, ours, outcome)
        if sizes[0] == sizes[1] and not same_bytes(stock, ours):
            self._fail(outcome, "raw-bytes", name, "contents differ")
        holes = list(data_ranges(stock)), list(data_ranges(ours))
        if sizes[0] == sizes[1] and holes[0] != holes[1]:
            self._fail(outcome, "raw-holes", name, f"- {holes[0][:8]}\n+ {holes[1][:8]}")

    def _external_data(self, name, raw, stock_dir, our_dir, outcome):
        """The image is compared as a disk. By itself its data file must read as that disk only
        where it is raw; how long it is beyond, and where it has holes, is each tool's own."""
        paths = [os.path.join(base, name) for base in (stock_dir, our_dir)]
        if raw:
            said = self.stock.run((IMG, "compare", "-f", "raw", "-F", "raw", *paths), stock_dir)
            if said.code != 0:
                self._fail(outcome, "data-file-bytes", name, said.stdout + said.stderr)
        used = [os.stat(path).st_blocks * 512 for path in paths]
        if not compare.disk_size_near(used[1], used[0]):
            self._fail(outcome, "data-file-size", name, f"stock {used[0]}, oxbow {used[1]}")

    def _foreign(self, name, kind, stock_dir, our_dir, identical, outcome):
        """Other formats: the same bytes, or the same disk by stock's check and compare."""
        if not identical:
            if self.options.strict:
                self._fail(outcome, "image-bytes", name, "bytes differ")
            sides = []
            for base in (stock_dir, our_dir):
                said = self.stock.run((IMG, "info", "--output=json", "-f", kind, name), base)
                facts = {k: v for k, v in _json(said.stdout).items() if k != "actual-size"}
                check = self.stock.run((IMG, "check", "-f", kind, name), base)
                sides.append(facts | {"exit": said.code, "check": check.code})
            if sides[0] != sides[1]:
                self._fail(outcome, "image-info", name, _pairs(*sides))
            self._compare_guest(name, kind, stock_dir, our_dir, outcome)
        if self.options.cross:
            self._cross_read(name, stock_dir, outcome, kind)

    def _qcow2(self, name, stock_dir, our_dir, identical, outcome):
        if identical:
            return
        if self.options.strict:
            self._fail(outcome, "image-bytes", name, "bytes differ")
        facts = []
        for base in (stock_dir, our_dir):
            with Qcow2(os.path.join(base, name)) as image:
                facts.append(image.facts())
        if facts[0] != facts[1]:
            self._fail(outcome, "image-header", name, _pairs(*facts))
        self._check(name, stock_dir, our_dir, outcome)
        self._map(name, stock_dir, our_dir, outcome)
        self._guest(name, stock_dir, our_dir, outcome)
        used = [os.stat(os.path.join(base, name)).st_blocks * 512 for base in (stock_dir, our_dir)]
        if not compare.disk_size_near(used[1], used[0]):
            self._fail(outcome, "image-size", name, f"on disk: stock {used[0]}, oxbow {used[1]}")

    def _check(self, name, stock_dir, our_dir, outcome):
        results = []
        for base in (stock_dir, our_dir):
            said = self.stock.run((IMG, "check", "--output=json", "-f", "qcow2", name), base)
            facts = _json(said.stdout)
            results.append({key: facts.get(key) for key in CHECK_KEYS} | {"exit": said.code})
            errors = said.stderr
        if results[0] != results[1]:
            detail = _pairs(*results) + "\n" + "\n".join(errors.splitlines()[:6])
            self._fail(outcome, "image-check", name, detail)

    def _map(self, name, stock_dir, our_dir, outcome):
        maps = []
        for base in (stock_dir, our_dir):
            said = self.stock.run((IMG, "map", "--output=json", "-f", "qcow2", name), base)
            maps.append(said.stdout if said.code == 0 else f"exit {said.code}")
        plain = [m if m[:1] != "[" else compare.merge_map(json.loads(m)) for m in maps]
        if plain[0] != plain[1]:
            lines = [[str(e) for e in m] if isinstance(m, list) else [m] for m in plain]
            only = ["- " + e for e in lines[0] if e not in lines[1]][:6]
            only += ["+ " + e for e in lines[1] if e not in lines[0]][:6]
            self._fail(outcome, "image-map", name, "\n".join(only))

    def _guest(self, name, stock_dir, our_dir, outcome):
        with Qcow2(os.path.join(stock_dir, name)) as image:
            if image.header("size") > LARGEST_READ:
                return
        self._compare_guest(name, "qcow2", stock_dir, our_dir, outcome)

    def _compare_guest(self, name, kind, stock_dir, our_dir, outcome):
        parent = os.path.dirname(stock_dir)
        words = [os.path.join(os.path.basename(base), name) for base in (stock_dir, our_dir)]
        data_files = [_data_file(os.path.join(parent, word)) for word in words]
        formats = ("-f", kind, "-F", kind)
        if all(data_files):
            # Its name is seen from the working folder, which is another one here.
            formats = ("--image-opts",)
            words = [
                f"driver={kind},file.filename={word},"
                f"data-file.filename={os.path.join(os.path.dirname(word), data)}"
                for word, data in zip(words, data_files)
            ]
        said = self.stock.run((IMG, "compare", *formats, *words), parent)
        if said.code == 0:
            return
        if said.code == 1:
            self._fail(outcome, "image-guest", name, said.stdout.strip())
            return
        # Neither may be readable, if stock cannot read what stock made.
        info = ("info", *formats[:2]) if formats[0] == "-f" else ("info", *formats)
        opens = [self.stock.run((IMG, *info, w), parent).code for w in words]
        if opens[0] != opens[1] or said.code not in (0, 2, 3, 4):
            self._fail(outcome, "image-guest", name, said.stderr.strip())

    def _cross(self, name, stock_dir, outcome):
        """Our tools on stock's image: check and map say what stock's say, convert reads it."""
        for words in (("check", "--output=json"), ("map", "--output=json")):
            argv = (IMG, *words, "-f", "qcow2", name)
            stock, ours = self.stock.run(argv, stock_dir), self.oxbow.run(argv, stock_dir)
            if stock != ours:
                detail = f"- {stock.code} {stock.stdout[:300]}{stock.stderr[:300]}\n"
                detail += f"+ {ours.code} {ours.stdout[:300]}{ours.stderr[:300]}"
                self._fail(outcome, "cross-" + words[0], name, detail)
        self._cross_read(name, stock_dir, outcome)

    def _cross_read(self, name, directory, outcome, kind="qcow2"):
        size = self.stock.run((IMG, "info", "--output=json", "-f", kind, name), directory)
        if _json(size.stdout).get("virtual-size", 0) > LARGEST_READ:
            return
        raw = name + ".cross"
        path = os.path.join(directory, raw)
        argv = (IMG, "convert", "-f", kind, "-O", "raw", name, raw)
        ours = self.oxbow.run(argv, directory)
        words = (IMG, "compare", "-f", kind, "-F", "raw", name, raw)
        stock = self.stock.run(words, directory)
        # What stock itself cannot convert, ours need not.
        if (ours.code or stock.code) and self.stock.run(argv, directory).code == 0:
            detail = (ours.stderr + stock.stdout + stock.stderr)[:300]
            self._fail(outcome, "cross-read", name, detail)
        if os.path.exists(path):
            os.remove(path)


def _data_files(folder):
    """The external data files of the qcow2 images in a folder, and whether each is raw."""
    found = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if not os.path.isfile(path) or _magic(path) != MAGIC:
            continue
        with Qcow2(path) as image:
            if image.data_file:
                found[os.path.basename(image.data_file)] = image.data_file_raw
    return found


def _data_file(path):
    """The name of a qcow2 image's external data file, if it has one."""
    if _magic(path) != MAGIC:
        return None
    with Qcow2(path) as image:
        return image.data_file


def _unchanged(before, stock, ours):
    return (
        os.path.isfile(before)
        and same_bytes(before, stock)
        and same_bytes(before, ours)
    )


def _same_image(kind, stock, ours):
    if kind is None:
        return same_bytes(stock, ours)
    copies = [path + ".masked" for path in (stock, ours)]
    for path, copy in zip((stock, ours), copies):
        masked_copy(path, copy, kind)
    same = same_bytes(*copies)
    for copy in copies:
        os.remove(copy)
    return same


def _magic(path):
    with open(path, "rb") as file:
        return file.read(4)


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _pairs(stock, ours):
    """The keys that differ, as `key: stock X, oxbow Y`."""
    keys = [key for key in stock if stock[key] != ours.get(key)]
    return re.sub(r"\s+", " ", ", ".join(f"{k}: stock {stock[k]}, oxbow {ours.get(k)}" for k in keys))

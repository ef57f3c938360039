"""Compares what the two sides said: byte for byte, after masking only what must differ.

What is masked always: times and rates of qemu-io's statistics and of bench, dates of snapshots. What is masked
only when the two sides' images differ in bytes (each was written by its own tool): host offsets in
map and the holes inside data clusters, the image's end and its fragmentation in check, the disk
size (held to a tolerance instead).
"""

import json
import re

# qemu-io: "64 KiB, 1 ops; 00.00 sec (1.2 MiB/sec and 19.0000 ops/sec)", and its -C form
_STATS = re.compile(
    r"^(.*, \d+ ops); (?:\d\d\.\d\d sec|\d+:\d\d:\d\d\.\d\d)"
    r" \([\d.]+ (?:bytes|[KMGTPE]iB)/sec and \d+\.\d{4} ops/sec\)$",
    re.M,
)
_STATS_SHORT = re.compile(r"^(\d+,\d+),\d+:\d\d:\d\d\.\d\d,\d+\.\d{3},\d+\.\d{3}$", re.M)
_BENCH = re.compile(r"^Run completed in \d+\.\d{3} seconds\.$", re.M)
# -p: how large the steps are is a matter of the tool's buffers.
_PROGRESS = re.compile(r"(?:    \(\d+\.\d\d/100%\)\r)+")
_DATE = re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b")
_DATE_JSON = re.compile(r'"date-(n?sec)": \d+')
_DISK_SIZE = re.compile(r'^(\s*disk size: ).*$|^(\s*"actual-size": )\d+', re.M)
_IMAGE_END = re.compile(r'^(Image end offset: )\d+$|^(\s*"image-end-offset": )\d+', re.M)
_FRAGMENTED = re.compile(r"\d+\.\d\d% fragmented")
_FRAGMENTED_JSON = re.compile(r',?\n\s*"fragmented-clusters": \d+')
# Stock numbers its nodes; ours names the file.
_NODE = re.compile(r"(persistent in|persistent bitmaps to) ('[^']*'|[^:\s]+)")
# LUKS volumes are random.
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
# Of vmdk images, random: other than that of no parent.
_CID = re.compile(r'^(\s*(?:parent )?cid: |\s*"(?:parent-)?cid": )(?!4294967295)\d+', re.M)
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def _progress(match):
    """Whether they rise, and whether they come to the end."""
    steps = [float(number) for number in re.findall(r"\((\d+\.\d\d)/", match.group())]
    rising = "rising" if steps == sorted(steps) else "not rising"
    end = "100" if steps[-1] == 100 else "less than 100"
    return f"(PROGRESS to {end}, {rising})"


def mask(text):
    """Masks times, rates, dates and steps; a malformed statistics line stays as it is."""
    text = _PROGRESS.sub(_progress, text)
    text = _STATS.sub(r"\1; TIME", text)
    text = _STATS_SHORT.sub(r"\1,TIME", text)
    text = _BENCH.sub("Run completed in TIME", text)
    text = _DATE.sub("DATE", text)
    text = _UUID.sub("UUID", text)
    text = _CID.sub(r"\1CID", text)
    text = _NODE.sub(r"\1 NODE", text)
    return _DATE_JSON.sub(r'"date-\1": 0', text)


def merge_map(entries):
    """Joins neighbours of a map's JSON entries that differ only in place.

    Whether the host keeps zeroes of a data cluster as a hole is a matter of place, too: ours are
    sparse where stock writes or preallocates them.
    """
    merged = []
    for entry in entries:
        entry = {key: value for key, value in entry.items() if key != "offset"}
        if entry["data"]:
            entry["zero"] = False
        last = merged[-1] if merged else None
        same = last and all(last[key] == entry[key] for key in entry if key not in _PLACE)
        if same and last["start"] + last["length"] == entry["start"]:
            last["length"] += entry["length"]
        else:
            merged.append(entry)
    return merged


_PLACE = ("start", "length")


def _map_files(text):
    """The files of a human map: it lists no holes, and those are a matter of place."""
    return {row.split(None, 3)[3] for row in text.splitlines()[1:] if row.count(" ") >= 3}


def mask_layout(text, argv):
    """Masks what depends on where clusters lie in the file."""
    if "map" in argv:
        try:
            return str(merge_map(json.loads(text)))
        except (ValueError, KeyError, TypeError):
            return text
    text = _DISK_SIZE.sub(r"\1\2N", text)
    text = _IMAGE_END.sub(r"\1\2N", text)
    text = _FRAGMENTED.sub("N% fragmented", text)
    return _FRAGMENTED_JSON.sub("", text)


def disk_sizes(text):
    """The disk sizes that `info` states, in bytes (rounded as the human form rounds)."""
    sizes = []
    for match in re.finditer(r'disk size: ([\d.]+) (\w+)|"actual-size": (\d+)', text):
        number, unit, exact = match.groups()
        sizes.append(int(exact) if exact else int(float(number) * _UNITS.get(unit, 1)))
    return sizes


def disk_size_near(ours, stock):
    """Ours may be smaller without limit, and larger by a quarter and 256 KiB."""
    return ours <= stock * 1.25 + (256 << 10)


def same_output(stock, ours, argv, layout_may_differ):
    """True when two outputs of one stream say the same; `layout_may_differ` is a question."""
    stock, ours = mask(stock), mask(ours)
    if stock == ours:
        return True
    if not layout_may_differ():
        return False
    if "map" in argv and stock[:6] == ours[:6] == "Offset":
        return _map_files(stock) >= _map_files(ours)
    near = all(disk_size_near(b, a) for a, b in zip(disk_sizes(stock), disk_sizes(ours)))
    return near and mask_layout(stock, argv) == mask_layout(ours, argv)

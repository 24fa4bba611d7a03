"""Reads, copies and lists the files of a directory: the one that it is given, or each that standard input names."""

import json
import os
import shutil
import sys
import tempfile


def work(directory):
    with tempfile.TemporaryDirectory(prefix="some-io-") as scratch:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                shutil.copyfile(path, os.path.join(scratch, "copy"))
                with open(path, "rb") as source, open(os.path.join(scratch, "other"), "ab") as sink:
                    while piece := source.read(4093):
                        sink.write(piece)
        with open(os.path.join(scratch, "list"), "w") as sink:
            json.dump(sorted(os.listdir(directory)), sink)
        try:
            os.stat(os.path.join(scratch, "missing"))
        except FileNotFoundError:
            pass


if len(sys.argv) > 1:
    # A name drawn at random can be taken; this one is not.
    tempfile._get_candidate_names = lambda: iter(["fixed"])
    work(sys.argv[1])
else:
    while line := os.read(0, 4096).decode().strip():
        work(line)
        os.write(1, b"done\n")

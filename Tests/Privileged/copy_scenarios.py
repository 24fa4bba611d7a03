"""Runs a scenario of programs/copies.c under iotrace and compares the two ledgers: the traced one and the program's own."""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import ENVIRONMENT, HERE, of_pid
from copy_ledger import check_ledger, hidden, hints, written_on

SIZE = 200_003
PAGE = 4096
# What the scenarios map, and touch a part of.
MAPPED = 1 << 20


@pytest.fixture(scope="session")
def copies_program(tmp_path_factory):
    """Static: no loader moves bytes of its own."""
    binary = tmp_path_factory.mktemp("copies") / "copies"
    subprocess.run(["cc", "-O2", "-static", "-pthread", "-Wno-unused-result", "-o", binary, HERE / "programs/copies.c"],
                   check=True, timeout=60)
    return str(binary)


def write_source(directory, size, cold=False, block=1 << 30):
    """The file that the program moves. Small blocks make small folios of its page cache."""
    data = memoryview(os.urandom(size))
    with open(directory / "source", "wb", buffering=0) as file:
        for start in range(0, size, block):
            file.write(data[start:start + block])
        os.fsync(file.fileno())
        if cold:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def difference(process, expected, printed):
    """{what: (the ledger's, the program's)}, empty where they agree."""
    copies = process["copies"]
    got = {key: copies[key] for key in expected["copies"]}
    got["kernel_to_kernel_bytes"] -= written_on(process)
    want = dict(expected["copies"])
    want["user_to_kernel_bytes"] += printed
    want["payload_out_bytes"] += printed
    got["unresolved_bytes"], want["unresolved_bytes"] = copies["unresolved_bytes"], 0
    got["unknown_bytes"], want["unknown_bytes"] = copies["evidence"]["unknown_bytes"], 0
    wrong = {key: (got[key], want[key]) for key in want if got[key] != want[key]}

    for name, rows in [("hidden", hidden(process)), ("hints", hints(process))]:
        entries = {(row["operation"], row["code"]): (row["operations"], row["bytes"]) for row in expected[name]}
        # A star stands for any code.
        loose = {operation for operation, code in entries if code == "*"}
        rows = {(operation, "*" if operation in loose else code): row for (operation, code), row in rows.items()}
        if rows != entries:
            wrong[name] = rows, entries

    pairs = sorted([pair["source"]["fd"], pair["sink"]["fd"], pair["operations"], pair["bytes"], pair["avoided_bytes"],
                    pair["kernel_to_kernel_bytes"]] for pair in process["copy_pairs"])
    program_pairs = sorted([pair["source"], pair["sink"], pair["operations"], pair["bytes"], pair["avoided_bytes"],
                            pair["kernel_to_kernel_bytes"]] for pair in expected["pairs"])
    if pairs != program_pairs:
        wrong["pairs"] = pairs, program_pairs
    for fd in {pair["charged"] for pair in expected["pairs"]}:
        row = [file for file in process["files"] if file["fd"] == fd][-1:]
        charged = sum(file["copies"]["avoided_bytes"] + file["copies"]["kernel_to_kernel_bytes"] for file in row)
        due = sum(pair["bytes"] for pair in expected["pairs"] if pair["charged"] == fd)
        if charged != due:
            wrong[f"charged to fd {fd}"] = charged, due
    return wrong


class Outcome:
    """A document, and what the program printed."""

    def __init__(self, document, printed):
        self.document = check_ledger(document)
        self.printed = len(printed)
        self.ledgers = json.loads(printed)
        self.expected = self.ledgers[0]
        self.row = of_pid(document, self.expected["pid"])
        self.copies = self.row["copies"]
        self.evidence = self.copies["evidence"]

    def agrees(self):
        for number, expected in enumerate(self.ledgers):
            wrong = difference(of_pid(self.document, expected["pid"]), expected, 0 if number else self.printed)
            assert not wrong, "the ledger's figure and the program's: " + json.dumps(
                {key: [str(each) for each in values] for key, values in wrong.items()}, indent=1)
        return self


@pytest.fixture
def scenario(trace, copies_program, tmp_path):
    """Traces the program from its first instruction."""

    def run(name, size=SIZE, directory=tmp_path, link=None, reason=None, **source):
        write_source(directory, **{"size": size, **source})
        # The pages of the program itself are not to come from the device.
        pathlib.Path(copies_program).read_bytes()
        environment = {**ENVIRONMENT, "COPIED_BECAUSE": reason} if reason else ENVIRONMENT
        words = [copies_program, name, directory, size, *(link.arguments if link else [])]
        document, process = trace([], words, env=environment)
        assert process.returncode == 0, process.stderr.decode()
        return Outcome(document, process.stdout)

    return run


@pytest.fixture
def memory_directory():
    """A directory on tmpfs."""
    path = pathlib.Path(f"/dev/shm/iotrace-{os.getpid()}")
    path.mkdir()
    yield path
    subprocess.run(["rm", "-r", path], check=True)


@pytest.fixture
def mounted(tmp_path):
    """Makes a file system in a file and mounts it."""
    points = []

    def mount(make, options="loop", megabytes=64):
        image, point = tmp_path / f"image-{len(points)}", tmp_path / f"mounted-{len(points)}"
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run([*make, image], check=True, capture_output=True, timeout=30)
        point.mkdir()
        made = subprocess.run(["mount", "-o", options, image, point], capture_output=True, text=True, timeout=30)
        if made.returncode:
            pytest.skip(f"this machine mounts no images: {made.stderr.strip()}")
        points.append(point)
        return point

    yield mount
    for point in points:
        subprocess.run(["umount", point], check=True, timeout=30)

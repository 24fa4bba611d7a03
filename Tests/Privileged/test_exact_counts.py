"""Counts, errors and bytes are exact: they equal those of strace, of the program's own arithmetic, and of /proc/PID/io."""

import subprocess
import sys

import pytest

from conftest import ENVIRONMENT, HERE, count, need_tool

# strace -c counts calls that return. iotrace counts these two as well.
NEVER_RETURN = {"exit", "exit_group"}


def strace(command, output):
    """{name: (calls, errors)} by `strace -f -c`."""
    subprocess.run(
        [need_tool("strace"), "-f", "-c", "-S", "name", "-o", output, *map(str, command)], check=True, timeout=50,
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = output.read_text().splitlines()
    header = next(index for index, line in enumerate(lines) if line.endswith(" syscall"))
    ends = {name: lines[header].index(name) + len(name) for name in ("usecs/call", "calls", "errors")}
    counts = {}
    for line in lines[header + 2:]:
        if line.startswith("-"):
            break
        calls = int(line[ends["usecs/call"]:ends["calls"]])
        errors = int(line[ends["calls"]:ends["errors"]].strip() or 0)
        counts[line[ends["errors"]:].strip()] = (calls, errors)
    return counts


def traced(document):
    by_name = document["totals"]["syscalls"]["by_name"]
    return {name: (call["count"], call["errors"]) for name, call in by_name.items() if name not in NEVER_RETURN}


@pytest.fixture
def tree(tmp_path):
    """Something to copy and to archive."""
    directory = tmp_path / "tree"
    (directory / "inner").mkdir(parents=True)
    for number in range(20):
        (directory / f"file-{number}").write_bytes(b"x" * 10_007 * number)
        (directory / "inner" / f"file-{number}").write_bytes(b"y" * number)
    (directory / "link").symlink_to("file-1")
    return directory


@pytest.fixture
def commands(tree, tmp_path, program):
    return {
        "cat": ["/bin/cat", tree / "file-19"],
        "cat of a file that is not there": ["/bin/sh", "-c", f"/bin/cat {tree}/none {tree}/file-3; exit 0"],
        "cp": ["/bin/cp", tree / "file-19", tmp_path / "made"],
        "cp -r": ["/bin/cp", "-r", tree, tmp_path / "made"],
        "tar": ["/bin/tar", "-c", "-f", tmp_path / "made", "-C", tree, "."],
        "python": [sys.executable, HERE / "programs/some_io.py", tree],
        "threads": [program("threads"), "7", "1009"],
        "fork and exec": [program("children"), "50", program("tiny")],
    }


@pytest.mark.parametrize("name", ["cat", "cat of a file that is not there", "cp", "cp -r", "tar", "python", "threads",
                                  "fork and exec"])
def test_counts_and_errors_equal_strace(name, commands, tmp_path, trace):
    def fresh():
        subprocess.run(["rm", "-rf", tmp_path / "made"], check=True, timeout=20)
        return commands[name]

    expected = strace(fresh(), tmp_path / "strace-1")
    # The same streams as under strace: some programs ask what theirs are.
    document, process = trace([], fresh(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.returncode == 0
    assert traced(document) == expected
    assert not any(document["losses"].values())


def test_prime_numbers_of_calls_and_bytes_are_counted_exactly(trace, program, tmp_path):
    document, process = trace([], [program("primes"), tmp_path / "file"])
    assert process.returncode == 0
    totals = document["totals"]
    assert (count(totals, "write"), count(totals, "write", "bytes")) == (99_991, 99_991 * 7)
    assert (count(totals, "read"), count(totals, "read", "bytes")) == (49_999, 49_999 * 11)
    file = next(file for file in document["processes"][0]["files"] if file["path"] == str(tmp_path / "file"))
    assert (file["operations"], file["bytes_out"], file["bytes_in"]) == (149_990, 99_991 * 7, 49_999 * 11)


def test_a_million_calls_from_four_threads_are_a_million(trace, program):
    document, process = trace([], [program("threads"), "4", "250000"])
    assert process.returncode == 0
    assert count(document["totals"], "getppid") == 1_000_000
    assert not any(document["losses"].values())
    assert document["processes"][0]["threads"] == 5


READ_FAMILY = {"read", "readv", "pread64", "preadv", "preadv2", "sendfile", "copy_file_range"}
WRITE_FAMILY = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range"}


def bytes_of(figures, family):
    return sum(call["bytes"] for name, call in figures["syscalls"]["by_name"].items() if name in family)


def test_bytes_equal_rchar_and_wchar(worker, attach, tmp_path):
    worker = worker()
    tracer = attach("-p", worker.pid)
    before = worker.io()
    for round in range(3):
        worker.do(f"io {tmp_path}/file-{round}")
    after = worker.io()
    process = tracer.stop()["processes"][0]
    assert bytes_of(process, READ_FAMILY) == after["rchar"] - before["rchar"]
    assert bytes_of(process, WRITE_FAMILY) == after["wchar"] - before["wchar"]
    assert count(process, "read", "errors") == 6
    assert count(process, "write", "errors") == 3


def test_bytes_of_a_python_program_equal_rchar_and_wchar(worker, attach, tree):
    worker = worker(sys.executable, HERE / "programs/some_io.py")
    tracer = attach("-p", worker.pid)
    before = worker.io()
    worker.do(tree)
    after = worker.io()
    process = tracer.stop()["processes"][0]
    assert bytes_of(process, READ_FAMILY) == after["rchar"] - before["rchar"]
    assert bytes_of(process, WRITE_FAMILY) == after["wchar"] - before["wchar"]
    assert after["wchar"] - before["wchar"] > 1_000_000


def test_bytes_of_the_files_add_up_to_the_bytes_of_the_calls(worker, attach, tmp_path):
    worker = worker()
    tracer = attach("-p", worker.pid)
    worker.do(f"io {tmp_path}/file")
    process = tracer.stop()["processes"][0]
    assert sum(file["bytes_in"] for file in process["files"]) == bytes_of(process, READ_FAMILY)
    assert sum(file["bytes_out"] for file in process["files"]) == bytes_of(process, WRITE_FAMILY)


def test_the_sums_of_the_processes_are_the_totals_of_strace(trace, program, tmp_path):
    command = [program("children"), "20"]
    expected = strace(command, tmp_path / "strace")
    document, _ = trace([], command)
    sums = {}
    for process in document["processes"]:
        for name, call in process["syscalls"]["by_name"].items():
            sums[name] = sums.get(name, 0) + call["count"]
    assert {name: calls for name, calls in sums.items() if name not in NEVER_RETURN} == \
        {name: calls for name, (calls, _) in expected.items()}
    assert sums["exit_group"] == 21

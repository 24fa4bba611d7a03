"""The lab: each way of moving a file costs what it should, and a wrong expectation is found."""

import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

from conftest import ENVIRONMENT, IOTRACE, REPOSITORY, error_lines, run_iotrace

LAB_SCHEMA = REPOSITORY / "docs/schema/lab-1.schema.json"
MIB = 1 << 20


def lab(*arguments):
    """The document and the exit status."""
    process = run_iotrace("lab", "transfers", "--json", *arguments, timeout=110)
    assert process.stdout, process.stderr
    return json.loads(process.stdout), process.returncode


@pytest.fixture(scope="module")
def whole():
    return lab("--size", "4M")


def differing(document):
    return {row["name"]: row["differences"] for row in document["rows"] if row["differences"]}


def test_every_transfer_costs_what_it_should(whole):
    document, status = whole
    assert differing(document) == {}
    assert status == 0
    not_run = {row["name"]: row["reason"] for row in document["rows"] if row["verdict"] != "as_expected"}
    assert not_run == {}
    assert len(document["rows"]) >= 37


# The truth, written down a second time and in another way: copies for each byte, by hardware breakpoints on the kernel's
# copy routines. User to kernel, kernel to user, kernel to kernel, avoided.
TRUTH = {
    "read-write": (1, 1, 0, 0), "read-write-4k": (1, 1, 0, 0), "read-write-1m": (1, 1, 0, 0), "read-write-cold": (1, 1, 0, 0),
    "pread-write": (1, 1, 0, 0), "preadv-writev": (1, 1, 0, 0), "mmap-write": (1, 0, 0, 0), "mmap-write-cold": (1, 0, 0, 0),
    "sendfile": (0, 0, 0, 1), "sendfile-cold": (0, 0, 0, 1), "sendfile-proc": (0, 0, 1, 0), "sendfile-zero": (0, 0, 1, 0),
    "sendfile-direct": (0, 0, 0, 1), "splice": (0, 0, 0, 2), "vmsplice": (0, 0, 0, 2), "tee": (0, 0, 0, 4),
    "msg-zerocopy": (0, 0, 1, 0), "msg-zerocopy-unread": (0, 0, 1, 0), "msg-zerocopy-unset": (1, 0, 0, 0),
    "msg-zerocopy-veth": (0, 0, 1, 0), "uring-read-send": (1, 1, 0, 0), "uring-read-fixed-send": (1, 1, 0, 0),
    "uring-send-zc": (0, 0, 1, 0), "unix-stream": (1, 1, 0, 0), "read-pipe": (1, 1, 0, 0), "recv-trunc": (0, 0, 0, 0),
    "process-vm-readv": (0, 0, 0, 0), "read-write-file": (1, 1, 0, 0), "write-fsync": (1, 1, 0, 0),
    "sendfile-file": (0, 0, 1, 0), "splice-file": (0, 0, 1, 1), "copy-file-range": (0, 0, 1, 0), "direct-file": (0, 0, 0, 2),
    "direct-unaligned": (1, 1, 0, 0), "direct-tmpfs": (0, 1, 0, 0), "aio-direct": (0, 0, 0, 2),
    "uring-fixed-direct": (0, 0, 0, 2),
}


def test_the_measured_copies_are_the_truth_in_bytes(whole):
    document, _ = whole
    measured = {}
    for row in document["rows"]:
        figures, size = row["measured"], row["bytes"]
        copies = [figures[f"{name}_bytes"] for name in ("user_to_kernel", "kernel_to_user", "kernel_to_kernel", "avoided")]
        assert all(value % size == 0 for value in copies), (row["name"], copies, size)
        measured[row["name"]] = tuple(value // size for value in copies)
    assert measured == TRUTH
    vm = next(row for row in document["rows"] if row["name"] == "process-vm-readv")
    assert vm["measured"]["user_to_user_bytes"] == vm["bytes"] == 4 * MIB


def test_a_contradicted_expectation_is_found_in_every_row():
    document, status = lab("--size", "1M", "--contradict")
    assert status == 1
    unnoticed = [row["name"] for row in document["rows"] if row["verdict"] == "as_expected"]
    assert unnoticed == []
    assert set(differing(document)) == {row["name"] for row in document["rows"]}


def test_the_document_is_valid(whole):
    schema = json.loads(LAB_SCHEMA.read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)
    jsonschema.validate(whole[0], schema)


def test_cold_files_come_from_the_device_and_hot_ones_do_not(whole):
    rows = {row["name"]: row["measured"] for row in whole[0]["rows"]}
    for name in ("read-write-cold", "mmap-write-cold", "sendfile-cold", "sendfile-direct"):
        assert rows[name]["dma_in_bytes"] == 4 * MIB, name
    for name in ("read-write", "mmap-write", "sendfile"):
        assert rows[name]["dma_in_bytes"] == 0, name


def test_mode_switches_are_the_tutorials(whole):
    rows = {row["name"]: row["measured"] for row in whole[0]["rows"]}
    # Two for each call: read and write for each piece of 64 KiB, or one sendfile for all.
    assert rows["read-write"]["mode_switches"] == 4 * (4 * MIB >> 16)
    assert rows["sendfile"]["mode_switches"] == 2


def test_one_row_can_be_chosen_and_shown_as_a_table():
    process = run_iotrace("lab", "transfers", "--size", "1M", "--only", "sendfile", "--only", "read-write")
    assert process.returncode == 0
    assert "✓ sendfile" in process.stdout and "✓ read + write" in process.stdout
    assert "2 as expected · 0 different" in process.stdout
    assert "mmap" not in process.stdout


def test_rows_that_need_a_disk_say_so_on_another_file_system():
    document, status = lab("--size", "1M", "--directory", "/dev/shm", "--only", "direct-file", "--only", "sendfile")
    verdicts = {row["name"]: row["verdict"] for row in document["rows"]}
    assert verdicts == {"direct-file": "not_run", "sendfile": "as_expected"} and status == 0
    assert "not on a disk" in next(row["reason"] for row in document["rows"] if row["reason"])


@pytest.mark.parametrize("arguments", [["--size", "1"], ["--size", "x"], ["--size", "99999999999G"], ["--only", "nothing"],
                                       ["--directory", "/nowhere"]])
def test_bad_words_are_refused(arguments):
    process = run_iotrace("lab", "transfers", *arguments)
    assert process.returncode == 125 and process.stdout == ""
    assert len(error_lines(process)) == 1 and arguments[0] in process.stderr


def test_nothing_is_left_behind(tmp_path):
    before = set(os.listdir(tmp_path))
    subprocess.run([IOTRACE, "lab", "transfers", "--size", "1M", "--directory", tmp_path, "-o", "/dev/null"], check=True,
                   timeout=100, env=ENVIRONMENT)
    assert set(os.listdir(tmp_path)) == before
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"lab-worker" not in process.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            pass

"""Requests that are submitted now and complete later: io_uring by ring and opcode, Linux AIO by command, POSIX AIO, and
signals that say an fd is ready."""

import json

import pytest

from conftest import HERE, run_iotrace

PROGRAMS = HERE / "programs"


@pytest.fixture
def requests(trace, program):
    """Runs programs/requests.c; the row of its process."""

    def run(what, count, *arguments):
        document, process = trace(list(arguments), [program("requests"), what, str(count)])
        if process.returncode == 77:
            pytest.skip(f"io_uring is not allowed here: {process.stderr.decode(errors='replace').strip()}")
        assert process.returncode == 0, process.stderr
        assert not any(document["losses"].values())
        (row,) = document["processes"]
        return row

    return run


def test_a_request_is_timed_from_submission_to_completion(requests):
    reads = requests("late", 10, "--latency", "full")["uring"]["by_opcode"]["READ"]
    assert (reads["submitted"], reads["count"], reads["bytes"], reads["poll_armed"]) == (10, 10, 10, 10)
    latency = reads["latency_ns"]
    assert (latency["samples"], latency["sampled"]) == (10, False)
    # Each byte comes after a sleep of 20 ms; nothing bounds how much later a busy machine brings it.
    assert latency["p50"] >= 20_000_000 and sum(count for _, count in latency["buckets"]) == 10


def test_requests_that_fail_cancel_those_linked_to_them(requests):
    uring = requests("chain", 50)["uring"]
    reads, nops = uring["by_opcode"]["READ"], uring["by_opcode"]["NOP"]
    assert (reads["count"], reads["linked"], reads["errors"], reads["cancelled"]) == (50, 50, 50, 0)
    assert (nops["count"], nops["linked"], nops["errors"], nops["cancelled"]) == (50, 0, 50, 50)
    assert reads["latency_ns"] is None or reads["latency_ns"]["sampled"]


def test_a_multishot_request_is_one_request_with_many_results(requests):
    polls = requests("multishot", 30)["uring"]["by_opcode"]["POLL_ADD"]
    assert (polls["submitted"], polls["multishot"], polls["notifications"]) == (1, 30, 0)
    assert polls["count"] <= 1  # it ends with its ring, if that is waited for


def test_one_request_in_eight_is_timed_whatever_the_program_alternates(requests):
    uring = requests("many", 4000)["uring"]
    for opcode in ("READ", "NOP"):
        row = uring["by_opcode"][opcode]
        assert (row["submitted"], row["count"], row["inline"]) == (4000, 4000, 4000)
        assert row["latency_ns"]["sampled"] and 400 <= row["latency_ns"]["samples"] <= 600, opcode
    (ring,) = uring["by_ring"]
    assert ring["by_opcode"] == uring["by_opcode"] and (ring["submitted"], ring["fd"]) == (8000, 3)


def test_no_request_is_timed_with_latency_off(requests):
    assert all(row["latency_ns"] is None for row in requests("many", 100, "--latency", "off")["uring"]["by_opcode"].values())


def test_recordings_keep_requests(requests, tmp_path, program):
    path = tmp_path / "recording"
    process = run_iotrace("record", "-o", path, "--latency", "full", "--", program("requests"), "many", 200)
    assert process.returncode == 0, process.stderr
    (row,) = json.loads(run_iotrace("report", path, "--json").stdout)["processes"]
    live = requests("many", 200, "--latency", "full")
    for opcode in ("READ", "NOP"):
        recorded, seen = row["uring"]["by_opcode"][opcode], live["uring"]["by_opcode"][opcode]
        assert recorded.pop("latency_ns")["samples"] == seen.pop("latency_ns")["samples"] == 200
        assert recorded == seen


def fio(trace, tmp_path, engine, *options):
    output = tmp_path / "fio.json"
    document, process = trace(
        ["--latency", "full"],
        ["fio", "--name=job", f"--ioengine={engine}", "--rw=randrw", "--size=8M", "--bs=4k",
         f"--filename={tmp_path / 'data'}", "--output-format=json", f"--output={output}", *options])
    assert process.returncode == 0, process.stderr
    (job,) = json.loads(output.read_text())["jobs"]
    return document, job


def test_linux_aio_by_command_equals_what_fio_counted(trace, tmp_path):
    document, job = fio(trace, tmp_path, "libaio", "--direct=1", "--iodepth=8")
    aio = document["totals"]["aio"]
    operations = {"PREAD": job["read"]["total_ios"], "PWRITE": job["write"]["total_ios"]}
    assert {name: row["submitted"] for name, row in aio["by_command"].items()} == operations
    assert {name: row["count"] for name, row in aio["by_command"].items()} == operations
    assert aio["contexts"] == 1 and aio["errors"] == 0
    assert aio["bytes"] == job["read"]["io_bytes"] + job["write"]["io_bytes"]
    for command, direction in [("PREAD", "read"), ("PWRITE", "write")]:
        latency = aio["by_command"][command]["latency_ns"]
        assert latency["samples"] == operations[command]
        # fio takes its own times around the same two calls, so its means cannot be far off; buckets are 25 % wide.
        assert latency["p50"] < 2 * job[direction]["clat_ns"]["percentile"]["50.000000"] + 50_000


def test_posix_aio_is_told_by_its_helper_threads(trace, tmp_path):
    document, job = fio(trace, tmp_path, "posixaio", "--iodepth=8")
    operations = job["read"]["total_ios"] + job["write"]["total_ios"]
    assert document["totals"]["posix_aio_operations"] == operations
    # fio with psync does the same calls in threads of its own.
    document, _ = fio(trace, tmp_path, "psync", "--thread")
    assert document["totals"]["posix_aio_operations"] == 0


SIGNALS = """
import fcntl, os, signal, sys
number = int(sys.argv[1])
reader, writer = os.pipe()
def take(*_):
    try:
        os.read(reader, 100)
    except BlockingIOError:
        pass
signal.signal(number, take)
fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
if number != signal.SIGIO:
    fcntl.fcntl(reader, fcntl.F_SETSIG, number)
fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
for _ in range(40):
    os.write(writer, b"x")
"""


@pytest.mark.parametrize("number", [29, 10, 40], ids=["SIGIO", "SIGUSR1", "SIGRTMIN+6"])
def test_signals_that_say_an_fd_is_ready_are_counted(trace, tmp_path, number):
    script = tmp_path / "signals.py"
    script.write_text(SIGNALS)
    document, process = trace([], ["/usr/bin/python3", script, str(number)])
    assert process.returncode == 0, process.stderr
    (row,) = document["processes"]
    signals = row["signals"]
    # Each write makes the pipe readable again, and the signal is taken before the next.
    assert signals["sent"] == 40 and signals["handled"] + signals["merged"] == 40, signals


def test_other_signals_say_nothing_of_an_fd(trace):
    script = "import os, signal; signal.signal(29, lambda *_: 0); [os.kill(os.getpid(), 29) for _ in range(9)]"
    document, process = trace([], ["/usr/bin/python3", "-c", script])
    assert process.returncode == 0
    assert document["processes"][0]["signals"] == {"sent": 0, "merged": 0, "handled": 0}

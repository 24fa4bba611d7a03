"""Findings on programs that do what they are about, and on their innocent twins: programs/models/findings.py."""

import re

import pytest

from conftest import count
from test_models import PROGRAMS, PYTHON, check_models, findings


@pytest.fixture
def found(trace, tmp_path):
    """A program's row and its findings."""

    def run(what, *arguments):
        document, process = trace(arguments, [PYTHON, PROGRAMS / "findings.py", what, tmp_path])
        assert process.returncode == 0, process.stderr.decode()
        (row,) = check_models(document)["processes"]
        return row, findings(row)

    return run


def test_a_sync_in_the_loops_own_thread_is_found(found):
    row, codes = found("sync_in_the_loop")
    assert set(codes) == {"sync_in_event_loop"}
    number, slept = re.match(r"(\d+) fsync calls slept ([\d.]+ \w+) in a thread that runs", codes["sync_in_event_loop"]).groups()
    # The first rounds are set-up: a thread runs a loop once it has waited often enough.
    assert 90 <= int(number) <= count(row, "fsync") == 100 and slept
    assert count(row, "fsync", "blocked_ns") >= 1e6


def test_a_sync_in_another_thread_is_nobodys_business(found):
    row, codes = found("sync_in_another_thread")
    assert count(row, "fsync") == 100 and count(row, "fsync", "blocked_ns") >= 1e6
    assert row["tags"] == ["blocking", "multiplexed"] and codes == {}


def test_reads_that_wait_for_a_device_in_the_loop_are_found(found):
    row, codes = found("read_in_the_loop")
    # 800 of them, the first few of which are set-up; what it slept in before it had a loop is none of it.
    slept, sleeps = (count(row, "preadv", key) + count(row, "preadv2", key) for key in ["blocked_ns", "sleeps"])
    assert (slept < 10e6 and codes == {}) or (slept >= 10e6 and set(codes) <= {"file_io_in_event_loop"})
    if slept >= 15e6:
        number = re.match(r"(\d+) reads and writes of files slept ", codes["file_io_in_event_loop"])[1]
        assert int(number) <= sleeps <= 800


def test_a_blocking_call_in_the_loop_is_found(found):
    row, codes = found("block_in_the_loop")
    assert set(codes) == {"blocking_call_in_event_loop"}
    # Which fd it was is not known where another thread sleeps, too.
    assert row["threads"] == 2 and "most on" not in codes["blocking_call_in_event_loop"]


def test_a_ready_fd_that_is_left_alone_is_found(found):
    row, codes = found("leave_a_ready_fd_alone")
    assert set(codes) == {"wakeups_without_work", "more_waits_than_operations"}
    assert codes["wakeups_without_work"].startswith("1,999 of 2,000 wake-ups")


def test_large_sets_are_found_with_what_a_call_costs(found):
    row, codes = found("poll_many", "--latency", "full")
    assert set(codes) == {"large_poll_sets"}
    number, cost, unit = re.fullmatch(
        r"1,500 poll calls went through (\d+) fds each, on average, for about ([\d.]+) (ns|µs|ms) on a CPU each",
        codes["large_poll_sets"]).groups()
    assert int(number) == 201
    figures = row["syscalls"]["by_name"]["poll"]
    on_cpu = (figures["time_ns"] - figures["blocked_ns"] - figures["runqueue_ns"]) / 1500
    assert float(cost) * {"ns": 1, "µs": 1e3, "ms": 1e6}[unit] == pytest.approx(on_cpu, rel=0.01, abs=10)

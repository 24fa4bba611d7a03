"""What has not changed since the last reading is left out of the next one, and is in the figures all the same."""

import json
import subprocess
import time

import pytest

from conftest import ENVIRONMENT, Trace, count, of_pid, run_iotrace

# A clock in the program and the scheduler's are compared, see test_switches_and_time.py.
pytestmark = pytest.mark.flaky(reruns=3)

NAP_MS = 1800
INTERVAL_S = 0.1


@pytest.fixture
def traced(children, program, tmp_path):
    """Two threads that sleep through many intervals, recorded and reported at the same time.

    Returns what they slept, by the program's clock, the documents of both, and the recording's lines.
    """
    file = tmp_path / "file"
    file.write_bytes(b"." * 4096)
    process = children.start([program("long_sleepers"), file, str(NAP_MS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=ENVIRONMENT, bufsize=0)
    recording = tmp_path / "recording"
    target = ["-p", str(process.pid)]
    recorder = Trace(children, recording, [*target, "--interval", str(INTERVAL_S)], subcommand=("record",))
    reporter = Trace(children, tmp_path / "document", target)
    process.stdin.write(b"begin\n")
    time.sleep(NAP_MS / 1000 + 0.2)
    process.stdin.write(b"end\n")
    slept = [int(word) for word in process.stdout.read().split()]
    assert process.wait(10) == 0
    reported = of_pid(reporter.wait(), process.pid)
    recorder.process.wait(20)
    replayed = run_iotrace("report", "--json", recording)
    assert replayed.returncode == 0, replayed.stderr
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    return slept, of_pid(json.loads(replayed.stdout), process.pid), reported, lines


def row_of(process, accept):
    rows = [row for row in process["files"] if accept(row)]
    assert len(rows) == 1
    return rows[0]


def test_a_thread_that_sleeps_for_many_intervals_has_its_whole_blocked_time(traced):
    (in_pipe, in_nap), recorded, reported, lines = traced
    for process in (recorded, reported):
        causes = process["time"]["blocked_by_cause"]
        assert sum(causes.values()) == process["time"]["blocked_ns"]
        assert in_nap * 0.99 < causes["sleep"] <= in_nap
        pipe = row_of(process, lambda row: row["type"] == "pipe" and row["bytes_in"] == 1)
        assert in_pipe * 0.99 < pipe["blocked_ns"] <= in_pipe
        assert in_nap * 0.99 < process["syscalls"]["by_name"]["clock_nanosleep"]["blocked_ns"] <= in_nap
        assert count(process, "clock_nanosleep") == 1
        times = process["time"]
        assert abs(times["residual_ns"]) < 0.01 * times["observed_ns"]

    # Each interval has what was slept in it: the three threads that were there all through it.
    intervals = [line for line in lines if line["type"] == "interval"][3:-5]
    assert len(intervals) >= 8
    for before, line in zip(intervals, intervals[1:]):
        length = line["at_ns"] - before["at_ns"]
        observed, on_cpu, blocked = line["processes"][0]["totals"][:3]
        assert line["processes"][0]["threads"] == 4  # one of them has ended
        assert 2.5 * length < observed < 3.5 * length
        assert blocked + on_cpu > 0.99 * observed


def test_a_file_that_is_left_alone_for_many_intervals_keeps_its_figures(traced):
    _, recorded, reported, lines = traced
    for process in (recorded, reported):
        row = row_of(process, lambda row: (row["path"] or "").endswith("/file"))
        assert (row["operations"], row["bytes_in"]) == (7 + 5 + 3, 64 * (7 + 5 + 3))
    intervals = [line for line in lines if line["type"] == "interval"]
    with_file = [index for index, line in enumerate(intervals) for process in line["processes"] for file in process["files"]
                 if (file["identity"]["path"] or "").endswith("/file")]
    assert len(with_file) < len(intervals) / 2, "it is written although nothing was done to it"


def test_what_a_thread_did_long_ago_is_counted_once(traced):
    _, recorded, reported, _ = traced
    assert recorded["threads"] == reported["threads"] == 4
    for name in ("read", "write", "clock_nanosleep", "clone3", "close"):
        assert count(recorded, name) == count(reported, name)
    assert count(recorded, "read", "bytes") == count(reported, "read", "bytes")
    assert recorded["switches"]["voluntary"] == reported["switches"]["voluntary"]

"""Switches equal the kernel's own; times close, agree with the scheduler's, and have the right cause."""

import os
import pathlib
import time

import pytest

from conftest import count

# These compare clocks within a percent or less, on machines whose hypervisor may take a CPU away at any moment and does not
# always say so. A miscount is there every time; such a moment is not there four times in a row.
pytestmark = pytest.mark.flaky(reruns=3)


def blocked(process, cause):
    return process["time"]["blocked_by_cause"][cause]


def stolen_ns():
    """What a hypervisor took from the machine so far. The scheduler charges it to nobody, so nobody's times have it."""
    steal = int(pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[8])
    return steal * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@pytest.fixture
def assert_closes():
    """on_cpu + blocked + runqueue is the observed time, but for what was stolen; the causes add up to what was blocked."""
    before = stolen_ns()
    return lambda process: check_closure(process, stolen_ns() - before)


def check_closure(process, stolen):
    times = process["time"]
    parts = times["on_cpu_ns"] + times["blocked_ns"] + times["runqueue_ns"]
    assert times["residual_ns"] == times["observed_ns"] - parts
    assert -0.005 * times["observed_ns"] < times["residual_ns"] < 0.005 * times["observed_ns"] + stolen
    assert sum(times["blocked_by_cause"].values()) == times["blocked_ns"]


def test_voluntary_switches_equal_status(worker, attach, assert_closes):
    worker = worker()
    tracer = attach("-p", worker.pid)
    before = worker.switches()
    worker.do("naps 997 50")
    after = worker.switches()
    process = tracer.stop()["processes"][0]
    assert process["switches"]["voluntary"] == after[0] - before[0]
    assert process["switches"]["involuntary"] == after[1] - before[1]
    # A timer may fire before the nap has begun.
    assert after[0] - before[0] > 500
    assert_closes(process)


def compete_on_one_cpu(worker, competitor, milliseconds):
    cpu = {max(os.sched_getaffinity(0))}
    os.sched_setaffinity(worker.pid, cpu)
    os.sched_setaffinity(competitor.pid, cpu)
    competitor.begin(f"burn {milliseconds}")
    worker.do(f"burn {milliseconds}")
    competitor.answer()


def test_involuntary_switches_equal_status(worker, attach, assert_closes):
    worker, competitor = worker(), worker()
    tracer = attach("-p", worker.pid)
    before = worker.switches()
    compete_on_one_cpu(worker, competitor, 500)
    after = worker.switches()
    process = tracer.stop()["processes"][0]
    assert process["switches"]["voluntary"] == after[0] - before[0]
    assert process["switches"]["involuntary"] == after[1] - before[1]
    assert after[1] - before[1] > 10
    assert_closes(process)


def test_switches_equal_getrusage(worker, attach):
    worker = worker()
    before = [int(word) for word in worker.do("usage").split()]
    # Going to sleep for the next task is a switch after the answer and before the window.
    before[0] += 1
    tracer = attach("-p", worker.pid)
    worker.do("naps 499 50")
    process = tracer.stop()["processes"][0]
    after = [int(word) for word in worker.do("usage").split()]
    assert process["switches"]["voluntary"] == after[0] - before[0]
    # It may be preempted while it answers, outside the window.
    assert after[1] - before[1] - 2 <= process["switches"]["involuntary"] <= after[1] - before[1]


def test_a_pipe_reader_kept_waiting_is_blocked_on_a_pipe(trace, program, assert_closes):
    document, process = trace([], [program("wait_for"), "pipe", "1500"])
    assert process.returncode == 0
    waiting = next(row for row in document["processes"] if row["pid"] == min(r["pid"] for r in document["processes"]))
    assert blocked(waiting, "pipe") == pytest.approx(1.5e9, rel=0.02)
    assert waiting["time"]["blocked_ns"] == pytest.approx(1.5e9, rel=0.02)
    assert waiting["syscalls"]["by_name"]["read"]["blocked_ns"] == pytest.approx(1.5e9, rel=0.02)
    pipe = max((file for file in waiting["files"] if file["type"] == "pipe"), key=lambda file: file["blocked_ns"])
    assert pipe["blocked_ns"] == pytest.approx(1.5e9, rel=0.02)
    assert_closes(waiting)


def test_on_cpu_and_run_queue_agree_with_schedstat(worker, attach, assert_closes):
    worker, competitor = worker(), worker()
    tracer = attach("-p", worker.pid)
    before = worker.schedstat()
    compete_on_one_cpu(worker, competitor, 2200)
    after = worker.schedstat()
    process = tracer.stop()["processes"][0]
    assert after[0] - before[0] > 2e9 and after[1] - before[1] > 1.5e9
    assert process["time"]["on_cpu_ns"] == pytest.approx(after[0] - before[0], rel=0.01)
    assert process["time"]["runqueue_ns"] == pytest.approx(after[1] - before[1], rel=0.01)
    assert_closes(process)


def test_on_cpu_agrees_with_schedstat_over_many_short_sleeps(worker, attach, assert_closes):
    """Whatever is counted twice at a switch adds up here. The run-queue time is left out: docs/report.md says why."""
    worker = worker()
    tracer = attach("-p", worker.pid)
    before = worker.schedstat()
    worker.do("naps 3000 50")
    after = worker.schedstat()
    process = tracer.stop()["processes"][0]
    assert process["time"]["on_cpu_ns"] == pytest.approx(after[0] - before[0], rel=0.01)
    assert_closes(process)


def test_on_cpu_agrees_while_the_thread_runs_at_both_edges(worker, attach, assert_closes):
    worker = worker()
    worker.begin("burn 3000")
    time.sleep(0.3)
    tracer = attach("-p", worker.pid)
    time.sleep(1.5)
    process = tracer.stop()["processes"][0]
    worker.answer()
    assert process["time"]["on_cpu_ns"] > 0
    assert process["time"]["blocked_ns"] == 0
    assert_closes(process)


def test_a_sleep_that_covers_the_window_is_counted_for_the_window(worker, attach, assert_closes):
    worker = worker()
    tracer = attach("-p", worker.pid)
    time.sleep(1)
    document = tracer.stop()
    process = document["processes"][0]
    window = document["window"]
    assert process["time"]["observed_ns"] == pytest.approx(window["duration_ns"], rel=0.02)
    assert blocked(process, "pipe") == pytest.approx(process["time"]["observed_ns"], rel=0.001)
    # The call has not returned: it is in flight at both edges, and is no call of this window.
    assert (window["in_flight_at_start"], window["in_flight_at_end"]) == (1, 1)
    assert count(process, "read") == 0
    assert_closes(process)


def test_a_sleep_in_progress_at_the_start_is_counted_from_the_start(worker, attach, assert_closes):
    worker = worker()
    worker.begin("sleep 2500")
    time.sleep(0.3)
    tracer = attach("-p", worker.pid)
    _, woken = (int(word) for word in worker.answer().split())
    worker.settle()
    document = tracer.stop()
    process = document["processes"][0]
    assert blocked(process, "sleep") == pytest.approx(woken - document["window"]["started_unix_ns"], rel=0.02)
    assert blocked(process, "sleep") > 0.5e9
    assert_closes(process)


def test_a_sleep_in_progress_at_the_end_is_counted_up_to_the_end(worker, attach, assert_closes):
    worker = worker()
    tracer = attach("-p", worker.pid)
    started = time.time_ns()
    worker.begin("sleep 3000")
    time.sleep(1.2)
    document = tracer.stop()
    process = document["processes"][0]
    worker.answer()
    end = document["window"]["started_unix_ns"] + document["window"]["duration_ns"]
    assert blocked(process, "sleep") == pytest.approx(end - started, rel=0.02)
    assert_closes(process)


CAUSES = ["sleep", "lock", "child", "pipe", "pipe-full", "socket_recv", "socket_recv-by-read", "socket_send", "accept",
          "connect", "multiplexer-epoll", "multiplexer-poll", "multiplexer-select"]


@pytest.mark.parametrize("case", CAUSES)
def test_a_sleep_has_the_cause_that_it_had(case, trace, program, assert_closes):
    document, process = trace([], [program("wait_for"), case, "400"])
    assert process.returncode == 0
    cause = case.split("-")[0]
    # The helper that ends the sleep was forked by the process that sleeps.
    waiting = next(row for row in document["processes"]
                   if row["ppid"] not in {other["pid"] for other in document["processes"]})
    # A lock's holder is a thread of the same process, and sleeps while it holds it.
    asleep = 0.4e9 if case != "lock" else 0.8e9
    assert blocked(waiting, cause) == pytest.approx(0.4e9, rel=0.05)
    assert waiting["time"]["blocked_ns"] == pytest.approx(asleep, rel=0.05)
    assert_closes(waiting)


def test_waiting_for_the_device_is_put_down_to_the_disk(trace, program, tmp_path, assert_closes):
    document, process = trace([], [program("disk"), tmp_path / "file"])
    assert process.returncode == 0
    waiting = document["processes"][0]
    # Storage may be so fast that nothing sleeps. What did sleep had nothing else to wait for.
    disk = blocked(waiting, "disk") + blocked(waiting, "page_fault")
    assert disk >= 0.95 * waiting["time"]["blocked_ns"]
    if waiting["time"]["blocked_ns"] > 1_000_000:
        assert blocked(waiting, "disk") > 0
    assert_closes(waiting)


def test_times_close_for_a_tree_of_processes(trace, assert_closes):
    document, _ = trace([], ["/bin/sh", "-c", "for i in 1 2 3; do /bin/sleep 0.2; done; /bin/ls -lR /usr/include >/dev/null"])
    totals = document["totals"]
    assert_closes(totals)
    assert totals["time"]["blocked_by_cause"]["child"] > 0.5e9
    assert totals["time"]["blocked_by_cause"]["sleep"] == pytest.approx(0.6e9, rel=0.05)


def test_times_close_for_threads(trace, program, assert_closes):
    document, _ = trace([], [program("threads"), "8", "100000"])
    assert_closes(document["processes"][0])


def test_mode_switches_are_two_for_each_call_and_fault(trace, program):
    document, _ = trace([], [program("tiny")])
    process = document["processes"][0]
    faults = process["switches"]["mode"] / 2 - process["syscalls"]["total"]
    assert faults == int(faults) and 1 <= faults < 1000

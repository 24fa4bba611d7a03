"""Programs that try to break the rules of the I/O models: programs/rules.c, and the start-up of runtimes."""

import signal
import time

import pytest

from conftest import count, need_tool, of_pid
from test_models import PYTHON, check_models, io_uring, waits  # noqa: F401

TIMES = 200  # as in programs/rules/common.h
SENDS = ("blocking", None, TIMES)  # whoever feeds the fd that is looked at does so on one that nobody watches


@pytest.fixture
def run(trace, program):
    """The document of one scenario."""

    def trace_scenario(name, *arguments):
        document, process = trace(arguments, [program("rules"), name])
        assert process.returncode == 0, process.stderr.decode()
        return check_models(document)

    return trace_scenario


def rows(process):
    """{sub-model or model: (operations without waits, waits)}, but for the program's own files."""
    return {row["sub_model"] or row["model"]: (row["operations"] - row["waits"], row["waits"])
            for row in process["models"] if row["sub_model"] not in ("program files", "mapped")}


def parent_and_child(document):
    parent, child = sorted(document["processes"], key=lambda process: process["ppid"] in
                           {other["pid"] for other in document["processes"]})
    return parent, child


# ---- one process ----

@pytest.mark.parametrize("name, expected", [
    # A file that is polled by one thread is watched for all, by each of its numbers, until the number is another file's.
    ("poll_in_one_thread_read_in_another", {"blocking": (TIMES, 0), "poll": (TIMES, TIMES)}),
    ("poll_one_read_its_duplicates", {"blocking": (TIMES, 0), "poll": (TIMES, TIMES)}),
    ("reuse_a_polled_number", {"blocking": (3 * TIMES, 0), "poll": (TIMES, TIMES)}),
    # Who sleeps in a read was not told that there is something.
    ("poll_once_then_block", {"blocking": (2 * TIMES - 1, 0), "poll": (1, 1)}),
    ("poll_once_then_block_then_poll_again", {"blocking": (TIMES + TIMES // 2 - 1, 0), "poll": (TIMES // 2 + 1, TIMES // 2 + 1)}),
    ("poll_without_waiting", {"blocking": (TIMES, 0), "poll": (TIMES, 10 * TIMES)}),
    # poll and select without fds wait for nothing.
    ("select_to_sleep", {}),
    ("select_to_sleep_and_to_watch", {"blocking": (20, 0), "select": (20, 20)}),
    ("epoll_in_epoll", {"blocking": (TIMES, 0), "epoll": (TIMES, 2 * TIMES)}),
    ("event_and_timer_loop", {"epoll": (TIMES + TIMES // 2, TIMES)}),
    ("block_on_an_event", {"blocking": (2 * TIMES, 0)}),
    ("block_on_a_signalfd", {"blocking": (TIMES, 0)}),
    ("accept_then_loop", {"blocking": (TIMES + 1, 0), "epoll": (TIMES, TIMES)}),
    ("idle_loop", {"epoll": (0, 50)}),
    ("toggle_nonblocking", {"blocking": (TIMES + TIMES // 2, 0), "nonblocking": (TIMES // 2, 0)}),
    ("receive_without_waiting", {"blocking": (TIMES, 0), "nonblocking": (2 * TIMES, 0)}),
    ("be_told_by_a_real_time_signal", {"blocking": (TIMES, 0), "signal-driven": (TIMES, 0)}),
])
def test_a_program_that_tries_to_break_a_rule(run, name, expected):
    (process,) = run(name)["processes"]
    assert rows(process) == expected
    # What only wakes a program up is no I/O.
    if name in ("event_and_timer_loop", "block_on_an_event", "block_on_a_signalfd", "idle_loop"):
        assert process["tags"] == [] and all("decide no tag" in row["evidence"] for row in process["models"])
        return
    models = {"poll": "multiplexed", "select": "multiplexed", "epoll": "multiplexed", "signal-driven": "async"}
    enough = sum(operations + waited for operations, waited in expected.values()) / 100
    assert set(process["tags"]) == {models.get(name, name) for name, (operations, waited) in expected.items()
                                    if operations and operations + waited >= enough}


def test_a_ring_for_timers_is_no_asynchronous_io(io_uring, run):  # noqa: F811
    (process,) = run("ring_for_timers")["processes"]
    assert process["tags"] == [] and rows(process) == {}
    assert {name: figures["count"] for name, figures in process["uring"]["by_opcode"].items()} == {"NOP": 50, "TIMEOUT": 50}
    # What it waited for were its timers.
    assert process["time"]["blocked_by_cause"]["async_wait"] > 0


def test_sets_that_look_alike_are_told_apart(run):
    children = [process for process in run("poll_sets_that_look_alike")["processes"] if count(process, "poll")]
    assert len(children) == 64
    assert [rows(process) for process in children] == 64 * [{"blocking": (1, 0), "poll": (1, 2)}]


# ---- what waits, and for how long ----

def test_sleeping_by_select_is_sleep_and_no_phase_of_io(run):
    (process,) = run("select_to_sleep", "--latency", "full")["processes"]
    causes = process["time"]["blocked_by_cause"]
    # 20 times four naps of 2 ms.
    assert causes["multiplexer"] == 0 and causes["sleep"] >= 80 * 2e6 * 0.99
    quadrants = process["quadrants"]
    assert all(quadrant["operations"] == 0 for quadrant in quadrants.values())
    assert quadrants["async_blocking"]["time_ns"] == 0 and process["phases"]["wait_ns"] < 80 * 2e6 / 10
    assert count(process, "poll") == count(process, "ppoll") == 20
    assert count(process, "select") + count(process, "pselect6") == 40


def test_a_sleep_by_select_that_has_not_ended_is_sleep_too(children, program, attach):
    sleeper = children.start([program("rules"), "select_to_sleep_for_long"])
    tracer = attach("-p", sleeper.pid)
    time.sleep(0.3)
    process = of_pid(check_models(tracer.stop()), sleeper.pid)
    causes = process["time"]["blocked_by_cause"]
    assert causes["multiplexer"] == 0 and causes["sleep"] >= 0.28e9
    assert process["tags"] == [] and process["phases"]["wait_ns"] == 0
    assert process["quadrants"]["async_blocking"]["time_ns"] == 0
    sleeper.send_signal(signal.SIGKILL)


def test_asking_without_waiting_is_no_blocking_quadrant(run):
    (process,) = run("poll_without_waiting")["processes"]
    quadrants = process["quadrants"]
    assert quadrants["async_nonblocking"]["operations"] == 10 * TIMES and quadrants["async_blocking"]["operations"] == 0
    assert quadrants["async_blocking"]["time_ns"] == 0
    # In the nested sets the inner one is only asked.
    (process,) = run("epoll_in_epoll")["processes"]
    assert process["quadrants"]["async_nonblocking"]["operations"] == TIMES == process["quadrants"]["async_blocking"]["operations"]


def test_a_timeout_that_runs_out_is_a_wait(run):
    (process,) = run("idle_loop")["processes"]
    assert process["quadrants"]["async_blocking"]["operations"] == 50 and process["tags"] == []
    assert process["phases"]["wait_ns"] >= 50e6


# ---- more than one process ----

def test_a_poll_of_the_parent_tells_the_child_nothing(run):
    parent, child = parent_and_child(run("poll_in_the_parent_read_in_the_child"))
    assert rows(parent) == {"blocking": (TIMES + 1, 0), "poll": (1, 1)}
    assert rows(child) == {"blocking": (TIMES, 0)} and child["tags"] == ["blocking"]


def test_a_child_that_waits_in_its_parents_epoll_set_is_multiplexed(run):
    parent, child = parent_and_child(run("epoll_set_inherited"))
    assert rows(parent) == {"blocking": (TIMES, 0)}
    assert rows(child) == {"epoll": (TIMES, TIMES)} and child["tags"] == ["multiplexed"]


def test_an_epoll_set_of_the_parent_tells_the_child_nothing(run):
    document = run("epoll_set_of_the_parent")
    parent, child = parent_and_child(document)
    assert rows(parent) == {"blocking": (TIMES + 1, 0), "epoll": (1, 1)}
    assert rows(child) == {"blocking": (TIMES, 0)} and child["tags"] == ["blocking"]
    assert "blocking_fd_in_epoll" not in {finding["code"] for finding in child["findings"]}
    # Added up, it is what it was in each of them.
    assert rows(document["totals"]) == {"blocking": (2 * TIMES + 1, 0), "epoll": (1, 1)}


# ---- the start-up of runtimes ----

JAVA = "class Nothing { public static void main(String[] arguments) throws Exception { Thread.sleep(300); } }"


def of_script(name, text):
    def command(directory):
        (directory / name).write_text(text)
        return [str(directory / name)]

    return command


@pytest.mark.parametrize("tool, package, arguments", [
    (PYTHON, "python3", ["-c", "pass"]),
    (PYTHON, "python3", ["-c", "import asyncio, ssl, json, email, xml.dom"]),
    (PYTHON, "python3", of_script("script-without-suffix", "import time; time.sleep(0.1)\n")),
    ("node", "nodejs", ["-e", "0"]),
    ("node", "nodejs", ["-e", "setTimeout(() => {}, 200)"]),
    ("java", "default-jdk-headless", of_script("Nothing.java", JAVA)),
    ("bash", "bash", of_script("script", "for i in 1 2 3; do x=$((i * 2)); done\n")),
    ("sh", "dash", of_script("script", "x=1\n" * 2000)),
])
def test_the_start_of_a_runtime_decides_no_tag(trace, tmp_path, tool, package, arguments):
    command = [need_tool(tool, package), *(arguments(tmp_path) if callable(arguments) else arguments)]
    document, process = trace([], command, cwd=tmp_path)
    assert process.returncode == 0, process.stderr.decode()
    # Threads of the JVM write to one private mapping at the same time.
    document["losses"]["mapping_busy"] = 0
    for row in check_models(document)["processes"]:
        assert row["tags"] == [], row["models"]

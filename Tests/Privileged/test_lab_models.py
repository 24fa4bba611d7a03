"""The model lab: each way of waiting for data turns out to be what it is, and a wrong expectation is found."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import jsonschema
import pytest

from conftest import ENVIRONMENT, IOTRACE, REPOSITORY, error_lines, eventually, need_tool, run_iotrace

MODELS_SCHEMA = REPOSITORY / "docs/schema/lab-models-1.schema.json"
MESSAGES, GAP = 16, 5_000_000  # the defaults
GAPS = MESSAGES * GAP


def lab(*arguments):
    """The document and the exit status."""
    process = run_iotrace("lab", "models", "--json", *arguments, timeout=55)
    assert process.stdout, process.stderr
    return json.loads(process.stdout), process.returncode


@pytest.fixture(scope="module")
def whole():
    return lab()


def rows(document):
    return {row["name"]: row for row in document["rows"]}


# The truth, written down a second time: tags, and the quadrant in which the data is waited for.
TRUTH = {
    "blocking": ({"blocking"}, "sync_blocking"), "threads": ({"blocking"}, "sync_blocking"),
    "nonblocking": ({"nonblocking"}, "sync_nonblocking"), "select": ({"multiplexed"}, "async_blocking"),
    "poll": ({"multiplexed"}, "async_blocking"), "ppoll": ({"multiplexed"}, "async_blocking"),
    "epoll": ({"multiplexed"}, "async_blocking"), "epoll-edge": ({"multiplexed"}, "async_blocking"),
    "sigio": ({"async"}, None), "linux-aio": ({"async"}, "async_blocking"),
    "linux-aio-direct": ({"async", "zero-copy"}, None), "posix-aio": ({"blocking"}, "sync_blocking"),
    "io_uring": ({"async"}, "async_blocking"), "io_uring-sqpoll": ({"async"}, None),
    "blocking-epoll": ({"blocking", "multiplexed"}, None), "epoll-io_uring": ({"multiplexed", "async"}, "async_blocking"),
}


def test_every_program_turns_out_to_be_what_it_is(whole):
    document, status = whole
    assert {row["name"]: row["differences"] for row in document["rows"] if row["differences"]} == {}
    assert {row["name"]: row["reason"] for row in document["rows"] if row["verdict"] != "as_expected"} == {}
    assert status == 0
    measured = {name: set(row["measured"]["tags"]) for name, row in rows(document).items()}
    assert measured == {name: tags for name, (tags, _) in TRUTH.items()}


def test_the_wait_is_in_its_quadrant(whole):
    for name, (_, quadrant) in TRUTH.items():
        if not quadrant:
            continue
        times = {key: value["time_ns"] or 0 for key, value in rows(whole[0])[name]["measured"]["quadrants"].items()}
        assert max(times, key=times.get) == quadrant, (name, times)


def test_a_contradicted_expectation_is_found_in_every_row_and_everything_that_is_judged():
    document, status = lab("--contradict")
    assert status == 1
    assert {row["name"] for row in document["rows"] if row["verdict"] == "different"} == TRUTH.keys()
    for row in document["rows"]:
        expected, words = row["expected"], "\n".join(row["differences"])
        # Where an expectation can be told from its absence, its contrary has to be named.
        judged = ["tags", "models", "received"]
        judged += ["operations"] * any(expected["operations"].values()) + ["time"] * (expected["quadrant"] is not None)
        judged += ["asleep"] * bool(expected["asleep_at_least"] + expected["asleep_at_most"])
        judged += ["on a CPU in I/O calls"] * (expected["busy_ns"] is not None)
        judged += ["wait phase"] * (expected["wait_ns"] is not None)
        assert [what for what in judged if not any(line.startswith(what) for line in row["differences"])] == [], words
        quadrants = [line for line in row["differences"] if line.startswith("operations (")]
        assert len(quadrants) == sum(value is not None for value in expected["operations"].values()), words


def test_the_document_is_valid(whole):
    schema = json.loads(MODELS_SCHEMA.read_text())
    jsonschema.validators.validator_for(schema).check_schema(schema)
    jsonschema.validate(whole[0], schema)


def test_the_parts_of_the_callers_time_are_the_whole(whole):
    for name, row in rows(whole[0]).items():
        caller = row["measured"]["caller"]
        parts = caller["asleep_ns"] + caller["busy_ns"] + caller["runqueue_ns"] + caller["free_ns"]
        # With helper threads a call of theirs may overlap with the caller's.
        assert parts == caller["time_ns"] or name == "posix-aio", (name, caller)
        threads = 4 if name == "threads" else 1
        assert caller["time_ns"] == threads * row["measured"]["duration_ns"]
        # The peer begins after the program, and naps before each message at least as long as it says.
        if row["load"]["gaps_ns"]:
            assert row["measured"]["duration_ns"] >= row["load"]["gaps_ns"] == GAPS, name


def test_only_polling_asks_in_vain(whole):
    again = {name: row["measured"]["eagain"] for name, row in rows(whole[0]).items()}
    assert again.pop("nonblocking") >= 100
    drained = {name: again.pop(name) for name in ("epoll-edge", "sigio")}  # which read until EAGAIN
    assert all(1 <= count <= 2 * MESSAGES for count in drained.values()), drained
    assert not any(again.values()), again


def test_the_program_makes_the_calls_of_its_model_alone(whole):
    """What strace would list, since the programs are known to the call."""
    calls = {name: {call: row["count"] for call, row in row["measured"]["calls"].items()} for name, row in rows(whole[0]).items()}
    assert calls["blocking"] == {"read": MESSAGES, "getpid": 1, "kill": 1}  # the last two stop the worker
    assert calls["linux-aio"]["io_submit"] == calls["linux-aio"]["io_getevents"] == 2 * MESSAGES
    assert calls["linux-aio-direct"]["io_submit"] == 1
    assert calls["posix-aio"]["read"] == MESSAGES
    assert "read" not in calls["io_uring"] and "read" not in calls["io_uring-sqpoll"]
    # A new SQPOLL thread goes to sleep at once when it finds the queue empty, and has to be woken then.
    assert calls["io_uring-sqpoll"].get("io_uring_enter", 0) <= 1
    assert calls["epoll-io_uring"]["io_uring_enter"] == calls["epoll-io_uring"]["read"] == MESSAGES


def stands_still(pid):
    """Stopped for good, and not for strace to look at a call."""
    state = pathlib.Path(f"/proc/{pid}/status")
    seen = []
    for _ in range(10):
        seen.append(re.search(r"^(State:|voluntary).*$", state.read_text(), re.M | re.S)[0])
        time.sleep(0.01)
    return len(set(seen)) == 1 and "stop" in seen[0]


def test_a_program_under_strace_makes_the_same_calls(whole, tmp_path):
    """The same worker, traced by a tool that nobody here wrote."""
    log = tmp_path / "calls"
    process = subprocess.Popen(
        [need_tool("strace"), "-f", "-c", "-U", "name,calls", "-e", "trace=read,epoll_wait,epoll_ctl,fcntl", "-o", log,
         IOTRACE, "lab-model-worker", "epoll-edge", str(MESSAGES), str(GAP), tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    try:
        assert process.stdout.readline().startswith(b"ready ")
        worker = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        for _ in range(2):
            assert eventually(lambda: stands_still(worker))
            os.kill(worker, signal.SIGCONT)
        assert process.stdout.readline().startswith(b"done ")
        process.stdin.close()
        process.wait(10)
    finally:
        process.kill()
        process.wait()
    straced = {words[0]: int(words[1]) for words in map(str.split, log.read_text().splitlines())
               if len(words) == 2 and words[1].isdigit()}
    measured = rows(whole[0])["epoll-edge"]["measured"]["calls"]
    assert straced["epoll_wait"] == measured["epoll_wait"]["count"]
    assert straced["epoll_ctl"] == measured["epoll_ctl"]["count"] == 4


def test_one_row_can_be_chosen_and_is_drawn():
    process = run_iotrace("lab", "models", "--only", "epoll", "--only", "blocking", "--messages", "8", "--gap", "2")
    assert process.returncode == 0
    assert re.search("✓ +blocking", process.stdout) and re.search("✓ +epoll level", process.stdout)
    assert "2 as expected · 0 different" in process.stdout and "select" not in process.stdout
    assert "asleep in" in process.stdout and "epoll_wait" in process.stdout and "the data is there" in process.stdout
    assert max(map(len, process.stdout.splitlines())) <= 80


def test_rows_that_need_a_disk_say_so_on_another_file_system():
    document, status = lab("--directory", "/dev/shm", "--only", "linux-aio-direct", "--only", "blocking")
    verdicts = {row["name"]: row["verdict"] for row in document["rows"]}
    assert verdicts == {"linux-aio-direct": "not_run", "blocking": "as_expected"} and status == 0
    assert "not on a disk" in rows(document)["linux-aio-direct"]["reason"]


def test_rows_that_need_io_uring_say_so_where_it_is_forbidden():
    switch = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
    if not switch.exists():
        pytest.skip("this kernel cannot forbid io_uring (Linux 6.6)")
    before = switch.read_text()
    switch.write_text("2")
    try:
        document, status = lab("--only", "io_uring", "--only", "io_uring-sqpoll", "--only", "epoll-io_uring", "--only", "poll")
    finally:
        switch.write_text(before)
    reasons = {row["name"]: row["reason"] for row in document["rows"] if row["verdict"] == "not_run"}
    assert reasons.keys() == {"io_uring", "io_uring-sqpoll", "epoll-io_uring"} and status == 0
    assert all("forbidden" in reason for reason in reasons.values())


@pytest.mark.parametrize("arguments", [["--messages", "1"], ["--messages", "0"], ["--messages", "x"], ["--gap", "0"],
                                       ["--gap", "1001"], ["--only", "nothing"], ["--directory", "/nowhere"]])
def test_bad_words_are_refused(arguments):
    process = run_iotrace("lab", "models", *arguments)
    assert process.returncode == 125 and process.stdout == ""
    assert arguments[0] in process.stderr and error_lines(process)


def workers():
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"lab-model-worker" in process.read_bytes():
                found.append(process.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def test_nothing_is_left_behind_even_when_the_lab_is_killed(tmp_path, children):
    lab = children.start([IOTRACE, "lab", "models", "--gap", "1000", "--directory", tmp_path, "--only", "linux-aio",
                          "--only", "epoll-io_uring"], env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    assert eventually(lambda: len(workers()) >= 2)  # a worker and its peer
    lab.kill()
    lab.wait()
    assert eventually(lambda: workers() == [])
    assert os.listdir(tmp_path) == []

"""The I/O models of small programs, each of which does its I/O in one known way, and of fio's engines.

The load is a process of the test's own with a known number of messages, so the counts are compared exactly.
"""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess

import pytest

from conftest import ENVIRONMENT, HERE, Trace, count, eventually, need_tool, of_pid, read_line, run_iotrace

PYTHON = "/usr/bin/python3"
PROGRAMS = HERE / "programs/models"
MEBIBYTE = 1 << 20


# ---- what has to hold for every process ----

def waits(figures):
    """Rows of wait models: every operation is in one of them."""
    return [row for row in figures["models"] if row["model"] != "zero-copy"]


def check_models(document):
    for figures in [*document["processes"], document["totals"]]:
        rows = waits(figures)
        operations = sum(row["operations"] for row in rows)
        if operations:
            assert sum(row["operation_share"] for row in rows) == pytest.approx(1)
        if sum(row["bytes"] for row in rows):
            assert sum(row["byte_share"] for row in rows) == pytest.approx(1)
        assert sum(quadrant["operations"] for quadrant in figures["quadrants"].values()) == operations
        names = [(row["model"], row["sub_model"]) for row in figures["models"]]
        assert len(names) == len(set(names)) and all(row["evidence"] for row in figures["models"])
        assert all((HERE.parent.parent / row["rule"]).is_file() for row in figures["models"])
        # What may decide: of the wait models their operations and bytes, of zero-copy the copy paths'.
        deciding = [row for row in rows if row["decides"]]
        for tag in {row["model"] for row in rows}:
            own = [row for row in deciding if row["model"] == tag]
            shares = [sum(row[key] for row in own) / (sum(row[key] for row in deciding) or 1) for key in ["operations", "bytes"]]
            isolated = sum(row["operations"] for row in own) == 1 and sum(row["bytes"] for row in own) < 4096
            assert (tag in figures["tags"]) == (max(shares) >= 0.01 and not isolated), (tag, figures["models"])
        assert all(row["sub_model"] == "program files" or row["operations"] == row["waits"]
                   or row["evidence"].endswith("decide no tag") for row in rows if not row["decides"])
        assert set(figures["tags"]) <= {row["model"] for row in figures["models"] if row["decides"]}
    assert not any(document["losses"].values())
    return document


def model(figures, name, sub_model=None):
    rows = [row for row in figures["models"] if (row["model"], row["sub_model"]) == (name, sub_model)]
    assert len(rows) == 1, f"{len(rows)} rows of {name} {sub_model}: {figures['models']}"
    return rows[0]


def own_share(figures, name):
    """A model's share of the operations that aren't on program files."""
    rows = [row for row in waits(figures) if row["sub_model"] != "program files"]
    return sum(row["operations"] for row in rows if row["model"] == name) / sum(row["operations"] for row in rows)


def findings(process):
    return {row["code"]: row["message"] for row in process["findings"]}


def connections(process):
    return [file for file in process["files"] if file["type"] == "tcp" and file["peer"]]


def listener(process):
    (file,) = [file for file in process["files"] if file["type"] == "tcp" and not file["peer"]]
    return file


# ---- servers, and their load ----

class Server:
    """One of programs/models (or another program that prints its port), asleep until somebody connects."""

    def __init__(self, children, command):
        self.process = children.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
        self.pid = self.process.pid
        line = self.line()
        assert line.strip().isdigit(), f"the server did not begin: {line!r}"
        self.port = int(line)
        state = pathlib.Path(f"/proc/{self.pid}/stat")
        assert eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "S")

    def line(self):
        return read_line(self.process.stdout.fileno(), 20)


@pytest.fixture
def serve(children):
    """Starts a server: a program of programs/models, or a command."""

    def start(*command):
        if str(command[0]).endswith(".py"):
            command = [PYTHON, PROGRAMS / command[0], *command[1:]]
        return Server(children, command)

    return start


@pytest.fixture
def loaded(trace):
    """Traces a server while programs/models/load.py has it answer: the server's row."""

    def run(server, connections, messages, size, *more, program="load.py"):
        document, process = trace(
            ["-p", server.pid],
            [PYTHON, PROGRAMS / program, server.port, connections, messages, *([size] if size else []), *more])
        assert process.returncode == 0, process.stderr.decode()
        return of_pid(check_models(document), server.pid)

    return run


def check_echo(row, how, sub_model, messages, size):
    """N messages are N receives and N sends, and one receive that tells of the end."""
    for file in connections(row):
        (figures,) = file["models"]
        assert (figures["model"], figures["sub_model"]) == (how, sub_model)
        assert file["operations"] == figures["operations"] == 2 * messages + 1
        assert figures["bytes"] == 2 * messages * size
        assert file["bytes_in"] == file["bytes_out"] == messages * size


# ---- one thread that watches many ----

@pytest.mark.parametrize("program, sub_model, call, what", [
    ("chat_selectors.py", "epoll", "epoll_wait", "in an epoll set"),
    ("chat_select.py", "select", "pselect6", "that select had found ready"),
    ("chat_poll.py", "poll", "poll", "that poll had in its set"),
])
def test_a_chat_is_multiplexed(serve, loaded, program, sub_model, call, what):
    members, messages, size = 3, 20, 100
    row = loaded(serve(program), members, messages, size, "members")
    said = members * messages
    assert row["tags"] == ["multiplexed"] and row["threads"] == 1
    assert len(connections(row)) == members
    for file in connections(row):
        (figures,) = file["models"]
        assert (figures["model"], figures["sub_model"]) == ("multiplexed", sub_model)
        # A member's own messages and its end are received, everyone's are sent to it.
        assert file["operations"] == figures["operations"] == messages + 1 + said
        assert (file["bytes_in"], file["bytes_out"]) == (messages * size, said * size)
        assert file["nonblocking"] and file["in_epoll"] == (sub_model == "epoll")
    assert listener(row)["operations"] == members
    figures = model(row, "multiplexed", sub_model)
    operations, waited = members * (messages + 2 + said), count(row, call)
    # Of each message, one wait tells that it is there, and one that it can be passed on. Joins and ends may come together.
    assert 2 * said + 2 <= waited <= 2 * said + 2 * members + 1
    assert figures["operations"] == operations + waited and figures["operation_share"] == 1
    assert figures["bytes"] == (said + members * said) * size and figures["byte_share"] == 1
    name = "select" if sub_model == "select" else call
    assert figures["evidence"].startswith(f"{operations} operations on fds {what}; {waited} {name} calls")
    # It slept only to be told of something: what it then did could not sleep.
    assert row["quadrants"]["async_blocking"]["operations"] == waited
    assert row["quadrants"]["sync_nonblocking"]["operations"] == operations
    assert row["quadrants"]["sync_blocking"]["operations"] == 0
    assert findings(row) == {}


def test_an_asyncio_server_is_multiplexed_in_one_thread(serve, loaded):
    messages, size = 60, 100
    row = loaded(serve("echo_asyncio.py"), 3, messages, size, 2, 0.3)
    assert row["tags"] == ["multiplexed"] and row["threads"] == 1
    assert len(connections(row)) == 3 and all(file["in_epoll"] for file in connections(row))
    check_echo(row, "multiplexed", "epoll", messages, size)
    # It accepts until there is nobody left: that is one EAGAIN at least.
    accepts = row["syscalls"]["by_name"]["accept4"]
    assert listener(row)["operations"] == accepts["count"] == 3 + accepts["errors"] and accepts["errors"] >= 1
    figures = model(row, "multiplexed", "epoll")
    assert figures["operations"] == 3 * (2 * messages + 1) + accepts["count"] + count(row, "epoll_wait")
    assert figures["operation_share"] == 1 and count(row, "epoll_wait") >= 3 * messages
    assert row["quadrants"]["sync_blocking"]["operations"] == 0
    # The pause was slept through in epoll_wait, which is the wait phase.
    assert row["quadrants"]["async_blocking"]["time_ns"] >= 0.3e9 and row["phases"]["wait_ns"] >= 0.3e9
    assert row["time"]["blocked_by_cause"]["multiplexer"] >= 0.3e9


def test_ten_thousand_connections_in_one_epoll_set(serve, attach):
    made, size = 10_000, 100
    limit = made + 100
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < limit:
        pytest.skip(f"only {resource.getrlimit(resource.RLIMIT_NOFILE)[1]} files may be open (RLIMIT_NOFILE)")

    def with_many_files(*command):
        return ["/bin/sh", "-c", f"ulimit -n {limit}; exec \"$@\"", "sh", *map(str, command)]

    server = serve(*with_many_files(PYTHON, PROGRAMS / "echo_asyncio.py"))
    tracer = attach("-p", server.pid)
    subprocess.run(with_many_files(PYTHON, PROGRAMS / "load.py", server.port, made, 1, size), check=True, timeout=40,
                   env=ENVIRONMENT)
    # It has seen the end of each.
    assert eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) < 20)
    memory = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{tracer.process.pid}/status").read_text())[1])
    row = of_pid(check_models(tracer.stop()), server.pid)
    assert row["tags"] == ["multiplexed"]
    accepts = row["syscalls"]["by_name"]["accept4"]
    assert accepts["count"] - accepts["errors"] == made
    figures = model(row, "multiplexed", "epoll")
    assert figures["operations"] == 3 * made + accepts["count"] + count(row, "epoll_wait") and figures["operation_share"] == 1
    assert figures["bytes"] == 2 * made * size
    assert memory < 64 * 1024, f"the tracer needed {memory} KiB"


def test_a_client_with_timeouts_is_multiplexed_on_each_of_its_connections(serve, children, attach):
    # Each connection has the number of the last, so the sets that it polls look the same.
    made, messages = 10, 20
    server = serve("echo_threads.py")
    client = children.start([PYTHON, PROGRAMS / "client_with_timeouts.py", server.port, made, messages],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, bufsize=0)
    assert client.stdout.readline() == b"ready\n"
    tracer = attach("-p", client.pid)
    client.stdin.write(b"begin\n")
    assert client.stdout.readline() == b"done\n"
    row = of_pid(check_models(tracer.stop()), client.pid)
    assert len(connections(row)) == made and len({file["fd"] for file in connections(row)}) == 1
    assert [[part["sub_model"] for part in file["models"]] for file in connections(row)] == made * [["poll"]]
    assert row["tags"] == ["multiplexed"] and own_share(row, "multiplexed") > 0.99
    figures = model(row, "multiplexed", "poll")
    assert figures["operations"] == sum(file["operations"] for file in connections(row)) + count(row, "poll")
    assert count(row, "poll") >= 2 * made * messages == sum(file["operations"] for file in connections(row))


@pytest.mark.parametrize("way, sub_model", [
    ("level", "epoll"), ("blocking", "epoll"), ("edge", "epoll edge"), ("oneshot", "epoll oneshot"),
    ("exclusive", "epoll exclusive")])
def test_the_ways_of_epoll(serve, loaded, way, sub_model):
    messages, size = 300, 100
    server = serve("echo_epoll.py", way)
    row = loaded(server, 1, messages, size)
    received, again = map(int, server.line().split())
    assert received == messages + 1
    assert row["tags"] == ["multiplexed"]
    (file,) = connections(row)
    (figures,) = file["models"]
    assert (figures["model"], figures["sub_model"]) == ("multiplexed", sub_model)
    assert file["operations"] == figures["operations"] == received + messages + again
    assert (file["in_epoll"], file["nonblocking"]) == (True, way != "blocking")
    assert count(row, "recvfrom", "errors") == again
    # After an edge it reads until there is nothing: each wait but the last ends in EAGAIN. The others wait for each message.
    waited = count(row, "epoll_wait")
    if way == "edge":
        assert again > 0 and waited == again + 1
    else:
        assert again == 0 and waited == received
    whole = model(row, "multiplexed", sub_model)
    assert whole["operations"] == figures["operations"] + waited and whole["operation_share"] > 0.99
    # It may sleep in recv: what is ready can be gone. The report says so.
    on_blocking = figures["operations"] if way == "blocking" else 0
    assert (f", {on_blocking} of them on blocking fds" in whole["evidence"]) == (way == "blocking")
    assert ("blocking_fd_in_epoll" in findings(row)) == (way == "blocking")
    assert findings(row).get("blocking_fd_in_epoll", str(on_blocking)).startswith(str(on_blocking))
    assert row["quadrants"]["sync_blocking"]["operations"] == own_operations(row, "blocking") + on_blocking
    assert row["quadrants"]["sync_nonblocking"]["operations"] == (0 if on_blocking else figures["operations"])


def own_operations(row, name):
    return sum(figures["operations"] for figures in row["models"] if figures["model"] == name)


# ---- without a multiplexer ----

def test_a_thread_for_each_connection_blocks(serve, loaded):
    messages, size = 40, 100
    row = loaded(serve("echo_threads.py"), 4, messages, size, 2, 0.3)
    assert row["tags"] == ["blocking"] and row["threads"] == 5
    assert len(connections(row)) == 4 and not any(file["nonblocking"] for file in connections(row))
    check_echo(row, "blocking", None, messages, size)
    figures = model(row, "blocking")
    assert figures["operations"] == 4 * (2 * messages + 1) + 4 and figures["operation_share"] == 1
    assert listener(row)["operations"] == 4
    assert row["quadrants"]["sync_blocking"]["operations"] == figures["operations"]
    # Four threads sleep through the pause in recv.
    assert row["quadrants"]["sync_blocking"]["time_ns"] >= 4 * 0.3e9 <= row["phases"]["wait_ns"]
    assert row["time"]["blocked_by_cause"]["socket_recv"] >= 4 * 0.3e9
    assert findings(row) == {}


def test_who_asks_again_and_again_is_nonblocking_and_polls(serve, loaded):
    messages, size = 50, 100
    server = serve("echo_spin.py")
    row = loaded(server, 1, messages, size, 2, 0.3)
    received, again = map(int, server.line().split())
    assert received == messages + 1 and again > 1000
    assert row["tags"] == ["nonblocking"]
    (file,) = connections(row)
    assert file["operations"] == received + again + messages and file["nonblocking"] and not file["in_epoll"]
    figures = model(row, "nonblocking", "busy-polling")
    assert figures["operations"] == file["operations"] and figures["bytes"] == 2 * messages * size
    assert f"EAGAIN {again:,} times" in figures["evidence"]
    assert set(findings(row)) == {"eagain_spinning"}
    assert findings(row)["eagain_spinning"].startswith(f"{again:,} of {figures['operations']:,} nonblocking operations")
    assert count(row, "recvfrom", "errors") == again
    assert row["quadrants"]["sync_nonblocking"]["operations"] == figures["operations"]
    assert row["quadrants"]["async_blocking"]["operations"] == 0
    # It waited for 0.3 s on a CPU or for one, not asleep.
    assert row["time"]["on_cpu_ns"] + row["time"]["runqueue_ns"] >= 0.28e9 and file["blocked_ns"] < 0.05e9


def test_who_is_told_by_a_signal_is_signal_driven(serve, loaded):
    messages, size = 400, 100
    server = serve("echo_sigio.py")
    row = loaded(server, 1, messages, size)
    received, again = map(int, server.line().split())
    assert received == messages + 1 and again > 0
    assert row["tags"] == ["async"]
    (file,) = connections(row)
    (figures,) = file["models"]
    assert (figures["model"], figures["sub_model"]) == ("async", "signal-driven")
    whole = model(row, "async", "signal-driven")
    assert file["operations"] == figures["operations"] == whole["operations"] == received + again + messages
    assert whole["bytes"] == 2 * messages * size
    assert count(row, "rt_sigtimedwait") == again


def test_coroutines_without_io_have_no_tag(trace):
    document, process = trace([], [PYTHON, PROGRAMS / "coroutines.py"])
    assert process.returncode == 0
    (row,) = check_models(document)["processes"]
    assert row["tags"] == [], row["models"]
    # What it read are its modules.
    assert {figures["sub_model"] for figures in row["models"]} <= {"program files", "mapped"}
    assert model(row, "blocking", "program files")["operations"] > 0


@pytest.mark.parametrize("command", [["/bin/true"], ["/bin/sleep", "0.2"], ["/bin/sh", "-c", ":"]])
def test_who_does_nothing_has_no_tag(trace, command):
    document, process = trace([], command)
    assert process.returncode == 0
    (row,) = check_models(document)["processes"]
    # The loader read the C library.
    assert row["startup"]["operations"] > 0
    assert row["tags"] == [], row["models"]


# ---- a program that changes its model ----

MODELS = re.findall(r"#define IOTRACE_MODEL_(\w+) (\d+)", (HERE.parent.parent / "bpf/include/models.h").read_text())


def recorded_models(file, kind="tcp"):
    """Of each interval, {slot: (operations, bytes)} of the connection's row."""
    intervals = []
    for line in map(json.loads, file.read_text().splitlines()):
        if line["type"] != "interval":
            continue
        sums = {}
        for process in line["processes"]:
            for entry in process["files"]:
                if entry["identity"]["type"] != kind or not entry["identity"]["peer"]:
                    continue
                again, *numbers = entry["models"]
                for name, slot in MODELS:
                    operations, moved = numbers[2 * int(slot):2 * int(slot) + 2]
                    if operations:
                        before = sums.get(name, (0, 0))
                        sums[name] = before[0] + operations, before[1] + moved
        intervals.append(sums)
    return intervals


def test_a_recording_shows_when_a_program_changes_its_model(io_uring, serve, children, tmp_path):
    part, size = 40, 100
    server = serve("changes_model.py", part)
    recorder = Trace(children, tmp_path / "recording", ["-p", str(server.pid), "--interval", "0.2"], subcommand=["record"])
    subprocess.run([PYTHON, PROGRAMS / "load.py", str(server.port), "1", str(3 * part), str(size), "3", "0.7"], check=True,
                   timeout=20, env=ENVIRONMENT)
    assert server.line() == "done\n"
    recorder.process.send_signal(signal.SIGINT)
    recorder.process.communicate(timeout=20)
    assert recorder.process.returncode == 0
    busy = [(number, sums) for number, sums in enumerate(recorded_models(tmp_path / "recording")) if sums]
    assert {name for _, sums in busy for name in sums} == {"BLOCKING", "EPOLL", "URING"}
    # A third of the messages in each way, and the end in the last.
    for name, operations in [("BLOCKING", 2 * part), ("EPOLL", 2 * part), ("URING", 2 * part + 1)]:
        parts = [sums[name] for _, sums in busy if name in sums]
        assert tuple(map(sum, zip(*parts))) == (operations, 2 * part * size), name
    # One after the other, with a pause between. The ring asks for the next message ahead of it, but counts what it got.
    first, second, third = ([number for number, sums in busy if name in sums] for name in ["BLOCKING", "EPOLL", "URING"])
    assert max(first) + 1 < min(second) and max(second) + 1 < min(third)
    document = json.loads(run_iotrace("report", tmp_path / "recording", "--json").stdout)
    row = of_pid(check_models(document), server.pid)
    assert row["tags"] == ["blocking", "multiplexed", "async"]
    assert model(row, "async", "io_uring")["operations"] == 2 * part + 1
    assert model(row, "multiplexed", "epoll")["operations"] == 2 * part + count(row, "epoll_wait") == 3 * part


# ---- io_uring of a program that has its ring already ----

@pytest.fixture(scope="session")
def io_uring():
    """Skips where the kernel has no io_uring for us."""
    probe = subprocess.run([PYTHON, "-c", "import ring; ring.Ring()"], cwd=PROGRAMS, env=ENVIRONMENT, capture_output=True,
                           text=True)
    if probe.returncode:
        pytest.skip(f"io_uring is not allowed here: {probe.stderr.splitlines()[-1]}")


def test_a_ring_from_before_the_trace_is_counted(io_uring, children, attach, tmp_path):
    requests, size = 500, 1000
    path = tmp_path / "data"
    path.write_bytes(bytes(requests * size))
    program = children.start([PYTHON, PROGRAMS / "uring_reader.py", path, requests, size], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env=ENVIRONMENT, bufsize=0)
    assert program.stdout.readline() == b"ready\n"
    tracer = attach("-p", program.pid)
    program.stdin.write(b"begin\n")
    assert program.stdout.readline() == b"done\n"
    row = of_pid(check_models(tracer.stop()), program.pid)
    assert row["tags"] == ["async"]
    assert (row["uring"]["submitted"], row["uring"]["completed"]) == (requests, requests)
    assert row["uring"]["rings"] == 1 and set(row["uring"]["by_opcode"]) == {"READ"}
    reads = row["uring"]["by_opcode"]["READ"]
    assert (reads["count"], reads["errors"], reads["bytes"]) == (requests, 0, requests * size)
    (file,) = [file for file in row["files"] if file["path"] == str(path)]
    assert (file["operations"], file["bytes_in"]) == (requests, requests * size)
    assert count(row, "io_uring_enter") == requests
    figures = model(row, "async", "io_uring")
    assert (figures["operations"], figures["bytes"]) == (requests, requests * size)


# ---- fio ----

ENGINE_OPTIONS = {"libaio": ["--iodepth=8"], "io_uring": ["--iodepth=8"], "posixaio": ["--iodepth=8"]}


class FioRun:
    """What fio says that it did, and what the trace says."""

    def __init__(self, document, jobs, path):
        self.document, self.path = document, path
        self.totals = document["totals"]
        self.jobs = jobs
        self.reads, self.read_bytes = (sum(job["read"][key] for job in jobs) for key in ["total_ios", "io_bytes"])
        self.writes, self.written_bytes = (sum(job["write"][key] for job in jobs) for key in ["total_ios", "io_bytes"])
        self.operations, self.bytes = self.reads + self.writes, self.read_bytes + self.written_bytes
        assert self.reads > 0 and self.writes > 0

    def rows_of_file(self):
        """(process, row of the file) of the processes that used it."""
        return [(process, file) for process in self.document["processes"] for file in process["files"]
                if file["path"] == str(self.path) and file["operations"]]

    def worker(self):
        """The row of the one process that did the I/O. fio's main process watches it."""
        workers = [process for process in self.document["processes"] if process["ppid"] in self.pids]
        assert len(workers) == 1
        return workers[0]

    @property
    def pids(self):
        return {process["pid"] for process in self.document["processes"]}


@pytest.fixture
def fio(trace, tmp_path):
    path, output = tmp_path / "data", tmp_path / "fio.json"
    with open(path, "wb") as file:
        file.write(os.urandom(8 * MEBIBYTE))
        file.flush()
        os.fsync(file.fileno())

    def run(engine, *options):
        command = [need_tool("fio"), "--name=job", f"--filename={path}", "--size=8m", "--bs=4k", "--rw=randrw",
                   f"--ioengine={engine}", *ENGINE_OPTIONS.get(engine, []), *options, "--output-format=json",
                   f"--output={output}"]
        document, process = trace([], command)
        assert process.returncode == 0, process.stderr.decode()
        return FioRun(check_models(document), json.loads(output.read_text())["jobs"], path)

    return run


def test_fio_psync_blocks(fio):
    run = fio("psync")
    row = run.worker()
    assert row["tags"] == ["blocking"]
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)
    assert (count(row, "pread64"), count(row, "pwrite64")) == (run.reads, run.writes)
    assert (model(row, "blocking")["operations"], model(row, "blocking")["bytes"]) == (run.operations, run.bytes)


@pytest.mark.parametrize("direct", [0, 1])
def test_fio_libaio_is_async(fio, direct):
    run = fio("libaio", f"--direct={direct}")
    row = run.worker()
    assert row["tags"] == (["async", "zero-copy"] if direct else ["async"])
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)
    figures = model(row, "async", "libaio")
    assert (figures["operations"], figures["bytes"]) == (run.operations + count(row, "io_getevents"), run.bytes)
    assert row["quadrants"]["async_nonblocking"]["operations"] == run.operations
    if direct:
        moved = model(row, "zero-copy", "direct")
        assert (moved["operations"], moved["bytes"]) == (run.operations, run.bytes) and moved["byte_share"] > 0.999


def check_uring(run, suffix=""):
    uring = run.totals["uring"]
    assert uring["submitted"] == uring["completed"] == run.operations
    assert uring["overflows"] == uring["notifications"] == 0
    assert set(uring["by_opcode"]) == {"READ" + suffix, "WRITE" + suffix}
    for opcode, operations, moved in [("READ", run.reads, run.read_bytes), ("WRITE", run.writes, run.written_bytes)]:
        figures = uring["by_opcode"][opcode + suffix]
        assert (figures["count"], figures["errors"], figures["bytes"]) == (operations, 0, moved)
        assert figures["inline"] + figures["poll_armed"] + figures["punted"] == figures["count"]
    return uring


@pytest.mark.parametrize("options", [[], ["--direct=1"]])
def test_fio_io_uring_is_async(io_uring, fio, options):
    run = fio("io_uring", *options)
    row = run.worker()
    assert row["tags"] == (["async", "zero-copy"] if options else ["async"])
    assert row["uring"] == check_uring(run) and (row["uring"]["rings"], row["uring"]["sq_poll"]) == (1, False)
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)
    figures = model(row, "async", "io_uring")
    assert (figures["operations"], figures["bytes"]) == (run.operations, run.bytes)


@pytest.mark.parametrize("thread", [False, True])
def test_fio_io_uring_with_four_jobs(io_uring, fio, thread):
    run = fio("io_uring", "--numjobs=4", *(["--thread"] if thread else []))
    assert len(run.jobs) == 4
    uring = check_uring(run)
    assert (uring["rings"], uring["sq_poll"]) == (4, False)
    # Each job has the file open for itself, in its own process or thread.
    of_fio = [(job["read"]["total_ios"] + job["write"]["total_ios"], job["read"]["io_bytes"], job["write"]["io_bytes"])
              for job in run.jobs]
    rows = run.rows_of_file()
    assert sorted((file["operations"], file["bytes_in"], file["bytes_out"]) for _, file in rows) == sorted(of_fio)
    assert len({process["pid"] for process, _ in rows}) == (1 if thread else 4)
    assert all(process["tags"] == ["async"] for process, _ in rows)


def test_fio_io_uring_with_a_thread_that_polls_and_fixed_buffers_and_files(io_uring, fio):
    run = fio("io_uring", "--sqthread_poll=1", "--fixedbufs=1", "--registerfiles=1")
    row = run.worker()
    assert row["tags"] == ["async"]
    assert row["uring"] == check_uring(run, "_FIXED") and (row["uring"]["rings"], row["uring"]["sq_poll"]) == (1, True)
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)
    figures = model(row, "async", "io_uring SQPOLL")
    assert (figures["operations"], figures["bytes"]) == (run.operations, run.bytes)
    assert count(row, "io_uring_enter") < run.operations / 10


def test_fio_mmap_is_mapped(fio):
    run = fio("mmap")
    row = run.worker()
    assert row["tags"] == ["zero-copy"]
    figures = model(row, "zero-copy", "mapped")
    # Where a fault maps a large folio, the kernel tells one page of it.
    assert MEBIBYTE <= figures["bytes"] <= 8 * MEBIBYTE + MEBIBYTE and figures["operations"] == 0
    assert run.rows_of_file() == [] and own_operations(row, "blocking") < 10


def test_fio_splice_is_zero_copy_as_far_as_the_pipe(fio):
    run = fio("splice")
    row = run.worker()
    # It polls its pipe before it fills it. What it reads goes by reference into the pipe, and is copied out of it; what it
    # writes goes by reference into the pipe, and is copied into the page cache.
    assert row["tags"] == ["blocking", "multiplexed", "zero-copy"]
    figures = model(row, "zero-copy")
    assert (figures["operations"], figures["bytes"]) == (run.operations, run.bytes)
    assert count(row, "splice") == run.operations == count(row, "vmsplice") - count(row, "vmsplice", "errors")
    assert model(row, "multiplexed", "poll")["operations"] > count(row, "poll") == run.writes
    (copied,) = [path for path in row["copy_paths"] if path["path"] == "kernel-copied"]
    assert copied["bytes"] >= run.written_bytes
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)


def test_fio_posixaio_is_threads_that_block(fio):
    run = fio("posixaio")
    row = run.worker()
    assert row["tags"] == ["blocking"] and row["threads"] > 1
    ((_, file),) = run.rows_of_file()
    assert (file["operations"], file["bytes_in"], file["bytes_out"]) == (run.operations, run.read_bytes, run.written_bytes)
    assert (count(row, "pread64"), count(row, "pwrite64")) == (run.reads, run.writes)
    assert (model(row, "blocking")["operations"], model(row, "blocking")["bytes"]) == (run.operations, run.bytes)

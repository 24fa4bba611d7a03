"""What is traced is what was asked for: the whole of it and nothing else."""

import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import time

import pytest

from conftest import count, eventually, of_pid, read_line, run_iotrace


def test_a_command_is_traced_from_its_first_instruction(trace, program):
    document, process = trace([], [program("tiny")])
    assert process.returncode == 0
    (row,) = document["processes"]
    assert count(row, "execve") == 1
    assert count(row, "exit_group") == 1
    assert row["started_in_window"] and row["exited"] and row["exit_status"] == 0
    assert row["comm"] == "tiny" and row["command"] == [program("tiny")]
    assert document["window"]["end"] == "exit"
    # Nothing of the launch itself: what waits before the exec reads a pipe.
    assert count(row, "read") == 0


def test_descendants_are_followed(trace, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 1234)
    script = f"(/bin/cat {tmp_path}/file; (/bin/cat {tmp_path}/file)) >/dev/null; :"
    document, _ = trace([], ["/bin/sh", "-c", script])
    cats = [row for row in document["processes"] if row["comm"] == "cat"]
    assert len(cats) == 2
    assert all(row["exited"] and row["exit_status"] == 0 for row in cats)
    pids = {row["pid"] for row in document["processes"]}
    assert sum(row["ppid"] in pids for row in document["processes"]) == len(pids) - 1


def test_no_follow_leaves_out_the_children_of_a_command(trace, program):
    document, process = trace(["--no-follow"], [program("children"), "5"])
    assert process.returncode == 0
    assert [row["comm"] for row in document["processes"]] == ["children"]
    assert count(document["totals"], "getppid") == 0


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143),
                                            ("kill -KILL $$", 137)])
def test_the_exit_status_is_the_commands(script, status, trace):
    document, process = trace([], ["/bin/sh", "-c", script])
    assert process.returncode == status
    assert document["processes"][0]["exit_status"] == status


def test_the_commands_own_streams_are_untouched():
    process = run_iotrace("report", "--", "/bin/cat", input="in\n", stdin=None)
    assert process.returncode == 0
    assert process.stdout == "in\n"
    assert "cat" in process.stderr


def test_json_of_a_command_goes_to_standard_error():
    process = run_iotrace("report", "--json", "--", "/bin/echo", "out")
    assert process.stdout == "out\n"
    assert process.stderr.startswith("{") and '"iotrace.report/1"' in process.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_command_and_the_report_is_written(number, attach, program):
    tracer = attach(command=[program("on_term")], stdout=subprocess.PIPE)
    assert read_line(tracer.process.stdout.fileno(), 10) == "ready\n"
    document = tracer.stop(number)
    assert tracer.process.returncode == 42
    assert document["processes"][0]["exit_status"] == 42


def test_two_pids_are_traced_and_a_third_is_not(worker, attach):
    workers = [worker() for _ in range(3)]
    tracer = attach("-p", f"{workers[0].pid},{workers[1].pid}")
    for number, each in enumerate(workers):
        each.do(f"calls {1000 + number}")
    document = tracer.stop()
    assert document["window"]["end"] == "signal"
    assert {row["pid"]: count(row, "getppid") for row in document["processes"]} == \
        {workers[0].pid: 1000, workers[1].pid: 1001}


def test_pid_given_twice_as_two_options(worker, attach):
    first, second = worker(), worker()
    tracer = attach("-p", first.pid, "-p", second.pid)
    second.do("calls 10")
    assert {row["pid"] for row in tracer.stop()["processes"]} == {first.pid, second.pid}


def test_threads_that_exist_and_later_threads_and_children_are_traced(worker, attach):
    worker = worker()
    tracer = attach("-p", worker.pid)
    worker.do("thread 777")
    child = int(worker.do("fork 555"))
    document = tracer.stop()
    row = of_pid(document, worker.pid)
    assert count(row, "getppid") == 777
    assert row["threads"] == 2 and not row["started_in_window"] and not row["exited"]
    assert count(of_pid(document, child), "getppid") == 555
    assert of_pid(document, child)["started_in_window"] and of_pid(document, child)["exited"]
    assert of_pid(document, child)["ppid"] == worker.pid


def test_threads_that_exist_already_are_traced(children, program, attach):
    process = children.start([program("many_sleepers"), "300"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert read_line(process.stdout.fileno(), 20) == "ready\n"
    tracer = attach("-p", process.pid)
    process.stdin.close()
    process.wait(10)
    document = tracer.wait()
    assert document["window"]["end"] == "exit"
    (row,) = document["processes"]
    assert row["threads"] == 301
    assert row["exited"] and row["exit_status"] == 0


def test_no_follow_leaves_out_later_children_and_keeps_later_threads(worker, attach):
    worker = worker()
    tracer = attach("-p", worker.pid, "--no-follow")
    worker.do("thread 777")
    worker.do("fork 555")
    document = tracer.stop()
    assert [row["pid"] for row in document["processes"]] == [worker.pid]
    assert count(document["totals"], "getppid") == 777


def test_comm_picks_up_what_runs_and_what_starts_while_tracing(worker, attach, program, tmp_path):
    name = f"w-{secrets.token_hex(4)}"
    shutil.copy(program("worker"), tmp_path / name)
    old, bystander = worker(tmp_path / name), worker()
    tracer = attach("--comm", name)
    new = worker(tmp_path / name)
    old.do("calls 100")
    new.do("calls 200")
    bystander.do("calls 400")
    document = tracer.stop()
    assert {row["pid"]: count(row, "getppid") for row in document["processes"]} == {old.pid: 100, new.pid: 200}


@pytest.fixture
def cgroup():
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    roots = [mount[1] for mount in mounts if mount[2] == "cgroup2"]
    if not roots:
        pytest.skip("no cgroup v2 hierarchy is mounted")
    directory = pathlib.Path(roots[0]) / f"iotrace-test-{os.getpid()}"
    (directory / "inner").mkdir(parents=True)
    yield directory
    for line in (directory / "cgroup.procs").read_text().split() + (directory / "inner/cgroup.procs").read_text().split():
        os.kill(int(line), signal.SIGKILL)
    assert eventually(lambda: not (directory / "cgroup.events").read_text().count("populated 1"))
    (directory / "inner").rmdir()
    directory.rmdir()


def test_a_cgroup_is_its_members_and_those_below(cgroup, worker, attach):
    inside, below, outside, mover = worker(), worker(), worker(), worker()
    (cgroup / "cgroup.procs").write_text(str(inside.pid))
    (cgroup / "inner/cgroup.procs").write_text(str(below.pid))
    tracer = attach("--cgroup", cgroup)
    (cgroup / "cgroup.procs").write_text(str(mover.pid))
    for number, each in enumerate((inside, below, outside, mover)):
        each.do(f"calls {100 + number}")
    child = int(inside.do("fork 50"))
    document = tracer.stop()
    assert {row["pid"]: count(row, "getppid") for row in document["processes"]} == \
        {inside.pid: 100, below.pid: 101, mover.pid: 103, child: 50}
    assert of_pid(document, inside.pid)["cgroup"].endswith(cgroup.name)


def test_all_is_every_process_but_the_tracer(worker, attach):
    first, second = worker(), worker()
    tracer = attach("-a", "--duration", "1.5")
    first.do("calls 1000")
    second.do("calls 1001")
    document = tracer.wait()
    assert count(of_pid(document, first.pid), "getppid") == 1000
    assert count(of_pid(document, second.pid), "getppid") == 1001
    assert os.getpid() in {row["pid"] for row in document["processes"]}
    assert tracer.process.pid not in {row["pid"] for row in document["processes"]}


def test_the_duration_ends_a_trace(worker, attach):
    worker = worker()
    begun = time.monotonic()
    tracer = attach("-p", worker.pid, "--duration", "1")
    document = tracer.wait()
    assert tracer.process.returncode == 0
    assert document["window"]["end"] == "duration"
    assert document["window"]["duration_ns"] == pytest.approx(1e9, rel=0.1)
    assert time.monotonic() - begun < 10


def test_with_a_target_the_command_is_only_the_load(worker, trace):
    worker = worker()
    load = f"echo calls 4321 > /proc/{worker.pid}/fd/0; /bin/sleep 0.3; exit 3"
    document, process = trace(["-p", worker.pid], ["/bin/sh", "-c", load])
    assert process.returncode == 3
    assert [row["pid"] for row in document["processes"]] == [worker.pid]
    assert count(document["totals"], "getppid") == 4321


def test_a_target_that_ends_ends_the_trace_and_stays_in_the_document(worker, attach):
    worker = worker()
    tracer = attach("-p", worker.pid)
    worker.begin("exit 9")
    document = tracer.wait()
    assert document["window"]["end"] == "exit"
    assert document["processes"][0]["exited"] and document["processes"][0]["exit_status"] == 9


def test_two_tracers_do_not_disturb_each_other(worker, attach):
    worker = worker()
    first, second = attach("-p", worker.pid), attach("-p", worker.pid)
    worker.do("calls 1000")
    assert count(first.stop()["totals"], "getppid") == 1000
    worker.do("calls 500")
    assert count(second.stop()["totals"], "getppid") == 1500


def test_a_command_run_by_name_is_found_in_path():
    assert run_iotrace("report", "--", "true").returncode == 0

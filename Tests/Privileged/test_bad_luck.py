"""Bad input and bad luck: each gets a clear error, or a report that is right about what it has."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import ENVIRONMENT, IOTRACE, count, error_lines, eventually, need_tool, read_line, run_iotrace


def refused(process, status=125):
    """The one line of a refusal."""
    assert process.returncode == status, process.stderr
    lines = error_lines(process)
    assert len(lines) == 1, process.stderr
    return lines[0]


def test_a_pid_that_does_not_exist_is_named():
    process = subprocess.Popen(["/bin/true"])
    process.wait(10)
    assert str(process.pid) in refused(run_iotrace("report", "-p", process.pid))


@pytest.mark.parametrize("pids", ["0", "-1", "x", "1,,2", "99999999999", ""])
def test_what_is_no_pid_is_refused(pids):
    process = run_iotrace("report", f"-p={pids}" if pids.startswith("-") else "-p", *([] if pids.startswith("-") else [pids]),
                          "--duration", "0.1")
    assert process.returncode == 125 and error_lines(process)


def test_a_command_that_is_not_there_is_127(tmp_path):
    assert "nowhere" in refused(run_iotrace("report", "--", tmp_path / "nowhere"), 127)
    assert "no-such-command" in refused(run_iotrace("report", "--", "no-such-command"), 127)


def test_a_command_that_is_not_executable_is_126(tmp_path):
    (tmp_path / "text").write_text("no program")
    assert "text" in refused(run_iotrace("report", "--", tmp_path / "text"), 126)
    assert str(tmp_path) in refused(run_iotrace("report", "--", tmp_path), 126)


@pytest.mark.parametrize("duration", ["-1", "0", "nan", "inf", "abc", "-0.5", "1e400"])
def test_a_duration_that_is_none_is_refused(duration, worker):
    process = run_iotrace("report", "-p", worker().pid, f"--duration={duration}")
    assert process.returncode == 125
    assert duration.strip("-") in process.stderr or "duration" in process.stderr


def test_nothing_to_trace_is_refused():
    assert "-p" in refused(run_iotrace("report"))


def test_two_targets_are_refused(worker):
    refused(run_iotrace("report", "-p", worker().pid, "-a", "--duration", "0.1"))


def test_a_cgroup_that_does_not_exist_is_named():
    assert "no/such/group" in refused(run_iotrace("report", "--cgroup", "no/such/group", "--duration", "0.1"))


def test_without_privilege_the_error_says_what_is_needed(program):
    nobody = [need_tool("setpriv", "util-linux"), "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all", "--no-new-privs"]
    # A build in a place that only root can reach is started through a descriptor.
    with open(IOTRACE, "rb") as binary:
        os.set_inheritable(binary.fileno(), True)
        process = subprocess.run(
            [*nobody, f"/proc/self/fd/{binary.fileno()}", "report", "--", "/bin/true"], capture_output=True, text=True,
            timeout=30, env=ENVIRONMENT, pass_fds=[binary.fileno()], stdin=subprocess.DEVNULL, cwd="/")
    line = refused(process)
    assert "CAP_BPF" in line and "CAP_PERFMON" in line and "root" in line


def test_doctor_without_privilege_says_so_and_is_125():
    nobody = [need_tool("setpriv", "util-linux"), "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
    with open(IOTRACE, "rb") as binary:
        process = subprocess.run(
            [*nobody, f"/proc/self/fd/{binary.fileno()}", "doctor"], capture_output=True, text=True, timeout=30,
            env=ENVIRONMENT, pass_fds=[binary.fileno()], stdin=subprocess.DEVNULL, cwd="/")
    assert process.returncode == 125
    assert "CAP_BPF" in process.stdout


def test_five_thousand_threads_are_all_counted(trace, program):
    document, process = trace([], [program("threads"), "5000", "3"])
    assert process.returncode == 0
    (row,) = document["processes"]
    assert row["threads"] == 5001
    assert count(row, "getppid") == 15_000
    assert not any(document["losses"].values())


def test_five_thousand_living_threads_are_all_counted(worker, attach, program, children):
    """As above, but alive at both edges: each is found by the seeding and by the last reading."""
    process = children.start([program("many_sleepers"), "5000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert read_line(process.stdout.fileno(), 20) == "ready\n"
    tracer = attach("-p", process.pid)
    time.sleep(0.5)
    document = tracer.stop()
    (row,) = document["processes"]
    assert row["threads"] == 5001
    assert document["window"]["in_flight_at_start"] == document["window"]["in_flight_at_end"] == 5001
    assert row["time"]["blocked_by_cause"]["pipe"] == pytest.approx(row["time"]["observed_ns"], rel=0.005)
    assert not any(document["losses"].values())


def test_a_process_that_has_ended_is_refused():
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    process = subprocess.run([IOTRACE, "report", "-p", str(child.pid)], capture_output=True, timeout=20)
    child.wait()
    assert process.returncode == 125
    assert str(child.pid).encode() in process.stderr and b"ended" in process.stderr


def test_two_thousand_children_are_all_in_the_document(trace, program):
    document, process = trace([], [program("children"), "2000", program("tiny")])
    assert process.returncode == 0
    tiny = [row for row in document["processes"] if row["comm"] == "tiny"]
    assert len(tiny) == 2000
    assert len({row["pid"] for row in tiny}) == 2000
    assert all(row["exited"] and row["exit_status"] == 0 and count(row, "execve") == 1 for row in tiny)
    assert count(document["totals"], "exit_group") == 2001
    assert not any(document["losses"].values())


@pytest.mark.slow
def test_twenty_thousand_short_lived_children_are_all_counted(trace, program):
    document, process = trace([], [program("children"), "20000"], timeout=110)
    assert process.returncode == 0
    assert len(document["processes"]) == 20_001
    assert count(document["totals"], "getppid") == 20_000
    assert count(document["totals"], "exit_group") == 20_001
    assert sum(row["exited"] for row in document["processes"]) == 20_001
    assert not any(document["losses"].values())


def test_full_maps_are_reported_as_losses(trace, program):
    document, process = trace(["--map-limit", "16"], [program("children"), "200", program("tiny")])
    assert process.returncode == 0
    assert document["losses"]["map_full"] > 0
    assert any(warning["code"] == "losses" for warning in document["warnings"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_trace_and_prints_the_report(number, children, worker):
    worker = worker()
    ready, write_end = os.pipe()
    process = children.start([IOTRACE, "report", "-p", worker.pid, "--ready-fd", write_end], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, pass_fds=[write_end], env=ENVIRONMENT)
    os.close(write_end)
    assert read_line(ready, 20) == "ready\n"
    os.close(ready)
    worker.do("calls 10")
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"getppid" in output and errors == b""


def test_a_second_interrupt_ends_what_a_command_holds_up(attach, program, tmp_path):
    ignoring = "trap '' INT TERM; echo ready; while :; do /bin/sleep 0.05; done"
    tracer = attach(command=["/bin/sh", "-c", ignoring], stdout=subprocess.PIPE)
    assert read_line(tracer.process.stdout.fileno(), 10) == "ready\n"
    try:
        tracer.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert tracer.process.poll() is None
        tracer.process.send_signal(signal.SIGINT)
        tracer.process.wait(10)
        document = json.loads(tracer.output.read_text())
        assert document["window"]["end"] == "signal"
        assert tracer.process.returncode == 130
        (command,) = [row for row in document["processes"] if row["command"] and row["ppid"] == tracer.process.pid]
        assert not command["exited"]
    finally:
        document = json.loads(tracer.output.read_text()) if tracer.output.exists() else {"processes": []}
        for row in document["processes"]:
            with contextlib.suppress(OSError):
                if row["command"] and ignoring in row["command"]:
                    os.kill(row["pid"], signal.SIGKILL)


def test_a_reader_that_leaves_early_is_no_crash(children, worker, tmp_path):
    file = tmp_path / "r"
    assert run_iotrace("record", "-o", file, "--", "/bin/true").returncode == 0
    for form in (["--json"], []):
        # The reader is gone before the first byte, so the write is bound to fail.
        reading, writing = os.pipe()
        os.close(reading)
        process = children.start([IOTRACE, "report", file, *form], stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT)
        os.close(writing)
        _, errors = process.communicate(timeout=20)
        assert process.returncode in (0, 141, -signal.SIGPIPE)
        assert errors == b""
    process = subprocess.run(["/bin/bash", "-c", f"set -o pipefail; {IOTRACE} report {file} | head -1"], timeout=20,
                             capture_output=True, env=ENVIRONMENT)
    assert process.returncode in (0, 141) and process.stderr == b"" and process.stdout.count(b"\n") == 1


def program_ids(bpftool):
    """{id: name} of every iotrace's programs."""
    listing = subprocess.run([bpftool, "prog", "show", "-j"], capture_output=True, check=True, timeout=20)
    return {row["id"]: row["name"] for row in json.loads(listing.stdout)
            if row.get("name") in ("count_call", "switch_threads")}


def held_programs(pid):
    """Ids of the programs that a process has descriptors of."""
    ids = set()
    for entry in os.scandir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(entry.path) as lines:
            ids |= {int(line.split()[1]) for line in lines if line.startswith("prog_id:")}
    return ids


@pytest.mark.parametrize("way", ["kill -9", "SIGINT"])
def test_nothing_stays_in_the_kernel(way, attach, worker):
    bpftool = need_tool("bpftool")
    worker = worker()
    tracer = attach("-p", worker.pid)
    # By their holder, since another iotrace may run on this machine.
    own = {id: name for id, name in program_ids(bpftool).items() if id in held_programs(tracer.process.pid)}
    assert sorted(own.values()) == ["count_call", "switch_threads"]
    tracer.process.send_signal(signal.SIGKILL if way == "kill -9" else signal.SIGINT)
    tracer.process.wait(20)
    assert eventually(lambda: not own.keys() & program_ids(bpftool).keys())
    worker.do("calls 10")


def test_a_command_goes_on_when_its_tracer_is_killed(attach, tmp_path):
    script = f"echo ready; for i in 1 2 3 4 5 6 7 8; do /bin/sleep 0.1; done; echo done > {tmp_path}/done"
    tracer = attach(command=["/bin/sh", "-c", script], stdout=subprocess.PIPE)
    assert read_line(tracer.process.stdout.fileno(), 10) == "ready\n"
    tracer.process.kill()
    tracer.process.wait(10)
    assert eventually((tmp_path / "done").exists)


def on_terminal(arguments, columns=100, environment=None):
    """Everything that a terminal would get."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([IOTRACE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
                               env={**ENVIRONMENT, "TERM": "xterm-256color", **(environment or {})}, start_new_session=True)
    os.close(terminal)
    output, end = b"", time.monotonic() + 20
    try:
        while time.monotonic() < end and select.select([main], [], [], max(0, end - time.monotonic()))[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            output += piece
        process.wait(10)
    finally:
        os.close(main)
        if process.poll() is None:
            process.kill()
            process.wait(10)
    return output


COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("color", ["always", "never", "auto"])
def test_names_never_reach_the_terminal_raw(color, program, tmp_path):
    path = os.fsencode(tmp_path) + b"/\x1b]0;owned\x07\x1b[2Jfile\n\r\xc2\x9b2J\xff"
    output = on_terminal(["report", "--color", color, "--", program("rude"), os.fsdecode(path)])
    rest = COLOUR.sub(b"", output).replace(b"\r\n", b"\n").decode(errors="surrogateescape")
    assert "rude" in rest or "owned" in rest
    raw = [character for character in rest
           if character != "\n" and (ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or ord(character) >= 0xDC80 and
                                     ord(character) < 0xDD00)]
    assert raw == []
    assert "\x1b" not in rest


def test_names_with_escape_sequences_are_whole_in_the_document(trace, program, tmp_path):
    name = "\x1b[2Jfile"
    document, _ = trace([], [program("rude"), tmp_path / name])
    row = document["processes"][0]
    assert row["comm"] == "\x1b]0;x\x07\x1b[2J\n\r\\xFF"
    assert any(file["path"] == f"{tmp_path}/{name}" and file["bytes_out"] == 4 for file in row["files"])
    assert row["command"] == [program("rude"), f"{tmp_path}/{name}"]


def test_an_error_never_shows_a_name_raw(tmp_path):
    process = run_iotrace("report", "--", f"{tmp_path}/\x1b[2Jnowhere")
    assert process.returncode == 127 and "\x1b" not in process.stderr
    process = run_iotrace("report", f"{tmp_path}/\x1b[2Jnowhere")
    assert process.returncode == 125 and "\x1b" not in process.stderr
    process = run_iotrace("report", "--sort", "\x1b[2J", "--", "/bin/true")
    assert process.returncode == 125 and "\x1b" not in process.stderr
    process = run_iotrace("report", "-p", "\x1b[2J")
    assert process.returncode == 125 and "\x1b" not in process.stderr


def test_colour_is_for_terminals_that_want_it():
    command = ["--", "/bin/cat", "/etc/hostname"]
    assert b"\x1b[" in on_terminal(["report", *command])
    assert b"\x1b" not in on_terminal(["report", *command], environment={"NO_COLOR": "1"})
    assert b"\x1b[" in on_terminal(["report", *command], environment={"NO_COLOR": ""})
    assert b"\x1b" not in on_terminal(["report", "--color", "never", *command])
    assert b"\x1b[" in on_terminal(["report", "--color", "always", *command], environment={"NO_COLOR": "1"})
    assert "\x1b" not in run_iotrace("report", *command).stderr
    assert "\x1b[" in run_iotrace("report", "--color", "always", *command).stderr


@pytest.mark.parametrize("columns", [40, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal(columns, program, tmp_path):
    long = tmp_path / ("a-rather-long-name-" * 8)
    output = on_terminal(["report", "--color", "never", "--", program("rude"), long], columns)
    assert output
    if columns >= 80:
        assert max(len(line) for line in output.decode(errors="replace").replace("\r", "").split("\n")) <= columns


def test_a_process_that_vanishes_while_it_is_attached_to_is_no_crash(children, program):
    """Targets that live for a few milliseconds: the trace ends by itself or refuses, whatever the moment."""
    for delay in (0, 0.01, 0.05, 0.1, 0.2):
        process = children.start(["/bin/sleep", delay])
        result = run_iotrace("report", "-p", process.pid, "--duration", "2")
        process.wait(10)
        assert result.returncode in (0, 125), result.stderr
        assert result.returncode == 0 or str(process.pid) in refused(result)

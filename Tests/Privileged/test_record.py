"""A recording has the same figures as its intervals, can be read at any time, and a bad one is refused in one line."""

import json
import os
import random
import signal
import time

import pytest

from conftest import Trace, count, error_lines, eventually, run_iotrace

READ, WRITE, GETPPID = 0, 1, 110  # numbers of calls on x86-64


@pytest.fixture
def record(children):
    """Starts `iotrace record` and returns once it traces."""
    return lambda output, *arguments, **options: Trace(
        children, output, [str(word) for word in arguments], subcommand=["record"], **options)


def read_report(file):
    process = run_iotrace("report", file, "--json")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def recorded_counts(lines, index):
    """{system call number: sum of a column} over all intervals."""
    sums = {}
    for line in lines:
        for process in line.get("processes", []):
            for call in process["calls"]:
                sums[call[0]] = sums.get(call[0], 0) + call[index]
    return sums


def warned_of_truncation(document):
    return any(warning["code"] == "recording_truncated" for warning in document["warnings"])


@pytest.fixture
def recording(worker, record, tmp_path):
    """A recording of several intervals with a known truth."""
    worker = worker()
    file = tmp_path / "recording.ndjson"
    recorder = record(file, "-p", worker.pid, "--interval", "0.2")
    for _ in range(4):
        worker.do("calls 1000")
        worker.do(f"io {tmp_path}/file")
        time.sleep(0.25)
    recorder.process.send_signal(signal.SIGINT)
    recorder.process.communicate(timeout=20)
    assert recorder.process.returncode == 0
    return file


def test_a_report_of_a_recording_is_the_sum_of_its_intervals(recording):
    lines, document = lines_of(recording), read_report(recording)
    assert [line["type"] for line in lines][0] == "header" and lines[-1]["type"] == "end"
    assert sum(bool(line.get("processes")) for line in lines) >= 4
    totals = document["totals"]
    counts, bytes = recorded_counts(lines, 1), recorded_counts(lines, 3)
    assert count(totals, "getppid") == counts[GETPPID] == 4000
    for number, name in ((READ, "read"), (WRITE, "write")):
        assert (count(totals, name), count(totals, name, "bytes")) == (counts[number], bytes[number])
    assert totals["syscalls"]["total"] == sum(counts.values())
    assert document["window"]["end"] == "signal"
    assert not warned_of_truncation(document)


def test_a_recording_has_the_figures_of_a_report(trace, program, tmp_path):
    command = [program("threads"), "5", "1013"]
    reported, _ = trace([], command)
    process = run_iotrace("record", "-o", tmp_path / "r", "--", *command)
    assert process.returncode == 0
    recorded = read_report(tmp_path / "r")

    def counts(document):
        return {name: (call["count"], call["errors"], call["bytes"])
                for name, call in document["totals"]["syscalls"]["by_name"].items()}

    assert counts(recorded) == counts(reported)
    row = recorded["processes"][0]
    assert row["threads"] == reported["processes"][0]["threads"] == 6
    assert row["exited"] and row["exit_status"] == 0
    assert sum(row["time"]["blocked_by_cause"].values()) == row["time"]["blocked_ns"]


def test_times_survive_being_cut_into_intervals(worker, record, tmp_path):
    worker = worker()
    recorder = record(tmp_path / "r", "-p", worker.pid, "--interval", "0.1")
    before, switches = worker.schedstat(), worker.switches()
    worker.do("sleep 500")
    worker.do("burn 500")
    worker.do("naps 200 100")
    after, later = worker.schedstat(), worker.switches()
    recorder.process.send_signal(signal.SIGINT)
    recorder.process.communicate(timeout=20)
    row = read_report(tmp_path / "r")["processes"][0]
    times = row["time"]
    assert times["on_cpu_ns"] == pytest.approx(after[0] - before[0], rel=0.01)
    assert (row["switches"]["voluntary"], row["switches"]["involuntary"]) == (later[0] - switches[0], later[1] - switches[1])
    assert times["blocked_by_cause"]["sleep"] > 0.52e9
    assert sum(times["blocked_by_cause"].values()) == times["blocked_ns"]
    assert times["residual_ns"] == times["observed_ns"] - times["on_cpu_ns"] - times["blocked_ns"] - times["runqueue_ns"]


def test_a_recording_passes_the_commands_status_on(tmp_path):
    assert run_iotrace("record", "-o", tmp_path / "r", "--", "/bin/sh", "-c", "exit 6").returncode == 6


def test_a_recording_can_be_read_while_it_grows(worker, record, tmp_path):
    worker = worker()
    file = tmp_path / "growing"
    recorder = record(file, "-p", worker.pid, "--interval", "0.1")
    worker.do("calls 500")
    assert eventually(lambda: count(read_report(file)["totals"], "getppid") == 500)
    document = read_report(file)
    assert warned_of_truncation(document) and document["window"]["end"] is None
    worker.do("calls 300")
    assert eventually(lambda: count(read_report(file)["totals"], "getppid") == 800)
    recorder.process.send_signal(signal.SIGINT)
    recorder.process.communicate(timeout=20)
    assert not warned_of_truncation(read_report(file))


def test_a_killed_recorder_leaves_what_it_had(worker, record, tmp_path):
    worker = worker()
    file = tmp_path / "killed"
    recorder = record(file, "-p", worker.pid, "--interval", "0.1")
    worker.do("calls 500")
    assert eventually(lambda: count(read_report(file)["totals"], "getppid") == 500)
    recorder.process.kill()
    recorder.process.communicate(timeout=20)
    document = read_report(file)
    assert count(document["totals"], "getppid") == 500
    assert warned_of_truncation(document)
    worker.do("calls 1")


def test_a_recording_cut_anywhere_gives_its_whole_intervals(recording, tmp_path):
    content = recording.read_bytes()
    header = content.index(b"\n") + 1
    cut = tmp_path / "cut"
    generator = random.Random(2)
    for length in sorted({header, len(content) - 1, *(generator.randrange(header, len(content)) for _ in range(25))}):
        cut.write_bytes(content[:length])
        process = run_iotrace("report", cut, "--json")
        assert process.returncode == 0, (length, process.stderr)
        document = json.loads(process.stdout)
        whole = [json.loads(line) for line in content[:length].splitlines(keepends=True) if line.endswith(b"\n")]
        # A last line may be complete but for its newline.
        lower = recorded_counts(whole, 1).get(GETPPID, 0)
        upper = recorded_counts(lines_of(recording)[:len(whole) + 1], 1).get(GETPPID, 0)
        assert count(document["totals"], "getppid") in (lower, upper)
        assert warned_of_truncation(document) or length == len(content) - 1



BAD = {
    "empty": b"",
    "an empty line": b"\n",
    "random bytes": random.Random(1).randbytes(100_000),
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\10\6\0\0\0",
    "zeros": bytes(4096),
    "deep nesting": b"[" * 200_000,
    "deep nesting of objects": b'{"a":' * 200_000,
    "JSON of something else": b'{"schema": "somebody.else/1"}\n',
    "a number": b"1\n",
    "a list": b"[]\n",
    "a later schema": b'{"type":"header","schema":"iotrace.recording/999"}\n',
    "escape sequences": b'\x1b]0;owned\x07\x1b[2J\n',
    "a schema with escape sequences": b'{"schema":"\\u001b[2J\\u0007\\u009b2J"}\n',
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_recording_is_refused_in_one_line(name, tmp_path):
    (tmp_path / "bad").write_bytes(BAD[name])
    process = run_iotrace("report", tmp_path / "bad")
    assert process.returncode == 125
    assert process.stdout == ""
    (line,) = error_lines(process)
    assert str(tmp_path / "bad") in line and len(line) < 500
    assert line.isprintable()


def corruptions(content):
    lines = content.splitlines(keepends=True)
    middle = len(lines) // 2
    yield "garbage in the middle", b"".join([*lines[:middle], b"#### not JSON ####\n", *lines[middle:]])
    yield "a line cut in the middle", b"".join([*lines[:middle], lines[middle][:20] + b"\n", *lines[middle + 1:]])
    yield "no header", b"".join(lines[1:])
    yield "cut in its header", content[:len(lines[0]) // 2]
    yield "an unknown line", b"".join([*lines[:middle], b'{"type":"surprise"}\n', *lines[middle:]])
    yield "a negative count", content.replace(b'"calls":[[', b'"calls":[[-7,', 1)
    yield "a count too large", content.replace(b'"calls":[[', b'"calls":[[99999999999999999999', 1)
    yield "invalid UTF-8", content.replace(b'"comm":"', b'"comm":"\xff\xfe', 1)
    yield "a deep line", b"".join([*lines[:middle], b"[" * 100_000 + b"\n", *lines[middle:]])


def test_a_corrupt_recording_is_refused_in_one_line(recording, tmp_path):
    wrong = []
    for name, content in corruptions(recording.read_bytes()):
        (tmp_path / "bad").write_bytes(content)
        process = run_iotrace("report", tmp_path / "bad", "--json")
        if process.returncode != 125 or process.stdout or len(error_lines(process)) != 1:
            wrong.append((name, process.returncode, process.stdout[:100], process.stderr[:300]))
    assert not wrong


def test_counters_at_their_limit_do_not_crash_the_reader(recording, tmp_path):
    """Sums that overflow: any answer but a crash."""
    lines = recording.read_bytes().splitlines(keepends=True)
    huge = str(2**64 - 1).encode()
    for key in (b'"totals":[', b'"counters":[', b'"timed":['):
        content = b"".join(line.replace(key, key + huge + b",") for line in lines)
        (tmp_path / "huge").write_bytes(content)
        for form in (["--json"], []):
            process = run_iotrace("report", tmp_path / "huge", *form)
            assert process.returncode in (0, 125), (key, process.returncode, process.stderr[:500])


def test_a_file_that_is_not_there_is_named(tmp_path):
    process = run_iotrace("report", tmp_path / "nowhere")
    assert process.returncode == 125
    (line,) = error_lines(process)
    assert "nowhere" in line and "ENOENT" in line


def test_a_directory_is_no_recording(tmp_path):
    process = run_iotrace("report", tmp_path)
    assert process.returncode == 125 and len(error_lines(process)) == 1


@pytest.mark.parametrize("arguments", [["record"], ["report"], ["report", "--json"]])
def test_a_full_disk_is_an_error(arguments):
    process = run_iotrace(*arguments, "-o", "/dev/full", "--", "/bin/true")
    assert process.returncode == 125
    (line,) = error_lines(process)
    assert "/dev/full" in line and "ENOSPC" in line


def test_a_place_that_cannot_be_written_is_an_error_before_the_command_runs(tmp_path):
    for subcommand in ("record", "report"):
        process = run_iotrace(subcommand, "-o", tmp_path / "no/such/place", "--", "/bin/touch", tmp_path / "made")
        assert process.returncode == 125
        assert not os.path.exists(tmp_path / "made")


def test_a_bad_interval_is_an_error(tmp_path):
    for interval in ("0", "-1", "nan", "x"):
        process = run_iotrace("record", "-o", tmp_path / "r", f"--interval={interval}", "--", "/bin/true")
        assert process.returncode == 125, interval
        assert error_lines(process)


def test_the_terminal_report_of_a_recording_names_what_happened(recording):
    process = run_iotrace("report", recording)
    assert process.returncode == 0 and process.stderr == ""
    for word in ("worker", "getppid", "read", "write"):
        assert word in process.stdout

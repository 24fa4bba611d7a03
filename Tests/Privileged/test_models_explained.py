"""`report --explain`: the chain from counts to verdict, live and of a recording, against the document of the same trace."""

import json
import os
import re

import pytest

from conftest import ENVIRONMENT, HERE, REPOSITORY, error_lines, run_iotrace

PYTHON = "/usr/bin/python3"

# A pipe that is read after poll, a file that is written and read, and a name that would clear a terminal.
PROGRAM = r"""
import os, select
reader, writer = os.pipe()
poll = select.poll()
poll.register(reader, select.POLLIN)
for _ in range(40):
    os.write(writer, b"12345")
    poll.poll()
    os.read(reader, 100)
fd = os.open("evil\x1b[2J\u202e\nname", os.O_RDWR | os.O_CREAT)
for _ in range(7):
    os.write(fd, b"abc")
os.close(fd)
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    directory = tmp_path_factory.mktemp("explained")
    path = directory / "trace"
    done = run_iotrace("record", "-o", path, "--", PYTHON, "-c", PROGRAM, cwd=directory)
    assert done.returncode == 0, done.stderr
    return path


def explained(recording, subject, *more, **options):
    options.setdefault("env", {**ENVIRONMENT, "COLUMNS": "400"})
    done = run_iotrace("report", "--explain", subject, *more, recording, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_row_of_the_document_is_explained_with_its_page(recording):
    (row,) = json.loads(run_iotrace("report", "--json", recording).stdout)["processes"]
    text = explained(recording, "all")
    assert row["tags"] == ["blocking", "multiplexed"]
    for figures in row["models"]:
        assert f"{figures['sub_model'] or figures['model']}: {figures['evidence']}" in text or figures["model"] == "zero-copy"
        assert figures["rule"] in text and (REPOSITORY / figures["rule"]).is_file()
    for model in ["blocking", "nonblocking", "multiplexed", "async", "zero-copy"]:
        verdict = re.search(rf"^  (?:\w+, )*{model}(?:, [\w-]+)*: (a|no) tag", text, re.M)
        assert verdict and (verdict[1] == "a") == (model in row["tags"]), (model, text)


def test_fds_and_waits_add_up_to_the_row(recording):
    text = explained(recording, "multiplexed")
    fds = [int(number) for number in re.findall(r"^      fd \d+ pipe: (\d+) operations", text, re.M)]
    waits = int(re.search(r"waits: poll returned (\d+) times", text)[1])
    on_fds, counted, whole = map(int, re.search(r"together: (\d+) on fds \+ (\d+) waits = (\d+) operations", text).groups())
    assert (sum(fds), waits) == (on_fds, counted) == (40, 40) and whole == 80
    assert "program files" not in text and "async" not in text


def test_an_fd_is_explained_by_its_number(recording):
    (row,) = json.loads(run_iotrace("report", "--json", recording).stdout)["processes"]
    (file,) = [file for file in row["files"] if file["bytes_out"] == 21]
    text = explained(recording, f"fd:{file['fd']}")
    assert "7 operations, 0 bytes in, 21 bytes out" in text and "docs/models/blocking.md" in text
    assert "nothing was done on an fd of this number" in explained(recording, "fd:12345")


@pytest.mark.parametrize("columns", ["40", "80", "400"])
def test_names_cannot_reach_the_terminal(recording, columns):
    text = explained(recording, "all", env={**ENVIRONMENT, "COLUMNS": columns})
    assert "\x1b" not in text and "\u202e" not in text
    assert all(len(line) <= int(columns) for line in text.splitlines())
    assert "\\x1B" in "".join(text.split())


def test_a_live_trace_is_explained_on_standard_error_of_a_command(tmp_path):
    done = run_iotrace("report", "--explain", "blocking", "--", "/bin/sh", "-c", "echo hello; read x < /dev/null", cwd=tmp_path)
    assert done.stdout == "hello\n" and "blocking: a tag." in done.stderr
    output = tmp_path / "explained"
    done = run_iotrace("report", "--explain", "all", "-o", output, "--", "/bin/true")
    assert done.returncode == 0 and "The process has no tag" in output.read_text()


@pytest.mark.parametrize("subject", ["", "epoll", "fd:", "fd:-1", "fd:99999999999", "All"])
def test_a_subject_that_is_none_is_refused_with_the_choices(subject):
    done = run_iotrace("report", "--explain", subject, "--", "/bin/true")
    assert done.returncode == 125 and "multiplexed" in done.stderr


def test_the_explanation_is_no_document(recording):
    done = run_iotrace("report", "--explain", "all", "--json", recording)
    assert done.returncode == 125 and done.stdout == "" and "--json" in error_lines(done)[0]


def test_an_explanation_of_a_recording_with_odd_figures_does_not_crash(recording, tmp_path):
    lines = recording.read_text().splitlines()
    odd = tmp_path / "odd"
    odd.write_text("\n".join(re.sub(r"(?<=[\[,:])\d{2,}(?=[,\]])", str(2**64 - 1), line) if '"interval"' in line else line
                             for line in lines) + "\n")
    done = run_iotrace("report", "--explain", "all", odd)
    assert done.returncode in (0, 125), done.stderr
    assert done.returncode == 0 or error_lines(done)

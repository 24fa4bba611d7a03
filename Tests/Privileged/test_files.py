"""Each file is named and typed, and each use of an fd number is a row of its own."""

import json
import sys

from conftest import HERE, count


def python_program(trace, name, directory):
    document, process = trace([], [sys.executable, HERE / "programs" / name, directory])
    assert process.returncode == 0, process.stderr.decode()
    return document["processes"][0], process.stdout.decode()


def test_files_of_every_type_are_told_apart_and_named(trace, tmp_path):
    row, printed = python_program(trace, "open_files.py", tmp_path)
    wrong = []
    for expected in json.loads(printed):
        contains = expected.pop("path_contains", None)
        # The interpreter has used most numbers before, for its modules; the last use is the program's.
        last = [file for file in row["files"] if file["fd"] == expected["fd"]][-1:]
        got = {key: last[0][key] for key in expected} if last else None
        if got != expected or contains and contains not in (last[0]["path"] or ""):
            wrong.append((expected, last))
    assert not wrong


def test_a_reused_number_has_a_row_for_each_use(trace, tmp_path):
    row, printed = python_program(trace, "reuse_fd.py", tmp_path)
    number, duplicate = map(int, printed.split())
    uses = [(file["type"], file["path"], file["bytes_out"]) for file in row["files"]
            if file["fd"] == number and file["bytes_out"]]
    assert uses == [("regular", f"{tmp_path}/a", 10), ("regular", f"{tmp_path}/b", 20), ("udp", None, 30)]
    uses = [(file["path"], file["bytes_out"]) for file in row["files"] if file["fd"] == duplicate and file["bytes_out"]]
    assert uses == [(f"{tmp_path}/c", 40), (f"{tmp_path}/d", 50)]


def test_the_file_of_a_short_lived_child_is_named(trace, tmp_path):
    (tmp_path / "short-lived").write_bytes(b"x" * 321)
    document, _ = trace([], ["/bin/sh", "-c", f"/bin/cat {tmp_path}/short-lived >/dev/null; :"])
    (cat,) = [row for row in document["processes"] if row["comm"] == "cat"]
    (file,) = [file for file in cat["files"] if file["path"] == f"{tmp_path}/short-lived"]
    assert file["type"] == "regular" and file["bytes_in"] == 321


def test_a_file_open_before_the_trace_is_named(worker, attach, tmp_path):
    (tmp_path / "held").write_text("")
    worker = worker("/bin/cat")
    tracer = attach("-p", worker.pid)
    worker.begin("text")
    assert worker.answer() == "text"
    worker.settle()
    row = tracer.stop()["processes"][0]
    assert {(file["fd"], file["type"], file["bytes_in"], file["bytes_out"]) for file in row["files"]} == \
        {(0, "pipe", 5, 0), (1, "pipe", 0, 5)}


def test_the_flags_are_those_of_the_last_use(trace, tmp_path):
    script = ("import os; r, w = os.pipe(); os.write(w, b'x'); os.set_blocking(r, False); os.read(r, 1)\n"
              "try: os.read(r, 1)\nexcept BlockingIOError: print(r, w)")
    document, process = trace([], [sys.executable, "-c", script])
    reading, writing = map(int, process.stdout.split())
    row = document["processes"][0]
    last = {file["fd"]: file for file in row["files"]}
    assert last[reading]["nonblocking"] and not last[writing]["nonblocking"]
    # A read that finds nothing is an operation too: that is what polling looks like.
    assert (last[reading]["operations"], last[reading]["bytes_in"]) == (2, 1)


def test_threads_that_share_fds_share_their_rows(trace, program):
    document, _ = trace([], [program("threads"), "20", "1"])
    row = document["processes"][0]
    pipes = [(file["operations"], file["bytes_in"], file["bytes_out"]) for file in row["files"] if file["type"] == "pipe"]
    assert sorted(pipes) == [(20, 0, 20), (20, 0, 20), (20, 20, 0), (20, 20, 0)]
    assert count(row, "write") == 40


def test_more_files_than_the_report_lists_are_added_up(trace, tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    script = ("import os, sys\nfor _ in range(20011):\n f = os.open(sys.argv[1], os.O_RDONLY)\n os.read(f, 10)\n os.close(f)")
    document, _ = trace([], [sys.executable, "-c", script, tmp_path / "file"])
    row = document["processes"][0]
    # The dynamic loader reads with pread64 too.
    read = count(row, "read", "bytes") + count(row, "pread64", "bytes")
    assert read == sum(file["bytes_in"] for file in row["files"])
    assert sum(file["bytes_in"] for file in row["files"] if file["type"] == "regular") >= 200_110
    assert document["losses"]["file_map_full"] == 0


def test_a_file_that_is_opened_again_and_again_has_all_its_bytes_under_its_name(trace, tmp_path):
    row, printed = python_program(trace, "open_again.py", tmp_path)
    read = {}
    for file in row["files"]:
        if (file["path"] or "").startswith(f"{tmp_path}/"):
            read[file["path"]] = read.get(file["path"], 0) + file["bytes_in"]
    assert {path: count for path, count in read.items() if count} == json.loads(printed)
    opens = sum(file["opens"] for file in row["files"] if (file["path"] or "").startswith(f"{tmp_path}/moved/"))
    assert opens == 200 + 200 + 200 + 50 + 15000 + 1

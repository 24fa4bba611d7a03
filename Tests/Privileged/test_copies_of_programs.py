"""The copy ledger of real programs: explained call by call by strace, and by the kernel's own accounting of them."""

import collections
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading

import pytest

from conftest import ENVIRONMENT, HERE, count, eventually, need_tool, of_pid
from copy_ledger import check_ledger, hidden, path_bytes, written_on
from test_real_servers import free_port, listens

MEBIBYTE = 1 << 20
PAGE = 4096

READS = {"read", "pread64", "readv", "preadv", "preadv2", "recvfrom", "recvmsg"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg"}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of 100 MiB on the disk, and in the page cache."""
    path = tmp_path_factory.mktemp("large") / "file"
    block = os.urandom(MEBIBYTE)
    with open(path, "wb") as file:
        for _ in range(100):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    yield path
    path.unlink()


@pytest.fixture
def middling(tmp_path):
    """A file whose size is no multiple of anything."""
    path = tmp_path / "middling"
    with open(path, "wb") as file:
        file.write(os.urandom(20_000_017))
        file.flush()
        os.fsync(file.fileno())
    return path


def forget(path):
    """The page cache lets go of a file."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


# ---- the oracle of calls ----

def straced(command, output):
    """(the bytes of a ledger, the hidden copies) of a program of one process without direct I/O, by its calls' results."""
    calls = sorted(READS | WRITES | {"sendfile", "copy_file_range", "splice", "vmsplice", "tee"})
    subprocess.run([need_tool("strace"), "-yy", "-s", "0", "-e", "signal=none", "-e", f"trace={','.join(calls)}", "-o", output,
                    *map(str, command)], check=True, timeout=50, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sums, hidden = collections.Counter(), {}
    for line in output.read_text().splitlines():
        match = re.fullmatch(r"(\w+)\((.*)\)\s+= (-?\d+).*", line)
        if not match or int(match[3]) <= 0:
            continue
        name, result = match[1], int(match[3])
        files = re.findall(r"(?:^|, )\d+<(.*?)>(?=,|$)", match[2])
        if name in READS:
            sums["payload_in_bytes"] += result
            if not files[0].startswith("/dev/zero"):
                sums["kernel_to_user_bytes"] += result
        elif name in WRITES:
            sums["payload_out_bytes"] += result
            if not files[0].startswith("/dev/null"):
                sums["user_to_kernel_bytes"] += result
        elif name in ("sendfile", "copy_file_range"):
            sums["payload_in_bytes"] += result
            sums["payload_out_bytes"] += result
            sink = files[0] if name == "sendfile" else files[1]
            if sink.startswith("/"):
                sums["kernel_to_kernel_bytes"] += result
                code = "splice_into_file" if name == "sendfile" else "copy_range_without_reflink"
                operations, moved = hidden.get((name, code), (0, 0))
                hidden[name, code] = operations + 1, moved + result
            else:
                sums["avoided_bytes"] += result
        else:
            pytest.fail(f"the oracle does not know {name}")
    return sums, hidden


def ledger(process):
    copies = process["copies"]
    sums = {key: copies[key] for key in ["user_to_kernel_bytes", "kernel_to_user_bytes", "avoided_bytes", "payload_in_bytes",
                                         "payload_out_bytes"]}
    sums["kernel_to_kernel_bytes"] = copies["kernel_to_kernel_bytes"] - written_on(process)
    return {key: value for key, value in sums.items() if value}


@pytest.fixture
def explained(trace, tmp_path):
    """Traces a program, and holds its ledger against strace's; returns its row."""

    def run(*command):
        expected, expected_hidden = straced(command, tmp_path / "strace")
        (tmp_path / "made").unlink(missing_ok=True)
        document, process = trace([], command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert process.returncode == 0
        (row,) = check_ledger(document)["processes"]
        assert ledger(row) == expected
        assert hidden(row) == expected_hidden
        return row

    return run


def test_cp_is_what_its_calls_are(explained, middling, tmp_path):
    row = explained("/bin/cp", middling, tmp_path / "made")
    size = middling.stat().st_size
    if count(row, "copy_file_range", "bytes"):
        assert row["copies"]["kernel_to_kernel_bytes"] >= size
        assert path_bytes(row, "kernel-copied") >= size
    else:
        assert row["copies"]["amplification"] == pytest.approx(2, abs=0.03)


def test_cp_to_another_file_system_reads_and_writes(explained, middling):
    directory = pathlib.Path(f"/dev/shm/iotrace-{os.getpid()}")
    directory.mkdir()
    try:
        row = explained("/bin/cp", middling, directory / "made")
    finally:
        subprocess.run(["rm", "-r", directory], check=True)
    assert row["copies"]["amplification"] == pytest.approx(2, abs=0.03)
    assert path_bytes(row, "copied") >= 2 * middling.stat().st_size


def test_tar_reads_and_writes(explained, middling, tmp_path):
    row = explained("/bin/tar", "-c", "-f", tmp_path / "made", "-C", tmp_path, "middling")
    assert row["copies"]["amplification"] == pytest.approx(2, abs=0.03)


def test_tar_to_the_null_device_does_not_read(explained, middling, tmp_path):
    row = explained("/bin/tar", "-c", "-f", "/dev/null", "-C", tmp_path, "middling")
    assert row["copies"]["payload_in_bytes"] < 1_000_000


def test_dd_reads_and_writes(explained, middling, tmp_path):
    row = explained("/bin/dd", f"if={middling}", f"of={tmp_path}/made", "bs=64k", "status=none")
    assert row["copies"]["amplification"] == pytest.approx(2, abs=0.03)


def test_dd_from_zeros_to_nothing_copies_nothing(explained):
    row = explained("/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=50", "status=none")
    assert row["copies"]["payload_in_bytes"] >= 50 * MEBIBYTE <= row["copies"]["payload_out_bytes"]
    assert row["copies"]["amplification"] == pytest.approx(0, abs=0.02)


def test_cat_into_a_pipe_reads_and_writes(trace, middling, tmp_path):
    expected, _ = straced(["/bin/cat", middling], tmp_path / "strace")
    # strace had the null device as its output.
    expected["user_to_kernel_bytes"] = expected["payload_out_bytes"]
    document, process = trace([], ["/bin/cat", middling])
    assert process.stdout == middling.read_bytes()
    (row,) = check_ledger(document)["processes"]
    assert ledger(row) == expected
    assert row["copies"]["amplification"] == pytest.approx(2, abs=0.03)
    # A byte between two of its descriptors, which none of its calls names both of, is no pair.
    assert row["copy_pairs"] == []


def test_ip_looks_at_the_length_of_its_answers_before_it_takes_them(trace, tmp_path):
    command = [need_tool("ip", "iproute2"), "link"]
    subprocess.run([need_tool("strace"), "-yy", "-v", "-s", "0", "-e", "trace=recvmsg", "-o", tmp_path / "strace", *command],
                   check=True, timeout=20, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    received, peeked = 0, 0
    for line in (tmp_path / "strace").read_text().splitlines():
        match = re.fullmatch(r"recvmsg\(\d+<NETLINK.*, (\S+)\)\s+= (\d+)", line)
        if match and "MSG_PEEK" not in match[1]:
            received += int(match[2])
        elif match:
            # Into no buffer: it wants to know the length.
            assert "iov_len=0" in line and "MSG_TRUNC" in match[1]
            peeked += int(match[2])
    assert received > 0 and peeked > 0
    document, process = trace([], command, stdout=subprocess.DEVNULL)
    (row,) = check_ledger(document)["processes"]
    answers = [file["copies"] for file in row["files"] if file["type"] == "netlink"]
    assert sum(copies["kernel_to_user_bytes"] for copies in answers) == received
    assert sum(copies["payload_in_bytes"] for copies in answers) == received


# ---- direct I/O and the device ----

# Runs a program and prints its pid, its status, and the bytes that the kernel charged it for reading and writing devices.
USAGE = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(pid, status, usage.ru_inblock * 512, usage.ru_oublock * 512)
"""


@pytest.fixture
def charged(trace):
    """Traces a program: its row, and the bytes that the kernel says it read from devices and wrote (or will have written)."""

    def run(*command):
        document, process = trace([], [sys.executable, "-c", USAGE, *command])
        pid, status, read, written = map(int, process.stdout.split())
        assert status == 0
        return of_pid(check_ledger(document), pid), read, written

    return run


def test_dd_with_direct_input_copies_only_what_it_writes(charged, middling, tmp_path):
    row, read, _ = charged("/bin/dd", f"if={middling}", f"of={tmp_path}/made", "bs=1M", "iflag=direct", "status=none")
    copies, size = row["copies"], middling.stat().st_size
    assert copies["avoided_bytes"] == size == path_bytes(row, "direct")
    assert copies["user_to_kernel_bytes"] == size and copies["kernel_to_user_bytes"] < 100_000
    assert copies["amplification"] == pytest.approx(1, abs=0.03)
    assert copies["dma_in_bytes"] == read >= size


def test_dd_with_direct_input_to_nothing_copies_nothing(charged, middling):
    row, read, _ = charged("/bin/dd", f"if={middling}", "of=/dev/null", "bs=1M", "iflag=direct", "status=none")
    assert row["copies"]["avoided_bytes"] == middling.stat().st_size
    assert row["copies"]["amplification"] == pytest.approx(0, abs=0.03)
    assert row["copies"]["dma_in_bytes"] == read


def test_dd_with_direct_output_copies_the_part_that_it_writes_without(charged, middling, tmp_path):
    # Its last block is a short one: dd clears O_DIRECT for that, and syncs.
    row, _, written = charged("/bin/dd", f"if={middling}", f"of={tmp_path}/made", "bs=64k", "oflag=direct", "status=none")
    copies, size = row["copies"], middling.stat().st_size
    rest = size % 65536
    assert copies["avoided_bytes"] == size - rest == path_bytes(row, "direct")
    assert copies["user_to_kernel_bytes"] == rest
    assert copies["dma_out_bytes"] + copies["dma_out_deferred_bytes"] == pytest.approx(written, abs=16 * PAGE)
    assert size <= copies["dma_out_bytes"] and copies["dma_out_deferred_bytes"] <= 16 * PAGE


def test_dd_that_does_not_sync_leaves_its_output_to_be_written_later(charged, middling, tmp_path):
    row, read, written = charged("/bin/dd", f"if={middling}", f"of={tmp_path}/made", "bs=64k", "status=none")
    copies = row["copies"]
    assert copies["dma_in_bytes"] == read
    assert copies["dma_out_bytes"] + copies["dma_out_deferred_bytes"] == pytest.approx(written, abs=16 * PAGE)
    assert copies["dma_out_bytes"] <= 16 * PAGE


def test_a_cold_copy_is_charged_for_what_the_device_read(charged, middling, tmp_path):
    forget(middling)
    row, read, _ = charged("/bin/cp", middling, tmp_path / "made")
    assert row["copies"]["dma_in_bytes"] == read >= middling.stat().st_size


@pytest.fixture
def transfers(worker, attach):
    """Has programs/transfers.py do something: its row, and what /proc/PID/io counted meanwhile."""

    def run(*task):
        python = worker(sys.executable, HERE / "programs/transfers.py")
        tracer = attach("-p", python.pid)
        before = python.io()
        python.do(" ".join(map(str, task)))
        after = python.io()
        return of_pid(check_ledger(tracer.stop()), python.pid), {key: after[key] - before[key] for key in after}

    return run


def test_shutil_copyfile_asks_for_no_copy_and_gets_one(transfers, middling, tmp_path):
    row, io = transfers("copyfile", middling, tmp_path / "made")
    copies, size = row["copies"], middling.stat().st_size
    assert (copies["payload_in_bytes"], copies["payload_out_bytes"]) == (io["rchar"], io["wchar"])
    calls = {name: (call["count"], call["bytes"]) for name, call in row["syscalls"]["by_name"].items()
             if name in ("sendfile", "copy_file_range") and call["bytes"]}
    if "sendfile" in calls:
        assert calls == {"sendfile": (2, size)}
        assert hidden(row) == {("sendfile", "splice_into_file"): (1, size)}
    else:
        assert {operation for operation, _ in hidden(row)} == {"copy_file_range"}
    assert copies["kernel_to_kernel_bytes"] - written_on(row) == size
    assert copies["amplification"] == pytest.approx(1, abs=0.02)


def test_socket_sendfile_copies_nothing(transfers, large):
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drain():
            with listener.accept()[0] as peer:
                while data := peer.recv(MEBIBYTE):
                    received.append(len(data))

        listener.settimeout(20)
        thread = threading.Thread(target=drain, daemon=True)
        thread.start()
        row, io = transfers("serve", large, listener.getsockname()[1])
        thread.join(20)
    copies = row["copies"]
    assert sum(received) == 100 * MEBIBYTE == copies["avoided_bytes"] == path_bytes(row, "zero-copy")
    assert (copies["payload_in_bytes"], copies["payload_out_bytes"]) == (io["rchar"], io["wchar"])
    assert copies["amplification"] == pytest.approx(0, abs=0.005)
    (pair,) = row["copy_pairs"]
    assert (pair["source"]["type"], pair["source"]["name"], pair["sink"]["type"]) == ("regular", str(large), "tcp")
    assert pair["bytes"] == pair["avoided_bytes"] == 100 * MEBIBYTE


@pytest.mark.parametrize("way", ["read_cold", "map_cold"])
def test_what_the_device_read_is_what_the_kernel_charged(transfers, middling, way):
    row, io = transfers(way, middling)
    size = middling.stat().st_size
    assert row["copies"]["dma_in_bytes"] == io["read_bytes"] >= size
    if way == "map_cold":
        assert row["copies"]["kernel_to_user_bytes"] < PAGE
        # A fault may map a large folio as a whole, of which the kernel tells one page.
        assert row["copies"]["mapped_bytes"] is None or 0 < row["copies"]["mapped_bytes"] < size + 2 * MEBIBYTE


def test_what_fsync_wrote_is_what_the_kernel_charged(transfers, tmp_path):
    row, io = transfers("write_and_sync", tmp_path / "made", 20 * MEBIBYTE)
    copies = row["copies"]
    assert copies["user_to_kernel_bytes"] == io["wchar"]
    assert copies["dma_out_bytes"] + copies["dma_out_deferred_bytes"] == pytest.approx(io["write_bytes"], abs=16 * PAGE)
    # The flusher threads may come first for some of it.
    assert copies["dma_out_bytes"] >= 10 * MEBIBYTE


# ---- a server and its client ----

@pytest.fixture
def nginx(children, tmp_path, large):
    """Starts nginx, which serves the large file in the way that is asked for: (its worker's pid, the file's address)."""

    def start(*directives):
        port = free_port()
        (tmp_path / "nginx.conf").write_text(f"""
            worker_processes 1;
            pid {tmp_path}/nginx.pid;
            error_log {tmp_path}/error.log;
            user root;
            events {{ worker_connections 64; }}
            http {{
                access_log off;
                client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/fastcgi;
                uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;
                {" ".join(f"{directive};" for directive in directives)}
                server {{ listen 127.0.0.1:{port}; root {large.parent}; }}
            }}""")
        server = children.start(
            [need_tool("nginx", "nginx-light"), "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(server)
        assert eventually(lambda: listens(port)), "nginx does not listen"
        workers = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
        assert eventually(lambda: workers.read_text().split())
        pid = int(workers.read_text().split()[0])
        # In epoll_wait: it has loaded all that it needs, and closed the connection that looked whether it listens.
        assert eventually(lambda: pathlib.Path(f"/proc/{pid}/syscall").read_text().startswith("232 "))
        return pid, f"http://127.0.0.1:{port}/{large.name}"

    started = []
    yield start
    for server in started:
        server.terminate()
        server.wait(10)


def io_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return {key: int(value) for key, value in (line.split(": ") for line in lines)}


@pytest.fixture
def served(nginx, trace):
    """Traces an nginx worker while curl fetches the large file: its row, and what /proc/PID/io counted meanwhile."""

    def run(*directives):
        pid, address = nginx(*directives)
        before = io_of(pid)
        document, process = trace(["-p", pid], [need_tool("curl"), "-s", "-o", "/dev/null", "-w", "%{size_download}", address])
        after = io_of(pid)
        assert process.stdout == b"%d" % (100 * MEBIBYTE)
        row = of_pid(check_ledger(document), pid)
        io = {key: after[key] - before[key] for key in after}
        # rchar does not have what recv() returned.
        assert row["copies"]["payload_out_bytes"] == io["wchar"]
        assert row["copies"]["payload_in_bytes"] == io["rchar"] + count(row, "recvfrom", "bytes")
        assert row["copies"]["dma_in_bytes"] == io["read_bytes"]
        return row, io

    return run


def test_nginx_with_sendfile_copies_nothing(served):
    row, _ = served("sendfile on")
    assert row["copies"]["amplification"] == pytest.approx(0, abs=0.005)
    assert row["copies"]["avoided_bytes"] == 100 * MEBIBYTE == path_bytes(row, "zero-copy")
    assert hidden(row) == {}
    pairs = row["copy_pairs"]
    assert {(pair["source"]["type"], pair["sink"]["type"]) for pair in pairs} == {("regular", "tcp")}
    assert sum(pair["bytes"] for pair in pairs) == 100 * MEBIBYTE


def test_nginx_without_sendfile_copies_twice(served):
    row, _ = served("sendfile off")
    assert row["copies"]["amplification"] == pytest.approx(2, abs=0.01)
    assert row["copies"]["kernel_to_user_bytes"] >= 100 * MEBIBYTE <= row["copies"]["user_to_kernel_bytes"]
    assert row["copies"]["avoided_bytes"] == 0


def test_nginx_with_directio_copies_once_and_reads_the_device(served):
    row, io = served("sendfile on", "directio 1m", "output_buffers 2 512k")
    assert row["copies"]["amplification"] == pytest.approx(1, abs=0.01)
    assert row["copies"]["avoided_bytes"] == 100 * MEBIBYTE == path_bytes(row, "direct")
    assert io["read_bytes"] >= 100 * MEBIBYTE


@pytest.mark.parametrize("sink", ["file", "null device"])
def test_curl_copies_what_it_receives(nginx, trace, tmp_path, sink):
    _, address = nginx("sendfile on")
    output = tmp_path / "made" if sink == "file" else "/dev/null"
    document, process = trace([], [need_tool("curl"), "-s", "-o", output, address])
    assert process.returncode == 0
    (row,) = check_ledger(document)["processes"]
    copies, size = row["copies"], 100 * MEBIBYTE
    received = sum(file["copies"]["kernel_to_user_bytes"] for file in row["files"] if file["type"] == "tcp")
    # The body and a header.
    assert size < received < size + 1000
    assert copies["amplification"] == pytest.approx(2 if sink == "file" else 1, abs=0.01)
    assert sum(file["copies"]["user_to_kernel_bytes"] for file in row["files"] if file["type"] in ("regular", "char")) == \
        (size if sink == "file" else 0)

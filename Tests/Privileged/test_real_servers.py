"""Real servers under real load: the report says what they did, on which sockets."""

import pathlib
import re
import socket
import subprocess

import pytest

from conftest import eventually, need_tool, count


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


@pytest.fixture
def redis(children, tmp_path):
    port = free_port()
    server = children.start(
        [need_tool("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
         "--dir", tmp_path, "--daemonize", "no"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    assert eventually(lambda: listens(port)), "redis-server does not listen"
    yield server, port
    server.terminate()
    server.wait(10)


@pytest.fixture
def nginx(children, tmp_path):
    port = free_port()
    (tmp_path / "html").mkdir()
    (tmp_path / "logs").mkdir()
    (tmp_path / "html/page.txt").write_bytes(b"p" * 30_011)
    (tmp_path / "nginx.conf").write_text(f"""
        worker_processes 1;
        pid {tmp_path}/nginx.pid;
        error_log {tmp_path}/logs/error.log;
        user root;
        events {{ worker_connections 256; }}
        http {{
            access_log off;
            sendfile on;
            client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/fastcgi;
            uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;
            server {{ listen 127.0.0.1:{port}; root {tmp_path}/html; }}
        }}""")
    server = children.start(
        [need_tool("nginx"), "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually(lambda: listens(port)), "nginx does not listen"
    workers = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
    assert eventually(lambda: workers.read_text().split())
    yield server, [int(word) for word in workers.read_text().split()], port
    server.terminate()
    server.wait(10)


def socket_rows(process):
    return [file for file in process["files"] if file["type"] == "tcp"]


def test_redis_under_its_benchmark(redis, trace):
    server, port = redis
    load = [need_tool("redis-benchmark", "redis-tools"), "-h", "127.0.0.1", "-p", port, "-n", "20000", "-c", "20", "-t",
            "set,get", "-q"]
    document, process = trace(["-p", server.pid], load)
    assert process.returncode == 0
    (row,) = document["processes"]
    assert row["comm"] == "redis-server" and not row["exited"]
    # Each request is read on its own: the benchmark does not pipeline.
    assert count(row, "read") >= 40_000 and count(row, "write") >= 40_000
    assert count(row, "epoll_wait") > 0
    assert row["time"]["blocked_by_cause"]["multiplexer"] > 0
    sockets = socket_rows(row)
    address = f"127.0.0.1:{port}"
    assert any(file["local"] == address and file["peer"] is None for file in sockets), "the listening socket"
    served = [file for file in sockets if file["local"] == address and file["peer"]]
    assert len(served) >= 40
    assert all(file["peer"].startswith("127.0.0.1:") and file["nonblocking"] and file["type"] == "tcp" for file in served)
    busy = [file for file in served if file["operations"] > 10]
    assert sum(file["operations"] for file in busy) >= 80_000 and all(file["in_epoll"] for file in busy)
    assert not any(document["losses"].values())


def test_nginx_under_load(nginx, trace, tmp_path):
    server, workers, port = nginx
    load = [need_tool("wrk"), "-t1", "-c10", "-d2s", f"http://127.0.0.1:{port}/page.txt"]
    document, process = trace(["-p", ",".join(map(str, [server.pid, *workers]))], load)
    assert process.returncode == 0
    requests = int(re.search(r"(\d+) requests in", process.stdout.decode())[1])
    assert requests > 100
    assert {row["pid"] for row in document["processes"]} == {server.pid, *workers}
    (row,) = [row for row in document["processes"] if row["pid"] == workers[0]]
    assert row["ppid"] == server.pid
    assert count(row, "recvfrom") >= requests
    assert count(row, "sendfile") >= requests and count(row, "sendfile", "bytes") >= requests * 30_011
    assert count(row, "epoll_wait") > 0
    sockets = socket_rows(row)
    address = f"127.0.0.1:{port}"
    assert any(file["local"] == address and file["peer"] is None for file in sockets), "the listening socket"
    served = [file for file in sockets if file["local"] == address and file["peer"] and file["bytes_out"]]
    assert served and all(file["peer"].startswith("127.0.0.1:") and file["in_epoll"] for file in served)
    # nginx opens the page for each request, more files than a report lists; closed sockets are added up with the others then.
    assert sum(file["bytes_out"] for file in sockets) == count(row, "sendfile", "bytes") + count(row, "writev", "bytes")
    pages = [file for file in row["files"] if file["type"] == "regular"]
    assert sum(file["bytes_in"] for file in pages) == count(row, "sendfile", "bytes")
    assert any(file["path"] == str(tmp_path / "html/page.txt") for file in pages)
    assert not any(document["losses"].values())

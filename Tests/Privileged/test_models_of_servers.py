"""The I/O models of servers and clients as they are installed, under a load of the test's own."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from conftest import ENVIRONMENT, count, eventually, need_tool, of_pid
from test_models import (PROGRAMS, PYTHON, check_echo, check_models, connections, listener, loaded, model,  # noqa: F401
                         own_operations, own_share, serve)
from test_real_servers import free_port, listens, nginx  # noqa: F401


def socket_operations(process):
    return sum(file["operations"] for file in process["files"] if file["type"] == "tcp")


# ---- redis ----

@pytest.fixture
def redis(children, tmp_path):
    """Starts a server with further options: (its pid, its port)."""

    def start(*options):
        port = free_port()
        server = children.start(
            [need_tool("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", tmp_path, "--daemonize", "no", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        assert eventually(lambda: listens(port)), "redis-server does not listen"
        return server.pid, port

    return start


# Its threads spin while there is work, so with few CPUs many of them are slow.
@pytest.mark.parametrize("threads, requests", [(1, 20_000), (4, 500)])
def test_redis_is_multiplexed(redis, trace, threads, requests):
    pid, port = redis("--io-threads", threads, "--io-threads-do-reads", "yes")
    document, process = trace(
        ["-p", pid], [need_tool("redis-benchmark", "redis-tools"), "-h", "127.0.0.1", "-p", port, "-n", requests, "-c", "20",
                      "-t", "set,get", "-q"])
    assert process.returncode == 0
    row = of_pid(check_models(document), pid)
    # The threads take turns with the same sockets, which one thread watches.
    assert "multiplexed" in row["tags"] and own_share(row, "multiplexed") > 0.98
    figures = model(row, "multiplexed", "epoll")
    assert figures["operations"] == socket_operations(row) + count(row, "epoll_wait")
    served = [file for file in connections(row) if file["operations"] > 10]
    assert len(served) == 2 * 20
    assert all(file["in_epoll"] and [part["sub_model"] for part in file["models"]] == ["epoll"] for file in served)
    # Each of SET and GET is a read and a write, and the end of a connection is a read.
    operations = sum(file["operations"] for file in served)
    assert 2 * 2 * requests <= operations <= 2 * 2 * requests + 2 * len(served)
    # What else it reads is its own state, ten times in a second.
    others = [file for file in row["files"] if file["type"] == "regular" and file["operations"]]
    assert all(file["path"].startswith("/proc/") for file in others)
    assert own_operations(row, "blocking") == sum(file["operations"] for file in others)
    assert row["quadrants"]["async_blocking"]["operations"] == count(row, "epoll_wait")


def test_a_redis_that_has_nothing_to_do_is_not_tagged_for_its_own_state(redis, attach):
    pid, _ = redis()
    document = attach("-p", pid, "--duration", "1").wait()
    row = of_pid(check_models(document), pid)
    assert count(row, "read") > 0
    assert {file["path"] for file in row["files"] if file["type"] == "regular"} == {f"/proc/{pid}/stat"}
    assert "blocking" not in row["tags"], row["models"]


# ---- nginx, and curl ----

PAGE = 30_011


def test_nginx_is_multiplexed_and_zero_copy(nginx, trace):
    server, workers, port = nginx
    clients, requests = 3, 50
    document, process = trace(
        ["-p", ",".join(map(str, [server.pid, *workers]))],
        [PYTHON, PROGRAMS / "http_load.py", port, clients, requests, "/page.txt"])
    assert process.returncode == 0, process.stderr.decode()
    check_models(document)
    # The master does nothing.
    assert of_pid(document, server.pid)["tags"] == []
    row = of_pid(document, workers[0])
    figures = model(row, "multiplexed", "epoll edge")
    assert figures["operations"] == socket_operations(row) + count(row, "epoll_wait")
    assert count(row, "sendfile") == clients * requests
    moved = model(row, "zero-copy")
    assert (moved["operations"], moved["bytes"]) == (clients * requests, clients * requests * PAGE)
    calls = sum(count(row, name) for name in ["recvfrom", "writev", "sendfile", "accept", "accept4"])
    assert socket_operations(row) == calls
    for file in connections(row):
        assert file["in_epoll"] and [part["sub_model"] for part in file["models"]] == ["epoll edge"]
        assert file["bytes_out"] > requests * PAGE
    assert {"multiplexed", "zero-copy"} <= set(row["tags"])


def test_a_file_that_is_opened_with_o_nonblock_may_sleep_all_the_same(nginx, trace):
    # nginx opens pages with O_NONBLOCK, which does nothing to a regular file.
    _, workers, port = nginx
    document, process = trace(["-p", workers[0]], [PYTHON, PROGRAMS / "http_load.py", port, 1, 20, "/page.txt"])
    assert process.returncode == 0, process.stderr.decode()
    row = of_pid(check_models(document), workers[0])
    pages = [file for file in row["files"] if file["type"] == "regular" and file["path"].endswith("/page.txt")]
    assert sum(file["operations"] for file in pages) == 20 and all(file["nonblocking"] for file in pages)
    assert {part["model"] for file in pages for part in file["models"]} <= {"blocking"}, pages[0]["models"]
    assert "nonblocking" not in row["tags"]


def test_curl_polls_its_connection_and_blocks_for_its_output(nginx, trace):
    _, _, port = nginx
    requests = 20
    pages = f"http://127.0.0.1:{port}/page.txt?[1-{requests}]"
    document, process = trace([], [need_tool("curl"), "-s", "-o", "/dev/null", pages])
    assert process.returncode == 0
    (row,) = check_models(document)["processes"]
    assert row["tags"] == ["blocking", "multiplexed"]
    (file,) = connections(row)
    assert [part["sub_model"] for part in file["models"]] == ["poll"] and file["nonblocking"]
    assert count(row, "sendto") == requests and file["bytes_in"] > requests * PAGE
    assert file["operations"] == count(row, "sendto") + count(row, "recvfrom")
    assert model(row, "multiplexed", "poll")["operations"] == file["operations"] + count(row, "poll")
    # It opens its output for each page.
    outputs = [file for file in row["files"] if file["type"] == "char" and file["path"] == "/dev/null"]
    assert {part["model"] for file in outputs for part in file["models"]} == {"blocking"}
    assert sum(file["bytes_out"] for file in outputs) == model(row, "blocking")["bytes"] == requests * PAGE


# ---- PostgreSQL ----

@pytest.fixture(scope="module")
def cluster():
    """A cluster of the tests' own: (its main process's pid, its port, the directory of its programs)."""
    # Debian keeps them out of the path.
    installed = [shutil.which("postgres"), *sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))]
    postgres = next(filter(None, installed), None)
    if not postgres:
        pytest.skip("postgres is not installed (package postgresql)")
    programs = pathlib.Path(postgres).resolve().parent
    account = pwd.getpwnam("postgres")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT}
    with tempfile.TemporaryDirectory(prefix="iotrace-") as directory:
        os.chown(directory, account.pw_uid, account.pw_gid)
        port = str(free_port())
        its_own = {"user": "postgres", "group": account.pw_gid, "extra_groups": [], "cwd": directory, **quiet}
        subprocess.run([programs / "initdb", "-D", f"{directory}/data", "-A", "trust", "-N"], check=True, timeout=50, **its_own)
        server = subprocess.Popen(
            [programs / "postgres", "-D", f"{directory}/data", "-p", port, "-k", directory,
             "-c", "listen_addresses=127.0.0.1"], **its_own)
        try:
            ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port]
            assert eventually(lambda: subprocess.run(ready, **quiet).returncode == 0), "postgres does not answer"
            subprocess.run([programs / "pgbench", "-i", "-q", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "postgres"],
                           check=True, timeout=50, **quiet)
            yield server.pid, port, programs
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


@pytest.mark.parametrize("writes", [False, True])
def test_postgresql_multiplexes_its_connection_and_blocks_on_its_files(cluster, trace, writes):
    pid, port, programs = cluster
    clients, transactions = 2, 200
    document, process = trace(
        ["-p", pid],
        [programs / "pgbench", "-n", *([] if writes else ["-S"]), "-c", clients, "-t", transactions, "-h", "127.0.0.1",
         "-p", port, "-U", "postgres", "postgres"])
    assert process.returncode == 0, process.stderr.decode()
    check_models(document)
    backends = [row for row in document["processes"] if row["ppid"] == pid and count(row, "sendto") >= transactions]
    assert len(backends) == clients
    for row in backends:
        # A query is a receive and a send; of a transaction that writes there are seven.
        queries = transactions * (7 if writes else 1)
        (file,) = connections(row)
        assert [part["sub_model"] for part in file["models"]] == ["epoll"] and file["nonblocking"]
        received = count(row, "recvfrom") - count(row, "recvfrom", "errors")
        assert queries <= received <= queries + 10 and queries <= count(row, "sendto") <= queries + 10
        assert file["operations"] == count(row, "recvfrom") + count(row, "sendto")
        assert row["tags"] == ["blocking", "multiplexed"]
        # Its data are read and written by calls that may sleep, and the log is synchronised for each transaction.
        data = [file for file in row["files"] if file["type"] == "regular" and "/data/" in file["path"] and file["operations"]]
        assert {part["model"] for file in data for part in file["models"]} == {"blocking"}
        logs = [file for file in data if "/pg_wal/" in file["path"]]
        assert (sum(file["operations"] for file in logs) >= transactions) == writes
        assert own_operations(row, "blocking") >= sum(file["operations"] for file in data) > 0


# ---- Python, Node and Java ----

@pytest.fixture(scope="session")
def aiohttp(tmp_path_factory):
    """The Python of a virtual environment that has aiohttp."""
    directory = tmp_path_factory.mktemp("aiohttp") / "environment"
    try:
        subprocess.run([PYTHON, "-m", "venv", directory], check=True, timeout=20, capture_output=True)
        subprocess.run([directory / "bin/pip", "install", "--quiet", "aiohttp"], check=True, timeout=35, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"aiohttp cannot be installed in a virtual environment: {error}")
    return directory / "bin/python"


def test_a_server_and_a_client_of_aiohttp_are_multiplexed(aiohttp, serve, children, attach):
    requests = 200
    server = serve(aiohttp, PROGRAMS / "aiohttp_server.py")
    client = children.start([aiohttp, PROGRAMS / "aiohttp_client.py", server.port, requests], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, env=ENVIRONMENT, bufsize=0)
    assert client.stdout.readline() == b"ready\n"
    tracer = attach("-p", f"{server.pid},{client.pid}")
    client.communicate(b"begin\n", timeout=20)
    assert client.returncode == 0
    document = check_models(tracer.stop())
    rows = [of_pid(document, server.pid), of_pid(document, client.pid)]
    for row in rows:
        assert row["tags"] == ["multiplexed"]
        (file,) = [file for file in connections(row) if file["bytes_in"]]
        (figures,) = file["models"]
        assert (figures["model"], figures["sub_model"]) == ("multiplexed", "epoll") and file["in_epoll"]
        # Each request is a send and a receive at both ends; the server receives the end, too.
        assert file["operations"] == 2 * requests + (row is rows[0])
        assert model(row, "multiplexed", "epoll")["operations"] >= file["operations"] + count(row, "epoll_wait")
    of_server, of_client = ([file for file in connections(row) if file["bytes_in"]][0] for row in rows)
    assert (of_server["bytes_in"], of_server["bytes_out"]) == (of_client["bytes_out"], of_client["bytes_in"])


def test_an_http_server_of_node_is_multiplexed(serve, loaded):
    clients, requests = 3, 100
    server = serve(need_tool("node", "nodejs"), PROGRAMS / "http_server.js")
    row = loaded(server, clients, requests, None, program="http_load.py")
    assert row["tags"] == ["multiplexed"]
    assert len(connections(row)) == clients
    for file in connections(row):
        (figures,) = file["models"]
        assert (figures["model"], figures["sub_model"]) == ("multiplexed", "epoll") and file["in_epoll"]
        assert file["operations"] == 2 * requests + 1
    assert own_share(row, "multiplexed") > 0.98
    operations = sum(file["operations"] for file in connections(row)) + listener(row)["operations"]
    assert model(row, "multiplexed", "epoll")["operations"] >= operations + count(row, "epoll_pwait") + count(row, "epoll_wait")
    assert row["quadrants"]["sync_nonblocking"]["operations"] >= operations


@pytest.mark.parametrize("program, tag, sub_model", [
    ("BlockingEcho.java", "blocking", None), ("NioEcho.java", "multiplexed", "epoll")])
def test_a_java_server(serve, loaded, program, tag, sub_model):
    messages, size, clients = 100, 100, 3
    server = serve(need_tool("java", "default-jdk-headless"), "-XX:TieredStopAtLevel=1", PROGRAMS / program)
    row = loaded(server, clients, messages, size)
    assert row["tags"] == [tag]
    assert len(connections(row)) == clients
    check_echo(row, tag, sub_model, messages, size)
    assert all(file["nonblocking"] == file["in_epoll"] == (tag == "multiplexed") for file in connections(row))
    assert own_share(row, tag) > 0.98
    waited = count(row, "epoll_wait") + count(row, "epoll_pwait")
    assert model(row, tag, sub_model)["operations"] == clients * (2 * messages + 1) + listener(row)["operations"] + waited
    assert (waited >= clients * messages) == (tag == "multiplexed")
    if tag == "blocking":
        assert row["time"]["blocked_by_cause"]["socket_recv"] > 0 and row["quadrants"]["async_blocking"]["operations"] == 0

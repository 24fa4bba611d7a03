"""True claims pass and false claims fail, on real programs."""

import os
import pathlib
import subprocess
import sys

import pytest

from conftest import HERE, IOTRACE, eventually, need_tool, run_iotrace
from test_real_servers import free_port, listens
from verdicts import verify

MEBIBYTE = 1 << 20
PROGRAMS = HERE / "programs/verify"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of 32 MiB on the disk."""
    path = tmp_path_factory.mktemp("large", numbered=True) / "file"
    with open(path, "wb") as file:
        file.write(os.urandom(MEBIBYTE) * 32)
        file.flush()
        os.fsync(file.fileno())
    yield path
    path.unlink()


@pytest.fixture
def check(tmp_path):
    return lambda *arguments, **options: verify(tmp_path, *arguments, **options)


# ---- zero-copy ----

def test_dd_with_direct_io_is_zero_copy_and_without_it_is_not(check, large, tmp_path):
    command = ["dd", f"if={large}", f"of={tmp_path}/copy", "bs=1M"]
    direct = check("--zero-copy", command=[*command, "iflag=direct", "oflag=direct"])
    assert direct.status == 0 and direct.verdict == "pass", direct
    plain = check("--zero-copy", command=command)
    assert plain.status == 1, plain
    claim = plain.claim("zero-copy")
    assert claim["measured"] == pytest.approx(2, abs=0.01)
    assert [(part["operation"], part["fd"]) for part in claim["contributors"][:2]] == [("read", 0), ("write", 1)]
    assert claim["contributors"][0]["target"] == str(large) and claim["remedy"]


def test_what_goes_to_dev_null_copies_nothing_and_is_judged_by_how_it_was_read(check, large):
    command = ["dd", f"if={large}", "of=/dev/null", "bs=1M"]
    assert check("--zero-copy", command=[*command, "iflag=direct"]).status == 0
    plain = check("--zero-copy", command=command)
    assert plain.status == 1 and plain.claim("zero-copy")["measured"] == pytest.approx(1, abs=0.01)
    assert "/dev/null" in plain.claim("zero-copy")["evidence"]
    nothing = check("--zero-copy", command=["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=8"])
    assert nothing.status == 3 and nothing.doubts("zero-copy") == ["no_payload"]


def test_cp_copies_inside_the_kernel_where_extents_cannot_be_shared(check, large, tmp_path):
    result = check("--zero-copy", "--no-hidden-copies", command=["cp", large, tmp_path / "copy"])
    assert result.status == 1
    for name in ("zero-copy", "no-hidden-copies"):
        assert result.claim(name)["verdict"] == "fail"
    assert result.claim("zero-copy")["measured"] >= 1


@pytest.mark.parametrize("way, status", [("sendfile", 0), ("read", 1)])
def test_a_python_server_with_sendfile_and_with_read_and_send(check, children, large, way, status):
    port = free_port()
    server = children.start([sys.executable, PROGRAMS / "file_server.py", way, port, large], stdin=subprocess.DEVNULL)
    assert eventually(lambda: listens(port))
    result = check("--zero-copy", "--allow-copied-below", "4K", "--min-payload", "90M", "-p", server.pid,
                   command=[sys.executable, PROGRAMS / "fetch.py", port, "3"])
    assert result.status == status, result
    if status:
        assert result.claim("zero-copy")["measured"] == pytest.approx(2, abs=0.05)
        assert any(part["target"] == str(large) for part in result.claim("zero-copy")["contributors"])


@pytest.fixture
def nginx(children, tmp_path, large):
    def start(sendfile):
        port = free_port()
        (tmp_path / "nginx.conf").write_text(f"""
            worker_processes 1; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; user root;
            events {{ worker_connections 64; }}
            http {{
                access_log off; sendfile {sendfile};
                client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;
                fastcgi_temp_path {tmp_path}/fastcgi; uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;
                server {{ listen 127.0.0.1:{port}; root {large.parent}; }}
            }}""")
        children.start([need_tool("nginx"), "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", "daemon off;"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(lambda: listens(port))
        master = children.started[-1].pid
        workers = pathlib.Path(f"/proc/{master}/task/{master}/children")
        assert eventually(lambda: workers.read_text().split())
        return workers.read_text().split()[0], f"http://127.0.0.1:{port}/file"

    yield start
    for process in children.started:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("sendfile, status", [("on", 0), ("off", 1)])
def test_nginx_with_sendfile_and_without(check, nginx, sendfile, status):
    worker, url = nginx(sendfile)
    load = [need_tool("curl"), "-s", "-o", "/dev/null", url, "-o", "/dev/null", url]
    result = check("--zero-copy", "--allow-copied-below", "4K", "--min-payload", "60M", "-p", worker, command=load)
    assert result.status == status, result


def test_a_server_from_which_nothing_was_downloaded_is_inconclusive(check, nginx):
    worker, url = nginx("on")
    for load in (["sleep", "0.1"], [need_tool("curl"), "-s", "-o", "/dev/null", "-I", url]):
        result = check("--zero-copy", "-p", worker, command=load)
        assert result.status == 3 and result.doubts("zero-copy") == ["no_payload"], result
        assert result.junit.find(".//testcase/error") is not None


def test_zerocopy_over_loopback_fails_with_the_reason(check, program):
    result = check("--zero-copy", command=[sys.executable, PROGRAMS / "msg_zerocopy.py"])
    assert result.status == 1, result
    claim = result.claim("zero-copy")
    assert "loopback" in claim["contributors"][0]["reason"] and "another host" in claim["remedy"]


# ---- the command's own end ----

@pytest.mark.parametrize("code, status", [("exit 7", 7), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)])
def test_a_failing_command_is_reported_as_itself(check, code, status):
    result = check("--max-copied", "1G", command=["sh", "-c", f"head -c 100000 /etc/services | cat; {code}"])
    assert result.status == status and result.document["runs"][0]["command_status"] == status
    assert result.verdict == "inconclusive" and "command_failed" in result.doubts("max-copied")
    assert result.junit.find(".//testcase/error") is not None


def test_the_commands_output_stays_its_own(tmp_path):
    process = run_iotrace("verify", "--max-copied", "1G", "--", "sh", "-c", f"cat {HERE}/conftest.py")
    assert process.returncode == 0 and process.stdout == (HERE / "conftest.py").read_text()
    assert "1 hold" in process.stderr


# ---- losses ----

def test_lost_data_is_inconclusive(check, large, tmp_path):
    """A table of two files is full at the third: the tracer itself counts what it could not record."""
    command = [sys.executable, "-c", f"a=[open('{large}','rb') for _ in range(64)]; print(sum(len(f.read(4096)) for f in a))"]
    for claim in (["--max-copied", "1T"], ["--zero-copy"], ["--max-amplification", "100"], ["--min-payload", "1"]):
        result = check("--map-limit", "8", *claim, command=command)
        assert result.document["runs"][0]["losses"]["map_full"] > 0
        assert result.status == 3 and "losses" in result.doubts(claim[0][2:]), result


# ---- errors ----

@pytest.mark.parametrize("arguments, words", [
    (["--max-copied", "4Q"], "--max-copied 4Q"), (["--max-blocked", "floppy:1s"], "disk"), (["--model", "sync"], "multiplexed"),
    (["--no-finding", "typo"], "hidden_copy"), (["--allow-copied-below", "4K"], "--zero-copy"), ([], "nothing is claimed"),
    (["--zero-copy", "--fd-type", "tpc"], "tcp"), (["--zero-copy", "--junit", "/nope/x"], "/nope/x"),
    (["--max-amplification", "nan"], "--max-amplification nan"), (["--zero-copy", "--process", ""], "--process"),
])
def test_bad_claims_are_errors_that_say_what_is_wrong(arguments, words):
    process = run_iotrace("verify", *arguments, "--", "true")
    assert process.returncode == 125 and words in process.stderr and process.stdout == ""


def test_a_command_that_is_not_there_is_127():
    assert run_iotrace("verify", "--zero-copy", "--", "/no/such/command").returncode == 127
    assert run_iotrace("verify", "--zero-copy", "--", "/etc/passwd").returncode == 126

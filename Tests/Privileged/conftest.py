"""What the tests share: the tracer, programs to trace, and the end of everything that was started.

They need root. The tracer is the file named by IOTRACE, or the release build.
"""

import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
IOTRACE = os.environ.get("IOTRACE", str(REPOSITORY / ".build/release/iotrace"))
SCHEMA = REPOSITORY / "docs/schema/report-1.schema.json"

# The same for traced and straced runs. The fixed hash seed and the ban on bytecode make Python do the same calls each time.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root",
               "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}

# Linked without a loader: whatever is counted, the program itself did.
STATIC = {"primes", "tiny"}


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than ten seconds")
    if os.geteuid() != 0:
        pytest.exit("these tests load BPF programs: run them as root", returncode=4)
    if not os.access(IOTRACE, os.X_OK):
        pytest.exit(f"there is no iotrace at {IOTRACE}: build it, or set IOTRACE", returncode=4)


@pytest.fixture(autouse=True)
def time_limit(request):
    """Ends a test that hangs where no other timeout is watching."""
    limit = 120 if request.node.get_closest_marker("slow") else 60

    def expire(*_):
        raise TimeoutError(f"the test took more than {limit} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Compiles programs/NAME.c once and returns its path."""
    directory = tmp_path_factory.mktemp("programs")
    # Programs that give up root must reach it.
    for parent in [directory, *directory.parents]:
        if not parent.name.startswith(("pytest-", "programs")):
            break
        parent.chmod(0o755)

    def compiled(name):
        binary = directory / name
        if not binary.exists():
            flags = ["-static"] if name in STATIC else []
            subprocess.run(
                ["cc", "-O2", "-pthread", "-Wno-unused-result", "-I", REPOSITORY / "Sources/LabSupport/include", *flags, "-o", binary,
                 HERE / "programs" / f"{name}.c"],
                check=True, timeout=60)
        return str(binary)

    return compiled


class Children:
    """Processes of one test; those that are left at its end are killed."""

    def __init__(self):
        self.started = []

    def start(self, command, **options):
        process = subprocess.Popen([str(word) for word in command], **options)
        self.started.append(process)
        return process

    def end(self):
        for process in reversed(self.started):
            if process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with contextlib.suppress(OSError):
                        stream.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


@pytest.fixture
def children():
    children = Children()
    yield children
    children.end()


def read_line(fd, timeout):
    """A line from a descriptor; what there is of it when the other end closes or the time is up."""
    line, end = b"", time.monotonic() + timeout
    while not line.endswith(b"\n"):
        if not select.select([fd], [], [], max(0, end - time.monotonic()))[0]:
            break
        byte = os.read(fd, 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")


class Worker:
    """A running programs/worker.c (or a program that obeys as it does), asleep in read() between its tasks."""

    def __init__(self, children, command):
        self.process = children.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, bufsize=0)
        self.pid = self.process.pid
        self.settle()

    def settle(self):
        """Waits until it sleeps in read(0, …): then the kernel's own figures for it stand still."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if pathlib.Path(f"/proc/{self.pid}/syscall").read_text().startswith("0 0x0 "):
                return
            time.sleep(0.002)
        raise TimeoutError("the worker does not wait for its next task")

    def begin(self, task):
        os.write(self.process.stdin.fileno(), f"{task}\n".encode())

    def answer(self, timeout=30):
        line = read_line(self.process.stdout.fileno(), timeout)
        assert line.endswith("\n") and not line.startswith("failed"), f"the worker answered {line!r}"
        return line.strip()

    def do(self, task, timeout=30):
        self.begin(task)
        answer = self.answer(timeout)
        self.settle()
        return answer

    def io(self):
        """rchar, wchar, … of /proc/PID/io."""
        lines = pathlib.Path(f"/proc/{self.pid}/io").read_text().split("\n")
        return {key: int(value) for key, value in (line.split(": ") for line in lines if line)}

    def switches(self):
        """Voluntary and involuntary switches, by /proc/PID/status."""
        values = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines() if ":\t" in line)
        return int(values["voluntary_ctxt_switches"]), int(values["nonvoluntary_ctxt_switches"])

    def schedstat(self):
        """Nanoseconds on a CPU, and in a run queue."""
        return tuple(int(word) for word in pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[:2])


@pytest.fixture
def worker(children, program):
    """Starts a worker; its arguments are a command to run instead of programs/worker.c."""
    return lambda *command: Worker(children, command or [program("worker")])


class Trace:
    """An iotrace that has begun to trace."""

    def __init__(self, children, output, arguments, command=(), subcommand=("report", "--json"), stdout=subprocess.DEVNULL):
        ready, write_end = os.pipe()
        self.output = pathlib.Path(output)
        words = [IOTRACE, *subcommand, "-o", output, "--ready-fd", str(write_end), *arguments]
        if command:
            words += ["--", *command]
        self.process = children.start(
            words, pass_fds=[write_end], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=ENVIRONMENT)
        os.close(write_end)
        try:
            line = read_line(ready, 30)
        finally:
            os.close(ready)
        if line != "ready\n":
            self.process.kill()
            pytest.fail(f"iotrace did not begin: {line!r}, {self.process.stderr.read().decode(errors='replace')}")

    def wait(self, timeout=30):
        """Waits for its end and returns the document."""
        _, self.stderr = self.process.communicate(timeout=timeout)
        self.stderr = self.stderr.decode(errors="replace")
        assert self.output.exists(), f"no document: exit status {self.process.returncode}, {self.stderr}"
        return json.loads(self.output.read_text())

    def stop(self, signal=signal.SIGINT, timeout=30):
        self.process.send_signal(signal)
        return self.wait(timeout)


@pytest.fixture
def attach(children, tmp_path):
    """Starts `iotrace report --json ARGUMENTS` and returns once it traces."""
    number = iter(range(1000))

    def start(*arguments, **options):
        output = options.pop("output", tmp_path / f"attached-{next(number)}.json")
        return Trace(children, output, [str(word) for word in arguments], **options)

    return start


@pytest.fixture
def trace(tmp_path):
    """Runs `iotrace report --json ARGUMENTS -- COMMAND` to its end: returns the document and the finished process."""
    number = iter(range(1000))

    def run(arguments, command=(), timeout=50, **options):
        output = tmp_path / f"document-{next(number)}.json"
        words = [IOTRACE, "report", "--json", "-o", output, *arguments, *(["--", *command] if command else [])]
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("env", ENVIRONMENT)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.run([str(word) for word in words], timeout=timeout, **options)
        assert output.exists(), f"no document: exit status {process.returncode}, {(process.stderr or b'').decode(errors='replace')}"
        return json.loads(output.read_text()), process

    return run


def run_iotrace(*arguments, timeout=30, **options):
    """Runs iotrace to its end, its output as text."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", ENVIRONMENT)
    return subprocess.run([IOTRACE, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          timeout=timeout, **options)


def error_lines(process):
    return [line for line in process.stderr.splitlines() if line.strip()]


def of_pid(document, pid):
    rows = [process for process in document["processes"] if process["pid"] == pid]
    assert len(rows) == 1, f"{len(rows)} rows for pid {pid}"
    return rows[0]


def count(figures, name, key="count"):
    return figures["syscalls"]["by_name"].get(name, {}).get(key, 0)


def need_tool(name, package=None):
    """The path of a tool that not every machine has."""
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed (package {package or name})")
    return path


def eventually(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())

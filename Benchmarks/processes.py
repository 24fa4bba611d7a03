"""Starting what is measured and what measures, and ending both."""

import contextlib
import os
import pathlib
import selectors
import signal
import subprocess
import tempfile
import time

from harness import Unavailable

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 20
TICK = os.sysconf("SC_CLK_TCK")


def wait_for_line(stream, text, process, what):
    """Reads `stream`, a pipe's file descriptor, until `text` has appeared."""
    seen = b""
    deadline = time.monotonic() + START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while text not in seen:
            left = deadline - time.monotonic()
            chunk = os.read(stream, 4096) if left > 0 and selector.select(left) else b""
            if not chunk:
                stop(process, signal.SIGKILL)
                raise Unavailable(f"{what} did not start: {seen.decode(errors='replace').strip() or 'it said nothing'}")
            seen += chunk


def stop(process, number=signal.SIGINT, seconds=60):
    """Ends a process as its user would, or, when it does not end, by force."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(command, **options):
    """A process that is killed at the end."""
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        stop(process, signal.SIGKILL)


@contextlib.contextmanager
def gated(command, **options):
    """A command that waits to be let go with `open_gate`, so that a tracer can be attached to it first. Its pid stays."""
    words = ["sh", "-c", 'read -r gate && exec "$@"', "sh", *map(str, command)]
    with running(words, stdin=subprocess.PIPE, **options) as process:
        yield process


def open_gate(process):
    process.stdin.write(b"go\n")
    process.stdin.close()


def compiled(source, directory, *flags):
    """Compiles a program of this directory and returns its path."""
    program = pathlib.Path(directory, pathlib.Path(source).stem)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-o", program, HERE / source, *flags], check=True)
    return program


def descendants(pid):
    """The process and its descendants, at this moment."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pids):
    """CPU time so far of these processes and of the children they have waited for."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def cpu_nanoseconds(pid):
    """On-CPU time so far of all live threads of a process, as the scheduler counts it."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total


def memory_kib(pid, key="VmRSS"):
    """VmRSS or VmHWM of a process; None when it has gone."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1])
    return None


@contextlib.contextmanager
def scratch():
    """A directory on a disk, for what programs write."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir="/var/tmp") as directory:
        yield pathlib.Path(directory)

"""The tracers: what attaches each to running processes, and detaches it.

Each is a context manager of a Target and a dictionary that gets what is worth knowing about the run.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import Unavailable
from processes import HERE, START_SECONDS, stop, wait_for_line

RELEASE = HERE.parent / ".build/release"
IOTRACE = pathlib.Path(os.environ.get("IOTRACE", RELEASE / "iotrace"))
ATTACH_EMPTY = pathlib.Path(os.environ.get("OVERHEAD_BENCHMARK", RELEASE / "overhead-benchmark"))


@dataclasses.dataclass
class Target:
    """What is traced: these processes and the children that they have later."""

    pids: list
    # Runs on this CPU only; strace, which takes turns with its target, is put there too, where it costs least.
    cpu: int = None
    # Whether it has threads or children that are born while it is traced. iotrace and strace follow them. perf trace can't when
    # it is attached, and traces the whole machine then.
    grows: bool = False
    # bpftrace can't follow children either: where there are any, it takes processes by this name, or all when it is empty.
    comm: str = None


@contextlib.contextmanager
def nothing(_target, _note):
    yield


@contextlib.contextmanager
def empty_pair(_target, _note):
    process = subprocess.Popen([ATTACH_EMPTY, "attach-empty"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for_line(process.stdout.fileno(), b"ready\n", process, "the empty pair")
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


def iotrace(*options, subcommand=("report", "--json")):
    """iotrace on the target. The note gets what it lost, what it counted, and what it thinks of its own cost."""

    @contextlib.contextmanager
    def mode(target, note):
        with tempfile.TemporaryDirectory() as directory:
            document = pathlib.Path(directory, "output")
            pids = ",".join(map(str, target.pids))
            with iotrace_on(["-p", pids, *options], document, subcommand) as process:
                note["pid"] = process.pid
                yield
            del note["pid"]
            if subcommand[0] != "report":
                return
            report = json.loads(document.read_text())
            note["losses"] = {kind: count for kind, count in report["losses"].items() if count}
            note["overhead"] = report["overhead"]
            # Only for checks: too long to keep.
            note["report"] = report

    return mode


@contextlib.contextmanager
def iotrace_on(arguments, document, subcommand=("report", "--json")):
    """iotrace with these arguments, from the moment at which it traces."""
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen([IOTRACE, *subcommand, *map(str, arguments), "-o", document, "--ready-fd", str(writer)],
                                   pass_fds=[writer], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writer)
        wait_for_line(reader, b"ready\n", process, "iotrace")
    finally:
        os.close(reader)
    try:
        yield process
    finally:
        stop(process)


def bystander(mode):
    """The mode attached to another process, which sleeps: what is measured is not its target."""

    @contextlib.contextmanager
    def beside(target, note):
        sleeper = subprocess.Popen(["sleep", "infinity"])
        try:
            with mode(dataclasses.replace(target, pids=[sleeper.pid], grows=False, comm=None), note):
                yield
        finally:
            stop(sleeper, signal.SIGKILL)
        # A report about the sleeper is no check of what was counted.
        note.pop("report", None)

    return beside


@contextlib.contextmanager
def bpftrace(target, _note):
    need("bpftrace")
    if target.comm is None:
        condition = "/" + " || ".join(f"pid == {pid}" for pid in target.pids) + "/"
    else:
        condition = f'/comm == "{target.comm}"/' if target.comm else ""
    # An interval fires only after everything is attached.
    program = (f"tracepoint:raw_syscalls:sys_exit {condition} {{ @[args->id] = count(); }} "
               'interval:ms:200 { printf("ready\\n"); }')
    process = subprocess.Popen(with_tracefs("bpftrace", "-B", "line", "-e", program), stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for_line(process.stdout.fileno(), b"ready\n", process, "bpftrace")
    try:
        yield
    finally:
        stop(process)
        process.stdout.close()


@contextlib.contextmanager
def perf_trace(target, note):
    need("perf", "linux-perf")
    with tempfile.TemporaryFile() as output:
        which = ["-a"] if target.grows else ["-p", ",".join(map(str, target.pids))]
        process = subprocess.Popen(with_tracefs("perf", "trace", "-s", *which), stdout=output, stderr=subprocess.STDOUT)
        # It does not say when it is ready. It has opened its events then, which is a few ms before it enables them.
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline and not has_events(process.pid):
            time.sleep(0.05)
        time.sleep(0.3)
        if process.poll() is not None or not has_events(process.pid):
            stop(process)
            output.seek(0)
            raise Unavailable(f"perf trace did not start: {output.read(300).decode(errors='replace').strip()}")
        try:
            yield
        finally:
            stop(process)
        output.seek(0)
        note["lost"] = sum(b"LOST" in line for line in output)


def has_events(pid):
    with contextlib.suppress(OSError):
        return any(os.readlink(fd).startswith("anon_inode:[perf_event]") for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
    return False


@contextlib.contextmanager
def strace(target, _note):
    need("strace")
    pids = [word for pid in target.pids for word in ("-p", str(pid))]
    # Not a pipe, which it would fill: it says a line for every child.
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(["strace", "-c", "-f", *pids], stdout=subprocess.DEVNULL, stderr=output)
        deadline = time.monotonic() + START_SECONDS
        while pathlib.Path(output.name).read_bytes().count(b" attached") < len(target.pids):
            if process.poll() is not None or time.monotonic() > deadline:
                stop(process)
                raise Unavailable(f"strace did not start: {pathlib.Path(output.name).read_text(errors='replace')[:300]}")
            time.sleep(0.02)
        if target.cpu is not None:
            os.sched_setaffinity(process.pid, {target.cpu})
        try:
            yield
        finally:
            stop(process)


def need(program, package=None):
    if not shutil.which(program):
        raise Unavailable(f"{program} is not installed (package {package or program})")


def with_tracefs(*command):
    """The command with tracefs where it looks for it, mounted for itself alone if the machine has not mounted it."""
    if pathlib.Path("/sys/kernel/tracing/events").exists():
        return list(command)
    return ["unshare", "--mount", "sh", "-c", 'mount -t tracefs none /sys/kernel/tracing && exec "$@"', "sh", *command]


MODES = {
    "none": nothing,
    "empty pair": empty_pair,
    "iotrace": iotrace(),
    "iotrace, no latency": iotrace("--latency", "off"),
    "iotrace, full latency": iotrace("--latency", "full"),
    "iotrace, no sampling": iotrace("--no-sampling", "--latency", "off"),
    "iotrace, no models": iotrace("--no-models", "--latency", "off"),
    "iotrace, no ledger": iotrace("--no-ledger", "--latency", "off"),
    "iotrace, bystander": bystander(iotrace()),
    "bpftrace count": bpftrace,
    "bpftrace, bystander": bystander(bpftrace),
    "perf trace -s": perf_trace,
    "strace -c -f": strace,
}


def check():
    """Ends with an error when what has to be built is missing."""
    for path in (IOTRACE, ATTACH_EMPTY):
        if not os.access(path, os.X_OK):
            raise SystemExit(f"{path} is missing: `make benchmark` builds it")

#!/usr/bin/env python3
"""What tracing adds to a system call: iotrace, an empty pair of probes, and other tracers, in one interleaved run.

Prints a Markdown table, and keeps every sample in Benchmarks/results/. Needs root, a C compiler and the release builds
of iotrace and overhead-benchmark. A tool that is not installed, or does not work here, is left out and named.
docs/overhead.md says how to read the table.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import selectors
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
RELEASE = HERE.parent / ".build/release"

LOOPS = ["getppid", "read /dev/zero", "write /dev/null", "sendfile", "pipe", "socketpair", "epoll_wait", "futex wake", "ping-pong"]
# The loops' system calls, to check that a tracer really counted them.
CALL = {"getppid": "getppid", "epoll_wait": "epoll_wait", "futex wake": "futex"}

START_SECONDS = 20


class Unavailable(Exception):
    """A tool that cannot be measured on this machine, and why."""


class Loops:
    """The program with the loops, waiting to be told which one to run."""

    def __init__(self, program, cpu):
        self.process = subprocess.Popen([program, str(cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def run(self, loop, milliseconds):
        """Calls made and nanoseconds taken."""
        self.process.stdin.write(f"{loop}\t{milliseconds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split("\t")
        if len(answer) != 3:
            raise RuntimeError(f"the loop {loop} ended early, status {self.process.wait()}")
        return int(answer[1]), int(answer[2])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


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


def stop(process, number=signal.SIGINT):
    """Ends a tool as its user would."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def nothing(_tools, _pid, _note):
    yield


@contextlib.contextmanager
def empty_pair(tools, _pid, _note):
    process = subprocess.Popen([tools.attach_empty, "attach-empty"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    wait_for_line(process.stdout.fileno(), b"ready\n", process, "the empty pair")
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


def iotrace(*options):
    """iotrace on the loops. `note` gets what it counted, lost, and thinks of its own cost."""

    @contextlib.contextmanager
    def mode(tools, pid, note):
        with tempfile.TemporaryDirectory() as directory:
            document = pathlib.Path(directory, "report.json")
            reader, writer = os.pipe()
            try:
                process = subprocess.Popen(
                    [tools.iotrace, "report", "-p", str(pid), "--json", "-o", document, "--ready-fd", str(writer), *options],
                    pass_fds=[writer], stderr=subprocess.DEVNULL)
                os.close(writer)
                wait_for_line(reader, b"ready\n", process, "iotrace")
            finally:
                os.close(reader)
            try:
                yield
            finally:
                stop(process)
            report = json.loads(document.read_text())
            note["losses"] = {kind: count for kind, count in report["losses"].items() if count}
            note["overhead"] = report["overhead"]
            note["counted"] = {name: call["count"] for name, call in report["totals"]["syscalls"]["by_name"].items()}

    return mode


@contextlib.contextmanager
def bystander(tools, _pid, note):
    """iotrace on a process that sleeps: the loops are not its target."""
    sleeper = subprocess.Popen(["sleep", "infinity"])
    unused = {}
    try:
        with iotrace()(tools, sleeper.pid, unused):
            yield
    finally:
        stop(sleeper, signal.SIGKILL)
    note["losses"] = unused["losses"]


@contextlib.contextmanager
def bpftrace(_tools, pid, _note):
    if not shutil.which("bpftrace"):
        raise Unavailable("bpftrace is not installed")
    # An interval fires only after everything is attached.
    program = (f"tracepoint:raw_syscalls:sys_exit /pid == {pid}/ {{ @[args->id] = count(); }} "
               'interval:ms:200 { printf("ready\\n"); }')
    process = subprocess.Popen(["bpftrace", "-B", "line", "-e", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for_line(process.stdout.fileno(), b"ready\n", process, "bpftrace")
    try:
        yield
    finally:
        stop(process)


@contextlib.contextmanager
def perf_trace(_tools, pid, note):
    if not shutil.which("perf"):
        raise Unavailable("perf is not installed")
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(["perf", "trace", "-s", "-p", str(pid)], stdout=output, stderr=subprocess.STDOUT)
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
def strace(tools, pid, _note):
    if not shutil.which("strace"):
        raise Unavailable("strace is not installed")
    process = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for_line(process.stderr.fileno(), b"attached", process, "strace")
    # It and the loop take turns. On one CPU that costs least: waking another one can take many times longer.
    os.sched_setaffinity(process.pid, {tools.cpu})
    try:
        yield
    finally:
        stop(process)


# Name, what attaches it, length of a sample in ms. The second of iotrace's modes is one period of its duty cycle, so that
# the time in which it times calls has its due weight. Tools that add microseconds need no long samples.
MODES = {
    "none": (nothing, 300),
    "empty pair": (empty_pair, 300),
    "iotrace, no ledger": (iotrace("--latency", "off", "--no-ledger"), 300),
    "iotrace, no latency": (iotrace("--latency", "off"), 300),
    "iotrace": (iotrace(), 1000),
    "iotrace, full latency": (iotrace("--latency", "full"), 300),
    "iotrace, bystander": (bystander, 300),
    "bpftrace count": (bpftrace, 300),
    "perf trace -s": (perf_trace, 150),
    "strace -c -f": (strace, 150),
}


class Tools:
    def __init__(self, options):
        self.iotrace = options.iotrace
        self.attach_empty = options.attach_empty
        self.cpu = options.cpu
        for path in (self.iotrace, self.attach_empty):
            if not os.access(path, os.X_OK):
                sys.exit(f"{path} is missing: build it as docs/overhead.md says, or name it with an option")


def cpu_times():
    """Idle and all time of all CPUs so far, in the kernel's ticks."""
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def others_trace():
    """Whether another tracer's BPF programs are attached: they would slow every mode down, the untraced one too."""
    for info in pathlib.Path("/proc").glob("[0-9]*/fdinfo/*"):
        with contextlib.suppress(OSError):
            if any(f"link_type:\t{kind}" in info.read_text() for kind in ("tracing", "raw_tracepoint", "perf")):
                return True
    return False


def wait_until_idle(seconds):
    """Waits, at most so long, until the machine has nothing else to do. Returns whether it has."""
    deadline = time.monotonic() + seconds
    while True:
        idle, total = cpu_times()
        time.sleep(0.3)
        later_idle, later_total = cpu_times()
        is_idle = later_idle - idle > 0.9 * (later_total - total) and not others_trace()
        if is_idle or time.monotonic() > deadline:
            return is_idle


def compile_loops(directory):
    program = pathlib.Path(directory, "micro")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", "-o", program, HERE / "micro.c"], check=True)
    return program


def sample(mode, program, tools, options):
    """One round of one mode: every loop's calls and nanoseconds, under one attachment."""
    attach, milliseconds = MODES[mode]
    note = {"was_idle": wait_until_idle(options.wait)}
    loops = Loops(program, options.cpu)
    try:
        with attach(tools, loops.pid, note):
            samples = {loop: loops.run(loop, milliseconds // options.divisor) for loop in options.loops}
    finally:
        loops.end()
    for loop, call in CALL.items():
        if loop in samples and "counted" in note and note["counted"].get(call, 0) < samples[loop][0]:
            sys.exit(f"{mode} counted {note['counted'].get(call, 0)} {call}, but {samples[loop][0]} were made")
    return {"mode": mode, "samples": samples, **note}


def measure(program, tools, options):
    rounds, unavailable = [], {}
    for number in range(options.rounds):
        for mode in options.modes:
            if mode in unavailable:
                continue
            if sys.stderr.isatty():
                print(f"\rround {number + 1} of {options.rounds}: {mode:<30}", end="", file=sys.stderr)
            try:
                rounds.append({"round": number, **sample(mode, program, tools, options)})
            except Unavailable as reason:
                unavailable[mode] = str(reason)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return rounds, unavailable


def per_call(rounds, mode, loop):
    """Nanoseconds per call in each round."""
    return [entry["samples"][loop][1] / entry["samples"][loop][0] for entry in rounds
            if entry["mode"] == mode and loop in entry["samples"]]


def summarize(rounds, loops):
    """Per loop and mode: median ns per call, what it adds, and that as a multiple of what the empty pair adds."""
    summary = {}
    for loop in loops:
        medians = {mode: statistics.median(values) for mode in MODES if (values := per_call(rounds, mode, loop))}
        row = summary[loop] = {}
        pair = medians.get("empty pair", medians["none"]) - medians["none"]
        for mode, median in medians.items():
            added = median - medians["none"]
            row[mode] = {"ns": median, "added_ns": added, "ratio": added / pair if pair > 0 else None}
    return summary


def table(summary):
    """Markdown: ns per call untraced, then what each mode adds, with its ratio to the empty pair."""
    modes = [mode for mode in MODES if any(mode in row for row in summary.values()) and mode != "none"]
    lines = ["| call | untraced | " + " | ".join(modes) + " |", "|---|" + "---:|" * (len(modes) + 1)]
    for loop, row in summary.items():
        cells = [loop, f"{row['none']['ns']:,.0f}"]
        for mode in modes:
            figure = row.get(mode)
            if figure is None:
                cells.append("–")
            elif mode == "empty pair" or figure["ratio"] is None:
                cells.append(f"{figure['added_ns']:+,.0f}")
            else:
                digits = 2 if abs(figure["ratio"]) < 10 else 0
                cells.append(f"{figure['added_ns']:+,.0f} ({figure['ratio']:,.{digits}f}×)")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ledger_cost(summary):
    """What the copy ledger adds, as a multiple of what the rest adds to the same call."""
    parts = []
    for loop, row in summary.items():
        without, with_it = (row.get(mode, {}).get("added_ns") for mode in ("iotrace, no ledger", "iotrace, no latency"))
        if without and with_it and without > 0:
            parts.append(f"{loop} {with_it / without:.2f}")
    return ", ".join(parts)


def machine():
    models = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "cpu": models[0] if models else platform.machine()}


def keep(result):
    directory = HERE / "results"
    directory.mkdir(exist_ok=True)
    path = directory / f"overhead-{result['started']:%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(result, indent=1, default=str) + "\n")
    return path


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times that every mode runs (default 5)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT",
                        help="only modes and loops whose name contains this; may be given more than once")
    parser.add_argument("--quick", action="store_true", help="short samples, to see that it works; the figures mean little")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="CPU for the loops")
    parser.add_argument("--wait", type=float, default=5, metavar="SECONDS",
                        help="longest wait before each mode for an idle machine (default 5)")
    parser.add_argument("--iotrace", default=RELEASE / "iotrace", metavar="FILE")
    parser.add_argument("--attach-empty", default=RELEASE / "overhead-benchmark", metavar="FILE")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be above 0")
    options.divisor = 10 if options.quick else 1
    options.loops = chosen(LOOPS, options.only)
    # Without these two there is nothing to compare with.
    options.modes = [mode for mode in MODES if mode in ("none", "empty pair") or mode in chosen(MODES, options.only)]
    if options.only and all(text not in name for text in options.only for name in [*LOOPS, *MODES]):
        parser.error(f"no mode or loop is called {' or '.join(options.only)}")
    return options


def chosen(names, texts):
    """The names that contain one of the texts, or all when none does: the texts then choose among something else."""
    return [name for name in names if any(text in name for text in texts)] or list(names)


def main():
    options = parse()
    if os.geteuid() != 0:
        sys.exit("tracing needs root")
    if options.cpu not in os.sched_getaffinity(0):
        sys.exit(f"there is no CPU {options.cpu} here")
    # Nothing that was started is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Loops and tracers alike go before whatever else the machine is doing.
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    started = datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory() as directory:
        rounds, unavailable = measure(compile_loops(directory), Tools(options), options)
    summary = summarize(rounds, options.loops)
    path = keep({"started": started, "machine": machine(), "rounds": rounds, "unavailable": unavailable, "summary": summary})
    print(table(summary))
    print(f"\nns per call, medians of {options.rounds} rounds; in brackets: as a multiple of what the empty pair adds.")
    if cost := ledger_cost(summary):
        print(f"What no latency adds with the ledger, as a multiple of without: {cost}.")
    disturbed = sum(not entry["was_idle"] for entry in rounds)
    if disturbed:
        print(f"Rough: {disturbed} of {len(rounds)} measurements began while the machine was busy, or traced by others.")
    for mode, reason in unavailable.items():
        print(f"Left out: {mode}: {reason}")
    for mode in MODES:
        lost = [entry for entry in rounds if entry["mode"] == mode and (entry.get("losses") or entry.get("lost"))]
        if lost:
            print(f"{mode} lost events in {len(lost)} of {options.rounds} rounds.")
    print(f"Samples: {os.path.relpath(path)}")


if __name__ == "__main__":
    main()

"""Many threads, many files, many short-lived processes: what a call costs then, what iotrace takes, and whether it lost any."""

import contextlib
import functools
import json
import pathlib
import subprocess
import tempfile
import time

import harness
import tables
import tools
from processes import compiled, cpu_nanoseconds, memory_kib, scratch

TITLE = "Many threads, files and processes"

SIZES = {
    "threads": [100, 1_000, 10_000, 30_000],
    "files": [1, 10, 100, 1_000, 10_000],
    "children": [1, 100, 1_000, 20_000],
    "processes": [1, 100, 1_000],
}
MODES = ["none", "empty pair", "iotrace"]
INTERVALS = 2
# Four seconds' worth of windows in which probes are timed, twice: in its first seconds a trace has more of them than later.
STEADY_INTERVALS = 8
# Together they last longer than the 20 ms of each second in which calls are timed.
CALLS_OF_THREADS = 2_000_000
CALLS_OF_CHILD = 10


class Program:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tasks = 0

    def do(self, task, number):
        """The numbers that it answers with."""
        self.tasks += 1
        self.process.stdin.write(f"{task} {number}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer or answer.startswith("failed"):
            raise harness.Unavailable(f"{task} {number}: {answer or 'it ended'}")
        return [int(word) for word in answer.split()]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def cases(options):
    with scratch() as directory:
        program = compiled("scale.c", directory, "-static", "-pthread")
        for kind in options.choose(SIZES):
            sizes = SIZES[kind][:-1] if options.quick else SIZES[kind]
            yield harness.Case(kind, MODES, functools.partial(measure, kind, sizes, program))


def measure(kind, sizes, program, mode):
    results, failed = {}, {}
    for size in sizes:
        subject = f"{size:,} {kind}"
        try:
            results[subject] = MEASURES[kind](program, size, mode)
        except harness.FAILURES as reason:
            failed[subject] = str(reason)
    return results, {"failed": failed} if failed else {}


@contextlib.contextmanager
def traced(mode, program, figures):
    """The program under a mode; yields iotrace's pid, if that is what the mode is. Its recording is checked afterwards."""
    if mode != "iotrace":
        with tools.MODES[mode](tools.Target([program.process.pid]), {}):
            yield None
            program.end()
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        recording = pathlib.Path(directory, "recording")
        started = time.monotonic()
        with tools.iotrace_on(["-p", program.process.pid, "--interval", 1], recording, ("record",)) as process:
            figures["ready_ms"] = (time.monotonic() - started) * 1000
            yield process.pid
            figures["rss_kib"] = memory_kib(process.pid, "VmHWM")
            figures["maps_kib"] = map_memory(process.pid) >> 10
            program.end()
            ended = time.monotonic()
        figures["finish_ms"] = (time.monotonic() - ended) * 1000
        figures["recording_kib"] = recording.stat().st_size >> 10
        output = subprocess.run([tools.IOTRACE, "report", "--json", recording], stdout=subprocess.PIPE, check=True, timeout=120)
    report = json.loads(output.stdout)
    figures["losses"] = sum(report["losses"].values())
    figures["counted_reads"] = report["totals"]["syscalls"]["by_name"].get("read", {}).get("count", 0)
    figures["counted_getppids"] = report["totals"]["syscalls"]["by_name"].get("getppid", {}).get("count", 0)
    figures["counted_processes"] = len(report["processes"])
    figures["counted_threads"] = report["totals"]["threads"]


def map_memory(pid):
    """Bytes of kernel memory in the BPF maps that a process holds, as the kernel accounts for them; each map once."""
    maps = {}
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in info.read_text().splitlines() if ":\t" in line)
            if "map_id" in fields:
                maps[fields["map_id"]] = int(fields["memlock"])
    return sum(maps.values())


def of_intervals(pid, metric, figures, work=None, intervals=INTERVALS):
    """CPU time of iotrace in each of some intervals, in every one of which the program does some work."""
    before, started = cpu_nanoseconds(pid), time.monotonic()
    for _ in range(intervals):
        if work:
            work()
        time.sleep(1)
    figures[metric] = (cpu_nanoseconds(pid) - before) / (time.monotonic() - started) / 1e6


def reading(start, again, binary, size, mode):
    """A program that starts `size` of something and then reads, by one task at length and by another a little."""
    program, figures = Program(binary), {}
    made = 0

    def read(task, number):
        nonlocal made
        calls, nanoseconds = program.do(task, number)
        made += calls
        return nanoseconds / calls

    with traced(mode, program, figures) as pid:
        figures["start_us"] = program.do(start, size)[0] / size / 1000
        task, number = again[0]
        figures["ns"] = read(task, number(size))
        if pid:
            of_intervals(pid, "collector_ms", figures, lambda: read(*again[1]))
            of_intervals(pid, "collector_idle_ms", figures)
    if mode == "iotrace":
        figures["off_by"] = beyond(figures["counted_reads"], made, made + program.tasks + 1)
        if start == "threads":
            figures["off_by"] += abs(figures["counted_threads"] - size - 1)
    return clean(figures)


def beyond(count, low, high):
    """How far a count is out of the range: the program's reads of its standard input are counted, too."""
    return max(0, low - count, count - high)


def children(binary, size, mode):
    program, figures = Program(binary), {}
    with traced(mode, program, figures):
        figures["start_us"] = program.do("children", size)[0] / size / 1000
    if mode == "iotrace":
        figures["off_by"] = (abs(figures["counted_getppids"] - size * CALLS_OF_CHILD) +
                             abs(figures["counted_processes"] - size - 1))
    return clean(figures)


def processes(binary, size, mode):
    program, figures = Program(binary), {}
    with traced(mode, program, figures) as pid:
        figures["start_us"] = program.do("processes", size)[0] / size / 1000
        if pid:
            of_intervals(pid, "collector_first_ms", figures)
            of_intervals(pid, "collector_ms", figures, intervals=STEADY_INTERVALS)
    if mode == "iotrace":
        figures["off_by"] = abs(figures["counted_processes"] - size - 1)
    return clean(figures)


MEASURES = {
    "threads": functools.partial(reading, "threads", (("go", lambda size: max(100, CALLS_OF_THREADS // size)), ("go", 1))),
    "files": functools.partial(reading, "files", (("read", lambda _: 300), ("read", 20))),
    "children": children,
    "processes": processes,
}


def clean(figures):
    return {name: value for name, value in figures.items() if not name.startswith("counted")}


COLUMNS = [("start_us", "µs to start one", 1), ("ns", "ns per call", 0)]
OF_IOTRACE = [("collector_ms", "collector, ms per interval", 2), ("collector_first_ms", "in its first seconds", 2),
              ("collector_idle_ms", "when nothing happens", 2), ("rss_kib", "collector, MiB", 1), ("maps_kib", "kernel maps, MiB", 1),
              ("finish_ms", "ms to finish", 0), ("recording_kib", "recording, MiB", 1), ("losses", "losses", 0),
              ("off_by", "off by", 0)]


def report(cases_by_name):
    parts = []
    for kind, case in cases_by_name.items():
        modes = [mode for mode in case["modes"] if mode not in case["unavailable"]]
        columns = [column for column in COLUMNS if any(tables.values(case, "none", subject, column[0])
                                                       for subject in tables.subjects(case))]
        rows = []
        for subject in tables.subjects(case):
            row = [subject]
            for metric, _, digits in columns:
                row += [tables.number(tables.median(case, mode, subject, metric), digits) for mode in modes]
            for metric, _, digits in OF_IOTRACE:
                value = tables.median(case, "iotrace", subject, metric)
                row.append(tables.number(value / 1024 if value is not None and metric.endswith("kib") else value, digits))
            rows.append(row)
        header = [kind] + [f"{label}, {mode}" for _, label, _ in columns for mode in modes] + [label for _, label, _ in OF_IOTRACE]
        parts.append(tables.markdown(header, rows))
    return "\n\n".join(parts) + "\n\n" + tables.goals(goals(cases_by_name))


def goals(cases_by_name):
    rows = []
    for kind, case in cases_by_name.items():
        for metric in ("losses", "off_by"):
            found = [value for subject in tables.subjects(case) for value in tables.values(case, "iotrace", subject, metric)]
            if found:
                rows.append((f"{kind}: {metric.replace('_', ' ')}, all sizes and rounds together", sum(found), "≤", 0))

    def add(kind, subject, metric, what, limit, scale=1):
        if (case := cases_by_name.get(kind)) and (value := tables.median(case, "iotrace", subject, metric)) is not None:
            rows.append((f"{subject}: {what}", value * scale, "≤", limit))

    add("processes", "100 processes", "collector_ms", "collector's CPU, ms per interval", 2)
    add("processes", "100 processes", "collector_ms", "collector's CPU, % of a core", 0.5, 0.1)
    add("threads", "10,000 threads", "collector_ms", "collector's CPU, ms per interval", 100)
    add("threads", "10,000 threads", "rss_kib", "collector's memory, MiB", 40, 1 / 1024)
    return rows

"""How long a tracer takes to be there: a command that does nothing, traced and not, and each probe's way into the kernel."""

import re
import shutil
import statistics
import subprocess
import time

import harness
import tables
import tools
from processes import START_SECONDS, scratch

TITLE = "Start-up"

COMMANDS = {
    "none": lambda _: ["true"],
    "iotrace": lambda directory: [tools.IOTRACE, "report", "-o", directory / "report", "--", "true"],
    "iotrace, no latency": lambda directory: [tools.IOTRACE, "report", "--latency", "off", "-o", directory / "report", "--", "true"],
    "iotrace, no ledger": lambda directory: [tools.IOTRACE, "report", "--no-ledger", "-o", directory / "report", "--", "true"],
    "bpftrace count": lambda directory: tools.with_tracefs(
        "bpftrace", "-c", shutil.which("true"), "-o", str(directory / "counts"),
        "-e", "tracepoint:raw_syscalls:sys_exit /pid == cpid/ { @[args->id] = count(); }"),
    "perf trace -s": lambda directory: tools.with_tracefs("perf", "trace", "-s", "-o", str(directory / "trace"), "true"),
    "strace -c -f": lambda directory: ["strace", "-c", "-f", "-o", directory / "calls", "true"],
}
# Wall times in a row of one sample: they differ by more than other figures do.
TIMES = 5


def cases(options):
    with scratch() as directory:
        modes = [mode for mode in COMMANDS if mode == "none" or mode in options.choose(COMMANDS)]
        yield harness.Case("start-up", modes, lambda mode: ({"true": wall(mode, directory)}, {}))
        yield harness.Case("probes", ["strace -T"], lambda _: (loads(directory), {}))


def wall(mode, directory):
    """Milliseconds from the start of a command to its end."""
    if mode != "none" and not mode.startswith("iotrace"):
        tools.need(mode.split()[0])
    times = []
    for _ in range(TIMES):
        started = time.monotonic()
        try:
            process = subprocess.run([str(word) for word in COMMANDS[mode](directory)], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise harness.Unavailable(f"it took more than {START_SECONDS} s") from None
        times.append((time.monotonic() - started) * 1000)
        if process.returncode:
            raise harness.Unavailable(f"exit status {process.returncode}: {process.stdout.decode(errors='replace').strip()[:300]}")
    return {"ms": statistics.median(times), "ms_least": min(times)}


LOAD = re.compile(r'bpf\(BPF_PROG_LOAD, \{.*?insn_cnt=(\d+).*?prog_name="(\w+)".*= (-?\d+).*<([\d.]+)>')
CALL = re.compile(r"^(\w+)\(.*<([\d.]+)>$")
LINE = re.compile(r"^(\d+) +(?:<\.\.\. \w+ resumed>)?(.*?)( <unfinished \.\.\.>)?$")


def calls(log):
    """The calls in a log of strace, with the two halves of those put together that another thread's calls came between."""
    begun = {}
    for line in log.read_text(errors="replace").splitlines():
        if match := LINE.match(line):
            thread, text, unfinished = match.groups()
            text = begun.pop(thread, "") + text
            if unfinished:
                begun[thread] = text
            else:
                yield text


def loads(directory):
    """Time that the kernel takes to check and compile each program, as strace sees it from outside: the call BPF_PROG_LOAD."""
    tools.need("strace")
    log = directory / "loads"
    subprocess.run(["strace", "-f", "-T", "-e", "trace=bpf,perf_event_open", "-s", "64", "-o", log, tools.IOTRACE, "report",
                    "-o", directory / "report", "--", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=START_SECONDS, check=True)
    found, others = {}, 0
    for call in calls(log):
        if match := LOAD.search(call):
            instructions, name, result, seconds = match.groups()
            # A program may be loaded a second time.
            entry = found.setdefault(name, {"instructions": 0, "ms": 0.0})
            entry["instructions"] += int(instructions) if int(result) >= 0 else 0
            entry["ms"] += float(seconds) * 1000
        elif match := CALL.match(call):
            others += float(match.group(2)) * 1000
    if not found:
        raise harness.Unavailable("strace showed no program being loaded")
    found["all other calls of bpf()"] = {"instructions": 0, "ms": others}
    return found


def report(cases_by_name):
    parts = []
    if case := cases_by_name.get("start-up"):
        rows = [[mode, tables.number(tables.median(case, mode, "true", "ms"), 1),
                 tables.number(tables.median(case, mode, "true", "ms_least"), 1)] for mode in case["modes"]
                if mode not in case["unavailable"]]
        parts.append(tables.markdown(["`true` under", "ms", "least, ms"], rows))
        measured = tables.median(case, "iotrace", "true", "ms")
        if measured is not None:
            parts.append(tables.goals([("`iotrace report -- true`, ms", measured, "≤", 150)]))
    case = cases_by_name.get("probes")
    if case and "strace -T" not in case["unavailable"]:
        rows = sorted(((subject, tables.median(case, "strace -T", subject, "instructions"),
                        tables.median(case, "strace -T", subject, "ms")) for subject in tables.subjects(case)),
                      key=lambda row: -row[2])
        total = sum(row[2] for row in rows)
        parts.append(tables.markdown(["loading", "instructions", "ms"],
                                     [[name, tables.number(instructions or None), f"{ms:.2f}"] for name, instructions, ms in rows] +
                                     [["all", "", f"{total:.1f}"]]))
    return "\n\n".join(parts)

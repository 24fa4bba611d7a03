"""Real programs under load: what is left of their throughput, and what becomes of their latency and CPU time."""

import contextlib
import functools
import os
import time

import harness
import machine
import tables
import tools
from loads.build import FILES, build
from loads.fio import fio
from loads.nginx import nginx
from loads.postgres import postgres
from loads.redis import redis
from processes import cpu_seconds, descendants, scratch

TITLE = "Real programs"

LOADS = {
    "redis": redis,
    "redis, pipelined": functools.partial(redis, pipelined=True),
    "nginx, 1 KiB": nginx,
    "nginx, 1 MiB": functools.partial(nginx, size="large"),
    "pgbench -S": postgres,
    f"make, {FILES} files": build,
    "fio, cached": fio,
    "fio, direct io_uring": functools.partial(fio, kind="direct"),
}
MODES = ["none", "empty pair", "iotrace", "iotrace, full latency", "bpftrace count", "perf trace -s", "strace -c -f"]
SLOW = ("perf trace -s", "strace -c -f")


def cases(options):
    modes = [mode for mode in MODES if mode == "none" or mode in options.choose(MODES)]
    for name in options.choose(LOADS):
        with scratch() as directory, contextlib.ExitStack() as stack:
            try:
                load = stack.enter_context(LOADS[name](directory, options))
            except harness.Unavailable as reason:
                yield harness.Case(name, modes, functools.partial(unavailable, str(reason)))
                continue
            yield harness.Case(name, modes, functools.partial(measure, name, load))


def unavailable(reason, _mode):
    raise harness.Unavailable(reason)


def measure(name, load, mode):
    note = {}
    ends = hasattr(load, "prepare")
    with load.prepare() if ends else contextlib.nullcontext(), tools.MODES[mode](load.target, note):
        idle, total = machine.cpu_times()
        before, started = target_seconds(load, ends), time.monotonic()
        figures = load.run(mode in SLOW)
        seconds, used = time.monotonic() - started, target_seconds(load, ends) - before
        later_idle, later_total = machine.cpu_times()
    figures["cpu_us"] = used / seconds / figures["per_second"] * 1e6
    figures["machine_busy"] = 1 - (later_idle - idle) / max(1, later_total - total)
    if report := note.pop("report", None):
        note["counted"] = report["totals"]["syscalls"]["total"]
    return {name: figures}, note


def target_seconds(load, ends):
    """CPU time so far of what is traced. What has ended has been waited for here, and nothing else has."""
    if ends:
        times = os.times()
        return times.children_user + times.children_system
    # Its children that end are in the times of the parent that waits for them.
    return cpu_seconds(descendants(load.target.pids[0]))


def report(cases_by_name):
    rows = []
    for name, case in cases_by_name.items():
        if not case["samples"]:
            continue
        for mode in case["modes"]:
            if mode in case["unavailable"]:
                rows.append([name, mode] + ["–"] * 6)
                continue
            rate = tables.median(case, mode, name, "per_second")
            kept = tables.relative(case, mode, name, "per_second")
            slower = tables.relative(case, mode, name, "p99_us")
            rows.append([name, mode, tables.number(rate), "–" if kept is None else f"{kept:.1%}",
                         tables.number(tables.median(case, mode, name, "p50_us")),
                         tables.number(tables.median(case, mode, name, "p99_us")), "–" if slower is None else tables.times(slower),
                         tables.number(tables.median(case, mode, name, "cpu_us"), 1)])
    return (tables.markdown(["load", "under", "per second", "kept", "p50 µs", "p99 µs", "p99 over untraced", "CPU µs of the target per one"],
                            rows) + "\n\n" + tables.goals(goals(cases_by_name)))


def goals(cases_by_name):
    rows = []
    for name, case in cases_by_name.items():
        if not name.startswith(("redis", "nginx")):
            continue
        kept = tables.relative(case, "iotrace", name, "per_second")
        slower = tables.relative(case, "iotrace", name, "p99_us")
        if kept is not None:
            rows.append((f"{name}: share of the throughput kept", kept, "≥", 0.95))
        if slower is not None:
            rows.append((f"{name}: p99 over untraced", slower, "≤", 1.1))
    return rows

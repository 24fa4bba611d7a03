"""Which probe takes how much: the kernel's account of each BPF program, by what the loops and programs make it run for."""

import contextlib
import functools
import time

import harness
import macro
import micro
import selfcost
import tables
import tools
from processes import compiled, scratch

TITLE = "Where the probes' time goes"

MODES = ["empty pair", "iotrace"]
LOOPS = ["getppid", "read /dev/zero", "socketpair", "sendfile", "poll", "select", "futex ping-pong", "pipe ping-pong",
         "io_uring NOP", "io_uring NOP x32"]
LOADS = ["redis", "nginx, 1 KiB"]
# Of all that the probes take; below it a probe has no row.
SHARE = 0.02


def cases(options):
    chosen = options.choose([*LOOPS, *LOADS])
    if loops := [name for name in LOOPS if name in chosen]:
        with scratch() as directory:
            program = compiled("micro.c", directory, "-pthread")
            yield harness.Case("loops", MODES, functools.partial(measure_loops, program, loops, options))
    for name in LOADS:
        if name in chosen:
            with scratch() as directory, macro.LOADS[name](directory, options) as load:
                yield harness.Case(name, MODES, functools.partial(measure_load, name, load))


def measure_loops(program, names, options, mode):
    results = {}
    for name in names:
        loops = micro.Loops(program, options.cpu)
        try:
            with attached(mode, tools.Target([loops.pid], cpu=options.cpu)) as accounts:
                before = accounts()
                calls, _ = loops.run(name, 1000 // options.divisor)
                results[name] = per(calls, before, accounts())
        finally:
            loops.end()
    return results, {}


def measure_load(name, load, mode):
    with attached(mode, load.target) as accounts:
        before, started = accounts(), time.monotonic()
        rate = load.run(False)["per_second"]
        return {name: per(rate * (time.monotonic() - started), before, accounts())}, {}


@contextlib.contextmanager
def attached(mode, target):
    """A mode's programs at work and accounted for. Gives what reads their accounts."""
    others = selfcost.accounts().keys()
    with tools.MODES[mode](target, {}), selfcost.accounting():
        yield lambda: {number: account for number, account in selfcost.accounts().items() if number not in others}


def per(count, before, after):
    """For each program that ran: its runs, and its nanoseconds, for each of `count` calls or requests."""
    figures = {}
    for number, (name, runs, nanoseconds) in after.items():
        _, earlier_runs, earlier_nanoseconds = before.get(number, (name, 0, 0))
        if runs > earlier_runs:
            figures[f"{name} runs"] = (runs - earlier_runs) / count
            figures[f"{name} ns"] = (nanoseconds - earlier_nanoseconds) / count
    return figures


def report(cases_by_name):
    rows = []
    for case in cases_by_name.values():
        for subject in tables.subjects(case):
            rows += rows_of(case, subject)
    return tables.markdown(["of each", "probe", "runs", "ns a run", "ns in all"], rows) + "\n"


def rows_of(case, subject):
    for mode in MODES:
        names = {metric[:-3] for sample in case["samples"] if sample["mode"] == mode
                 for metric in sample["results"].get(subject, {}) if metric.endswith(" ns")}
        found = {name: [tables.median(case, mode, subject, f"{name} {what}") for what in ("runs", "ns")] for name in names}
        whole = sum(nanoseconds for _, nanoseconds in found.values())
        for name, (runs, nanoseconds) in sorted(found.items(), key=lambda item: -item[1][1]):
            if nanoseconds >= whole * SHARE:
                yield [subject, name, f"{runs:.2f}", tables.number(nanoseconds / runs), tables.number(nanoseconds)]

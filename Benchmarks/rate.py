"""The highest rate of system calls that this machine can make, on every CPU at once, for a minute: none may be lost."""

import os

import harness
import micro
import tables
import tools
from processes import compiled, scratch

TITLE = "The highest rate"
SECONDS = 60


def cases(options):
    with scratch() as directory:
        program = compiled("micro.c", directory, "-pthread")
        yield harness.Case("rate", ["iotrace"], lambda mode: measure(mode, program, SECONDS / options.divisor), rounds=1)


def measure(mode, program, seconds):
    note = {}
    loops = [micro.Loops(program, cpu) for cpu in sorted(os.sched_getaffinity(0))]
    try:
        with tools.MODES[mode](tools.Target([loop.pid for loop in loops]), note):
            for loop in loops:
                loop.begin("getppid", int(seconds * 1000))
            answers = [loop.answer("getppid") for loop in loops]
    finally:
        for loop in loops:
            loop.end()
    made = sum(calls for calls, _ in answers)
    counted = note.pop("report")["totals"]["syscalls"]["by_name"]["getppid"]["count"]
    # Each loop warms up for 10 ms, in calls that it does not tell.
    return {"getppid": {"calls": made, "per_second": sum(calls / nanoseconds * 1e9 for calls, nanoseconds in answers),
                        "missing": max(0, made - counted), "losses": sum(note["losses"].values())}}, note


def report(cases_by_name):
    case = cases_by_name["rate"]

    def found(metric):
        return tables.median(case, "iotrace", "getppid", metric)

    if found("calls") is None:
        return ""
    return (tables.markdown(["getppid on every CPU", ""],
                            [["calls", tables.number(found("calls"))], ["a second", tables.number(found("per_second"))]]) + "\n\n" +
            tables.goals([("calls missing from the report", found("missing"), "≤", 0), ("losses", found("losses"), "≤", 0)]))

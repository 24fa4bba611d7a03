"""Whether iotrace's own account of what it costs is right: against the kernel's, kept all the time, and against the slow-down."""

import contextlib
import functools
import json
import pathlib
import subprocess
import time

import harness
import micro
import tables
import tools
from processes import compiled, descendants, scratch

TITLE = "The report's account of its own cost"

SUBJECTS = ["getppid", "read /dev/zero", "pipe", "pipe ping-pong"]
MODES = ["none", "iotrace", "iotrace, accounted"]
SECONDS = 5
SWITCH = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


def cases(options):
    with scratch() as directory:
        program = compiled("micro.c", directory, "-pthread")
        yield harness.Case("selfcost", MODES, functools.partial(measure, program, options))


def measure(program, options, mode):
    results, losses = {}, {}
    for subject in options.choose(SUBJECTS):
        figures, note = {}, {}
        loops = micro.Loops(program, options.cpu)
        try:
            if mode == "none":
                calls, nanoseconds = loops.run(subject, 500)
                figures["ns"] = nanoseconds / calls
            else:
                figures.update(traced(loops, subject, mode == "iotrace, accounted", SECONDS / options.divisor, options, note))
        finally:
            loops.end()
        losses.update(note.get("losses", {}))
        results[subject] = figures
    return results, {"losses": losses}


def traced(loops, subject, accounted, seconds, options, note):
    """With `accounted`, the kernel's accounting stays on, and the loop runs before iotrace comes and after it has gone."""
    figures = {}
    pids = [loops.pid]
    with contextlib.ExitStack() as stack:
        if accounted:
            stack.enter_context(accounting())
            # In the midst of a longer run.
            loops.begin(subject, int((seconds + 3) * 1000))
            time.sleep(0.2)
            # The loop's other process is there already.
            pids = descendants(loops.pid)
        with tools.MODES["iotrace"](tools.Target(pids, cpu=options.cpu), note):
            programs = programs_of(note["pid"])
            if accounted:
                time.sleep(seconds)
                figures["outside_ns"] = run_time(programs)
            else:
                calls, nanoseconds = loops.run(subject, int(seconds * 1000))
                figures["ns"] = nanoseconds / calls
        if accounted:
            loops.answer(subject)
    report = note.pop("report")
    cost, target = report["overhead"], report["totals"]["time"]["on_cpu_ns"]
    calls = sum(call["count"] for call in report["totals"]["syscalls"]["by_name"].values())
    if accounted:
        return {"outside_ns": figures["outside_ns"] / calls}
    if cost["probe_ns"] is None or cost["added_ns"] is None:
        raise harness.Unavailable("the report says nothing about its own cost: overhead.probe_ns or added_ns is null")
    figures.update(reported_ns=cost["probe_ns"] / calls, reported_added_ns=cost["added_ns"] / calls, reported_share=cost["cpu_share"],
                   collector_ns=cost["collector_cpu_ns"], target_ns=target)
    return figures


@contextlib.contextmanager
def accounting():
    """The kernel's accounting of BPF run time, on for as long as this lasts."""
    before = SWITCH.read_text()
    SWITCH.write_text("1\n")
    try:
        yield
    finally:
        SWITCH.write_text(before)


def programs_of(pid):
    """Ids of the BPF programs that a process has loaded."""
    ids = set()
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            ids |= {int(line.split(":\t")[1]) for line in info.read_text().splitlines() if line.startswith("prog_id:\t")}
    return ids


def accounts():
    """Name, runs and nanoseconds of every BPF program of the machine, by its id; the latter while the accounting is on."""
    tools.need("bpftool")
    output = subprocess.run(["bpftool", "prog", "show", "-j"], stdout=subprocess.PIPE, check=True).stdout
    return {program["id"]: (program.get("name", "?"), program.get("run_cnt", 0), program.get("run_time_ns", 0))
            for program in json.loads(output)}


def run_time(ids):
    """Nanoseconds that these programs have run for."""
    return sum(nanoseconds for number, (_, _, nanoseconds) in accounts().items() if number in ids)


def figures(case, subject):
    """Medians: what the report says the probes took over what the kernel says, and what it says was added over the slow-down."""
    def median(mode, metric):
        return tables.median(case, mode, subject, metric)

    reported, outside = median("iotrace", "reported_ns"), median("iotrace, accounted", "outside_ns")
    reported_added = median("iotrace", "reported_added_ns")
    untraced, slowed = median("none", "ns"), median("iotrace", "ns")
    added = slowed - untraced if untraced and slowed else None
    return {"added": added, "reported": reported, "outside": outside, "reported_added": reported_added,
            "over_slowdown": reported_added / added if reported_added and added and added > 0 else None,
            "over_kernel": reported / outside if reported and outside else None}


def report(cases_by_name):
    case = cases_by_name["selfcost"]
    rows, goals = [], []
    for subject in tables.subjects(case):
        found = figures(case, subject)
        rows.append([subject, *(tables.number(found[key]) for key in ("reported", "outside")), ratio(found["over_kernel"]),
                     *(tables.number(found[key]) for key in ("reported_added", "added")), ratio(found["over_slowdown"])])
        for what, key in (("probe_ns and the kernel's account", "over_kernel"), ("added_ns and the slow-down", "over_slowdown")):
            if found[key] is not None:
                goals.append((f"{subject}: {what} differ by a factor of", max(found[key], 1 / found[key]), "≤", 1.3))
    return (tables.markdown(["call", "probe_ns, per call", "kernel's account", "ratio", "added_ns, per call", "slow-down", "ratio"],
                            rows) + "\n\n" + tables.goals(goals))


def ratio(value):
    return "–" if value is None else f"{value:.2f}"

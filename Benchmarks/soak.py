"""Whether iotrace grows: threads, files, children and connections come and go for an hour, and its memory is watched."""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import harness
import tables
import tools
from processes import HERE, compiled, cpu_nanoseconds, memory_kib, scratch
from scale import map_memory

TITLE = "Memory over time"

CHURN = HERE.parent / "Tests/Privileged/programs/churn.c"
SAMPLES = 60
# Of the collector and the kernel maps, a minute: less than a megabyte in a quarter of an hour.
LIMIT_KIB = 64


def cases(options):
    with scratch() as directory:
        program = compiled(CHURN, directory, "-pthread")
        yield harness.Case("soak", ["iotrace record"],
                           lambda _: measure(program, directory, options.minutes * 60), rounds=1)


def measure(program, directory, seconds):
    figures, series = {}, []
    recording = pathlib.Path(directory, "recording")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as files:
        churn = subprocess.Popen([program, files], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            with tools.iotrace_on(["-p", churn.pid, "--interval", 1], recording, ("record",)) as process:
                churn.stdin.write(b"\n")
                churn.stdin.flush()
                started = time.monotonic()
                for number in range(SAMPLES):
                    time.sleep(max(0, started + (number + 1) * seconds / SAMPLES - time.monotonic()))
                    if churn.poll() is not None or process.poll() is not None:
                        raise harness.Unavailable("the churn, or iotrace, ended early")
                    series.append([round(time.monotonic() - started, 1), memory_kib(process.pid), map_memory(process.pid) >> 10,
                                   round(cpu_nanoseconds(process.pid) / 1e6)])
                churn.stdin.close()
                figures["cycles"] = int(churn.stdout.read())
                churn.wait()
        finally:
            churn.kill()
            churn.wait()
    for column, name in ((1, "rss_kib"), (2, "maps_kib")):
        figures[name] = series[-1][column]
        figures[name + "_a_minute"] = slope([(sample[0], sample[column]) for sample in series]) * 60
    figures["collector_share"] = (series[-1][3] - series[0][3]) / 1000 / (series[-1][0] - series[0][0])
    figures["recording_mib"] = recording.stat().st_size >> 20
    figures["losses"] = losses(recording)
    return {"churn": figures}, {"series": series, "columns": ["seconds", "collector KiB", "maps KiB", "collector CPU ms"]}


def losses(recording):
    """From the end line of the recording, which has the sums."""
    last = None
    with recording.open(encoding="utf-8") as lines:
        for line in lines:
            last = line
    return sum(json.loads(last)["losses"])


def slope(points):
    """Growth per second after the first third: the median of all slopes between two points, which no single step can move."""
    points = points[len(points) // 3:]
    return statistics.median((later[1] - earlier[1]) / (later[0] - earlier[0])
                             for index, earlier in enumerate(points) for later in points[index + 1:])


def report(cases_by_name):
    case = cases_by_name["soak"]

    def found(metric):
        return tables.median(case, "iotrace record", "churn", metric)

    if found("cycles") is None:
        return ""
    seconds = case["samples"][0]["series"][-1][0]
    rows = [["minutes", f"{seconds / 60:.0f}"], ["threads", tables.number(found("cycles") * 4)],
            ["files", tables.number(found("cycles") * 16)], ["children", tables.number(found("cycles") * 2)],
            ["connections", tables.number(found("cycles") * 4)],
            ["collector, MiB", tables.number(found("rss_kib") / 1024, 1)], ["kernel maps, MiB", tables.number(found("maps_kib") / 1024, 1)],
            ["collector, % of a core", tables.number(found("collector_share") * 100, 2)]]
    goals = [("collector, KiB that it grows by a minute", found("rss_kib_a_minute"), "≤", LIMIT_KIB),
             ("kernel maps, KiB that they grow by a minute", found("maps_kib_a_minute"), "≤", LIMIT_KIB),
             ("losses", found("losses"), "≤", 0)]
    return tables.markdown(["came and went", ""], rows) + "\n\n" + tables.goals(goals)

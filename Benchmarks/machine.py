"""The machine that is measured on, and whether it has anything else to do."""

import contextlib
import os
import pathlib
import platform
import shutil
import subprocess
import time

VERSIONS = {"iotrace": ["git", "-C", str(pathlib.Path(__file__).parent), "log", "-1", "--format=%h %cs"],
            "bpftrace": ["bpftrace", "--version"], "perf": ["perf", "--version"], "strace": ["strace", "--version"],
            "redis": ["redis-server", "--version"], "nginx": ["nginx", "-v"], "wrk": ["wrk", "-v"],
            "pgbench": ["pgbench", "--version"], "fio": ["fio", "--version"]}


def description():
    models = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "cpu": models[0] if models else platform.machine(),
            "memory_mib": memory >> 20, "versions": {name: version(command) for name, command in VERSIONS.items()}}


def version(command):
    """The first line in which a tool names its version; None when it is not installed."""
    if not shutil.which(command[0]):
        return None
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return process.stdout.strip().split("\n")[0][:80]


def cpu_times():
    """Idle and all time of all CPUs so far, in the kernel's ticks."""
    ticks = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def others_trace():
    """Whether another tracer's BPF programs are attached: they would slow every mode down, the untraced one too."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it, or one of its fds, has gone meanwhile
            for info in (process / "fdinfo").iterdir():
                if any(f"link_type:\t{kind}" in info.read_text() for kind in ("tracing", "raw_tracepoint", "perf")):
                    return True
    return False


def wait_until_idle(seconds):
    """Waits, at most so long, until the machine has nothing else to do. Returns whether it has."""
    deadline = time.monotonic() + seconds
    while True:
        idle, total = cpu_times()
        time.sleep(0.2)
        later_idle, later_total = cpu_times()
        is_idle = later_idle - idle > 0.9 * (later_total - total) and not others_trace()
        if is_idle or time.monotonic() > deadline:
            return is_idle

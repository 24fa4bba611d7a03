"""A recorder does not grow with what has come and gone."""

import contextlib
import json
import pathlib
import statistics
import subprocess
import time

import pytest
from conftest import ENVIRONMENT, Trace, run_iotrace

# Seconds: until the allocator has settled, and between the two looks that are compared. In the first fifteen seconds it takes
# steps of 20 MiB, then of 5.
WARM_UP, APART = 20, 20
CYCLE = {"threads": 4, "files": 16, "children": 2}
# A recorder that kept what it knew of each process that ended would grow by some 60 MiB in that time.
GROWTH_MIB = 32


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def maps_mib(pid):
    """Memory of the BPF maps that a process holds, by the kernel's account; a map that has two descriptors counts once."""
    maps = {}
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            fields = dict(line.split(":\t", 1) for line in info.read_text().splitlines() if ":\t" in line)
            if "map_id" in fields:
                maps[fields["map_id"]] = int(fields["memlock"])
    return sum(maps.values()) / (1 << 20)


def look(pid):
    """Medians of some looks: both go up and down with each interval."""
    looks = []
    for _ in range(10):
        looks.append((resident_mib(pid), maps_mib(pid)))
        time.sleep(0.2)
    return [statistics.median(column) for column in zip(*looks)]


@pytest.mark.slow
def test_a_recorder_does_not_grow_with_threads_files_children_and_connections_that_have_ended(children, program, tmp_path):
    churn = children.start([program("churn"), tmp_path, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    recording = tmp_path / "recording"
    trace = Trace(children, recording, ["-p", str(churn.pid), "--interval", "0.5"], subcommand=("record",))
    churn.stdin.write(b"\n")
    churn.stdin.flush()
    time.sleep(WARM_UP)
    resident, maps = look(trace.process.pid)
    time.sleep(APART)
    resident_later, maps_later = look(trace.process.pid)
    churn.stdin.close()
    cycles = int(churn.stdout.read())
    assert churn.wait(20) == 0
    trace.process.wait(30)

    assert cycles > 500, "the churn was too slow to tell"
    assert maps_later - maps < GROWTH_MIB, f"kernel maps: {maps:.1f} MiB, and {maps_later:.1f} MiB {APART} s later"
    assert resident_later - resident < GROWTH_MIB, f"iotrace: {resident:.1f} MiB, and {resident_later:.1f} MiB {APART} s later"

    # It let go of nothing that it had to count.
    report = run_iotrace("report", "--json", recording, timeout=60)
    assert report.returncode == 0, report.stderr
    document = json.loads(report.stdout)
    assert not any(document["losses"].values())
    assert len(document["processes"]) == 1 + cycles * CYCLE["children"]
    calls = document["totals"]["syscalls"]["by_name"]
    assert calls["unlink"]["count"] == cycles * CYCLE["files"]

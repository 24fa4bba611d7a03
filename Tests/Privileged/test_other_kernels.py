"""Other kernels than the running one: the newest that Debian has of each series, booted once, in a virtual machine."""

import json
import os
import subprocess

import pytest

from conftest import IOTRACE, REPOSITORY, need_tool
from test_exact_counts import NEVER_RETURN

pytestmark = pytest.mark.slow

CANNOT_BE_HAD = 69  # an exit status of scripts/guest
SIZE = 4 << 20

# Tracepoints that a series lacks, by the probes on them. 6.6 brought iomap's, 6.12 those of mappings.
MISSING = {
    "6.1": {"count_mapped", "count_fetched", "begin_direct", "end_direct", "end_direct_nested"},
    "6.12": set(),
}
# Rows of the lab that a series cannot run, and the release that brought what they need: /dev/zero had no splice_read, and
# tmpfs refused O_DIRECT. All others are as expected everywhere.
NOT_RUN = {
    "6.1": {"sendfile-zero": "Linux 6.7", "direct-tmpfs": "Linux 6.6"},
    "6.12": {},
}

# Each answer ends with a line "=== NAME STATUS".
COMMANDS = f"""
answer() {{ name=$1; shift; "$@"; echo "=== $name $?"; }}
to_file() {{ "$@"; status=$?; cat /tmp/output; rm -f /tmp/output; return $status; }}
dd if=/dev/urandom of=/var/tmp/file bs=64K count={SIZE >> 16}
sync
answer kernel uname -r
answer doctor iotrace doctor
answer report to_file iotrace report --json -o /tmp/output -- dd if=/var/tmp/file of=/dev/null bs=64K
answer direct to_file iotrace report --json -o /tmp/output -- dd if=/var/tmp/file of=/dev/null bs=64K iflag=direct
answer strace to_file strace -c -o /tmp/output dd if=/var/tmp/file of=/dev/null bs=64K
answer lab iotrace lab transfers --json --size 1M
answer models iotrace lab models --json
"""


@pytest.fixture(scope="module", params=["6.1", "6.12"])
def guest(request):
    """The series, and the answers of its guest by name: their text and exit status."""
    series = request.param
    environment = {**os.environ, "IOTRACE": IOTRACE, "GUEST_SECONDS": "90", "GUEST_FILES": need_tool("strace")}
    words = [str(REPOSITORY / "scripts/guest"), series]
    fetched = subprocess.run(words, capture_output=True, text=True, timeout=300, env=environment)
    if fetched.returncode == CANNOT_BE_HAD:
        pytest.skip(fetched.stderr.splitlines()[-1])  # names the package
    assert fetched.returncode == 0, fetched.stderr
    process = subprocess.run([*words, "sh", "-c", COMMANDS], capture_output=True, text=True, errors="replace", timeout=110,
                             env=environment, stdin=subprocess.DEVNULL)
    assert process.returncode == 0, process.stderr
    answers, lines = {}, []
    for line in process.stdout.splitlines():
        if line.startswith("=== "):
            name, status = line.split()[1:]
            answers[name] = ("\n".join(lines), int(status))
            lines = []
        else:
            lines.append(line)
    return series, answers


def document(guest, name):
    text, status = guest[1][name]
    assert text.startswith("{"), f"exit status {status}: {text}"
    return json.loads(text)


def of_path(process, path):
    return next(file for file in process["files"] if file["path"] == path)


def test_the_kernel_is_the_one_that_was_asked_for(guest):
    series, answers = guest
    assert answers["kernel"][0].startswith(series + ".")


def test_tracing_is_possible_with_every_probe_that_the_kernel_has_a_tracepoint_for(guest):
    series, answers = guest
    text, status = answers["doctor"]
    assert status == 0 and "Tracing is possible here" in text, text
    assert {line.split()[1] for line in text.splitlines() if line.startswith("missing ")} == MISSING[series], text
    assert "refused" not in text


def test_a_copied_file_counts_as_strace_says(guest):
    traced = document(guest, "report")
    assert not any(traced["losses"].values())
    calls = traced["totals"]["syscalls"]["by_name"]
    table = [line.split() for line in guest[1]["strace"][0].splitlines()]
    expected = {words[-1]: int(words[3]) for words in table if len(words) >= 5 and words[0][0].isdigit()}
    expected.pop("total", None)
    assert expected["read"] > SIZE >> 16
    assert {name: call["count"] for name, call in calls.items() if name not in NEVER_RETURN} == expected


def test_a_copied_file_is_copied_once(guest):
    dd = document(guest, "report")["processes"][0]
    file, sink = of_path(dd, "/var/tmp/file"), of_path(dd, "/dev/null")
    assert (file["bytes_in"], file["copies"]["kernel_to_user_bytes"], file["copies"]["dma_in_bytes"]) == (SIZE, SIZE, 0)
    assert (sink["bytes_out"], sink["copies"]["user_to_kernel_bytes"]) == (SIZE, 0)


def test_direct_io_is_the_devices_copy(guest):
    file = of_path(document(guest, "direct")["processes"][0], "/var/tmp/file")
    assert (file["bytes_in"], file["copies"]["avoided_bytes"], file["copies"]["dma_in_bytes"]) == (SIZE, SIZE, SIZE)
    assert file["copies"]["kernel_to_user_bytes"] == 0


def test_what_the_kernel_does_not_tell_is_null(guest):
    series, _ = guest
    mapped = [row["measured"]["mapped_bytes"] for row in document(guest, "lab")["rows"] if row["measured"]]
    mapped.append(document(guest, "report")["processes"][0]["copies"]["mapped_bytes"])
    assert all((value is None) == ("count_mapped" in MISSING[series]) for value in mapped)


def test_every_transfer_that_the_kernel_can_do_costs_what_it_should(guest):
    series, answers = guest
    rows = document(guest, "lab")["rows"]
    assert {row["name"]: row["differences"] for row in rows if row["differences"]} == {}
    not_run = {row["name"]: row["reason"] for row in rows if row["verdict"] != "as_expected"}
    assert not_run.keys() == NOT_RUN[series].keys()
    assert all(NOT_RUN[series][name] in reason for name, reason in not_run.items()), not_run
    assert len(rows) >= 37 and answers["lab"][1] == 0


def test_every_program_turns_out_to_be_what_it_is(guest):
    _, answers = guest
    rows = document(guest, "models")["rows"]
    assert {row["name"]: row["differences"] for row in rows if row["differences"]} == {}
    assert {row["name"]: row["reason"] for row in rows if row["verdict"] != "as_expected"} == {}
    assert len(rows) >= 16 and answers["models"][1] == 0

"""The executable depends on what it should, and says what it is."""

import json
import subprocess

from conftest import IOTRACE, need_tool, run_iotrace


def needed_libraries():
    listing = subprocess.run([need_tool("readelf", "binutils"), "-d", IOTRACE], capture_output=True, text=True, check=True,
                             timeout=20)
    return [line.split("[")[1].rstrip("]") for line in listing.stdout.splitlines() if "(NEEDED)" in line]


def test_foundation_and_icu_are_not_linked():
    libraries = needed_libraries()
    assert any(library.startswith("libc.so") for library in libraries)
    assert not [library for library in libraries if "Foundation" in library or "icu" in library.lower()]


def test_the_version_is_printed():
    process = run_iotrace("--version")
    assert process.returncode == 0 and process.stderr == ""
    assert process.stdout.strip().count(".") == 2 and process.stdout.strip().replace(".", "").isdigit()


def test_help_names_the_commands():
    process = run_iotrace("--help")
    assert process.returncode == 0 and process.stderr == ""
    for command in ("report", "record", "doctor"):
        assert command in process.stdout
        detail = run_iotrace(command, "--help")
        assert detail.returncode == 0 and detail.stderr == "" and "USAGE" in detail.stdout.upper()


def test_doctor_finds_that_root_can_trace():
    process = run_iotrace("doctor")
    assert process.returncode == 0, process.stdout + process.stderr
    for probe in ("count_call", "switch_threads"):
        assert probe in process.stdout or "sys_exit" in process.stdout


def test_an_unknown_option_or_command_is_125():
    for arguments in (["report", "--no-such-option"], ["no-such-command"], ["report", "--json", "--sort", "nothing"]):
        process = run_iotrace(*arguments)
        assert process.returncode == 125 and process.stderr and process.stdout == ""


def test_every_probe_is_attached_here():
    process = run_iotrace("report", "--json", "--", "/bin/true")
    probes = json.loads(process.stderr)["tool"]["probes"]
    assert probes
    assert [probe for probe in probes if not probe["attached"] and probe["reason"]] == []

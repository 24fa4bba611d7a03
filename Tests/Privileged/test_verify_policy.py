"""Policies, loads, baselines and the outputs of `iotrace verify`; and `iotrace diff`."""

import json
import os
import pathlib
import subprocess
import sys
import tarfile

import jsonschema
import pytest
import yaml

from conftest import ENVIRONMENT, HERE, IOTRACE, REPOSITORY, eventually, need_tool, run_iotrace
from test_real_servers import free_port, listens
from verdicts import verify

POLICY_SCHEMA = json.loads((REPOSITORY / "docs/schema/policy-1.schema.json").read_text())
DIFF_SCHEMA = json.loads((REPOSITORY / "docs/schema/diff-1.schema.json").read_text())
PROGRAMS = HERE / "programs/verify"
COPY = [sys.executable, "-c", "import sys; d = open('/etc/services', 'rb').read(); open(sys.argv[1], 'wb').write(d * 20)"]


@pytest.fixture
def check(tmp_path):
    return lambda *arguments, **options: verify(tmp_path, *arguments, **options)


@pytest.fixture
def policy(tmp_path):
    def write(text):
        path = tmp_path / "io.yaml"
        path.write_text(text)
        return path

    return write


# ---- policies ----

POLICY = """\
version: 1
claims:
  - name: the copy is written once
    reason: disks are slow
    process: [python3*]
    fd-type: regular
    path: "*/copy"
    max-amplification: 1
  - name: no secrets
    no-hidden-copies: true
  - name: nearly nothing
    max-copied: 1K
"""


def test_a_policy_is_judged_claim_by_claim(check, policy, tmp_path):
    path = policy(POLICY)
    jsonschema.validate(yaml.safe_load(POLICY), POLICY_SCHEMA)
    result = check("--policy", path, command=[*COPY, tmp_path / "copy"])
    assert result.status == 1, result
    assert {name: claim["verdict"] for name, claim in result.claims.items()} == {
        "the copy is written once": "pass", "no secrets": "pass", "nearly nothing": "fail"}
    first = result.claim("the copy is written once")
    assert first["reason"] == "disks are slow" and first["scope"]["fd_type"] == ["regular"] and first["measured"] == 1
    assert [case.get("name") for case in result.junit.iter("testcase")] == list(result.claims)


@pytest.mark.parametrize("text, line, word", [
    ("version: 1\nclaims:\n- name: x\n  max-copeid: 1\n", 4, "max-copeid"),
    ("version: 1\nclaims:\n- name: x\n  max-copied: many\n", 4, "many"),
    ("version: 1\nclaims:\n- name: x\n  fd-type: tpc\n  max-copied: 1\n", 4, "tpc"),
    ("version: 1\nclaims:\n- name: x\n   max-copied: 1\n", 4, "YAML"),
    ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 2, "aliases"),
])
def test_a_bad_policy_is_an_error_that_names_the_line(policy, text, line, word):
    path = policy(text)
    process = run_iotrace("verify", "--policy", path, "--", "true")
    assert process.returncode == 125 and f"{path}:{line}: " in process.stderr and word in process.stderr
    assert not jsonschema.Draft202012Validator(POLICY_SCHEMA).is_valid(loaded(text))


def loaded(text):
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def test_policies_that_are_no_files_are_errors(tmp_path):
    for path in ("/no/such/policy", tmp_path, "/dev/zero", "/dev/null"):
        process = run_iotrace("verify", "--policy", path, "--", "true")
        assert process.returncode == 125 and str(path) in process.stderr


def test_ten_thousand_claims_are_judged_in_bounded_memory(check, policy, tmp_path):
    path = policy("version: 1\nclaims:\n" + "".join(f"- {{name: claim {n}, max-copied: {n}K}}\n" for n in range(10_000)))
    result = check("--policy", path, command=[*COPY, tmp_path / "copy"])
    assert result.status == 1 and len(result.claims) == 10_000
    assert result.document["summary"]["passed"] > 5000 and result.document["summary"]["failed"] > 100
    peak = subprocess.run(
        [sys.executable, "-c", "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL);"
         "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
         IOTRACE, "verify", "--policy", path, "--", *map(str, COPY), tmp_path / "copy"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=50)
    assert int(peak.stdout.split()[-1]) < 500_000  # KiB


# ---- targets and loads ----

def test_the_load_starts_when_the_target_is_ready(check, children, tmp_path):
    """The server needs a second to listen; without waiting the load would fail."""
    port, file, marker = free_port(), tmp_path / "file", tmp_path / "ready"
    file.write_bytes(os.urandom(4 << 20))
    server = children.start(
        ["sh", "-c", f"sleep 1; touch {marker}; exec {sys.executable} {PROGRAMS}/file_server.py sendfile {port} {file}"])
    result = check("--zero-copy", "--ready-port", port, "--ready-command", f"test -e {marker}", "--settle", "0.1", "-p", server.pid,
                   command=[sys.executable, PROGRAMS / "fetch.py", port, "2"])
    assert result.status == 0, result


def test_a_target_that_is_never_ready_is_an_error(children):
    server = children.start(["sleep", "60"])
    process = run_iotrace("verify", "--zero-copy", "--ready-port", free_port(), "--ready-timeout", "0.3", "-p", server.pid, "--", "true")
    assert process.returncode == 125 and "--ready-timeout" in process.stderr
    process = run_iotrace("verify", "--zero-copy", "--settle", "1", "--", "true")
    assert process.returncode == 125 and "target" in process.stderr


def test_every_run_must_hold(check, tmp_path):
    """The third run copies more than the others."""
    counter = tmp_path / "counter"
    code = ("import pathlib, sys; p = pathlib.Path(sys.argv[1]); n = int(p.read_text()) + 1 if p.exists() else 1; p.write_text(str(n));"
            "open(sys.argv[2], 'wb').write(b'x' * (1000000 if n == 3 else 1000))")
    command = [sys.executable, "-c", code, counter, tmp_path / "out"]
    result = check("--max-copied", "100K", "--repeat", "2", command=command)
    assert result.status == 0 and len(result.document["runs"]) == 2
    counter.unlink()
    result = check("--max-copied", "100K", "--repeat", "4", "--save", tmp_path / "trace.ndjson", command=command)
    assert result.status == 1 and result.claim("max-copied")["processes"][0]["run"] == 3
    assert [entry["verdict"] for entry in result.claim("max-copied")["processes"]] == ["fail", "pass", "pass", "pass"]
    for run in (1, 2, 3, 4):
        saved = run_iotrace("report", "--json", tmp_path / f"trace.{run}.ndjson")
        assert saved.returncode == 0 and json.loads(saved.stdout)["processes"]


# ---- outputs ----

XSD = HERE / "programs/verify/junit.xsd"


@pytest.fixture(scope="module")
def common_schema(tmp_path_factory):
    """The schema that Jenkins' xUnit plugin has for JUnit files, from the tests of pytest, whose own files it is for, too."""
    directory = tmp_path_factory.mktemp("junit")
    try:
        subprocess.run(["/usr/bin/python3", "-m", "venv", directory / "environment"], check=True, timeout=50, capture_output=True)
        subprocess.run([directory / "environment/bin/pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest",
                        directory, "pytest==7.4.4"], check=True, timeout=55, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the sources of pytest cannot be had: {error}")
    with tarfile.open(directory / "pytest-7.4.4.tar.gz") as sources:
        schema = directory / "junit-10.xsd"
        schema.write_bytes(sources.extractfile("pytest-7.4.4/testing/example_scripts/junit-10.xsd").read())
    return schema


def is_valid(report, schema):
    lint = need_tool("xmllint", "libxml2-utils")
    linted = subprocess.run([lint, "--noout", "--schema", schema, report], capture_output=True, text=True, timeout=20)
    assert linted.returncode == 0, f"{schema}: {linted.stderr}"


@pytest.mark.slow
def test_junit_is_valid_and_has_a_test_case_for_each_claim(check, tmp_path, common_schema):
    evil = tmp_path / "a\"b<&>'\n\x01\x1b[31m]]>é"
    for arguments in (["--max-copied", "1K", "--max-amplification", "9", "--model", "zero-copy"],
                      ["--zero-copy", "--process", "nobody\"<&"]):
        result = check(*arguments, command=[*COPY, evil])
        for schema in (XSD, common_schema):
            is_valid(tmp_path / "junit.xml", schema)
        suite = result.junit.find("testsuite")
        assert int(suite.get("tests")) == len(result.claims) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == result.document["summary"]["failed"] == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == result.document["summary"]["inconclusive"] == len(suite.findall("testcase/error"))


def test_annotations_are_githubs_commands(tmp_path, policy):
    path = policy("version: 1\nclaims:\n- name: \"a: b, c%\"\n  max-copied: 1K\n")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    environment = {**ENVIRONMENT, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    evil = tmp_path / "x\n::error::y|z"
    process = run_iotrace("verify", "--policy", path, "--", *COPY, evil, env=environment)
    assert process.returncode == 1
    lines = [line for line in process.stderr.splitlines() if line.startswith("::")]
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"::error file={path},line=3,title=a%3A b%2C c%25::a: b, c%25: ")
    assert "%0A" in lines[0]
    text = summary.read_text()
    assert text.startswith("before\n### iotrace verify: ❌ 1 of 1 claim broken\n")
    assert "| ❌ | a: b, c% |" in text and "\n::error" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 6 for line in table)
    quiet = run_iotrace("verify", "--annotations", "off", "--policy", path, "--", *COPY, evil, env=environment)
    assert not [line for line in quiet.stderr.splitlines() if line.startswith("::")] and summary.read_text() == text


def test_markdown_is_appended(tmp_path):
    path = tmp_path / "summary.md"
    for _ in range(2):
        assert run_iotrace("verify", "--max-copied", "1G", "--markdown", path, "--", *COPY, tmp_path / "o").returncode == 0
    assert path.read_text().count("### iotrace verify: ✅ the claim holds") == 2


# ---- where nothing can be traced ----

def unprivileged(*arguments):
    """As nobody, from a place that nobody can reach."""
    def drop():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    return subprocess.run([IOTRACE, "verify", *map(str, arguments)], capture_output=True, text=True, timeout=30, cwd="/",
                          env=ENVIRONMENT, preexec_fn=drop, stdin=subprocess.DEVNULL)


@pytest.fixture
def open_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("open")
    for parent in [directory, *directory.parents]:
        if not parent.name.startswith(("pytest-", "open")):
            break
        parent.chmod(0o755)
    directory.chmod(0o777)
    return directory


@pytest.fixture
def reachable(open_directory):
    if not all(os.stat(parent).st_mode & 1 for parent in pathlib.Path(IOTRACE).resolve().parents):
        pytest.skip("nobody cannot reach the executable")


def test_without_privilege_it_is_said_what_is_missing(open_directory, reachable, common_schema):
    junit, marker = open_directory / "junit.xml", open_directory / "ran"
    command = ["--zero-copy", "--junit", junit, "--", "touch", marker]
    process = unprivileged(*command)
    assert process.returncode == 125 and "CAP_BPF" in process.stderr
    text = junit.read_text()
    assert "<error " in text and 'errors="1"' in text and "CAP_BPF" in text
    process = unprivileged("--if-unsupported", "skip", *command)
    assert process.returncode == 0 and "skipped" in process.stderr
    text = junit.read_text()
    assert "<skipped " in text and 'skipped="1"' in text and "<error " not in text
    is_valid(junit, common_schema)
    assert not marker.exists()
    process = unprivileged("--if-unsupported", "fail", *command)
    assert process.returncode == 125 and "<error " in junit.read_text()


# ---- baselines and diff ----

def sizes(tmp_path, block):
    return ["dd", "if=/etc/services", f"of={tmp_path}/out", f"bs={block}"]


def test_a_baseline_fails_on_a_regression(check, tmp_path):
    baseline = tmp_path / "baseline.json"
    process = run_iotrace("verify", "--baseline", baseline, "--", *sizes(tmp_path, 4096))
    assert process.returncode == 125 and "--update-baseline" in process.stderr
    assert check("--baseline", baseline, "--update-baseline", command=sizes(tmp_path, 4096)).status == 0
    assert json.loads(baseline.read_text())["schema"] == "iotrace.baseline/1"
    before = baseline.read_text()
    same = check("--baseline", baseline, command=sizes(tmp_path, 4096))
    assert same.status == 0, same
    worse = check("--baseline", baseline, command=sizes(tmp_path, 512))
    assert worse.status == 1 and any("system calls" in part["reason"] for part in worse.claim("baseline")["contributors"])
    assert check("--baseline", baseline, "--tolerance", "2000%", command=sizes(tmp_path, 512)).status == 0
    other = check("--baseline", baseline, command=["cat", "/etc/services"])
    assert other.status == 3 and baseline.read_text() == before
    baseline.write_text("{}")
    process = run_iotrace("verify", "--baseline", baseline, "--", *sizes(tmp_path, 4096))
    assert process.returncode == 125 and "iotrace.baseline/1" in process.stderr


@pytest.fixture
def made(tmp_path):
    """A report and a recording of two ways to do the same."""
    files = {}
    for name, block in (("large", 4096), ("small", 256)):
        files[name] = tmp_path / f"{name}.json"
        run_iotrace("report", "--json", "-o", files[name], "--", *sizes(tmp_path, block))
        files[f"{name} recording"] = tmp_path / f"{name}.ndjson"
        run_iotrace("record", "-o", files[f"{name} recording"], "--", *sizes(tmp_path, block))
    return files


def diff(*arguments):
    process = run_iotrace("diff", "--json", *arguments)
    document = json.loads(process.stdout)
    jsonschema.validate(document, DIFF_SCHEMA)
    return process.returncode, document, {change["metric"]: change for change in document["changes"]}


@pytest.mark.parametrize("kind", ["", " recording"])
def test_diff_tells_what_changed(made, kind):
    status, document, changes = diff(made["large" + kind], made["small" + kind])
    assert status == 0 and document["regressions"] >= 1
    calls = changes["syscalls_per_mib"]
    assert calls["regression"] and calls["after"] > 2 * calls["before"] and "more" in calls["words"]
    assert changes["amplification"]["direction"] == "same"
    assert diff("--fail-on-regression", made["large" + kind], made["small" + kind])[0] == 1
    assert diff("--fail-on-regression", made["small" + kind], made["large" + kind])[0] == 0
    assert diff("--fail-on-regression", made["large"], made["large recording"])[0] == 0
    words = run_iotrace("diff", made["large" + kind], made["small" + kind])
    assert "system calls for each MiB" in words.stdout and "regression" in words.stdout


def test_what_cannot_be_compared_is_no_success(made, tmp_path):
    other = tmp_path / "other.json"
    run_iotrace("report", "--json", "-o", other, "--", "cat", "/etc/services")
    assert diff("--fail-on-regression", made["large"], other)[0] == 3
    for broken in ("", "{}", "[1, 2", '{"schema": "iotrace.report/1"}'):
        other.write_text(broken)
        process = run_iotrace("diff", made["large"], other)
        assert process.returncode == 125 and str(other) in process.stderr


# ---- hostile targets ----

@pytest.mark.slow
def test_two_thousand_children_are_judged(check, program):
    result = check("--max-copied", "1G", "--min-payload", "1", command=[sys.executable, PROGRAMS / "forks.py", "2000"], timeout=100)
    assert result.status == 0 and result.document["runs"][0]["processes"] >= 2000, result
    assert result.claim("max-copied")["judged"] >= 2000 and len(result.claim("max-copied")["processes"]) == 10


def test_a_target_that_renames_itself_stays_in_scope(check, tmp_path):
    code = "open('/proc/self/comm', 'w').write('innocent'); import sys; open(sys.argv[1], 'wb').write(b'x' * 500000)"
    for scope in ("python3*", "innocent"):
        result = check("--max-copied", "1K", "--process", scope, command=["python3", "-c", code, tmp_path / "out"])
        assert result.status == 1, result


def test_names_with_newlines_and_quotes_are_judged_and_shown(check, tmp_path):
    evil = tmp_path / "new\nline \"quoted\" 'and' \\ *"
    result = check("--max-copied", "1K", "--path", f"{tmp_path}/new*quoted*", command=[*COPY, evil])
    assert result.status == 1 and result.claim("max-copied")["contributors"][0]["target"] == str(evil)
    shown = run_iotrace("verify", "--max-copied", "1K", "--", *COPY, evil)
    assert shown.returncode == 1 and "new\\x0Aline" in shown.stderr.replace("\n      ", "")

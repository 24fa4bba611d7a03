"""The files of docs/ci.md are those that it shows, they are well formed, and the shell one works."""

import os
import subprocess

import jsonschema
import pytest
import yaml

from conftest import ENVIRONMENT, IOTRACE, REPOSITORY
from test_verify_policy import POLICY_SCHEMA

CI = REPOSITORY / "docs/ci"


def shell(results, *command):
    return subprocess.run([CI / "verify.sh", CI / "io.yaml", results, *map(str, command)], capture_output=True, text=True,
                          env={**ENVIRONMENT, "IOTRACE": IOTRACE}, timeout=50, stdin=subprocess.DEVNULL)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(8 << 20))
    subprocess.run(["sync", path], check=True, timeout=50)
    return path


def test_the_shell_script_passes_true_claims_and_fails_false_ones(tmp_path, source):
    command = ["dd", f"if={source}", f"of={tmp_path}/archive", "bs=1M"]
    direct = shell(tmp_path / "results", *command, "iflag=direct", "oflag=direct")
    assert direct.returncode == 0 and "every claim holds" in direct.stdout, direct.stderr
    for name in ("iotrace.xml", "iotrace.md", "iotrace.ndjson"):
        assert (tmp_path / "results" / name).stat().st_size
    plain = shell(tmp_path / "results", *command)
    assert plain.returncode == 1 and "a claim is broken" in plain.stdout
    nothing = shell(tmp_path / "results", "true")
    assert nothing.returncode == 3 and "inconclusive" in nothing.stdout
    failing = shell(tmp_path / "results", "sh", "-c", "exit 9")
    assert failing.returncode == 9 and "status 9" in failing.stdout


def test_the_pages_show_the_files():
    text = (REPOSITORY / "docs/ci.md").read_text()
    for name in ("github.yml", "gitlab.yml"):
        assert (CI / name).read_text() in text
        assert yaml.safe_load((CI / name).read_text())
    policy = (CI / "io.yaml").read_text()
    assert policy in (REPOSITORY / "docs/verify.md").read_text()
    jsonschema.validate(yaml.safe_load(policy), POLICY_SCHEMA)

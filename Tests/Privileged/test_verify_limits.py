"""Each kind of claim on a run just inside its limit, and on one just outside."""

import sys

import pytest

from conftest import HERE
from verdicts import verify

LIMITS = HERE / "programs/verify/limits.py"


@pytest.fixture
def judged(tmp_path):
    (tmp_path / "source").write_bytes(bytes(range(256)) * 4096 * 16)

    def judge(claim, command, name=None):
        words = [word.replace("@", str(tmp_path)) for word in command]
        result = verify(tmp_path, *claim, command=words)
        return result.status, result.claim(name or " ".join([claim[0][2:], *claim[1:]]))

    return judge


def dd(**options):
    return ["dd", "if=@/source", "of=@/target", "status=none", *(f"{key}={value}" for key, value in options.items())]


def python(*arguments):
    return [sys.executable, str(LIMITS), "@", *map(str, arguments)]


CASES = {
    "zero-copy": (["--zero-copy"], python("send", 991_000, 9_000), python("send", 989_000, 11_000)),
    "headers": (["--zero-copy", "--allow-copied-below", "4096"], python("send", 100_000, 4_000), python("send", 100_000, 4_200)),
    "max-copied": (["--max-copied", "2M"], dd(bs="1M", count=1), dd(bs=1048577, count=1)),
    "max-amplification": (["--max-amplification", "1.99"], dd(bs="1M", count=4, iflag="direct"), dd(bs="1M", count=4)),
    "model": (["--model", "multiplexed:50%"], python("model", 60, 20), python("model", 10, 60)),
    "no-model": (["--no-model", "blocking"], python("model", 1000, 1), python("model", 1000, 60)),
    "max-blocked": (["--max-blocked", "sleep:300ms"], python("sleep", 0.1), python("sleep", 0.31)),
    "max-switches-per-op": (["--max-switches-per-op", "2.5"], dd(bs=512, count=8000), dd(bs=512, count=20)),
    "max-syscalls-per-mib": (["--max-syscalls-per-mib", "50"], dd(bs="64K"), dd(bs="32K")),
    "no-hidden-copies": (["--no-hidden-copies"], python("send", 1_000_000, 0), python("into-file", 1)),
    "no-finding": (["--no-finding", "one_byte_operations"], dd(bs=1, count=900), dd(bs=1, count=1100)),
    "min-payload": (["--min-payload", "1M"], dd(bs=1048576, count=1), dd(bs=1048575, count=1)),
}

NAMES = {"headers": "zero-copy", "model": "model multiplexed", "no-model": "no-model blocking", "max-blocked": "max-blocked sleep",
         "no-finding": "no-finding one_byte_operations"}


@pytest.mark.parametrize("kind", CASES)
def test_a_claim_holds_just_inside_its_limit_and_is_broken_just_outside(judged, kind):
    claim, inside, outside = CASES[kind]
    name = NAMES.get(kind, kind)
    status, verdict = judged(claim, inside, name)
    assert status == 0 and verdict["verdict"] == "pass", verdict
    status, verdict = judged(claim, outside, name)
    assert status == 1 and verdict["verdict"] == "fail" and verdict["remedy"], verdict
    holds = {"at_most": lambda a, b: a <= b, "at_least": lambda a, b: a >= b, "below": lambda a, b: a < b}
    assert not holds[verdict["comparison"]](verdict["measured"], verdict["limit"])


def test_short_transfers_of_an_interpreter_are_never_accused(judged):
    """Start-up is in the samples of the CPU, not in the payload."""
    for _ in range(5):
        status, verdict = judged(["--zero-copy", "--allow-copied-below", "4K"], python("send", 1 << 20, 200), "zero-copy")
        assert status == 0, verdict

"""What the tests of `iotrace verify` share: running it, and valid verdicts."""

import json
import subprocess
import xml.etree.ElementTree

import jsonschema

from conftest import ENVIRONMENT, IOTRACE, REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/schema/verdict-1.schema.json").read_text())


class Verified:
    """A finished `iotrace verify`, with the document that it wrote; the document is valid, and agrees with the exit status."""

    def __init__(self, process, document, junit):
        self.process, self.document, self.junit = process, document, junit
        self.status = process.returncode
        errors = [f"{error.json_path}: {error.message[:200]}"
                  for error in jsonschema.validators.validator_for(SCHEMA)(SCHEMA).iter_errors(document)]
        assert not errors, errors
        assert document["exit_status"] == self.status
        self.claims = {claim["name"]: claim for claim in document["claims"]}

    @property
    def verdict(self):
        return self.document["verdict"]

    def claim(self, name):
        return self.claims[name]

    def doubts(self, name):
        return [doubt["code"] for doubt in self.claims[name]["doubts"]]

    def __repr__(self):
        return json.dumps({key: self.document[key] for key in ("verdict", "exit_status", "claims")}, indent=1)


def verify(directory, *arguments, command=(), timeout=50, **options):
    """Runs `iotrace verify` to its end."""
    document, junit = directory / "verdict.json", directory / "junit.xml"
    for file in (document, junit):
        file.unlink(missing_ok=True)
    words = [IOTRACE, "verify", "--json", "-o", document, "--junit", junit, *arguments, *(["--", *command] if command else [])]
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", ENVIRONMENT)
    process = subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace",
                             timeout=timeout, **options)
    assert document.exists() and document.stat().st_size, f"no verdict: exit status {process.returncode}, {process.stderr}"
    return Verified(process, json.loads(document.read_text()), xml.etree.ElementTree.parse(junit))

"""The samples on disk: one file per run, and one per family that is published with the repository."""

import datetime
import json
import pathlib

RESULTS = pathlib.Path(__file__).resolve().parent / "results"


def keep(family, cases):
    """Writes a run's samples and returns the file."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc)
    return write(RESULTS / f"{family}-{now:%Y%m%d-%H%M%S}.json", {"family": family, "cases": cases})


def publish(family, cases):
    """Replaces these cases in the published file: a family can be measured in several runs, each case in one of them."""
    path = RESULTS / f"{family}.json"
    before = published(family)
    return write(path, {"family": family, "cases": {**before, **cases}})


def published(family):
    """The published cases by name; none when nothing is published."""
    path = RESULTS / f"{family}.json"
    return json.loads(path.read_text())["cases"] if path.exists() else {}


def write(path, document):
    """A line for each sample: short, and fit for diff."""
    cases = []
    for name, case in document["cases"].items():
        samples = ",\n".join("   " + json.dumps(sample, ensure_ascii=False) for sample in case["samples"])
        head = json.dumps({key: value for key, value in case.items() if key != "samples"}, ensure_ascii=False)
        cases.append(f'  {json.dumps(name)}: {head[:-1]}, "samples": [\n{samples}\n  ]}}')
    path.write_text(f'{{"family": {json.dumps(document["family"])}, "cases": {{\n' + ",\n".join(cases) + "\n}}\n")
    return path

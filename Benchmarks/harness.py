"""Every mode in turn, round after round, each sample kept: a machine that is slow for a minute is then slow for all of them."""

import dataclasses
import datetime
import subprocess
import sys
import typing

import machine


class Unavailable(Exception):
    """What cannot be measured on this machine, and why."""


# What may go wrong with one measurement without making the others worthless.
FAILURES = (Unavailable, subprocess.SubprocessError, OSError)


@dataclasses.dataclass
class Case:
    """What is run in one go: one or several subjects (rows of a table), each under every mode."""

    name: str
    modes: list
    # measure(mode) returns {subject: {metric: number}} and a dictionary of notes, in which "failed" has a reason for each
    # subject that could not be measured. It raises Unavailable when the whole mode can't be measured here; the mode is then
    # left out of the rounds that follow, and its reason is kept.
    measure: typing.Callable
    # When it is not for the options to say.
    rounds: int = None


def run(case, rounds, wait=5):
    """The samples of a case.

    `wait`: seconds to wait, at most, before each sample until the machine is idle; whether it was is kept with the sample.
    """
    rounds = case.rounds or rounds
    started = datetime.datetime.now(datetime.timezone.utc)
    samples, unavailable = [], {}
    for number in range(rounds):
        for mode in case.modes:
            if mode in unavailable:
                continue
            progress(f"{case.name}, round {number + 1} of {rounds}: {mode}")
            was_idle = machine.wait_until_idle(wait)
            try:
                results, notes = case.measure(mode)
            except FAILURES as reason:
                unavailable[mode] = str(reason) or type(reason).__name__
                continue
            samples.append({"round": number, "mode": mode, "was_idle": was_idle, "results": rounded(results), **notes})
    progress("")
    return {"started": started.isoformat(timespec="seconds"), "machine": machine.description(), "rounds": rounds,
            "modes": case.modes, "samples": samples, "unavailable": unavailable}


def rounded(results):
    """Five digits are more than any of these figures is good for."""
    return {subject: {metric: value if value is None or isinstance(value, int) else float(f"{value:.5g}")
                      for metric, value in values.items()} for subject, values in results.items()}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:<78}\r", end="", file=sys.stderr, flush=True)

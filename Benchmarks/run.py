#!/usr/bin/env python3
"""What tracing costs: iotrace, the least that is possible, and other tracers, measured side by side.

Prints Markdown, and keeps every sample in Benchmarks/results/. Needs root, a C compiler and the release builds of iotrace and
overhead-benchmark (`make benchmark` builds and installs all of it). What cannot be measured here is named, with the reason.
docs/overhead.md says how to read the tables.
"""

import argparse
import importlib
import os
import signal
import sys

import harness
import samples
import tables
import tools

FAMILIES = {
    "micro": "the cheapest system calls, in loops: nanoseconds that are added to each",
    "macro": "real programs under load: throughput, latency and CPU time",
    "scale": "many threads, files and short-lived processes: cost, memory, losses",
    "startup": "a command that does nothing, traced and not; the load of each probe",
    "rate": "every CPU makes system calls as fast as it can, for a minute: is any lost?",
    "soak": "an hour of threads, files, children and connections that come and go (only when named)",
    "selfcost": "the report's account of its own cost, checked from outside",
    "probes": "which probe takes how much, by the kernel's account",
}


def parse():
    names = "\n".join(f"  {name:<10}{what}" for name, what in FAMILIES.items())
    parser = argparse.ArgumentParser(description=f"{__doc__}\nfamilies:\n{names}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="what to measure (default: all but soak)")
    parser.add_argument("--rounds", type=int, default=5, help="times that everything is measured in turn (default 5)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT",
                        help="only cases, rows and modes whose name contains this; may be given more than once")
    parser.add_argument("--quick", action="store_true", help="short samples, to see that it works; the figures mean little")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="CPU for loops that are pinned to one")
    parser.add_argument("--wait", type=float, default=5, metavar="SECONDS",
                        help="longest wait before each sample for an idle machine (default 5)")
    parser.add_argument("--minutes", type=float, default=60, help="how long `soak` takes (default 60)")
    parser.add_argument("--publish", action="store_true",
                        help="also replace the figures that belong to the repository; Benchmarks/plots.py draws them")
    parser.add_argument("--show", action="store_true", help="measure nothing: print the figures that belong to the repository")
    options = parser.parse_args()
    for family in options.families:
        if family not in FAMILIES:
            parser.error(f"no family is called {family}; there are: {', '.join(FAMILIES)}")
    if options.rounds < 1 or options.minutes <= 0:
        parser.error("--rounds and --minutes must be above 0")
    if options.cpu not in os.sched_getaffinity(0):
        parser.error(f"there is no CPU {options.cpu} here")
    options.families = options.families or [family for family in FAMILIES if family != "soak"]
    options.divisor = 10 if options.quick else 1
    options.choose = lambda names, rare=(): chosen(names, rare, options.only)
    return options


def chosen(names, rare, texts):
    """The names that contain one of the texts; all but the rare ones when none does: the texts then choose something else."""
    return [name for name in [*names, *rare] if any(text in name for text in texts)] or list(names)


def show(families):
    for name in families:
        if cases := samples.published(name):
            print_report(importlib.import_module(name), cases)


def print_report(family, cases):
    print(f"## {family.TITLE}\n\n{family.report(cases)}")
    print("\n".join(tables.caveats(cases)), flush=True)


def main():
    options = parse()
    if options.show:
        return show(options.families)
    if os.geteuid() != 0:
        sys.exit("tracing needs root")
    tools.check()
    # Nothing that was started is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    for name in options.families:
        family = importlib.import_module(name)
        cases = {}
        try:
            for case in family.cases(options):
                cases[case.name] = harness.run(case, options.rounds, options.wait)
        finally:
            # An interrupted run has its samples, too.
            if cases:
                kept = samples.keep(name, cases)
        print_report(family, cases)
        print(f"Samples: {os.path.relpath(kept)}\n", flush=True)
        if options.publish:
            samples.publish(name, cases)


if __name__ == "__main__":
    main()

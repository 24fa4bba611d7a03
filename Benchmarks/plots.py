#!/usr/bin/env python3
"""Draws the published samples (Benchmarks/results/FAMILY.json) as docs/overhead/*.svg."""

import pathlib
import sys

import macro
import micro
import samples
import tables

try:
    import matplotlib
except ImportError:
    sys.exit("matplotlib is not installed for this Python (package python3-matplotlib, for /usr/bin/python3)")

matplotlib.use("svg")
# The same samples make the same file.
matplotlib.rcParams.update({"svg.hashsalt": "iotrace", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
                            "axes.axisbelow": True, "figure.constrained_layout.use": True})
from matplotlib import pyplot  # noqa: E402 (after the backend is chosen)

PICTURES = pathlib.Path(__file__).resolve().parent.parent / "docs/overhead"
# Told apart by those who can't tell red from green.
COLOURS = {"empty pair": "#999999", "iotrace": "#0072b2", "iotrace, full latency": "#56b4e9", "iotrace, bystander": "#009e73",
           "bpftrace count": "#e69f00", "perf trace -s": "#cc79a7", "strace -c -f": "#d55e00", "none": "#000000"}


def bars(axes, rows, modes, value):
    """Groups of horizontal bars, the first row at the top."""
    height = 0.8 / len(modes)
    for index, mode in enumerate(modes):
        # What was not measured has no bar: that is not one of length 0.
        measured = [(number + (index - (len(modes) - 1) / 2) * height, figure) for number, row in enumerate(rows)
                    if (figure := value(row, mode)) is not None]
        axes.barh([place for place, _ in measured], [figure for _, figure in measured], height, label=mode, color=COLOURS[mode])
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.margins(y=0.01)
    axes.legend(fontsize=7, ncols=len(modes), loc="upper center", bbox_to_anchor=(0.45, -0.06), frameon=False)


def save(figure, name):
    PICTURES.mkdir(exist_ok=True)
    figure.savefig(PICTURES / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)
    return PICTURES / f"{name}.svg"


def draw_micro(cases):
    case = cases["micro"]
    rows = tables.subjects(case)
    near = [mode for mode in ("empty pair", "iotrace", "iotrace, full latency", "iotrace, bystander", "bpftrace count")
            if mode in case["modes"]]
    figure, axes = pyplot.subplots(figsize=(7.5, 8))
    bars(axes, rows, near, lambda row, mode: micro.added(case, row, mode))
    axes.set_xlabel("added to each call, ns")
    axes.set_title("Against the empty pair of probes, and bpftrace's count")
    yield save(figure, "micro")

    far = [mode for mode in ("iotrace", "bpftrace count", "perf trace -s", "strace -c -f") if mode in case["modes"]]
    figure, axes = pyplot.subplots(figsize=(7.5, 7))
    bars(axes, rows, far, lambda row, mode: micro.added(case, row, mode))
    axes.set_xscale("log")
    axes.set_xlabel("added to each call, ns (logarithmic)")
    axes.set_title("Against tracers that pass on every call")
    yield save(figure, "micro-tracers")


def draw_macro(cases):
    rows = list(cases)
    modes = [mode for mode in macro.MODES if mode != "none"]
    figure, axes = pyplot.subplots(figsize=(7.5, 7))
    bars(axes, rows, modes, lambda row, mode: percent(tables.relative(cases[row], mode, row, "per_second")))
    axes.axvline(100, color="black", linewidth=0.8)
    axes.set_xlabel("throughput, % of what it is untraced")
    axes.set_title("Real programs")
    yield save(figure, "macro")


def percent(share):
    return None if share is None else share * 100


def draw_scale(cases):
    figure, (cost, collector, memory) = pyplot.subplots(1, 3, figsize=(10, 3.4))
    for kind, case in cases.items():
        subjects = tables.subjects(case)
        sizes = [int(subject.split()[0].replace(",", "")) for subject in subjects]

        def line(axes, mode, metric, scale=1.0, **style):
            points = [(size, value * scale) for size, subject in zip(sizes, subjects)
                      if (value := tables.median(case, mode, subject, metric)) is not None]
            if points:
                axes.plot(*zip(*points), marker="o", markersize=3, **style)

        if kind in ("threads", "files"):
            style = "-" if kind == "threads" else "--"
            for mode in case["modes"]:
                line(cost, mode, "ns", label=f"{kind}, {mode}", linestyle=style, color=COLOURS[mode])
        line(collector, "iotrace", "collector_ms", label=kind)
        line(memory, "iotrace", "rss_kib", 1 / 1024, label=f"collector, {kind}")
    for axes, title, unit in ((cost, "A read of /dev/zero", "ns"), (collector, "The collector, an interval", "ms of CPU"),
                              (memory, "The collector's memory", "MiB")):
        axes.set_xscale("log")
        axes.set_title(title)
        axes.set_xlabel("how many")
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6)
    yield save(figure, "scale")


def draw_startup(cases):
    case = cases["start-up"]
    modes = [mode for mode in case["modes"] if mode not in case["unavailable"]]
    figure, axes = pyplot.subplots(figsize=(7.5, 2.6))
    axes.barh(modes, [tables.median(case, mode, "true", "ms") for mode in modes],
              color=[COLOURS.get(mode, COLOURS["iotrace"]) for mode in modes])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("wall time of `true`, ms")
    yield save(figure, "startup")


def draw_soak(cases):
    series = cases["soak"]["samples"][0]["series"]
    minutes = [sample[0] / 60 for sample in series]
    figure, axes = pyplot.subplots(figsize=(7.5, 3))
    axes.plot(minutes, [sample[1] / 1024 for sample in series], label="collector", color=COLOURS["iotrace"])
    axes.plot(minutes, [sample[2] / 1024 for sample in series], label="kernel maps", color=COLOURS["bpftrace count"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes of threads, files, children and connections that come and go")
    axes.set_ylabel("MiB")
    axes.grid(alpha=0.3)
    axes.legend()
    yield save(figure, "soak")


DRAWN = {"micro": draw_micro, "macro": draw_macro, "scale": draw_scale, "startup": draw_startup, "soak": draw_soak}


def main():
    for family, draw in DRAWN.items():
        if cases := samples.published(family):
            for path in draw(cases):
                print(path.relative_to(PICTURES.parent.parent))


if __name__ == "__main__":
    main()

"""Medians, ratios and Markdown, from the samples of a case as harness.run() returns them."""

import statistics


def values(case, mode, subject, metric):
    """The metric in each round; rounds without it are left out."""
    return [value for sample in case["samples"] if sample["mode"] == mode
            and (value := sample["results"].get(subject, {}).get(metric)) is not None]


def median(case, mode, subject, metric):
    """None when there is no such figure."""
    found = values(case, mode, subject, metric)
    return statistics.median(found) if found else None


def relative(case, mode, subject, metric, to="none"):
    """The median as a share of another mode's."""
    one, other = median(case, mode, subject, metric), median(case, to, subject, metric)
    return one / other if one is not None and other else None


def subjects(case):
    """Every subject that was measured, in the order in which they were."""
    return list(dict.fromkeys(subject for sample in case["samples"] for subject in sample["results"]))


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def times(multiple):
    return f"{multiple:,.{2 if abs(multiple) < 10 else 0}f}×"


def number(value, digits=0):
    """A figure, or a dash when there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def goals(rows):
    """(what, measured, "≤" or "≥", limit): whether each goal is met."""
    if not rows:
        return ""
    lines = []
    for what, measured, relation, limit in rows:
        met = measured <= limit if relation == "≤" else measured >= limit
        digits = 0 if isinstance(measured, int) or abs(measured) >= 10 else 2
        lines.append([what, f"{measured:,.{digits}f}", f"{relation} {limit:g}", "yes" if met else "**no**"])
    return markdown(["goal", "measured", "limit", "met"], lines) + "\n"


def caveats(cases):
    """What a reader has to know before trusting the figures, a line each."""
    lines = []
    for name, case in cases.items():
        disturbed = sum(not sample["was_idle"] for sample in case["samples"])
        if disturbed:
            lines.append(f"Rough: {disturbed} of {len(case['samples'])} measurements of {name} began while the machine was busy, "
                         "or traced by others.")
        for mode, reason in case["unavailable"].items():
            lines.append(f"Not measured: {name}, {mode}: {reason}")
        lines += dict.fromkeys(f"Not measured: {subject}, {sample['mode']}: {reason}" for sample in case["samples"]
                               for subject, reason in sample.get("failed", {}).items())
        for mode in case["modes"]:
            lost = [sample for sample in case["samples"] if sample["mode"] == mode and (sample.get("losses") or sample.get("lost"))]
            if lost:
                lines.append(f"{mode} lost events in {len(lost)} of its {case['rounds']} rounds of {name}.")
    return lines

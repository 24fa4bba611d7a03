"""What each tracer adds to the cheapest system calls there are: the loops of micro.c, pinned to a CPU."""

import os
import subprocess

import harness
import tables
import tools
from processes import compiled, scratch

TITLE = "What is added to a call"

SUBJECTS = ["getppid", "read /dev/zero", "write /dev/null", "sendfile", "pipe", "socketpair", "epoll_wait", "poll", "select",
            "futex wake", "futex ping-pong", "pipe ping-pong", "io_uring NOP", "io_uring NOP x32"]

# Length of a sample in ms. The default mode times calls in 20 ms of every second: a sample of a second has one such window, so
# that it has its due weight. Tools that add microseconds need no long samples.
MILLISECONDS = {
    "none": 250, "empty pair": 250, "iotrace": 1000, "iotrace, no latency": 250, "iotrace, full latency": 250,
    "iotrace, no sampling": 250, "iotrace, bystander": 1000, "bpftrace count": 250, "bpftrace, bystander": 250,
    "perf trace -s": 100, "strace -c -f": 100,
}
MODES = list(MILLISECONDS)
# Nothing to compare with without these.
ALWAYS = ["none", "empty pair"]

# The loops' system calls, to check that iotrace counted all that were made.
CALL = {"getppid": "getppid", "epoll_wait": "epoll_wait", "poll": "poll", "select": "pselect6"}


class Loops:
    """The program with the loops, waiting to be told which one to run."""

    def __init__(self, program, cpu):
        self.process = subprocess.Popen([program, str(cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def begin(self, loop, milliseconds):
        self.process.stdin.write(f"{loop}\t{milliseconds}\n")
        self.process.stdin.flush()

    def answer(self, loop):
        """Calls made and nanoseconds taken."""
        answer = self.process.stdout.readline().split("\t")
        if len(answer) != 3:
            raise harness.Unavailable(f"the loop {loop} ended early: {self.process.stderr.read().strip()}")
        return int(answer[1]), int(answer[2])

    def run(self, loop, milliseconds):
        self.begin(loop, milliseconds)
        return self.answer(loop)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def cases(options):
    """One case: every loop under one attachment."""
    with scratch() as directory:
        program = compiled("micro.c", directory, "-pthread")
        # Loops and tracers alike go before whatever else the machine is doing.
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        subjects = options.choose(SUBJECTS)
        modes = [mode for mode in [*MODES, "iotrace, no models", "iotrace, no ledger"]
                 if mode in ALWAYS or mode in options.choose(MODES, ["iotrace, no models", "iotrace, no ledger"])]
        yield harness.Case("micro", modes, lambda mode: measure(mode, program, subjects, options))


def measure(mode, program, subjects, options):
    milliseconds = max(10, MILLISECONDS.get(mode, 250) // options.divisor)
    note, made = {}, {}
    loops = Loops(program, options.cpu)
    try:
        with tools.MODES[mode](tools.Target([loops.pid], cpu=options.cpu), note):
            for subject in subjects:
                made[subject] = loops.run(subject, milliseconds)
    finally:
        loops.end()
    if report := note.pop("report", None):
        counted = {name: call["count"] for name, call in report["totals"]["syscalls"]["by_name"].items()}
        for subject, call in CALL.items():
            if subject in made and counted.get(call, 0) < made[subject][0]:
                raise SystemExit(f"{mode} counted {counted.get(call, 0)} {call}, but {made[subject][0]} were made")
    return {subject: {"calls": calls, "ns": nanoseconds / calls} for subject, (calls, nanoseconds) in made.items()}, note


def added(case, subject, mode):
    """Nanoseconds that a mode adds to a call; None without a figure."""
    untraced, traced = (tables.median(case, name, subject, "ns") for name in ("none", mode))
    return traced - untraced if untraced is not None and traced is not None else None


def ratio(case, subject, mode, over="empty pair"):
    """What a mode adds, as a multiple of what another does; None when that is not above zero."""
    one, other = added(case, subject, mode), added(case, subject, over)
    return one / other if one is not None and other is not None and other > 0 else None


def report(cases_by_name):
    """Nanoseconds per call untraced, then what each mode adds, with its ratio to the empty pair."""
    case = cases_by_name["micro"]
    modes = [mode for mode in case["modes"] if mode != "none" and mode not in case["unavailable"]]

    def cell(subject, mode):
        nanoseconds, multiple = added(case, subject, mode), ratio(case, subject, mode)
        if nanoseconds is None:
            return "–"
        return f"{nanoseconds:+,.0f}" + ("" if mode == "empty pair" or multiple is None else f" ({tables.times(multiple)})")

    subjects = tables.subjects(case)
    rows = [[subject, f"{tables.median(case, 'none', subject, 'ns'):,.0f}", *(cell(subject, mode) for mode in modes)]
            for subject in subjects]
    return (tables.markdown(["call", "untraced", *modes], rows) +
            f"\n\nns per call, medians of {case['rounds']} rounds; in brackets: as a multiple of what the empty pair adds.\n\n" +
            tables.goals(goals(case)))


def goals(case):
    """What tracing may cost, and what it does."""
    with_fd = ["read /dev/zero", "pipe", "socketpair"]

    def worst(mode, subjects, over="empty pair"):
        values = [value for subject in subjects if (value := ratio(case, subject, mode, over)) is not None]
        return max(values) if values else None

    def least(mode, limit):
        """How many times less the default mode adds than another tool does, where that is least, and where that is."""
        values = {subject: 1 / value for subject in tables.subjects(case)
                  if (value := ratio(case, subject, "iotrace", mode)) and value > 0}
        if not values:
            return []
        where = min(values, key=values.get)
        kept = sum(value >= limit for value in values.values())
        return [(f"{mode} over iotrace, the least of all rows ({where})", values[where], "≥", limit),
                (f"rows in which {mode} adds at least {limit} times as much", kept, "≥", len(values))]

    rows = [
        ("getppid, default, over the pair", worst("iotrace", ["getppid"]), "≤", 0.9),
        ("getppid, no latency, over the pair", worst("iotrace, no latency", ["getppid"]), "≤", 0.9),
        *((f"{subject}, default, over the pair", worst("iotrace", [subject]), "≤", 1.25) for subject in with_fd),
        *((f"{subject}, full latency, over the pair", worst("iotrace, full latency", [subject]), "≤", 2.5)
          for subject in ["getppid", *with_fd]),
        *((f"{subject}, bystander, over the pair", worst("iotrace, bystander", [subject]), "≤", 0.75)
          for subject in ["getppid", *with_fd]),
        *least("bpftrace count", 1),
        *least("perf trace -s", 50),
        *least("strace -c -f", 100),
    ]
    return [row for row in rows if row[1] is not None]

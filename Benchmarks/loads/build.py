"""A storm of short-lived processes: make of a tree of small C files, two jobs at a time."""

import contextlib
import pathlib
import subprocess
import time

import tools
from processes import gated, open_gate

FILES = 60

MAKEFILE = """
sources := $(wildcard *.c)
program: $(sources:.c=.o)
\tcc -o $@ $^
%.o: %.c all.h
\tcc -O1 -c -o $@ $<
"""


class Build:
    def __init__(self, directory):
        self.directory = directory
        self.target = None

    @contextlib.contextmanager
    def prepare(self):
        for made in [*self.directory.glob("*.o"), self.directory / "program"]:
            pathlib.Path(made).unlink(missing_ok=True)
        with gated(["make", "-s", "-j2", "-C", self.directory], stdout=subprocess.DEVNULL) as process:
            self.process = process
            # Nothing that bpftrace could filter by is common to make, sh, cc, cc1, as and ld: it counts everything.
            self.target = tools.Target([process.pid], grows=True, comm="")
            yield

    def run(self, slow):
        started = time.monotonic()
        open_gate(self.process)
        if status := self.process.wait(120):
            raise RuntimeError(f"make: exit status {status}")
        return {"per_second": FILES / (time.monotonic() - started)}


@contextlib.contextmanager
def build(directory, options):
    tools.need("make")
    tools.need("cc", "gcc")
    (directory / "Makefile").write_text(MAKEFILE)
    declarations = "\n".join(f"int f{number}(int);" for number in range(FILES))
    (directory / "all.h").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{declarations}\n")
    for number in range(FILES):
        (directory / f"f{number}.c").write_text(
            f'#include "all.h"\nint f{number}(int n) {{ return n < 2 ? n : f{(number + 1) % FILES}(n - 1) + {number}; }}\n')
    (directory / "main.c").write_text('#include "all.h"\nint main(void) { return printf("%d\\n", f0(50)) < 0; }\n')
    yield Build(directory)

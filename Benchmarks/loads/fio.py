"""fio, random reads of 4 KiB: from the page cache by pread(), or from the disk by io_uring with O_DIRECT, 16 at a time."""

import contextlib
import json
import subprocess

import tools
from harness import Unavailable
from processes import gated, open_gate

SIZE = "128M"
KINDS = {
    "cached": ["--ioengine=psync", "--direct=0"],
    "direct": ["--ioengine=io_uring", "--direct=1", "--iodepth=16"],
}


class Fio:
    def __init__(self, directory, options, kind):
        self.directory = directory
        self.options = options
        self.kind = kind
        self.target = None

    @contextlib.contextmanager
    def prepare(self):
        seconds = 1 if self.options.quick else 2
        # As a thread, so that every tool can go by its pid.
        with gated([*command(self.directory), *KINDS[self.kind], "--time_based", f"--runtime={seconds}", "--thread",
                    f"--cpus_allowed={self.options.cpu}"], stdout=subprocess.PIPE) as process:
            self.process = process
            self.target = tools.Target([process.pid], cpu=self.options.cpu, grows=True)
            yield

    def run(self, slow):
        open_gate(self.process)
        output = self.process.stdout.read()
        if status := self.process.wait(60):
            raise Unavailable(f"fio: exit status {status}: {output.decode(errors='replace')[-300:]}")
        # It may say something before the document.
        reads = json.loads(output[output.index(b"{"):])["jobs"][0]["read"]
        percentiles = reads["clat_ns"]["percentile"]
        return {"per_second": reads["iops"], "p50_us": percentiles["50.000000"] / 1000, "p99_us": percentiles["99.000000"] / 1000}


def command(directory):
    return ["fio", "--name=load", f"--filename={directory}/data", f"--size={SIZE}", "--bs=4k", "--rw=randread", "--norandommap",
            "--invalidate=0", "--output-format=json"]


@contextlib.contextmanager
def fio(directory, options, kind="cached"):
    tools.need("fio")
    subprocess.run(["dd", "if=/dev/urandom", f"of={directory}/data", "bs=1M", "count=128", "status=none"], check=True)
    yield Fio(directory, options, kind)

"""Redis and redis-benchmark: GETs of a small value, 50 connections, with or without pipelining."""

import contextlib
import csv
import os
import subprocess
import time

import tools
from harness import Unavailable
from processes import running

PORT = 17381


class Redis:
    def __init__(self, server, options, pipelined):
        self.cpu = options.cpu
        self.target = tools.Target([server.pid], cpu=options.cpu)
        self.depth = 16 if pipelined else 1
        # About two seconds of requests, untraced.
        self.requests = (1_000_000 if pipelined else 150_000) // options.divisor

    def run(self, slow):
        requests = max(2000, self.requests // (10 if slow else 1))
        output = subprocess.run(
            ["taskset", "-c", others(self.cpu), "redis-benchmark", "-p", str(PORT), "-t", "get", "-c", "50", "-P", str(self.depth),
             "-n", str(requests), "--csv"], stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
        row = next(csv.DictReader(output.splitlines()))
        return {"per_second": float(row["rps"]), "p50_us": float(row["p50_latency_ms"]) * 1000,
                "p99_us": float(row["p99_latency_ms"]) * 1000}


def others(cpu):
    """Every other CPU, as taskset wants it; the same one where there is no other."""
    return ",".join(str(other) for other in sorted(os.sched_getaffinity(0) - {cpu})) or str(cpu)


@contextlib.contextmanager
def redis(directory, options, pipelined=False):
    tools.need("redis-server")
    tools.need("redis-benchmark", "redis-tools")
    command = ["taskset", "-c", str(options.cpu), "redis-server", "--port", PORT, "--bind", "127.0.0.1", "--save", "",
               "--dir", directory]
    with running(command, stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 10
        while subprocess.run(["redis-cli", "-p", str(PORT), "set", "key:__rand_int__", "xxx"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, check=False).returncode:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"redis-server does not answer on port {PORT}")
            time.sleep(0.05)
        yield Redis(server, options, pipelined)

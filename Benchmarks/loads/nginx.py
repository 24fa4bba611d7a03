"""nginx with one worker and wrk: 32 connections that fetch a small file, or 8 that fetch a large one."""

import contextlib
import re
import subprocess
import time
import urllib.request

import tools
from harness import Unavailable
from loads.redis import others
from processes import descendants, running

PORT = 17382
SIZES = {"small": 1 << 10, "large": 1 << 20}
MICROSECONDS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}

CONFIGURATION = """
daemon off; user root; worker_processes 1; worker_cpu_affinity {mask}; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; root {directory}; }}
}}
"""


class Nginx:
    def __init__(self, pids, options, size):
        self.options = options
        self.target = tools.Target(pids, cpu=options.cpu)
        self.size = size
        self.connections = 32 if size == "small" else 8

    def run(self, slow):
        seconds = 1 if self.options.quick else 2
        output = subprocess.run(
            ["taskset", "-c", others(self.options.cpu), "wrk", "-t", "1", "-c", str(self.connections), "-d", f"{seconds}s",
             "--latency", f"http://127.0.0.1:{PORT}/{self.size}"], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
        return {"per_second": float(re.search(r"Requests/sec:\s*([\d.]+)", output).group(1)),
                "p50_us": percentile(output, 50), "p99_us": percentile(output, 99)}


def percentile(output, which):
    value, unit = re.search(rf"^\s*{which}%\s+([\d.]+)(us|ms|s|m)$", output, re.MULTILINE).groups()
    return float(value) * MICROSECONDS[unit]


@contextlib.contextmanager
def nginx(directory, options, size="small"):
    tools.need("nginx", "nginx-light")
    tools.need("wrk")
    directory.chmod(0o755)
    (directory / size).write_bytes(b"x" * SIZES[size])
    configuration = directory / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(directory=directory, port=PORT, mask=f"{1 << options.cpu:b}"))
    with running(["nginx", "-c", configuration, "-e", directory / "error.log"]) as server:
        deadline = time.monotonic() + 10
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/{size}", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    log = (directory / "error.log").read_text(errors="replace")[-300:]
                    raise Unavailable(f"nginx does not answer on port {PORT}: {log}") from None
                time.sleep(0.05)
        try:
            yield Nginx(descendants(server.pid), options, size)
        finally:
            # Its worker would outlive a killed master.
            server.terminate()
            server.wait(10)

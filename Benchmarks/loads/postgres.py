"""PostgreSQL and pgbench -S: four clients that select a row by its key, a million rows."""

import contextlib
import shutil
import statistics
import subprocess
import time

import tools
from harness import Unavailable
from processes import running

SCALE = 10
CLIENTS = 4


class Postgres:
    def __init__(self, server, directory, options):
        # Its backends are children that are born later: by name, for those that can't follow.
        self.target = tools.Target([server.pid], grows=True, comm="postgres")
        self.directory = directory
        self.options = options

    def run(self, slow):
        seconds = 1 if self.options.quick else 2
        for log in self.directory.glob("transactions*"):
            log.unlink()
        as_postgres(["pgbench", "-S", "-n", "-M", "prepared", "-c", CLIENTS, "-j", 1, "-T", seconds, "-l", "--log-prefix",
                     self.directory / "transactions", "-h", self.directory, "bench"], timeout=60)
        # client, transaction, microseconds, …
        times = [int(line.split()[2]) for log in self.directory.glob("transactions*") for line in log.open()]
        if len(times) < 2:
            raise Unavailable("pgbench made no transactions")
        cuts = statistics.quantiles(times, n=100)
        return {"per_second": len(times) / seconds, "p50_us": cuts[49], "p99_us": cuts[98]}


def as_postgres(command, **options):
    """It refuses to run as root."""
    words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *map(str, command)]
    process = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                             cwd="/", **options)
    if process.returncode:
        raise Unavailable(f"{command[0]}: exit status {process.returncode}: {process.stdout.strip()[-300:]}")


def program(name):
    """Debian keeps those of the server out of PATH."""
    found = shutil.which(name, path="/usr/lib/postgresql/15/bin") or shutil.which(name)
    for version in range(20, 12, -1):
        found = found or shutil.which(name, path=f"/usr/lib/postgresql/{version}/bin")
    if not found:
        raise Unavailable(f"{name} is not installed (package postgresql)")
    return found


@contextlib.contextmanager
def postgres(directory, options):
    tools.need("pgbench", "postgresql")
    server_program, initdb = program("postgres"), program("initdb")
    directory.chmod(0o755)
    shutil.chown(directory, "postgres", "postgres")
    data = directory / "data"
    as_postgres([initdb, "-D", data, "-A", "trust", "--no-sync"], timeout=60)
    command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", server_program, "-D", data, "-k", directory,
               "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=256MB", "-c", "autovacuum=off"]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/") as server:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    as_postgres(["psql", "-h", directory, "-c", "create database bench", "postgres"], timeout=20)
                    break
                except Unavailable:
                    if server.poll() is not None or time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
            as_postgres(["pgbench", "-i", "-q", "-s", SCALE, "-h", directory, "bench"], timeout=120)
            yield Postgres(server, directory, options)
        finally:
            # At once, and its children with it.
            server.send_signal(3)
            server.wait(20)

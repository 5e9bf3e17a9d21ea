"""Real Dynamo processes as members of a cluster, and what both sides are asked.

    peer = Dynamo(cluster, DynamoRelease("1.6.1", path), plane, store)
    kv = peer.start("kv", "--worker", 7)
    kv.order("stored", names=[1], tokens=[...])
"""

import json
import pathlib
import re
import subprocess

from cluster import Failure, wait_for

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 40
ORDER_SECONDS = 20


class DynamoRelease:
    """A release in a virtual environment of its own."""

    def __init__(self, version, environment):
        self.version = version
        self.python = pathlib.Path(environment) / "bin/python"

    @property
    def number(self):
        """(1, 6): what is the same in all of its patches."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:2])


class DynamoProcess:
    """One part; the other end of dynamo_process.py."""

    def __init__(self, program):
        self.program = program
        self._answers = 0

    @property
    def worker_id(self):
        return self.program.started(START_SECONDS)["worker_id"]

    def order(self, name, **arguments):
        """Gives an order; what the answer says beside that it is done."""
        self.program.started(START_SECONDS)
        line = json.dumps([name, arguments]) + "\n"
        self.program.stdin.write(line.encode())
        self.program.stdin.flush()
        answer = self._next_answer(name)
        if answer["event"] == "failed":
            raise Failure(f"{self.program.name}: {name}: {answer['reason']}")
        return answer

    def _next_answer(self, name):
        self._answers += 1
        return wait_for(lambda: self._all_answers()[self._answers - 1:],
                        ORDER_SECONDS,
                        f"{self.program.name} to answer {name}")[0]

    def _all_answers(self):
        return [line for line in list(self.program.lines)
                if line.get("event") in ("done", "failed")]

    def heard(self, event):
        return self.program.events(event)

    def end(self):
        self.program.terminate(ORDER_SECONDS)

    def kill(self):
        self.program.kill()


class Dynamo:
    """One release on one event plane and one store."""

    def __init__(self, cluster, release, plane, store, nats=None,
                 lease_seconds=5, block_size=16):
        self.release = release
        self._lease_seconds = lease_seconds
        self._cluster = cluster
        self._common = ["--plane", plane, "--store", store,
                        "--block-size", block_size]
        if nats:
            self._common += ["--nats", nats]

    def start(self, part, *arguments, environment=None):
        if part == "kv" and self.release.number < (1, 4):
            arguments = (*arguments, "--recoverable")
        program = self._cluster.start_command(
            f"dynamo-{self.release.version}-{part}",
            [self.release.python, HERE / "dynamo_process.py", part,
             *self._common, *arguments],
            environment={"DYN_LOG": "warn",
                         "ETCD_LEASE_TTL": str(self._lease_seconds),
                         **(environment or {})},
            stdin=subprocess.PIPE)
        process = DynamoProcess(program)
        program.started(START_SECONDS)
        return process


def tokens_of(text, blocks, block_size=16):
    """The first blocks of a text, the same ones for equal texts."""
    return [text * 100_000 + i for i in range(blocks * block_size)]


def names_of(text, blocks):
    """What an engine calls the first blocks of a text."""
    return [text * 1_000_000 + i for i in range(1, blocks + 1)]

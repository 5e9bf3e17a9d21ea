"""Workers, routers and a load, for the scripts that measure.

Standard library only.
"""

import json
import subprocess

from cluster import Failure, wait_for
from etcd import EtcdServer
from nats import NatsServer

READY_SECONDS = 30


def knows_flag(programs, program, flag):
    """Whether a program's --help names a flag."""
    told = subprocess.run([programs.path(program), "--help"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return flag in told


class Fleet:
    """Routers that follow the same workers, with the settings of the demo."""

    def __init__(self, cluster, transport="zmq", speed=None,
                 discovery="file"):
        self.cluster = cluster
        self.transport = transport
        if transport == "nats":
            cluster.settings |= NatsServer(cluster).settings()
        if discovery == "etcd":
            cluster.settings |= EtcdServer(cluster).settings()
        if speed is not None:
            cluster.settings["worker.speedup"] = speed
        self.workers = []
        self.routers = []
        self.predicting = None

    def start(self, workers, replicas, predicting=None):
        """Returns when every router hears every worker.

        `predicting` are the settings of one more router, without kv-events.
        """
        together = {}
        if replicas > 1 and knows_flag(self.cluster.programs, "dynamo-router",
                                       "--router-replica-sync"):
            together["router.replicas.sync"] = True
        self.routers = [self._router(together) for _ in range(replicas)]
        if predicting is not None:
            self.predicting = self._router({"kv_events": False} | predicting)
        self.workers = [self.cluster.start("dynamo-worker", wait=False,
                                           config="worker-demo.jsonc")
                        for _ in range(workers)]
        wait_for(self._ready, READY_SECONDS, "routers that hear all workers")

    def _router(self, settings):
        return self.cluster.start("dynamo-router", config="router-demo.jsonc",
                                  settings=settings, wait=False)

    def _ready(self):
        every = self.routers + ([self.predicting] if self.predicting else [])
        if not all(each.ready() for each in every + self.workers):
            return False
        wanted = {each.worker_id for each in self.workers}
        return all(wanted <= self._heard(each) for each in every)

    def _heard(self, router):
        """Through a server, and without events, nobody is connected."""
        direct = self.transport == "zmq" and router is not self.predicting
        return {worker["worker_id"]
                for worker in router.get("/workers")["workers"]
                if worker["discovered"] and (worker["connected"] or not direct)}

    def load(self, *arguments, settings=None):
        """dynamo-loadgen on these routers, just started."""
        routers = []
        for each in self.routers:
            routers += ["--router", f"http://{each.address}"]
        if self.predicting:
            routers += ["--predict-router",
                        f"http://{self.predicting.address}"]
        return self.cluster.start("dynamo-loadgen", *routers, *arguments,
                                  config="worker-demo.jsonc", http=False,
                                  wait=False, settings=settings)


def report_of(load, seconds):
    """What a load says in the end."""
    code = load.wait(seconds)
    documents = [line for line in load.lines if "policies" in line]
    if code != 0 or not documents:
        raise Failure(f"dynamo-loadgen ended with {code}: "
                      f"{load.stderr()[-500:]}")
    return documents[0]


def trace_length(path):
    """Seconds between the first request of a trace and the last."""
    with open(path, encoding="utf-8") as lines:
        times = [json.loads(line)["timestamp"] for line in lines]
    return (times[-1] - times[0]) / 1000


def print_table(rows):
    """The first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())

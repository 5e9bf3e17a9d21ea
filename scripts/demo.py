"""Shows the whole event plane at work; scripts/demo.sh builds it first.

Four workers and a router find each other through file discovery, an etcd or an
API server of Kubernetes of their own, and talk over direct ZMQ, over two
brokers of ZMQ, or over a nats-server of their own. A recorded trace runs
through the workers twice: in turn (round_robin), and where the router says (kv).
Half-way through the second run one worker is asked to stop, one is killed, and
two new ones join; of two brokers one is killed, too. In the end, what the
router believes that the workers hold is compared with what they hold.
"""

import argparse
import json
import re
import signal
import sys
import threading
import time

from brokers import Brokers, wait_for_brokers
from cluster import (ROOT, Cluster, Failure, Refused, find_programs,
                     wait_for)
from comparison import wait_for_equal
from etcd import EtcdServer
from fleet import print_table
from nats import NatsServer

WORKERS = 4
BROKERS = 2
READY_SECONDS = 20
# A killed worker's records live 10 s, and are looked at every 3.3 s.
LEAVE_SECONDS = 16
DRAIN_SECONDS = 15
RUN_SECONDS = 240


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/demo.sh", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--event-plane", choices=("zmq", "nats"),
                        default="zmq", dest="transport",
                        help="what carries the events (default zmq); nats "
                             "starts a private nats-server")
    parser.add_argument("--broker", action="store_true",
                        help="events go through two brokers of ZMQ, which are "
                             "found in discovery")
    parser.add_argument("--discovery", choices=("file", "etcd", "kubernetes"),
                        default="file",
                        help="how processes find each other (default file); "
                             "etcd starts a private etcd, kubernetes a private "
                             "API server, which it builds the first time")
    parser.add_argument("--json", action="store_true",
                        help="one JSON document on stdout")
    parser.add_argument("--requests", type=int, default=2000, metavar="N",
                        help="of the trace, for each policy (default 2000)")
    parser.add_argument("--speed", type=float, metavar="FACTOR",
                        help="simulated seconds per second (default 40)")
    parser.add_argument("--trace", metavar="FILE",
                        default=str(ROOT / "traces/conversation_trace.jsonl"),
                        help="default: traces/conversation_trace.jsonl")
    parser.add_argument("--bin", metavar="DIR",
                        help="build directory (default build/release)")
    arguments = parser.parse_args()
    if arguments.requests < 2:
        parser.error("--requests: expected at least 2")
    if arguments.broker and arguments.transport != "zmq":
        parser.error("--broker: brokers are of ZMQ; leave --event-plane out")
    return arguments


class Narrator:
    """What is going on, on stderr, with the seconds since the start."""

    def __init__(self):
        self._began = time.monotonic()
        self.began_ms = time.time() * 1000

    def say(self, text):
        seconds = time.monotonic() - self._began
        print(f"{seconds:6.1f} s  {text}", file=sys.stderr, flush=True)


# -- the run -------------------------------------------------------------------


class Demonstration:
    """The processes and what happens to them."""

    def __init__(self, cluster, arguments, narrator):
        self.cluster = cluster
        self.arguments = arguments
        self.say = narrator.say
        if arguments.transport == "nats":
            cluster.settings |= NatsServer(cluster).settings()
        if arguments.discovery == "etcd":
            cluster.settings |= EtcdServer(cluster).settings()
            # A killed worker leaves as fast as with files.
            cluster.settings["discovery.etcd.lease_ttl_ms"] = 10_000
        if arguments.discovery == "kubernetes":
            from kube import KubeServer, Pods
            server = KubeServer(cluster)
            cluster.settings |= server.settings()
            cluster.pods = Pods(server)
        self.brokers = None
        if arguments.broker:
            self.brokers = Brokers(cluster, BROKERS)
            cluster.settings |= self.brokers.settings()
        if arguments.speed is not None:
            cluster.settings["worker.speedup"] = arguments.speed
        self.names = {}
        self.workers = []
        self.departed = ()
        self.router = None

    def start_worker(self):
        worker = self.cluster.start("dynamo-worker", config="worker-demo.jsonc",
                                    wait=False)
        self.names[worker] = f"worker {len(self.names) + 1}"
        self.workers.append(worker)
        return worker

    def start(self):
        self.router = self.cluster.start("dynamo-router",
                                         config="router-demo.jsonc", wait=False)
        for _ in range(WORKERS):
            self.start_worker()
        wait_for(self.everybody_ready, READY_SECONDS,
                 f"{WORKERS} workers that the router hears")
        if self.brokers:
            for program in (self.router, *self.workers):
                wait_for_brokers(program, BROKERS)

    def everybody_ready(self):
        if not self.router.ready():
            return False
        # Through a server nobody is connected to a worker before it speaks.
        direct = self.arguments.transport == "zmq" and not self.brokers
        known = {worker["worker_id"]
                 for worker in self.router.get("/workers")["workers"]
                 if worker["discovered"] and (worker["connected"] or
                                              not direct)}
        return all(worker.ready() and worker.worker_id in known
                   for worker in self.workers)

    def replay(self):
        """Both policies by one dynamo-loadgen; its JSON document."""
        load = self.cluster.start(
            "dynamo-loadgen", "--router", f"http://{self.router.address}",
            "--trace", self.arguments.trace,
            "--requests", self.arguments.requests,
            "--policy", "round_robin,kv", "--progress-json",
            config="worker-demo.jsonc", http=False, wait=False)
        changes = threading.Thread(target=self.change_members, args=(load,),
                                   daemon=True)
        changes.start()
        code = load.wait(RUN_SECONDS)
        changes.join(READY_SECONDS)
        documents = [line for line in load.lines if "policies" in line]
        if code != 0 or not documents:
            raise Failure(f"dynamo-loadgen ended with {code}")
        return documents[0]

    def change_members(self, load):
        """Half-way through the second policy: two leave, two join."""
        if not self.wait_for_progress(load, "kv", 0.0):
            return
        self.say("kv: the router chooses")
        if not self.wait_for_progress(load, "kv", 0.5):
            return
        stopped, killed = self.workers[1], self.workers[2]
        self.say(f"{self.names[stopped]} is asked to stop")
        stopped.signal(signal.SIGTERM)
        self.say(f"{self.names[killed]} is killed")
        killed.signal(signal.SIGKILL)
        if killed.pod:
            self.say("whose pod goes, as its node would see to")
            killed.pod.delete()
        if self.brokers:
            self.say("one of the two brokers is killed")
            self.brokers.programs[0].signal(signal.SIGKILL)
        self.workers = [self.workers[0], self.workers[3]]
        for _ in range(2):
            self.say(f"{self.names[self.start_worker()]} joins")
        self.departed = (stopped, killed)

    def wait_for_progress(self, load, policy, share):
        """False when the replay ended first."""
        pattern = re.compile(r'"policy":"%s","done":(\d+)' % policy)
        least = share * self.arguments.requests
        while load.running():
            found = pattern.findall(load.stderr())
            if found and int(found[-1]) >= least:
                return True
            time.sleep(0.05)
        return False

    def settle(self):
        """Waits until the router saw everybody leave; then compares."""
        left = {worker.worker_id for worker in self.departed}

        def seen():
            return left <= {entry.get("worker_id") for entry in self.timeline()
                            if entry["event"] == "worker_left"}
        self.say("the streams drain, and the killed worker's records age")
        wait_for(seen, LEAVE_SECONDS, "the router to see both workers leave")
        return wait_for_equal(self.router, self.workers, DRAIN_SECONDS)

    def timeline(self):
        return self.router.get("/timeline")["timeline"]

    def name_of(self, worker_id):
        for worker, name in self.names.items():
            if worker.worker_id == worker_id:
                return name
        return f"worker {worker_id:x}"

    def blocks_held(self):
        return sum(len(rank["blocks"]) for worker in self.workers
                   for rank in worker.get("/cache")["ranks"])


# -- what came of it -----------------------------------------------------------


def report_of(demonstration, replayed, differences):
    started = demonstration.router.started()
    return {
        "transport": started["transport"],
        "discovery": started["discovery"],
        "requests": replayed["requests"],
        "policies": replayed["policies"],
        "ideal_hit_rate": replayed["ideal_hit_rate"],
        "ideal_hit_rate_caches": replayed["ideal_hit_rate_caches"],
        "streams": replayed["streams"],
        "unaccounted_events": replayed["unaccounted_events"],
        "index_equal": not differences,
        "blocks_compared": demonstration.blocks_held(),
        "differences": differences,
        "timeline": demonstration.timeline(),
    }


def print_timeline(report, demonstration, began_ms):
    print("\nAs the router saw it")
    for entry in report["timeline"]:
        if entry["event"] in ("worker_joined", "worker_left"):
            seconds = (entry["time_ms"] - began_ms) / 1000
            what = entry["event"].removeprefix("worker_")
            name = demonstration.name_of(entry["worker_id"])
            print(f"{seconds:8.1f} s  {name} {what}")


def print_policies(report):
    print(f"\n{report['requests']} requests of the trace, under each policy")
    rows = [["policy", "hit rate", "ideal", "first token p50", "p99",
             "load", "failed"]]
    for name, policy in report["policies"].items():
        rows.append([name, f"{policy['hit_rate']:.1%}",
                     f"{report['ideal_hit_rate_caches']:.1%}",
                     f"{policy['ttft_ms_p50']:.0f} ms",
                     f"{policy['ttft_ms_p99']:.0f} ms",
                     f"{policy['imbalance_tokens']:.2f}",
                     str(policy["failed"])])
    print_table(rows)
    print("  hit rate: prompt blocks found in the chosen worker's cache\n"
          "  ideal: a router that knows four such caches exactly\n"
          "  load: prompt tokens computed, the busiest rank to the mean")


def print_streams(report, demonstration):
    print("\nEvents by stream")
    rows = [["stream", "published", "received", "dropped", "lost"]]
    for stream in sorted(report["streams"], key=lambda each: (
            each["topic"], demonstration.name_of(each.get("worker_id") or 0))):
        name = demonstration.name_of(stream.get("worker_id") or 0)
        rows.append([f"{stream['topic']} of {name}"] +
                    [str(stream[column]) for column in rows[0][1:]])
    print_table(rows)
    print("  dropped: before anybody listened, or from a full buffer")


def print_verdict(report):
    print()
    if report["unaccounted_events"] == 0:
        print("every event is accounted for")
    else:
        print(f"{report['unaccounted_events']} events are unaccounted for")
    if report["index_equal"]:
        print(f"the router's index equals the workers' caches, "
              f"{report['blocks_compared']} blocks")
    for each in report["differences"]:
        print(f"worker {each['worker_id']} rank {each['dp_rank']} "
              f"({each['state']}): holds {each['held']} blocks, indexed "
              f"{each['indexed']},\n  {each['missing']} missing, "
              f"{each['surplus']} surplus; event {each['event_id']}, indexed "
              f"up to {each['indexed_event_id']}")


def demonstrate(arguments):
    narrator = Narrator()
    with Cluster(find_programs(arguments.bin)) as cluster:
        demonstration = Demonstration(cluster, arguments, narrator)
        try:
            narrator.say(f"{WORKERS} workers and a router start")
            demonstration.start()
            narrator.say("round_robin: the workers take turns")
            replayed = demonstration.replay()
            differences = demonstration.settle()
            report = report_of(demonstration, replayed, differences)
        except (Failure, Refused, OSError):
            print(cluster.log_tails(), file=sys.stderr)
            raise
        narrator.say("done")
        if arguments.json:
            print(json.dumps(report))
        else:
            print_timeline(report, demonstration, narrator.began_ms)
            print_policies(report)
            print_streams(report, demonstration)
            print_verdict(report)
    whole = report["index_equal"] and report["unaccounted_events"] == 0
    return 0 if whole else 1


def main():
    # As Ctrl-C: the cluster is ended before this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return demonstrate(parse_arguments())
    except Failure as reason:
        print(f"demo: {reason}", file=sys.stderr)
    except OSError as reason:
        print(f"demo: {reason}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())

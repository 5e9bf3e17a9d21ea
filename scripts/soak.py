"""Runs a cluster at full load and watches its memory; scripts/soak.sh builds.

Four workers and three routers that tell each other of their requests; one
dynamo-loadgen that replays a trace twice as fast as the workers can follow, so
that 256 requests are always under way, with new blocks all the time: the caches
are always full, and every stored block evicts another one. The routers choose
in turn, and hear of each request four times and of the output's blocks.

Every 5 s the resident memory of every process is read, and the size of each
router's index. A straight line is laid through the last two thirds of these
figures. The soak fails when one of them grows by more than the bound, when
requests fail, or when the index is larger than the caches at the end.

Every thread that serves HTTP is started first. The bound is 512 KiB a minute of
resident memory: 250 stacks go on reaching their greatest depth for a while, but
a leak of 100 bytes for each request would be 4 times as much. dynamo-loadgen
keeps a figure for each request and has twice the bound. The index may grow by 64
KiB a minute. Both bounds are for a run of ten minutes; a short one fills up.
"""

import argparse
import http.client
import json
import pathlib
import signal
import sys
import time

from cluster import ROOT, Cluster, Failure, find_programs, wait_for
from comparison import wait_for_equal
from fleet import Fleet, print_table

SAMPLE_SECONDS = 5
SPEEDUP = 40
# Twice what the workers can do, which is a little more than the trace asks.
LOAD_SPEED = 160
DRAIN_SECONDS = 60
# A few less than http.threads, so that nobody waits for one.
HTTP_THREADS = 250

RSS_KIB_PER_MINUTE_MAX = 512
INDEX_KIB_PER_MINUTE_MAX = 64


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/soak.sh", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, metavar="N",
                        help="how long (default 10)")
    parser.add_argument("--event-plane", choices=("zmq", "nats"),
                        default="zmq", dest="transport")
    parser.add_argument("--discovery", choices=("file", "etcd"),
                        default="file")
    parser.add_argument("--sample-seconds", type=float, default=SAMPLE_SECONDS,
                        metavar="S", help="between samples (default 5)")
    parser.add_argument("--bound", type=float, metavar="KIB",
                        default=RSS_KIB_PER_MINUTE_MAX,
                        help="growth a minute that is allowed (default 512)")
    parser.add_argument("--index-bound", type=float, metavar="KIB",
                        default=INDEX_KIB_PER_MINUTE_MAX,
                        help="the same of an index (default 64)")
    parser.add_argument("--json", action="store_true",
                        help="one JSON document on stdout")
    parser.add_argument("--bin", metavar="DIR",
                        help="build directory (default build/release)")
    return parser.parse_args()


# -- the load ------------------------------------------------------------------


def endless_trace(path, seconds):
    """A trace that lasts for so many seconds of LOAD_SPEED, and longer.

    Every round of the recorded one gets block numbers of its own.
    """
    with open(ROOT / "traces/conversation_trace.jsonl",
              encoding="utf-8") as lines:
        recorded = [json.loads(line) for line in lines]
    length = recorded[-1]["timestamp"] + 1000
    blocks = 1 + max(max(each["hash_ids"]) for each in recorded)
    # dynamo-loadgen reads no more than this.
    rounds = min(int(seconds * LOAD_SPEED * 1000 / length) + 1,
                 900_000 // len(recorded))
    with open(path, "w", encoding="utf-8") as out:
        for number in range(rounds):
            for each in recorded:
                out.write(json.dumps(each | {
                    "timestamp": each["timestamp"] + number * length,
                    "hash_ids": [number * blocks + block
                                 for block in each["hash_ids"]]}) + "\n")


def start_all_threads(program, count=HTTP_THREADS):
    """Makes a program start every thread that serves HTTP.

    One is started when no other is free, and costs about 35 KiB; how many the
    load needs at a time creeps up for many minutes, which looks like a leak.
    """
    connections = [http.client.HTTPConnection(program.address)
                   for _ in range(count)]
    try:
        for connection in connections:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
    finally:
        for connection in connections:
            connection.close()


# -- figures -------------------------------------------------------------------


def resident_kib(pid):
    """VmRSS of a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


def index_kib(router):
    """What a router says that its index takes, or nothing."""
    size = router.get("/counters")["index"].get("bytes")
    return None if size is None else size / 1024


def slope(points):
    """Of the straight line that fits (x, y) best; 0 for a single point."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    width = sum((x - mean_x) ** 2 for x, _ in points)
    if width == 0:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / width


class Series:
    """One figure over time."""

    def __init__(self, name, read, bound):
        self.name = name
        self.read = read
        self.bound = bound
        self.points = []

    def sample(self, minutes):
        value = self.read()
        if value is not None:
            self.points.append((minutes, value))

    def summary(self):
        values = [value for _, value in self.points]
        late = self.points[len(self.points) // 3:]
        growth = slope(late)
        return {"figure": self.name, "first_kib": round(values[0]),
                "last_kib": round(values[-1]), "max_kib": round(max(values)),
                "growth_kib_per_minute": round(growth, 1),
                "bound_kib_per_minute": self.bound,
                "flat": growth <= self.bound}


def series_of(fleet, load, bound, index_bound):
    every = []
    for program in [*fleet.routers, *fleet.workers, load]:
        every.append(Series(f"{program.name} resident",
                            lambda pid=program.pid: resident_kib(pid),
                            bound * 2 if program is load else bound))
    for router in fleet.routers:
        every.append(Series(f"{router.name} index",
                            lambda router=router: index_kib(router),
                            index_bound))
    return every


# -- the run -------------------------------------------------------------------


def soak(cluster, arguments):
    seconds = arguments.minutes * 60
    trace = cluster.directory / "trace.jsonl"
    endless_trace(trace, seconds)
    fleet = Fleet(cluster, arguments.transport, SPEEDUP,
                  arguments.discovery)
    fleet.start(workers=4, replicas=3)
    for program in [*fleet.routers, *fleet.workers]:
        start_all_threads(program)
    load = fleet.load("--trace", trace, "--policy", "kv_replicas",
                      "--speed", LOAD_SPEED, "--send", "hashes", "--no-ideal",
                      "--output-blocks", "--progress-json")
    wait_for(lambda: '"done":1' in load.stderr() or not load.running(), 30,
             "requests")
    every = series_of(fleet, load, arguments.bound, arguments.index_bound)
    began = time.monotonic()
    passed = 0.0
    while passed < seconds and load.running():
        for each in every:
            each.sample(passed / 60)
        time.sleep(min(arguments.sample_seconds, seconds - passed))
        passed = time.monotonic() - began
    if not load.running():
        raise Failure(f"{load.name} ended early: {load.stderr()[-500:]}")
    load.terminate(DRAIN_SECONDS)
    documents = [line for line in load.lines if "policies" in line]
    if not documents:
        raise Failure(f"{load.name} said nothing: {load.stderr()[-500:]}")
    differences = [each for router in fleet.routers
                   for each in wait_for_equal(router, fleet.workers)]
    return {"seconds": round(passed, 1),
            "load": documents[0]["policies"]["kv_replicas"],
            "differences": differences,
            "figures": [each.summary() for each in every if each.points]}


def misses(report):
    """Sentences about what does not hold."""
    found = [f"{each['figure']} grows by {each['growth_kib_per_minute']} KiB a "
             f"minute, at most {each['bound_kib_per_minute']} is allowed"
             for each in report["figures"] if not each["flat"]]
    if report["load"]["failed"]:
        found.append(f"{report['load']['failed']} requests failed")
    if report["differences"]:
        found.append(f"an index differs: {report['differences']}")
    return found


def print_report(report):
    load = report["load"]
    print(f"{load['requests']} requests in {report['seconds']} s, "
          f"{load['failed']} failed, hit rate {load['hit_rate']:.1%}")
    rows = [["figure", "first", "last", "max", "a minute", ""]]
    for each in report["figures"]:
        rows.append([each["figure"], f"{each['first_kib']} KiB",
                     f"{each['last_kib']} KiB", f"{each['max_kib']} KiB",
                     f"{each['growth_kib_per_minute']:+.1f} KiB",
                     "flat" if each["flat"] else "GROWS"])
    print_table(rows)


def main():
    arguments = parse_arguments()
    # As Ctrl-C: the cluster is ended before this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Cluster(find_programs(arguments.bin)) as cluster:
            try:
                report = soak(cluster, arguments)
            except (Failure, OSError):
                print(cluster.log_tails(), file=sys.stderr)
                raise
    except (Failure, OSError) as reason:
        print(f"soak: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    missed = misses(report)
    if arguments.json:
        print(json.dumps(report | {"missed": missed}))
    else:
        print_report(report)
        for each in missed:
            print(f"MISSED: {each}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Measures what survives restarts of the NATS server; scripts/restarts.sh.

A real nats-server is killed or stopped in order, and started again on its
port, many times, down for a random 0.5 to 5 s, while numbers are published at a
steady rate: with the event plane and with cnats alone, each to some
subscribers, through the same restarts. Then it is counted which numbers each
subscriber received.
"""

import argparse
import json
import pathlib
import random
import sys
import time

from cluster import Cluster, Failure, find_programs
from nats import NatsServer

# Long enough for a hold, and for everybody to be back.
UP_SECONDS = 2.5
QUIET_SECONDS = 5


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/restarts.sh", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=50, metavar="N")
    parser.add_argument("--subscribers", type=int, default=1, metavar="N",
                        help="of each way (default 1)")
    parser.add_argument("--rate", type=float, default=1000, metavar="PER_S",
                        help="published a second by each way (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--probe", metavar="FILE", required=True,
                        help="the program restart_probe")
    return parser.parse_args()


def result_of(program):
    program.terminate(20)
    return program.events("result")[0]


def measure(cluster, arguments):
    server = NatsServer(cluster)
    address = server.address
    # Programs are started in a directory of their own.
    probe = pathlib.Path(arguments.probe).resolve()

    def start(way, role):
        return cluster.start_command(
            f"{way}-{role}",
            [probe, way, role, address, arguments.rate], wait=True)
    ways = ("ours", "raw")
    subscribers = {way: [start(way, "subscribe")
                         for _ in range(arguments.subscribers)] for way in ways}
    publishers = {way: start(way, "publish") for way in ways}
    chance = random.Random(arguments.seed)
    time.sleep(UP_SECONDS)
    for number in range(arguments.restarts):
        way_down = chance.choice(("killed", "stopped"))
        if way_down == "killed":
            server.kill()
        else:
            server.stop()
        down = chance.uniform(0.5, 5)
        time.sleep(down)
        server.start()
        print(f"restart {number + 1}: {way_down}, {down:.1f} s down",
              file=sys.stderr, flush=True)
        time.sleep(UP_SECONDS)
    found = {}
    sent = {way: result_of(publishers[way]) for way in ways}
    time.sleep(QUIET_SECONDS)
    for way in ways:
        published = sent[way]["published"]
        received = [result_of(each)["received"] for each in subscribers[way]]
        found[way] = {
            "published": published, "failed": sent[way]["failed"],
            "received": received,
            "survival": sum(received) / (published * len(received)),
            "survival_worst": min(received) / published}
    return found


def main():
    arguments = parse_arguments()
    with Cluster(find_programs()) as cluster:
        found = measure(cluster, arguments)
    print(json.dumps({
        "restarts": arguments.restarts, "subscribers": arguments.subscribers,
        "rate": arguments.rate, "seed": arguments.seed} | found, indent=2))


if __name__ == "__main__":
    try:
        main()
    except Failure as reason:
        sys.exit(f"restarts.sh: {reason}")

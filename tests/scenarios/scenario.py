"""The words that the scenarios are told in."""

import itertools
import pathlib
import threading
import time

import pytest

from cluster import Cluster, Failure, Refused, wait_for
from comparison import wait_for_equal
from nats import NatsServer

HERE = pathlib.Path(__file__).resolve().parent
SCOPE = "dynamo/backend/generate"

# Generous: the machine may be busy with other things.
SOON = 15
# A record lives 10 s after it was last touched; somebody notices within 3.3 s.
RECORD_LIFE = 10
EXPIRY = 20

# Marks a test that is told over either transport.
on_both = pytest.mark.parametrize("scenario", ["zmq", "nats"], indirect=True)


class Scenario(Cluster):
    """A cluster of fast workers and routers.

    Its configuration files choose direct ZMQ. With `nats` a server is started
    and chosen for every program; a test about servers starts its own.
    """

    def __init__(self, programs, transport="zmq"):
        super().__init__(programs)
        self._numbers = itertools.count(1)
        self._transport = transport

    def __enter__(self):
        super().__enter__()
        if self._transport == "nats":
            self.nats_server()
        return self

    def nats_server(self, options=None):
        """Starts a server that programs use from now on."""
        server = NatsServer(self, options)
        self.settings |= server.settings()
        return server

    # -- programs -------------------------------------------------------------

    def launch_worker(self, settings=None, environment=None):
        """A worker that need not be ready when this returns."""
        return self.start("dynamo-worker", config=HERE / "worker.jsonc",
                          settings=settings, environment=environment,
                          wait=False)

    def launch_router(self, settings=None, environment=None):
        """A router that need not be ready when this returns."""
        return self.start("dynamo-router", config=HERE / "router.jsonc",
                          settings=settings, environment=environment,
                          wait=False)

    def worker(self, settings=None, environment=None):
        worker = self.launch_worker(settings, environment)
        wait_for(worker.ready, SOON, f"{worker} to be ready")
        return worker

    def router(self, settings=None, environment=None):
        router = self.launch_router(settings, environment)
        wait_for(router.ready, SOON, f"{router} to be ready")
        return router

    def tail(self, *topics, arguments=(), settings=None):
        """dynamo-events, listening."""
        return self.start("dynamo-events", "tail", SCOPE, *topics, *arguments,
                          config=HERE / "router.jsonc", http=False,
                          settings=settings)

    def publish(self, topic, *words, stdin=None, settings=None):
        """dynamo-events, speaking."""
        return self.start("dynamo-events", "publish", topic, *words,
                          config=HERE / "router.jsonc", http=False, wait=False,
                          stdin=stdin, settings=settings)

    # -- requests -------------------------------------------------------------

    def generate(self, worker, blocks=4, prefix=()):
        """One request with new blocks behind `prefix`; its block hashes."""
        number = next(self._numbers)
        local = list(prefix) + [number * 1000 + i for i in range(blocks)]
        worker.post("/generate", {
            "request_id": f"request-{number}", "block_hashes": local,
            "input_tokens": 16 * len(local) + 5, "output_tokens": 3})
        return local

    def fill(self, worker, requests=10, blocks=4):
        for _ in range(requests):
            self.generate(worker, blocks)


class Traffic:
    """Requests to some workers, one after the other, until the block ends."""

    def __init__(self, scenario, *workers):
        self.scenario = scenario
        self.workers = workers
        self.sent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failure = None

    def _run(self):
        try:
            while not self._over.wait(0.01):
                for worker in self.workers:
                    self.scenario.generate(worker)
                self.sent += 1
        except Exception as reason:  # noqa: BLE001 - told by __exit__
            self._failure = reason

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._over.set()
        self._thread.join()
        if kind is None and self._failure:
            raise self._failure

    def wait_for_more(self, requests=10):
        enough = self.sent + requests
        wait_for(lambda: self._failure or self.sent >= enough, SOON,
                 "traffic to go on")


# -- states --------------------------------------------------------------------


def publisher(worker, topic="kv-events"):
    """A worker's publisher of a topic, as the worker tells of it."""
    return next(each for each in worker.get("/streams")["publishers"]
                if each["topic"] == topic)


def quiet_publisher(worker, topic="kv-events"):
    """The same, when nothing waits to be sent any more."""
    def told():
        now = publisher(worker, topic)
        done = now["sent"] + now["unheard"] + now["refused"]
        return now if now["waiting"] == 0 and done == now["sequence"] else None
    return wait_for(told, SOON, f"{worker} to send what waits")


def streams(router, topic="kv-events"):
    """publisher_id -> stream, as the router tells of them."""
    return {stream["publisher_id"]: stream
            for subscription in router.get("/streams")["subscriptions"]
            if subscription["topic"] == topic
            for stream in subscription["streams"]}


def wait_for_stream(router, publisher_id, what, condition, topic="kv-events",
                    seconds=SOON):
    """The stream, when `condition` holds of it."""
    seen = {}

    def told():
        seen.update(streams(router, topic).get(publisher_id, {}))
        return dict(seen) if seen and condition(seen) else None
    return wait_for(told, seconds,
                    lambda: f"stream {publisher_id} {what}; it is {seen}")


def link(program):
    """A program's connection to NATS."""
    return program.get("/streams")["link"]


def wait_for_link(program, seconds=SOON, **state):
    """The connection, when it has the members `state`."""
    def told():
        now = link(program)
        return now if state.items() <= now.items() else None
    return wait_for(told, seconds, lambda: f"the link of {program} to be "
                                           f"{state}; it is {link(program)}")


def wait_for_refusal(program, *words, seconds=SOON):
    """Why it is not ready, when that contains all of the words."""
    seen = [""]

    def told():
        try:
            program.get("/readyz")
        except Refused as refused:
            seen[0] = refused.body
            return all(word in refused.body.lower() for word in words)
        return False
    wait_for(told, seconds, lambda: f"{program} to say why it is not ready, "
                                    f"with {words}; it says {seen[0]}")
    return seen[0]


def let_pass(seconds):
    """For what is itself a matter of time."""
    time.sleep(seconds)


def known_worker(router, worker):
    """The router's view of a worker, or nothing."""
    return next((each for each in router.get("/workers")["workers"]
                 if each["worker_id"] == worker.worker_id), None)


def wait_for_worker(router, worker, seconds=SOON, **state):
    """Until the router's view of a worker has the members `state`."""
    def told():
        now = known_worker(router, worker)
        return now and all(now[key] == value for key, value in state.items())
    wait_for(told, seconds, lambda: f"{router} to see {worker} as {state}; "
                                    f"it is {known_worker(router, worker)}")


def wait_for_subscribers(worker, count, topic="kv-events"):
    """At once where a server is between: a ready subscriber is known to it."""
    wait_for(lambda: publisher(worker, topic)["subscribers"] in (count, None),
             SOON, f"{worker} to have {count} subscribers of {topic}")


def expect_equal(router, *workers, seconds=SOON):
    """The router's index becomes what the workers hold, and they hold some."""
    found = wait_for_equal(router, workers, seconds)
    if found:
        raise Failure(f"the index of {router} differs: {found}")
    for worker in workers:
        for rank in worker.get("/cache")["ranks"]:
            assert rank["blocks"], f"{worker} holds nothing, rank {rank}"


def expect_accounted(router, worker, topic="kv-events"):
    """The router knows of everything that a worker published: it has received
    it, or counts it as missed."""
    sent = quiet_publisher(worker, topic)
    stream = wait_for_stream(
        router, sent["publisher_id"], f"to reach {sent['sequence']}",
        lambda now: now["next_sequence"] >= sent["sequence"], topic)
    assert stream["received"] + stream["missed"] == stream["next_sequence"], (
        stream)
    assert stream["unreadable"] == stream["restarts"] == 0, stream
    return stream


def expect_nothing_missed(router, worker, topic="kv-events"):
    """The router has received everything, some of it perhaps twice: what a
    broken connection leaves in doubt is sent again."""
    stream = expect_accounted(router, worker, topic)
    assert stream["missed"] == 0, stream
    return stream


def expect_whole(router, worker, topic="kv-events"):
    """The router has received everything that a worker published, once."""
    stream = expect_nothing_missed(router, worker, topic)
    assert stream["duplicates"] == 0, stream
    return stream


def device_blocks(router, worker, dp_rank=0):
    """What the router believes that a worker's rank holds on its device."""
    for rank in router.get("/index")["ranks"]:
        if (rank["worker_id"], rank["dp_rank"]) == (worker.worker_id, dp_rank):
            return {tuple(row) for row in rank["device"]}
    return set()


def held_blocks(worker, dp_rank=0):
    """What a worker's rank holds."""
    return {tuple(row)
            for row in worker.get("/cache")["ranks"][dp_rank]["blocks"]}

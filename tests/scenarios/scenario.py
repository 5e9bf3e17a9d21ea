"""The words that the scenarios are told in."""

import itertools
import pathlib
import threading

from cluster import Cluster, Failure, wait_for, wait_for_equal

HERE = pathlib.Path(__file__).resolve().parent
SCOPE = "dynamo/backend/generate"

# Generous: the machine may be busy with other things.
SOON = 15
# A record lives 10 s after it was last touched; somebody notices within 3.3 s.
RECORD_LIFE = 10
EXPIRY = 20


class Scenario(Cluster):
    """A cluster of fast workers and routers."""

    def __init__(self, programs):
        super().__init__(programs)
        self._numbers = itertools.count(1)

    # -- programs -------------------------------------------------------------

    def launch_worker(self, settings=None):
        """A worker that need not be ready when this returns."""
        return self.start("dynamo-worker", config=HERE / "worker.jsonc",
                          settings=settings, wait=False)

    def worker(self, settings=None):
        worker = self.launch_worker(settings)
        wait_for(worker.ready, SOON, f"{worker} to be ready")
        return worker

    def router(self, settings=None):
        router = self.start("dynamo-router", config=HERE / "router.jsonc",
                            settings=settings)
        wait_for(router.ready, SOON, f"{router} to be ready")
        return router

    def tail(self, *topics, arguments=()):
        """dynamo-events, listening."""
        return self.start("dynamo-events", "tail", SCOPE, *topics, *arguments,
                          config=HERE / "router.jsonc", http=False)

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
    wait_for(lambda: publisher(worker, topic)["subscribers"] == count, SOON,
             f"{worker} to have {count} subscribers of {topic}")


def expect_equal(router, *workers, seconds=SOON):
    """The router's index becomes what the workers hold, and they hold some."""
    found = wait_for_equal(router, workers, seconds)
    if found:
        raise Failure(f"the index of {router} differs: {found}")
    for worker in workers:
        for rank in worker.get("/cache")["ranks"]:
            assert rank["blocks"], f"{worker} holds nothing, rank {rank}"


def expect_whole(router, worker, topic="kv-events"):
    """The router has received everything that a worker published."""
    sent = quiet_publisher(worker, topic)
    stream = wait_for_stream(
        router, sent["publisher_id"], f"to reach {sent['sequence']}",
        lambda now: now["next_sequence"] >= sent["sequence"], topic)
    assert stream["missed"] == stream["duplicates"] == 0, stream
    assert stream["unreadable"] == stream["restarts"] == 0, stream
    assert stream["received"] == stream["next_sequence"], stream
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

"""Routers that share workers know each other's requests."""

import random
import signal

from cluster import Refused, request, wait_for
from scenario import SOON, on_both

SYNC = {"router.replicas.sync": True,
        "router.replicas.summary_interval_ms": 200,
        "router.replicas.silence_max_ms": 1500}
# Eight intervals after messages stopped being lost, and the silence of a dead
# router; generous, for the machine may be busy.
AGREED = 10


def route(router, request_id, blocks):
    return router.post("/route", {
        "request_id": request_id, "block_hashes": blocks,
        "input_tokens": 16 * len(blocks)})


def end(router, request_id):
    try:
        request(router.address, "DELETE", f"/requests/{request_id}")
        return True
    except Refused as refused:
        assert refused.status == 404, refused
        return False


def prefilled(router, request_id):
    router.post(f"/requests/{request_id}/prefill_completed", {})


def load(router):
    """(worker, rank) -> requests, prompt tokens and blocks in use."""
    return {(worker["worker_id"], rank["dp_rank"]):
            (rank["active_requests"], rank["active_prefill_tokens"],
             rank["active_decode_blocks"])
            for worker in router.get("/workers")["workers"]
            for rank in worker["ranks"]}


def replicas(router):
    """Other routers, as this one hears them."""
    return [each for pool in router.get("/replicas")["pools"]
            for each in pool["replicas"]]


def wait_for_replicas(routers, count):
    """Until each hears the summaries of so many others."""
    for router in routers:
        wait_for(lambda: sum(each["summarises"]
                             for each in replicas(router)) == count, SOON,
                 lambda: f"{router} to hear {count} others; it hears "
                         f"{replicas(router)}")


def in_progress(router):
    """Request ids, of whichever router."""
    return sorted(each["request_id"]
                  for each in router.get("/requests")["requests"])


def wait_for_agreement(routers, expected=None):
    """Until all routers know the same requests and count the same load."""
    def agreed():
        pictures = [(in_progress(router), load(router)) for router in routers]
        same = all(picture == pictures[0] for picture in pictures)
        wanted = expected is None or pictures[0][0] == sorted(expected)
        return same and wanted
    wait_for(agreed, AGREED, lambda: "routers to agree; they know " + str(
        [(in_progress(router), load(router)) for router in routers]))


@on_both
def test_three_routers_agree_when_one_is_killed_and_one_comes_late(scenario):
    workers = [scenario.worker() for _ in range(2)]
    routers = [scenario.router(SYNC) for _ in range(2)]
    for router in routers:
        for worker in workers:
            router.wait_for_event("worker_joined", SOON,
                                  worker_id=worker.worker_id)
    doomed = scenario.router(SYNC)
    wait_for(lambda: len(doomed.get("/workers")["workers"]) == 2, SOON,
             "the third router to see both workers")

    chance = random.Random(4711)
    living = {}

    def traffic(asked, count):
        for number in range(count):
            name = f"{asked.pid}-{number}-{chance.randrange(10**9)}"
            start = chance.randrange(1, 50) * 1000
            route(asked, name, [start + i for i in range(8)])
            living[name] = asked
            fate = chance.random()
            if fate < 0.6:
                prefilled(asked, name)
            if fate < 0.4:
                # Any router may be told.
                teller = chance.choice([asked, *routers])
                wait_for(lambda: end(teller, name), SOON,
                         f"{teller} to know {name}")
                del living[name]

    for router in (*routers, doomed):
        traffic(router, 25)
    wait_for_agreement([*routers, doomed], living)
    wait_for_replicas([*routers, doomed], 2)

    doomed.kill()
    living = {name: owner for name, owner in living.items()
              if owner is not doomed}
    late = scenario.router(SYNC)
    wait_for(lambda: len(late.get("/workers")["workers"]) == 2, SOON,
             "the late router to see both workers")
    traffic(routers[0], 10)
    wait_for_agreement([*routers, late], living)

    traffic(late, 10)
    for name in list(living):
        assert end(living.pop(name) if name in living else late, name)
    wait_for_agreement([*routers, late], [])
    for router in (*routers, late):
        assert all(requests == (0, 0, 0) for requests in load(router).values())
        wait_for(lambda: all(each["agrees"] for each in replicas(router)), SOON,
                 lambda: f"summaries that agree; {replicas(router)}")


@on_both
def test_a_router_sees_the_load_that_another_one_made(scenario):
    workers = [scenario.worker() for _ in range(2)]
    first, second = [scenario.router(SYNC) for _ in range(2)]
    for router in (first, second):
        wait_for(lambda: len(router.get("/workers")["workers"]) == 2, SOON,
                 f"{router} to see both workers")
    chosen = route(first, "a", [1, 2, 3, 4])["worker_id"]
    wait_for_agreement([first, second], ["a"])
    # Equal requests go elsewhere now, whichever router is asked.
    assert route(second, "b", [11, 12, 13, 14])["worker_id"] != chosen
    assert {worker.worker_id for worker in workers} >= {chosen}


def test_a_replica_that_is_stopped_for_a_while_agrees_again(scenario):
    scenario.worker()
    routers = [scenario.router(SYNC) for _ in range(2)]
    for router in routers:
        wait_for(lambda: router.get("/workers")["workers"], SOON,
                 f"{router} to see the worker")
    route(routers[0], "a", [1, 2])
    wait_for_agreement(routers, ["a"])
    routers[1].signal(signal.SIGSTOP)
    try:
        for number in range(20):
            route(routers[0], f"b{number}", [number, 7])
        assert end(routers[0], "a")
    finally:
        routers[1].signal(signal.SIGCONT)
    wait_for_agreement(routers, [f"b{number}" for number in range(20)])


def test_a_dead_router_takes_its_requests_along(scenario):
    count = 3
    scenario.worker()
    routers = [scenario.router(SYNC) for _ in range(count)]
    for router in routers:
        wait_for(lambda: router.get("/workers")["workers"], SOON,
                 f"{router} to see the worker")
    for number, router in enumerate(routers):
        route(router, f"r{number}", [number])
    wait_for_agreement(routers, [f"r{number}" for number in range(count)])
    wait_for_replicas(routers, count - 1)
    routers[-1].kill()
    wait_for_agreement(routers[:-1],
                       [f"r{number}" for number in range(count - 1)])

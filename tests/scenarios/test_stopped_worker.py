"""A worker that stands still for longer than its records live."""

import signal
import time

from cluster import request, wait_for
from scenario import (EXPIRY, SOON, expect_equal, expect_whole,
                      known_worker, on_both, publisher, wait_for_worker)

# Dynamo's own publishers on direct ZMQ never come back from this.
STANDSTILL = 13


@on_both
def test_a_worker_stopped_beyond_its_records_life_comes_back(scenario):
    router = scenario.router()
    stopped, other = scenario.worker(), scenario.worker()
    for worker in (stopped, other):
        scenario.fill(worker)
    expect_equal(router, stopped, other)
    identity = publisher(stopped)["publisher_id"]

    since = time.monotonic()
    stopped.signal(signal.SIGSTOP)
    router.wait_for_event("worker_left", EXPIRY,
                                 worker_id=stopped.worker_id)
    assert known_worker(router, stopped)["discovered"] is False
    # No request goes there, and the other does not suffer.
    for number in range(5):
        answer = router.post("/route", {"request_id": f"route-{number}",
                                        "tokens": [number] * 64})
        assert answer["worker_id"] == other.worker_id
        request(router.address, "DELETE", f"/requests/route-{number}")
    scenario.fill(other, requests=5)
    wait_for(lambda: time.monotonic() - since > STANDSTILL, STANDSTILL + 1,
             "enough time to pass")

    stopped.signal(signal.SIGCONT)
    wait_for_worker(router, stopped, discovered=True, connected=True)
    assert len(router.events("worker_joined",
                             worker_id=stopped.worker_id)) == 2
    for worker in (stopped, other):
        scenario.fill(worker, requests=5)
    expect_equal(router, stopped, other)
    for worker in (stopped, other):
        assert expect_whole(router, worker)["discovered"]
        wait_for_worker(router, worker, state="in_sync")
    assert publisher(stopped)["publisher_id"] == identity
    assert router.events("worker_left", worker_id=other.worker_id) == []
    wait_for(stopped.ready, SOON, "the worker to be ready")

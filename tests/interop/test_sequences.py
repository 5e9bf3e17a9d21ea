"""Routers of both kinds tell each other of their requests."""

import pytest

from cluster import request, wait_for
from meeting import SOON
from peers import tokens_of
from test_to_dynamo import generate

PROMPT = 8


def their_load(theirs, worker):
    """(prefill tokens, blocks) that Dynamo would have on a worker after another
    prompt of one block."""
    rows = theirs.order("loads", tokens=tokens_of(99, 1))["workers"]
    row = next(each for each in rows if each["worker_id"] == worker.worker_id)
    return row["potential_prefill_tokens"], row["potential_decode_blocks"]


def our_requests(ours):
    return {each["request_id"]: each
            for each in ours.get("/requests")["requests"]}


@pytest.mark.case("Requests of routers of both kinds")
def test_each_hears_of_the_others_requests(meeting):
    worker = meeting.our_worker()
    theirs = meeting.dynamo.start("router", "--replica-sync")
    ours = meeting.our_router(**{"router.replicas.sync": True})
    generate(worker, 1, 2)
    wait_for(lambda: ours.get("/workers")["workers"], SOON, "a worker")
    wait_for(lambda: theirs.order("loads", tokens=tokens_of(99, 1))["workers"],
             SOON, "Dynamo to know the worker")
    idle = their_load(theirs, worker)

    # Ours books; what was said before Dynamo had connected, it never hears.
    booked = []

    def heard():
        booked.append(f"ours-{len(booked)}")
        ours.post("/route", {"request_id": booked[-1],
                             "tokens": tokens_of(50 + len(booked), PROMPT)})
        return their_load(theirs, worker)[0] > idle[0]
    wait_for(heard, SOON, "Dynamo to hear of our request")
    for each in booked:
        ours.post(f"/requests/{each}/prefill_completed", {})
    wait_for(lambda: their_load(theirs, worker)[0] == idle[0], SOON,
             lambda: f"Dynamo to hear of completed prefills; it is at "
                     f"{their_load(theirs, worker)}, idle is {idle}")
    assert their_load(theirs, worker)[1] > idle[1]
    for each in booked:
        request(ours.address, "DELETE", f"/requests/{each}")
    wait_for(lambda: their_load(theirs, worker) == idle, SOON,
             lambda: f"Dynamo to be at {idle}, it is at "
                     f"{their_load(theirs, worker)}")

    # Dynamo books.
    said = []

    def known():
        said.append(f"theirs-{len(said)}")
        theirs.order("route", request_id=said[-1],
                     tokens=tokens_of(80 + len(said), PROMPT))
        return any(each in our_requests(ours) for each in said)
    wait_for(known, SOON, lambda: f"our router to hear of {said}; it has "
                                  f"{our_requests(ours)}")
    name = said[-1]
    wait_for(lambda: name in our_requests(ours), SOON, f"{name}")
    theirs.order("prefilled", request_id=name)
    wait_for(lambda: our_requests(ours)[name]["prefill_completed"], SOON,
             lambda: f"its prefill to be over: {our_requests(ours)[name]}")
    for each in said:
        theirs.order("freed", request_id=each)
    wait_for(lambda: not our_requests(ours), SOON,
             lambda: f"no requests; there are {our_requests(ours)}")

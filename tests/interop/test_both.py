"""Publishers and routers of both kinds in one cluster."""

import contextlib

import pytest

from cluster import wait_for
from membership import Membership
from meeting import (EXPIRY, SOON, our_overlap, their_overlap,
                     wait_for_followers, wait_until_followed,
                     wait_until_held)
from peers import tokens_of

THEIRS = (101, 102)


def overlaps(router, other, text, blocks):
    tokens = tokens_of(text, blocks)
    local = router.order("hashes", tokens=tokens, block_size=16)["local"]
    return our_overlap(other, local), their_overlap(router, tokens)


def expect_agreement(theirs, ours, seconds=SOON):
    """Both routers give every rank the same depth for every prompt."""
    questions = [(text, blocks) for text in range(1, 9)
                 for blocks in (1, 3, 5)]
    wrong = {}

    def agree():
        wrong.clear()
        for question in questions:
            mine, yours = overlaps(theirs, ours, *question)
            if mine != yours:
                wrong[question] = (mine, yours)
                return False
        return True
    wait_for(agree, seconds, lambda: f"both routers to agree; {wrong}")


@pytest.mark.core
@pytest.mark.case("Both kinds of publishers and routers")
def test_four_workers_two_routers(meeting):
    with contextlib.closing(Membership(meeting)) as members:
        for worker in THEIRS:
            members.join(worker)
        theirs = meeting.dynamo.start("router")
        ours = meeting.our_router()
        workers = [meeting.our_worker() for _ in range(2)]
        for number, worker in enumerate(workers):
            wait_for_followers(worker, 2)
            for text in range(1 + number, 6 + number):
                generate(worker, text, 5)
            wait_until_followed(theirs, worker)
        publishers = {worker: meeting.dynamo.start("kv", "--worker", worker)
                      for worker in THEIRS}
        meeting.wait_until_connected(ours, 2 + len(publishers))
        for worker, publisher in publishers.items():
            hold(theirs, ours, publisher, worker, chains(theirs, workers[1]))
        expect_agreement(theirs, ours)
        assert len(overlaps(theirs, ours, 3, 5)[0]) == 4

        publishers[THEIRS[0]].kill()
        members.leave(THEIRS[0])
        workers[0].kill()
        gone = {(THEIRS[0], 0), (workers[0].worker_id, 0)}
        wait_for(lambda: not gone & overlaps(theirs, ours, 3, 5)[1].keys(),
                 EXPIRY, lambda: f"Dynamo to forget {gone}; it has "
                                 f"{overlaps(theirs, ours, 3, 5)}")
        wait_for(lambda: not gone & overlaps(theirs, ours, 3, 5)[0].keys(),
                 EXPIRY, lambda: f"{gone} to go; there is "
                                 f"{overlaps(theirs, ours, 3, 5)}")
        expect_agreement(theirs, ours)
        assert len(overlaps(theirs, ours, 3, 5)[0]) == 2


def chains(theirs, worker):
    """text -> what an engine calls its five blocks. Dynamo wants all engines to
    call equal blocks alike, so they are called as our worker does."""
    rows = worker.get("/cache")["ranks"][0]["blocks"]
    named = {(parent, local): name for name, local, parent in rows}
    found = {}
    for text in range(2, 7):
        names = []
        for local in theirs.order("hashes", tokens=tokens_of(text, 5),
                                  block_size=16)["local"]:
            names.append(named[names[-1] if names else None, local])
        found[text] = names
    return found


def hold(theirs, ours, publisher, worker, held):
    """A publisher of Dynamo stores what both routers then know. What it says
    before Dynamo's router has connected is lost, so that is said again."""
    def known():
        publisher.order("cleared")
        for text, names in held.items():
            publisher.order("stored", names=names, tokens=tokens_of(text, 5))
        return all((worker, 0) in their_overlap(theirs, tokens_of(text, 5))
                   for text in held)
    wait_for(known, SOON, f"Dynamo to follow {worker}")
    wait_until_held(ours, worker,
                    [name for names in held.values() for name in names])


def generate(worker, text, blocks):
    worker.post("/generate", {"request_id": f"{text}-{blocks}",
                              "tokens": tokens_of(text, blocks),
                              "output_tokens": 2})


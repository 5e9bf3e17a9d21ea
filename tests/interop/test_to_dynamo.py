"""Workers of this project, followed by Dynamo's router and subscriber."""

import pytest

from cluster import wait_for
from peers import tokens_of
from scenario import expect_equal
from meeting import (EXPIRY, SOON, our_names, our_overlap, their_names,
                     their_overlap, wait_for_followers, wait_until_followed)


def generate(worker, text, blocks, rank=0, number=0):
    worker.post("/generate", {
        "request_id": f"{text}-{blocks}-{rank}-{number}", "dp_rank": rank,
        "tokens": tokens_of(text, blocks), "output_tokens": 2})


@pytest.mark.core
@pytest.mark.case("KV events to Dynamo's router")
def test_dynamo_knows_what_our_worker_holds(meeting):
    theirs = meeting.dynamo.start("router")
    ours = meeting.our_router()
    worker = meeting.our_worker(**{"worker.dp_ranks": 2})
    wait_for_followers(worker, 2)
    for text in range(1, 40):
        generate(worker, text % 25, 1 + text % 7, rank=text % 2)
    wait_until_followed(theirs, worker, ranks=(0, 1))
    expect_equal(ours, worker)
    for text in range(30):
        for blocks in range(1, 8):
            tokens = tokens_of(text, blocks)
            local = theirs.order("hashes", tokens=tokens,
                                 block_size=16)["local"]
            assert our_overlap(ours, local) == their_overlap(theirs, tokens), (
                text, blocks)
    worker.post("/clear", {})
    wait_until_followed(theirs, worker, ranks=(0, 1))


@pytest.mark.case("KV events to Dynamo's router")
def test_what_our_cache_evicts_is_removed(meeting):
    theirs = meeting.dynamo.start("router")
    worker = meeting.our_worker(**{"worker.cache_blocks": 32})
    for text in range(1, 60):
        generate(worker, text, 3)
    assert 0 < len(our_names(worker)) <= 32
    wait_until_followed(theirs, worker)


@pytest.mark.case("KV events to Dynamo's router")
def test_a_worker_that_ends_and_begins_again(meeting):
    theirs = meeting.dynamo.start("router")
    settings = {"worker.worker_id": 77}
    worker = meeting.our_worker(**settings)
    generate(worker, 1, 4)
    wait_until_followed(theirs, worker)
    worker.terminate()
    wait_for(lambda: not their_names(theirs, 77), SOON, "the blocks to go")
    worker = meeting.our_worker(**settings)
    generate(worker, 2, 3)
    wait_until_followed(theirs, worker)
    worker.kill()
    wait_for(lambda: not their_names(theirs, 77), EXPIRY,
             "the blocks to go after a kill")


@pytest.mark.case("Forward passes to Dynamo")
def test_dynamo_hears_our_forward_passes(meeting):
    hears = meeting.dynamo.start("hear-passes")
    worker = meeting.our_worker()

    def heard():
        generate(worker, 1, 2, number=len(hears.program.lines))
        return [line for line in hears.heard("pass")
                if str(worker.worker_id) in str(line["value"])]
    wait_for(heard, SOON, lambda: f"passes; there are {hears.heard('pass')}")

"""Publishers of Dynamo, heard by dynamo-router and dynamo-events."""

import itertools

import pytest

from cluster import wait_for
from comparison import index_by_rank
from peers import names_of, tokens_of
from meeting import (EXPIRY, SOON, names_held, received, wait_until_held,
                     wait_until_received)

WORKER = 7


def kind_of(event):
    data = event["data"]
    return data if isinstance(data, str) else next(iter(data))


@pytest.mark.core
@pytest.mark.case("KV events from Dynamo")
def test_events_arrive_typed_and_are_indexed(meeting):
    router = meeting.our_router()
    tail = meeting.tail("kv-events")
    kv = meeting.dynamo.start("kv", "--worker", WORKER, "--ranks", 2)
    for listener in (router, tail):
        meeting.wait_until_connected(listener, 2)
    names = names_of(1, 3)

    kv.order("stored", names=names, tokens=tokens_of(1, 3))
    kv.order("stored", names=names_of(2, 2), tokens=tokens_of(2, 2), rank=1)
    wait_until_held(router, WORKER, names)
    wait_until_held(router, WORKER, names_of(2, 2), rank=1)
    kv.order("stored", names=[99], tokens=tokens_of(9, 1), parent=names[-1],
             tier="CPU_PINNED")
    wait_until_held(router, WORKER, [99], tier="host_pinned")
    kv.order("removed", names=names[2:])
    wait_until_held(router, WORKER, names[:2])
    kv.order("cleared", rank=1)
    wait_until_held(router, WORKER, [], rank=1)

    events = [each["event"] for batch in
              wait_until_received(tail, "kv-events", 5) for each in batch]
    assert [kind_of(each) for each in events if each["dp_rank"] == 0] == [
        "stored", "stored", "removed"]
    assert [kind_of(each) for each in events if each["dp_rank"] == 1] == [
        "stored", "cleared"]
    rank = index_by_rank(router)[(WORKER, 0)]
    assert rank["state"] == "in_sync", rank


@pytest.mark.core
@pytest.mark.case("KV events from Dynamo")
def test_the_end_of_a_publisher_is_followed(meeting):
    router = meeting.our_router()
    for worker, end in ((WORKER, "end"), (WORKER + 1, "kill")):
        kv = meeting.dynamo.start("kv", "--worker", worker)
        meeting.wait_until_connected(router, 1)
        kv.order("stored", names=[worker], tokens=tokens_of(worker, 1))
        wait_until_held(router, worker, [worker])
        getattr(kv, end)()
        wait_for(lambda: not names_held(router, worker), EXPIRY,
                 lambda: f"the blocks of {worker} to go after {end}; there is "
                         f"{index_by_rank(router)}")


@pytest.mark.case("Load from Dynamo")
def test_load_arrives(meeting):
    tail = meeting.tail("kv_metrics")
    load = meeting.dynamo.start("load")

    sent = itertools.count(1)

    def told():
        # What is equal to what was sent before is not sent again.
        load.order("load", decode_blocks=next(sent), used_blocks=34)
        return [value for value in received(tail, "kv_metrics")
                if value["worker_id"] == load.worker_id]
    value = wait_for(told, SOON, lambda: f"load; there is {tail.lines}")[0]
    assert 0 < value["active_decode_blocks"] < next(sent), value
    assert (value["kv_used_blocks"], value["dp_rank"]) == (34, 0), value


@pytest.mark.case("Forward passes from Dynamo")
def test_forward_passes_arrive(meeting):
    tail = meeting.tail("forward-pass-metrics")
    passes = meeting.dynamo.start("passes", "--worker", WORKER)
    passes.order("ran", scheduled_num_decode_requests=3)
    value = wait_until_received(tail, "forward-pass-metrics", 1)[0]
    assert value["worker_id"] == str(WORKER), value
    assert value["dp_rank"] == 0, value
    meeting.wait_until_connected(tail, 1, "forward-pass-metrics")
    passes.order("ran", scheduled_num_decode_requests=3)
    wait_until_received(
        tail, "forward-pass-metrics", 1, lambda value:
        value["scheduled_requests"]["num_decode_requests"] == 3)

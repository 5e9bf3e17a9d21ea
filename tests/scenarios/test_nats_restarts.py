"""Ten publishers, four subscribers, and a server that starts again and again.
"""

import random

from cluster import wait_for
from scenario import (SOON, Traffic, expect_accounted, expect_equal, let_pass,
                      wait_for_link)

PUBLISHERS = 10
SUBSCRIBERS = 4
RESTARTS = 20
DOWN_SECONDS = (0.2, 1.5)
UP_SECONDS = (0.2, 1.2)
TOPICS = ("kv-events", "kv_metrics")


def restart(server, chance):
    """Killed or asked, and away for a while."""
    chance.choice((server.kill, server.stop))()
    let_pass(chance.uniform(*DOWN_SECONDS))
    server.start()
    let_pass(chance.uniform(*UP_SECONDS))


def test_what_is_published_is_received_or_counted_as_missed(scenario):
    chance = random.Random(4)
    server = scenario.nats_server()
    routers = [scenario.launch_router() for _ in range(SUBSCRIBERS)]
    workers = [scenario.launch_worker() for _ in range(PUBLISHERS)]
    for program in (*routers, *workers):
        wait_for(program.ready, SOON, f"{program} to be ready")

    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        for _ in range(RESTARTS):
            restart(server, chance)
        traffic.wait_for_more()
    epochs = [wait_for_link(program, state="connected")["epoch"]
              for program in (*routers, *workers)]
    # Who waits for the next attempt sleeps through a short restart; those who
    # subscribe try often.
    assert min(epochs) > 1 and min(epochs[:SUBSCRIBERS]) > RESTARTS / 2, epochs

    # The last one shows whether there is a gap before it.
    for worker in workers:
        scenario.generate(worker)
    incomplete = set()
    total = missed = 0
    for worker in workers:
        for router in routers:
            for topic in TOPICS:
                stream = expect_accounted(router, worker, topic)
                total += stream["next_sequence"]
                missed += stream["missed"]
                if topic == "kv-events" and stream["missed"] > 0:
                    incomplete.add(worker)
    print(f"{missed} of {total} messages missed, {len(incomplete)} of "
          f"{PUBLISHERS} streams incomplete, connections made: {epochs}")
    assert total > RESTARTS * PUBLISHERS * SUBSCRIBERS

    # Until missing events can be asked for, a new stream is what helps.
    for worker in incomplete:
        assert worker.terminate() == 0
        workers.remove(worker)
        workers.append(scenario.worker())
        scenario.fill(workers[-1], requests=5)
    for router in routers:
        expect_equal(router, *workers)

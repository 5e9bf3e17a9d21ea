"""Three nats-servers that know each other, of which two are lost."""

from nats import LAME_DUCK_GRACE_SECONDS, nats_cluster
from scenario import (Traffic, expect_equal, expect_nothing_missed, link,
                      wait_for_link, wait_for_worker)


def test_everybody_moves_from_a_server_that_dies_and_from_a_lame_duck(scenario):
    servers = nats_cluster(scenario, 3)
    scenario.settings |= servers[0].settings(*servers[1:])
    scenario.settings["nats.randomize"] = False
    router = scenario.router()
    workers = [scenario.worker(), scenario.worker()]
    everybody = (router, *workers)
    for program in everybody:
        wait_for_link(program, state="connected", server=servers[0].url)

    with Traffic(scenario, *workers) as traffic:
        traffic.wait_for_more()
        servers[0].kill()
        for program in everybody:
            wait_for_link(program, state="connected", server=servers[1].url)
        traffic.wait_for_more()

        servers[1].lame_duck()
        for program in everybody:
            wait_for_link(program, LAME_DUCK_GRACE_SECONDS / 3,
                          state="connected", server=servers[2].url)
        assert servers[1].program.running()
        traffic.wait_for_more()

    expect_equal(router, *workers)
    for worker in workers:
        expect_nothing_missed(router, worker)
        wait_for_worker(router, worker, state="in_sync")
    for program in everybody:
        assert link(program)["epoch"] == 3

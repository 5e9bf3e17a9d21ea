"""Which cases can work with which release, and why others cannot."""

import itertools

# A 1.3 router asks each worker for its index before it takes any event of it.
NO_RECOVERY = ((1, 4), "a router of 1.3 uses no event of a worker before it has "
                       "fetched the worker's own index over Dynamo's request "
                       "plane, which our workers do not serve")

PLANES = ("zmq", "nats")
STORES = ("file", "etcd")


# A case is one row of the page for each event plane and store; its tests name it.
# `since` is the first release that has what the case is about, and why;
# `without_server` says why the case needs one; `plane` and `store` are the only
# ones that can be, and why.
CASES = {
    "KV events from Dynamo": {},
    "Load from Dynamo": {},
    "Forward passes from Dynamo": {},
    "KV events to Dynamo's router": {"since": NO_RECOVERY},
    "Forward passes to Dynamo": {},
    "Both kinds of publishers and routers": {"since": NO_RECOVERY},
    "Requests of routers of both kinds": {},
    "Dynamo through our broker": {"plane": ("zmq", "a broker is for ZMQ")},
    "Both kinds through two brokers": {
        "since": NO_RECOVERY, "plane": ("zmq", "a broker is for ZMQ")},
    "Records that are reaped": {
        "since": NO_RECOVERY,
        "store": ("file", "keys of etcd end with their lease")},
    "Servers that restart": {"since": NO_RECOVERY,
                             "without_server": "there is no server"},
}


def reason_against(release, plane, store, needs):
    """Why a case cannot work there; nothing when it can.

    `needs` is a value of CASES.
    """
    number = tuple(int(part) for part in release.split(".")[:2])
    since = needs.get("since")
    if since and number < since[0]:
        return since[1]
    for place, name in ((plane, "plane"), (store, "store")):
        only = needs.get(name)
        if only and place != only[0]:
            return only[1]
    if plane == "zmq" and store == "file":
        return needs.get("without_server")
    return None


def cells_of(releases, planes, stores, needs):
    """(release, plane, store) -> why it cannot work, or nothing."""
    return {cell: reason_against(*cell, needs)
            for cell in itertools.product(releases, planes, stores)}

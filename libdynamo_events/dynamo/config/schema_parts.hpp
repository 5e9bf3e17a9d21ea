#pragma once

#include "dynamo/config/schema.hpp"

#include <vector>

// The parts of the schema that stand in files of their own; for schema.cpp
// alone.

namespace dynamo {

/// The keys of plane_options but for the transport.
void add_plane(std::vector<setting>& to);

/// The keys of nats_options.
void add_nats(std::vector<setting>& to);

/// The keys of etcd_options.
void add_etcd(std::vector<setting>& to);

/// The keys of kubernetes_options.
void add_kubernetes(std::vector<setting>& to);

/// The keys of broker_options.
void add_broker(std::vector<setting>& to);
/// Of the processes that connect to brokers: zmq.broker.*
void add_broker_client(std::vector<setting>& to);

/// The keys of router_options that belong to no section, and those of its
/// cost function.
void add_router(std::vector<setting>& to);

/// What the router knows of caches: router.index, router.early,
/// router.freshness and router.prediction.
void add_router_index(std::vector<setting>& to);

/// What the router knows of requests and other processes: all other sections.
void add_router_load(std::vector<setting>& to);

/// The settings that have no field but stand for others.
setting load_aware_preset();
setting compatibility_preset();

} // namespace dynamo

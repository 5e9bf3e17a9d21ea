#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

namespace {

std::vector<found_record> channels_of(cluster::process& of) {
  return *of.parts->watcher.store->list(bucket::event_channels);
}

} // namespace

TEST_CASE("a bridge that dies is started again without a lost registration") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  out.publish(load(1));
  nodes.run();
  const auto before = channels_of(worker);

  nodes.kill(nodes.children(worker).bridge);
  out.publish(load(2));
  nodes.advance(100ms);
  out.publish(load(3));
  nodes.advance(50ms);

  CHECK(heard.numbers() == numbers_from_to(1, 3));
  CHECK(heard.all<stream_gap>().empty());
  CHECK(heard.all<publisher_left>().empty());
  REQUIRE(channels_of(worker).size() == 1);
  CHECK(channels_of(worker).front().value == before.front().value);
  CHECK(nodes.children(worker).restarts == 1);
}

TEST_CASE("a subscriber's bridge that dies keeps its connections") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  nodes.kill(nodes.children(router).bridge);
  out.publish(load(1));
  nodes.advance(100ms);
  out.publish(load(2));
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
  CHECK(heard.all<stream_gap>().empty());
}

TEST_CASE("a reconnector that dies is told again which peers are wanted") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  nodes.kill(nodes.children(router).reconnector);
  nodes.advance(100ms);
  nodes.network->cut("mem://1");
  nodes.advance(1s);
  out.publish(load(1));
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 1));
}

TEST_CASE("a watcher that dies keeps the records and finds what it missed") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  const auto before = channels_of(worker);

  nodes.kill(nodes.children(worker).watcher);
  nodes.kill(nodes.children(router).watcher);
  auto second = nodes.publish(worker);
  nodes.advance(200ms);
  CHECK(channels_of(worker).size() == 2);
  out.publish(load(1));
  second.publish(load(2));
  nodes.advance(50ms);
  CHECK(heard.numbers() == numbers_from_to(1, 2));
  CHECK(heard.all<publisher_left>().empty());
}

TEST_CASE("a record that went while no watcher looked is noticed by the next") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto& heard = nodes.follow(router);
  auto out = nodes.publish(worker);
  nodes.advance(50ms);
  nodes.kill(nodes.children(router).watcher);
  nodes.end(worker);
  nodes.advance(100ms);
  CHECK(heard.all<publisher_left>().size() == 1);
}

TEST_CASE("a part that dies too often ends the plane") {
  plane_options options;
  options.supervisor.restarts_max = 3;
  cluster nodes;
  auto& worker = nodes.start(options);
  for (int death = 0; death < 4; ++death) {
    nodes.kill(nodes.children(worker).bridge);
    nodes.advance(50ms);
  }
  CHECK(nodes.children(worker).restarts == 0);
  CHECK(std::any_of(nodes.log.begin(), nodes.log.end(), [](const auto& line) {
    return line.find("stays dead") != std::string::npos;
  }));
}

TEST_CASE("deaths that are far apart are forgotten") {
  plane_options options;
  options.supervisor.restarts_max = 2;
  options.supervisor.restart_window = 1s;
  cluster nodes;
  auto& worker = nodes.start(options);
  for (int death = 0; death < 6; ++death) {
    nodes.kill(nodes.children(worker).bridge);
    nodes.advance(700ms);
  }
  CHECK(nodes.children(worker).restarts == 6);
}

TEST_CASE("stopping a plane withdraws every record and ends every actor") {
  cluster nodes;
  auto& worker = nodes.start();
  auto& router = nodes.start();
  auto first = nodes.publish(worker);
  auto second = nodes.publish(worker, "another");
  first.publish(load(1));
  nodes.end(worker);
  CHECK(channels_of(router).empty());
  CHECK(nodes.children(worker).publishers.empty());
}

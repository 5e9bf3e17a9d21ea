#include "apps/worker/registration.hpp"
#include "dynamo/discovery/worker_record.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

TEST_CASE("the endpoint's address is one that Dynamo's request plane reads") {
  const record value =
      endpoint_record(deployment_options{}, 0x9054432d4b05ad6b, "10.0.0.5:80");
  CHECK(key_of(value) == "dynamo/backend/generate/9054432d4b05ad6b");
  CHECK(std::get<endpoint_instance>(value).transport ==
        R"({"tcp":"10.0.0.5:80/9054432d4b05ad6b/dynamo/backend/generate"})");
}

TEST_CASE("up to 1.3 the address names the endpoint alone") {
  const record value = endpoint_record(deployment_options{}, 0x9054432d4b05ad6b,
                                       "10.0.0.5:80", wire_generation::v1_3);
  CHECK(key_of(value) == "dynamo/backend/generate/9054432d4b05ad6b");
  CHECK(std::get<endpoint_instance>(value).transport ==
        R"({"tcp":"10.0.0.5:80/9054432d4b05ad6b/generate"})");
  CHECK(host_and_port_of(std::get<endpoint_instance>(value)) == "10.0.0.5:80");
}

TEST_CASE("the model card tells block size, capacity and ranks") {
  worker_options worker;
  worker.dp_ranks = 3;
  worker.cache_blocks = 1000;
  const record value = model_record(deployment_options{}, worker, 7);
  CHECK(key_of(value) == "dynamo/backend/generate/7");
  const auto card = nlohmann::json::parse(std::get<model_card>(value).card);
  CHECK(card.at("kv_cache_block_size") == 16);
  CHECK(card.at("context_length") == 16'000);
  CHECK(card.at("model_info").is_null());
  CHECK(card.at("runtime_config").at("total_kv_blocks") == 1000);
  CHECK(card.at("runtime_config").at("data_parallel_start_rank") == 0);
  CHECK(card.at("runtime_config").at("data_parallel_size") == 3);
}

TEST_CASE("the context length of a huge cache stays within 32 bits") {
  worker_options worker;
  worker.cache_blocks = std::uint64_t{1} << 60;
  const record value = model_record(deployment_options{}, worker, 7);
  const auto card = nlohmann::json::parse(std::get<model_card>(value).card);
  CHECK(card.at("context_length") <= 4'294'967'295U);
}

TEST_CASE("what the model card says is what a router reads") {
  worker_options worker;
  worker.cache_blocks = 1000;
  worker.taints = " gold,, spot ,";
  const record value = model_record(deployment_options{}, worker, 7);
  const auto& card = std::get<model_card>(value);
  CHECK(capacity_of(card) == worker_capacity{1000, 8192, 16});
  CHECK(taints_of(card) == std::vector<std::string>{"gold", "spot"});
}

TEST_CASE("a worker without taints has none in its model card") {
  const record value = model_record(deployment_options{}, worker_options{}, 7);
  const auto card = nlohmann::json::parse(std::get<model_card>(value).card);
  CHECK_FALSE(card.at("runtime_config").contains("taints"));
}

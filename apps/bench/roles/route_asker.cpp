#include "apps/bench/roles/route_asker.hpp"

#include "apps/app/http_face.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace dynamo::apps {

namespace {

class direct_asker final : public route_asker {
 public:
  explicit direct_asker(actors::routing& router)
      : router_(router) {}

  result<route_outcome>
  choose(const std::string& id,
         const std::vector<std::uint64_t>& hashes) override {
    route_request request;
    request.request_id = id;
    request.local = hashes;
    const auto chosen = router_.choose(std::move(request));
    if (!chosen) {
      return chosen.error();
    }
    const auto* to = std::get_if<actors::routed>(&*chosen);
    if (to == nullptr) {
      return route_outcome::refused;
    }
    return to->choice.overlap_blocks > 0 ? route_outcome::matched
                                         : route_outcome::elsewhere;
  }

  status end(const std::string& id) override {
    const auto ended = router_.ended(id);
    return ended ? ok() : status{ended.error()};
  }

 private:
  actors::routing& router_;
};

class http_asker final : public route_asker {
 public:
  http_asker(router_face spoken, std::unique_ptr<http_face> face,
             std::size_t block_size)
      : spoken_(std::move(spoken))
      , face_(std::move(face))
      , block_size_(block_size)
      , client_("127.0.0.1", face_->port()) {
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
  }

  ~http_asker() override {
    client_.stop();
    spoken_.stop();
    face_->stop();
  }

  result<route_outcome>
  choose(const std::string& id,
         const std::vector<std::uint64_t>& hashes) override {
    const nlohmann::json body{{"request_id", id},
                              {"block_hashes", hashes},
                              {"input_tokens", hashes.size() * block_size_}};
    const auto answer = client_.Post("/route", body.dump(), "application/json");
    if (answer && answer->status == 503) {
      return route_outcome::refused;
    }
    const auto members =
        nlohmann::json::parse(answer ? answer->body : "", nullptr, false);
    if (!answer || answer->status != 200 || !members.is_object()) {
      return error{errc::io, "POST /route: " + said(answer)};
    }
    return members.value("overlap_blocks", 0) > 0 ? route_outcome::matched
                                                  : route_outcome::elsewhere;
  }

  status end(const std::string& id) override {
    const auto answer = client_.Delete("/requests/" + id);
    return answer && answer->status < 300
               ? ok()
               : status{error{errc::io, "DELETE /requests: " + said(answer)}};
  }

 private:
  static std::string said(const httplib::Result& answer) {
    return answer ? std::to_string(answer->status) + " " + answer->body
                  : httplib::to_string(answer.error());
  }

  router_face spoken_;
  std::unique_ptr<http_face> face_;
  const std::size_t block_size_;
  httplib::Client client_;
};

} // namespace

result<std::unique_ptr<route_asker>> ask_directly(actors::routing& router) {
  return std::unique_ptr<route_asker>{new direct_asker{router}};
}

result<std::unique_ptr<route_asker>> ask_over_http(const router_parts& parts) {
  router_face spoken = make_router_face(parts);
  http_options options;
  options.host = "127.0.0.1";
  options.port = 0;
  auto face = http_face::start(options, std::move(spoken.routes));
  if (!face) {
    return std::move(face).error();
  }
  return std::unique_ptr<route_asker>{
      new http_asker{std::move(spoken), *std::move(face),
                     parts.configuration.values.deployment.block_size}};
}

} // namespace dynamo::apps

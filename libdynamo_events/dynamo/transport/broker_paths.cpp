#include "dynamo/transport/broker_paths.hpp"

#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// Opens what is wanted and not there, and closes what is neither wanted nor
/// connected. Says why something could not be opened.
template <class Path, class Open>
std::string adjust(std::vector<std::unique_ptr<Path>>& paths,
                   const std::vector<std::string>& wanted, const Open& open) {
  std::erase_if(paths, [&](const auto& one) {
    const auto& endpoint = one->status().endpoint;
    return !one->is_up() &&
           std::find(wanted.begin(), wanted.end(), endpoint) == wanted.end();
  });
  std::string failure;
  for (const std::string& endpoint : wanted) {
    const bool is_there =
        std::any_of(paths.begin(), paths.end(), [&](const auto& one) {
          return one->status().endpoint == endpoint;
        });
    if (is_there) {
      continue;
    }
    auto opened = open(endpoint);
    if (opened) {
      paths.push_back(*std::move(opened));
    } else {
      failure = opened.error().message;
    }
  }
  return failure;
}

} // namespace

broker_paths::broker_paths(const zmq_options& options)
    : options_(options) {
  sockets_.set(zmq::ctxopt::io_threads, options_.io_threads);
  sockets_.set(zmq::ctxopt::blocky, 0);
}

// -- Connections

void broker_paths::open(const broker_endpoints& wanted) {
  failure_ = adjust(uplinks_, wanted.xsub, [&](const std::string& to) {
    return broker_uplink::open(sockets_, options_, to, next_number_++);
  });
  const std::string failure =
      adjust(downlinks_, wanted.xpub, [&](const std::string& from) {
        auto opened =
            broker_downlink::open(sockets_, options_, from, next_number_++);
        if (opened) {
          for (const std::string& subject : subjects_) {
            (*opened)->subscribe(subject);
          }
        }
        return opened;
      });
  failure_ = failure_.empty() ? failure : failure_;
}

void broker_paths::follow(std::set<std::string> subjects) {
  for (const auto& one : downlinks_) {
    for (const std::string& subject : subjects) {
      if (!subjects_.contains(subject)) {
        one->subscribe(subject);
      }
    }
    for (const std::string& subject : subjects_) {
      if (!subjects.contains(subject)) {
        one->unsubscribe(subject);
      }
    }
  }
  subjects_ = std::move(subjects);
}

/// A socket that closes sends what it has for at most its linger.
void broker_paths::close() {
  uplinks_.clear();
  downlinks_.clear();
}

void broker_paths::wait(int bell, std::chrono::milliseconds patience) {
  std::vector<zmq::pollitem_t> items{{nullptr, bell, ZMQ_POLLIN, 0}};
  const auto add = [&](zmq::socket_t& socket) {
    items.push_back({socket.handle(), 0, ZMQ_POLLIN, 0});
  };
  for (const auto& one : uplinks_) {
    add(one->socket());
    add(one->signals());
  }
  for (const auto& one : downlinks_) {
    add(one->socket());
    add(one->signals());
  }
  try {
    zmq::poll(items, patience);
  } catch (const zmq::error_t&) {
    // Interrupted: look at everything.
    return;
  }
}

void broker_paths::update(const change_sink& came_up, const change_sink& lost,
                          const message_sink& take) {
  for (const auto& one : uplinks_) {
    one->update();
  }
  for (const auto& one : downlinks_) {
    const bool was_up = one->is_up();
    one->update();
    if (one->is_up() && !was_up) {
      came_up(*one);
    } else if (!one->is_up() && was_up) {
      while (!one->read(
          [&](broker_downlink::part_views parts) { take(*one, parts); })) {
      }
      lost(*one);
    }
  }
}

bool broker_paths::read(const message_sink& take) {
  bool is_drained = true;
  for (const auto& one : downlinks_) {
    is_drained = one->read([&](broker_downlink::part_views parts) {
      take(*one, parts);
    }) && is_drained;
  }
  return is_drained;
}

// -- How they are

bool broker_paths::is_up() const {
  const auto up = [](const auto& one) { return one->is_up(); };
  return std::any_of(uplinks_.begin(), uplinks_.end(), up) &&
         std::any_of(downlinks_.begin(), downlinks_.end(), up);
}

std::string broker_paths::up() const {
  std::string all;
  for (const auto& one : uplinks_) {
    if (one->is_up()) {
      all += (all.empty() ? "" : ", ") + one->status().endpoint;
    }
  }
  return all;
}

std::string broker_paths::why_not() const {
  if (!failure_.empty()) {
    return failure_;
  }
  std::string reasons;
  for (const path_status& path : status()) {
    if (!path.is_up) {
      reasons += (reasons.empty() ? "" : "; ") + path.endpoint + ": " +
                 (path.reason.empty() ? "no answer yet" : path.reason);
    }
  }
  return reasons.empty() ? "no broker is registered in discovery" : reasons;
}

std::vector<path_status> broker_paths::status() const {
  std::vector<path_status> all;
  for (const auto& one : uplinks_) {
    all.push_back(one->status());
  }
  for (const auto& one : downlinks_) {
    all.push_back(one->status());
  }
  return all;
}

// -- What goes

bool broker_paths::covers(std::string_view subject) const {
  return std::any_of(uplinks_.begin(), uplinks_.end(),
                     [&](const auto& one) { return one->covers(subject); });
}

broker_paths::outcome broker_paths::send(const wire_message& message) {
  const auto head = zmq_message_head_of(message);
  if (!head) {
    return outcome::too_large;
  }
  const auto topic = zmq_topic_of(*message.name, zmq_topic_form::subject);
  zmq::message_t frame{frame_size_bytes(message)};
  store_frame(*head, message, {frame.data<std::uint8_t>(), frame.size()});
  std::vector<broker_uplink*> full;
  bool is_taken = false;
  for (const auto& one : uplinks_) {
    if (!one->covers(topic)) {
      continue;
    }
    if (one->send(message, topic, frame) == broker_uplink::outcome::sent) {
      is_taken = true;
    } else {
      full.push_back(one.get());
    }
  }
  if (!is_taken && !full.empty()) {
    return outcome::no_room;
  }
  for (broker_uplink* one : full) {
    one->count_refusal();
  }
  return outcome::sent;
}

} // namespace dynamo

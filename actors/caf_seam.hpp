#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/type_id.hpp>

#if CAF_MAJOR_VERSION >= 1
#include <caf/anon_mail.hpp>
#include <caf/init_global_meta_objects.hpp>
#else
#include "actors/sharing_scheduler.hpp"
#endif

#include <chrono>
#include <functional>
#include <string>
#include <utility>

// All that differs between CAF 0.17 (Debian 12) and CAF 1.x. Nothing else of
// ours asks for a version. CAF 1.x spells its version in a way that only the
// major number survives, hence the tests below.

namespace dynamo::actors::seam {

/// Sends `message` from an actor to another.
template <class Self, class Message>
void send(Self* self, const caf::actor& to, Message&& message) {
#if CAF_MAJOR_VERSION >= 1
  self->mail(std::forward<Message>(message)).send(to);
#else
  self->send(to, std::forward<Message>(message));
#endif
}

/// Sends `message` from a thread that is no actor.
template <class Message>
void anon_send(const caf::actor& to, Message&& message) {
#if CAF_MAJOR_VERSION >= 1
  caf::anon_mail(std::forward<Message>(message)).send(to);
#else
  caf::anon_send(to, std::forward<Message>(message));
#endif
}

/// Sends `message` from an actor to itself after `delay`.
template <class Self, class Message>
void delayed_send(Self* self, std::chrono::nanoseconds delay,
                  Message&& message) {
  const auto to = caf::actor_cast<caf::actor>(self);
#if CAF_MAJOR_VERSION >= 1
  self->mail(std::forward<Message>(message)).delay(delay).send(to);
#else
  self->delayed_send(to, delay, std::forward<Message>(message));
#endif
}

/// Asks another actor; goes on with .then(on_answer, on_error) in an actor and
/// .receive(on_answer, on_error) in a scoped_actor.
template <class Self, class Timeout, class Message>
auto request(Self* self, const caf::actor& to, Timeout timeout,
             Message&& message) {
#if CAF_MAJOR_VERSION >= 1
  return self->mail(std::forward<Message>(message)).request(to, timeout);
#else
  return self->request(to, timeout, std::forward<Message>(message));
#endif
}

/// The one place of an actor that hears when actors it watches are gone.
class down_watch {
 public:
  /// Who is gone, and whether it ended by itself without a failure.
  using on_down = std::function<void(const caf::actor_addr&, bool orderly)>;

  down_watch(caf::event_based_actor* self, on_down heard)
      : self_(self)
      , heard_(std::move(heard)) {
#if CAF_MAJOR_VERSION < 1
    self_->set_down_handler([this](const caf::down_msg& message) {
      heard_(message.source, !message.reason);
    });
#endif
  }
  down_watch(const down_watch&) = delete;
  down_watch& operator=(const down_watch&) = delete;

  /// Watching the same actor twice is heard twice.
  void add(const caf::actor& watched) {
#if CAF_MAJOR_VERSION >= 1
    self_->monitor(
        watched, [this, address = watched.address()](const caf::error& reason) {
          heard_(address, reason.empty());
        });
#else
    self_->monitor(watched);
#endif
  }

 private:
  caf::event_based_actor* self_;
  on_down heard_;
};

/// Messages without a handler are dropped instead of being printed. CAF 1.x
/// does so by itself.
inline void drop_unexpected([[maybe_unused]] caf::event_based_actor* self) {
#if CAF_MAJOR_VERSION < 1
  self->set_default_handler(caf::drop);
  // Who drops a message answers its sender with an error, and an error that
  // arrives as a message would end the sender.
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
#endif
}

/// How the scheduler runs the actors.
inline void configure(caf::actor_system_config& config, std::size_t threads,
                      const std::string& policy) {
#if CAF_MAJOR_VERSION >= 1
  config.set("caf.scheduler.max-threads", threads);
  config.set("caf.scheduler.policy", policy);
#else
  config.set("scheduler.max-threads", threads);
  config.set("scheduler.policy", caf::atom_from_string(policy));
  if (policy == "sharing") {
    config.module_factories.push_back([](caf::actor_system& system) {
      caf::actor_system::module* const made =
          new caf::scheduler::coordinator<sharing_policy>{system};
      return made;
    });
  }
#endif
}

/// An error in words.
inline std::string render(const caf::actor_system& system,
                          const caf::error& reason) {
#if CAF_MAJOR_VERSION >= 1
  static_cast<void>(system);
  return caf::to_string(reason);
#else
  return system.render(reason);
#endif
}

} // namespace dynamo::actors::seam

#include "apps/app/application.hpp"
#include "apps/loadgen/cluster_client.hpp"
#include "apps/loadgen/cluster_watch.hpp"
#include "apps/loadgen/flags.hpp"
#include "apps/loadgen/fresh_caches.hpp"
#include "apps/loadgen/ideal.hpp"
#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/progress.hpp"
#include "apps/loadgen/replay.hpp"
#include "apps/loadgen/report.hpp"
#include "apps/loadgen/trace.hpp"

#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds drain_after_stop{200};

/// Policies stay apart only as long as the trace's numbers are small.
status check_ids(const std::vector<trace_request>& trace,
                 std::size_t policies) {
  for (const trace_request& request : trace) {
    for (const std::uint64_t id : request.block_ids) {
      if (id >= policy_id_stride && policies > 1) {
        return error{errc::invalid,
                     "flag --policy: expected one policy for a trace with "
                     "block numbers from " +
                         std::to_string(policy_id_stride) + ", got " +
                         std::to_string(policies)};
      }
    }
  }
  return ok();
}

progress_style style_of(const loadgen_flags& flags, output_mode mode) {
  if (flags.progress_json) {
    return progress_style::json;
  }
  if (mode == output_mode::json_lines) {
    return progress_style::text;
  }
  return ::isatty(STDERR_FILENO) == 1 ? progress_style::bar
                                      : progress_style::silent;
}

/// What is computed about a trace without any cluster.
void add_ideals(const std::vector<trace_request>& trace,
                const options& settings, double speed, std::size_t ranks,
                replay_report& to) {
  infinite_cache endless{settings.deployment.block_size};
  for (const trace_request& each : trace) {
    endless.ask(each);
  }
  to.ideal = endless.counts();
  if (ranks == 0) {
    return;
  }
  engine_options engine;
  engine.block_size = settings.deployment.block_size;
  engine.cache_blocks = settings.worker.cache_blocks;
  engine.prefill_tokens_per_second = settings.worker.prefill_tokens_per_second;
  engine.decode_tokens_per_second = settings.worker.decode_tokens_per_second;
  engine.concurrency = settings.worker.concurrency;
  engine.queue_max = settings.worker.queue_max;
  ideal_caches caches{engine, ranks};
  for (const trace_request& each : trace) {
    const auto since_first = each.arrival - trace.front().arrival;
    caches.ask(each, std::chrono::duration_cast<sim_time>(
                         since_first * (settings.worker.speedup / speed)));
  }
  to.ideal_caches = caches.finish();
}

/// Plays one policy after the other.
class loadgen {
 public:
  loadgen(application& app, const loadgen_flags& flags,
          const std::vector<trace_request>& trace)
      : app_(app)
      , flags_(flags)
      , trace_(trace)
      , speed_(flags.speed.value_or(app.settings().worker.speedup)) {
    for (const std::string& url : flags.routers) {
      replicas_.push_back(client_of(url));
    }
    if (!flags.predict_router.empty()) {
      predicting_ = client_of(flags.predict_router);
    }
  }

  status run(const std::vector<policy_kind>& policies) {
    cluster_watch watch{*replicas_.front()};
    const status found =
        watch.wait_for_ranks(milliseconds{flags_.wait_ms}, stopped_);
    if (!found && !app_.stopping()) {
      return found;
    }
    replay_report report;
    report.requests = trace_.size();
    if (!flags_.no_ideal) {
      add_ideals(trace_, app_.settings(), speed_, watch.ranks()->size(),
                 report);
    }
    for (const policy_kind policy : policies) {
      if (app_.stopping()) {
        break;
      }
      report.policies.push_back(play(policy, watch));
    }
    report.is_interrupted = app_.stopping();
    report.streams = watch.settle(
        app_.stopping() ? drain_after_stop : milliseconds{flags_.drain_ms});
    app_.out().line(app_.out().mode() == output_mode::readable
                        ? to_text(report)
                        : to_json(report));
    return ok();
  }

 private:
  using client_ptr = std::unique_ptr<cluster_client>;

  client_ptr client_of(const std::string& url) const {
    return std::make_unique<cluster_client>(url,
                                            milliseconds{flags_.timeout_ms});
  }

  policy_summary play(policy_kind policy, const cluster_watch& watch) {
    const bool is_empty = !flags_.keep_caches && empty(policy);
    progress shown{style_of(flags_, app_.out().mode()), to_string(policy),
                   trace_.size(), stderr};
    replay played{routers_of(policy), watch, trace_, options_of(policy),
                  stopped_};
    policy_summary summary =
        played.run([&shown](std::size_t done) { shown.show(done); });
    summary.had_empty_caches = is_empty;
    if (played.last_failure()) {
      app_.log().warn("{}: {} requests failed, the last one: {}",
                      to_string(policy), summary.failed,
                      played.last_failure()->message);
    }
    return summary;
  }

  bool empty(policy_kind policy) {
    std::vector<cluster_client*> routers;
    for (const client_ptr& each : replicas_) {
      routers.push_back(each.get());
    }
    const status empty =
        empty_caches(routers, milliseconds{flags_.wait_ms}, stopped_);
    if (!empty && !app_.stopping()) {
      app_.log().warn("{}: begins with what the caches hold: {}",
                      to_string(policy), empty.error().message);
    }
    return bool{empty};
  }

  std::vector<cluster_client*> routers_of(policy_kind policy) const {
    if (policy == policy_kind::predict) {
      return {predicting_.get()};
    }
    std::vector<cluster_client*> routers{replicas_.front().get()};
    if (policy == policy_kind::kv_replicas) {
      for (std::size_t i = 1; i < replicas_.size(); ++i) {
        routers.push_back(replicas_[i].get());
      }
    }
    return routers;
  }

  replay_options options_of(policy_kind policy) const {
    replay_options chosen;
    chosen.policy = policy;
    chosen.prompt.form =
        flags_.send == "hashes" ? prompt_form::hashes : prompt_form::tokens;
    chosen.prompt.block_size = app_.settings().deployment.block_size;
    chosen.prompt.id_shift = id_shift_of(policy);
    chosen.speed = speed_;
    chosen.concurrency_max = flags_.concurrency_max;
    chosen.seed = flags_.seed;
    chosen.output_blocks = flags_.output_blocks;
    return chosen;
  }

  application& app_;
  const loadgen_flags& flags_;
  const std::vector<trace_request>& trace_;
  const double speed_;
  const stop_wait stopped_ = [this](milliseconds timeout) {
    return app_.wait_for_stop(timeout);
  };
  /// The first one is watched.
  std::vector<client_ptr> replicas_;
  client_ptr predicting_;
};

status load(application& app, const loadgen_flags& flags) {
  const auto policies = policies_of(flags);
  if (!policies) {
    return policies.error();
  }
  const auto trace = read_trace_file(flags.trace, flags.range);
  if (!trace) {
    return trace.error();
  }
  const status apart = check_ids(*trace, policies->size());
  if (!apart) {
    return apart;
  }
  return loadgen{app, flags, *trace}.run(*policies);
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  dynamo::apps::loadgen_flags flags;
  return dynamo::apps::run(dynamo::apps::loadgen_program(flags), argc, argv,
                           [&flags](dynamo::apps::application& app) {
                             return dynamo::apps::load(app, flags);
                           });
}

#include "apps/broker/broker_face.hpp"

#include "apps/app/metric_list.hpp"

#include <nlohmann/json.hpp>
#include <prometheus/text_serializer.h>

#include <cstdint>

namespace dynamo::apps {

namespace {

enum class count_kind { total, now };

struct count_row {
  const char* name;
  count_kind kind;
  std::uint64_t broker_counts::*value;
  const char* help;
};

constexpr count_row rows[] = {
    {"received", count_kind::total, &broker_counts::received,
     "Messages from publishers"},
    {"received_bytes", count_kind::total, &broker_counts::received_bytes,
     "Bytes of their parts"},
    {"unheard", count_kind::total, &broker_counts::unheard,
     "Messages that nobody was subscribed to"},
    {"bad", count_kind::total, &broker_counts::bad,
     "Messages of too many parts or bytes"},
    {"delivered", count_kind::total, &broker_counts::delivered,
     "Messages queued, once for each subscriber"},
    {"delivered_bytes", count_kind::total, &broker_counts::delivered_bytes,
     "Their bytes on the wire"},
    {"missed", count_kind::total, &broker_counts::missed,
     "Messages withheld, once for each subscriber whose queue was full"},
    {"dropped", count_kind::total, &broker_counts::dropped,
     "Messages that at least one subscriber missed"},
    {"abandoned", count_kind::total, &broker_counts::abandoned,
     "Messages in the queues of subscribers whose connection ended"},
    {"held", count_kind::total, &broker_counts::held,
     "Times that all waited for a subscriber whose queue was full"},
    {"subscribers_accepted", count_kind::total,
     &broker_counts::subscribers_accepted, "Connections of subscribers"},
    {"subscribers_refused", count_kind::total,
     &broker_counts::subscribers_refused, "Connections beyond the limit"},
    {"subscribers_bad", count_kind::total, &broker_counts::subscribers_bad,
     "Connections of what is no subscriber"},
    {"subscribers", count_kind::now, &broker_counts::subscribers,
     "Subscribers that are connected"},
    {"subscriptions", count_kind::now, &broker_counts::subscriptions,
     "Different prefixes that are subscribed to"},
    {"waiting", count_kind::now, &broker_counts::waiting,
     "Messages in the queues of subscribers"},
};

} // namespace

nlohmann::json counts_json(const broker_counts& counts) {
  nlohmann::json all = nlohmann::json::object();
  for (const count_row& row : rows) {
    all[row.name] = counts.*row.value;
  }
  return all;
}

std::string metrics_text(const broker_counts& counts) {
  metric_list all;
  for (const count_row& row : rows) {
    const std::string name = std::string{"dynamo_events_broker_"} + row.name;
    if (row.kind == count_kind::total) {
      all.begin_counter(name + "_total", row.help);
    } else {
      all.begin_gauge(name, row.help);
    }
    all.add(counts.*row.value);
  }
  return prometheus::TextSerializer{}.Serialize(all.take());
}

std::vector<http_route> broker_routes(const zmq_broker& served) {
  return {
      {http_method::get, "/counters",
       [&served](const http_request&) {
         return reply(counts_json(served.counts()));
       }},
      {http_method::get, "/metrics",
       [&served](const http_request&) {
         return http_answer{200, metrics_text(served.counts()),
                            "text/plain; version=0.0.4; charset=utf-8"};
       }},
      {http_method::get, "/healthz",
       [](const http_request&) {
         return reply({{"status", "ok"}});
       }},
  };
}

} // namespace dynamo::apps

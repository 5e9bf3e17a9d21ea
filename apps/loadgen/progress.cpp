#include "apps/loadgen/progress.hpp"

#include <algorithm>

namespace dynamo::apps {

namespace {

constexpr std::size_t bar_width = 40;
constexpr std::size_t steps_of_text = 10;

void write(std::FILE* to, const std::string& text) {
  // Nothing depends on it, and there is no better place to complain.
  static_cast<void>(std::fputs(text.c_str(), to));
  static_cast<void>(std::fflush(to));
}

} // namespace

std::string progress_bar(std::string_view policy, std::size_t done,
                         std::size_t total) {
  const std::size_t filled = total == 0 ? 0 : bar_width * done / total;
  std::string bar{policy};
  bar.resize(std::max<std::size_t>(bar.size(), 12), ' ');
  bar += '[' + std::string(filled, '#') + std::string(bar_width - filled, '.') +
         "] ";
  return bar + std::to_string(done) + '/' + std::to_string(total);
}

progress::progress(progress_style style, std::string_view policy,
                   std::size_t total, std::FILE* to)
    : style_(style)
    , policy_(policy)
    , total_(std::max<std::size_t>(total, 1))
    , to_(to)
    , shown_(total_) {
  show(0);
}

progress::~progress() {
  if (style_ == progress_style::bar) {
    write(to_, "\n");
  }
}

void progress::show(std::size_t done) {
  const bool is_news =
      style_ == progress_style::text
          ? steps_of_text * done / total_ != steps_of_text * shown_ / total_
          : done != shown_;
  if (!is_news) {
    return;
  }
  shown_ = done;
  switch (style_) {
  case progress_style::silent:
    return;
  case progress_style::bar:
    write(to_, '\r' + progress_bar(policy_, done, total_));
    return;
  case progress_style::text:
    write(to_, policy_ + ": " + std::to_string(done) + " of " +
                   std::to_string(total_) + " requests\n");
    return;
  case progress_style::json:
    write(to_, R"({"event":"progress","policy":")" + policy_ + R"(","done":)" +
                   std::to_string(done) + R"(,"total":)" +
                   std::to_string(total_) + "}\n");
    return;
  }
}

} // namespace dynamo::apps

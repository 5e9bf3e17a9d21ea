#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace dynamo::apps {

/// How far a run is, on stderr.
enum class progress_style {
  silent,
  /// One line that is written over; for terminals.
  bar,
  /// A line of text for each tenth.
  text,
  /// {"event":"progress","policy","done","total"} whenever more is done.
  json,
};

/// The bar without line ends, below 80 columns.
std::string progress_bar(std::string_view policy, std::size_t done,
                         std::size_t total);

/// Shows how far one policy is. Used by one thread.
class progress {
 public:
  /// Shows that nothing is done yet. `to` stays open.
  progress(progress_style style, std::string_view policy, std::size_t total,
           std::FILE* to);
  /// Leaves the line of a bar.
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void show(std::size_t done);

 private:
  const progress_style style_;
  const std::string policy_;
  const std::size_t total_;
  std::FILE* const to_;
  /// What the reader saw last.
  std::size_t shown_ = 0;
};

} // namespace dynamo::apps

#pragma once

#include <curl/curl.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// What several users of libcurl need. Only sources include it.

namespace dynamo {

/// libcurl's global state, for as long as the process lives.
void prepare_curl();

/// Sets one of two options: that for the path of a PEM file or that for its
/// text, whichever `value` is. Nothing when it is empty.
void set_pem(CURL* easy, CURLoption path_option, CURLoption text_option,
             const std::string& value);

/// The value of a header line when it has that name, given in lower case.
std::optional<std::string_view> header_value(std::string_view line,
                                             std::string_view name);

/// Rounded up, at least 1, as options in seconds want it.
long curl_seconds(std::chrono::milliseconds time);

} // namespace dynamo

#pragma once

#include <string_view>

namespace dynamo::apps {

/// The text of openapi.json, which stands beside this file.
std::string_view openapi_document();

} // namespace dynamo::apps

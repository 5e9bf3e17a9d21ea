#pragma once

namespace dynamo::apps {

/// The main of `dynamo-bench role VERB ...`; argv[0] is "role". What goes wrong
/// is told as the event "failed" too. Returns the exit code.
int role_main(int argc, const char* const* argv);

} // namespace dynamo::apps

#pragma once

namespace dynamo {

/// Names the calling thread for those who look at a process with `top -H`, perf
/// or a debugger. At most 15 bytes, of which the kernel keeps no more.
void name_this_thread(const char* name);

} // namespace dynamo

#include "dynamo/base/thread_name.hpp"

#include <sys/prctl.h>

namespace dynamo {

void name_this_thread(const char* name) {
  prctl(PR_SET_NAME, name);
}

} // namespace dynamo

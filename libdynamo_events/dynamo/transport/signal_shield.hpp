#pragma once

#include <csignal>

namespace dynamo {

/// Blocks all signals while it lives, so that threads started meanwhile leave
/// them to the program's own.
class signal_shield {
 public:
  signal_shield() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~signal_shield() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signal_shield(const signal_shield&) = delete;
  signal_shield& operator=(const signal_shield&) = delete;

 private:
  sigset_t before_{};
};

} // namespace dynamo

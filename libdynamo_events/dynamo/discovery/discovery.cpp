#include "dynamo/discovery/discovery.hpp"

namespace dynamo {

void discovery::begin_advertise(std::vector<record> values, outcome_sink done) {
  for (const record& value : values) {
    if (const status kept = advertise(value); !kept) {
      done(kept);
      return;
    }
  }
  done(ok());
}

void discovery::begin_withdraw(std::vector<record> values, outcome_sink done) {
  status outcome;
  for (const record& value : values) {
    if (const status gone = withdraw(value); !gone && outcome) {
      outcome = gone;
    }
  }
  done(outcome);
}

} // namespace dynamo

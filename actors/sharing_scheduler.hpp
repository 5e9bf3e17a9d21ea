#pragma once

#include <caf/policy/unprofiled.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/coordinator.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>

// For CAF 0.17; only caf_seam.hpp includes it.

namespace dynamo::actors::seam {

/// What "sharing" means here: one queue for all workers, as with CAF's own
/// policy of that name. That one wakes a worker while it still holds the lock
/// of the queue, so that the worker wakes only to sleep again until the lock is
/// free; here the lock is gone first, and a wake-up is one.
///
/// The members are those that caf::scheduler::coordinator and worker call.
class sharing_policy : public caf::policy::unprofiled {
 public:
  struct shared_queue {
    explicit shared_queue(caf::scheduler::abstract_coordinator*) {}

    std::mutex lock;
    std::condition_variable filled;
    std::deque<caf::resumable*> jobs;
  };

  struct nothing {
    explicit nothing(caf::scheduler::abstract_coordinator*) {}
  };
  using coordinator_data = shared_queue;
  using worker_data = nothing;

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    shared_queue& shared = d(self);
    {
      const std::lock_guard guard{shared.lock};
      shared.jobs.push_back(job);
    }
    shared.filled.notify_one();
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }
  /// Others get their turn first.
  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    central_enqueue(self->parent(), job);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    shared_queue& shared = d(self->parent());
    std::unique_lock guard{shared.lock};
    shared.filled.wait(guard, [&shared] { return !shared.jobs.empty(); });
    caf::resumable* const job = shared.jobs.front();
    shared.jobs.pop_front();
    return job;
  }

  /// No worker has jobs of its own.
  template <class Worker, class Function>
  void foreach_resumable(Worker*, Function) {}

  template <class Coordinator, class Function>
  void foreach_central_resumable(Coordinator* self, Function call) {
    shared_queue& shared = d(self);
    const std::lock_guard guard{shared.lock};
    for (caf::resumable* job : shared.jobs) {
      call(job);
    }
    shared.jobs.clear();
  }
};

} // namespace dynamo::actors::seam

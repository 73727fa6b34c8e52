#include "engine/store_service.h"

#include <unordered_map>
#include <utility>

#include "engine/store_end.h"

namespace trunkline::engine {
namespace {

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the event store is closed"}; }

}  // namespace

struct StoreService::Core {
  Core(net::Context& loop_context, StoreServiceCallbacks to_call)
      : context(loop_context), callbacks(std::move(to_call)) {}

  net::Context& context;
  const StoreServiceCallbacks callbacks;
  std::unique_ptr<store::Store> store;
  std::unordered_map<std::uint32_t, std::unique_ptr<delivery::Consumer>> consumers;  // refer to the store

  void LookAll() {
    for (const auto& [number, consumer] : consumers) consumer->Look();
  }
};

StoreService::StoreService(std::shared_ptr<Engine> engine, store::StoreOptions options,
                           StoreServiceCallbacks callbacks)
    : engine_(std::move(engine)), core_(std::make_shared<Core>(engine_->context(), std::move(callbacks))) {
  core_->store = std::make_unique<store::Store>(
      std::move(options), SystemClock(), [to = engine_.get()](Engine::Job job) { to->Post(std::move(job)); },
      store::StoreHooks{.changed = [core = std::weak_ptr(core_)] {
        if (const auto alive = core.lock()) alive->LookAll();
      }});
}

StoreService::~StoreService() {
  std::unique_ptr<store::Store> store;
  engine_->RunAndWait([&] {
    core_->consumers.clear();
    store = std::move(core_->store);
  });
  store.reset();
  // Jobs that the store posted before it ended may still lie in the mailbox.
  engine_->RunAndWait([] {});
}

template <typename T, typename Work>
void StoreService::WithStore(Callback<T> callback, Work work) {
  engine_->Post([core = core_, callback = std::move(callback), work = std::move(work)]() mutable {
    if (!core->store) return callback(ClosedError());
    work(*core->store, std::move(callback));
  });
}

void StoreService::Open(Callback<std::monostate> callback) {
  WithStore<std::monostate>(std::move(callback), [](store::Store& store, Callback<std::monostate> opened) {
    store.Open([opened = std::move(opened)](const Result<std::vector<store::StoredEvent>>& unfinished) {
      opened(unfinished.ok() ? Ok() : Status(unfinished.error()));
    });
  });
}

void StoreService::Put(store::StoredEvent message, Callback<store::StoredEvent> callback) {
  WithStore<store::StoredEvent>(
      std::move(callback), [core = std::weak_ptr(core_), message = std::move(message)](
                               store::Store& store, Callback<store::StoredEvent> put) mutable {
        store.Put(std::move(message), [core, put = std::move(put)](Result<store::StoredEvent> stored) {
          // What this connection writes itself is no change to it.
          if (const auto alive = core.lock()) alive->LookAll();
          put(std::move(stored));
        });
      });
}

void StoreService::Find(std::string event_id, Callback<std::optional<store::FoundEvent>> callback) {
  WithStore<std::optional<store::FoundEvent>>(
      std::move(callback), [event_id = std::move(event_id)](store::Store& store, auto found) mutable {
        store.Find(std::move(event_id), std::move(found));
      });
}

void StoreService::DeadLetters(store::DeadLetterFilter filter,
                               Callback<std::vector<store::DeadLetter>> callback) {
  WithStore<std::vector<store::DeadLetter>>(
      std::move(callback), [filter = std::move(filter)](store::Store& store, auto listed) mutable {
        store.DeadLetters(std::move(filter), std::move(listed));
      });
}

void StoreService::Purge(store::DeadLetterFilter filter, Callback<std::int64_t> callback) {
  WithStore<std::int64_t>(std::move(callback),
                          [filter = std::move(filter)](store::Store& store, auto purged) mutable {
                            store.Purge(std::move(filter), std::move(purged));
                          });
}

void StoreService::Requeue(std::int64_t seq, Callback<bool> callback) {
  WithStore<bool>(std::move(callback),
                  [core = std::weak_ptr(core_), seq](store::Store& store, Callback<bool> requeued) {
                    store.Requeue(seq, [core, requeued = std::move(requeued)](Result<bool> done) {
                      if (const auto alive = core.lock()) alive->LookAll();
                      requeued(std::move(done));
                    });
                  });
}

void StoreService::QueueDepths(Callback<std::vector<store::QueueDepth>> callback) {
  WithStore<std::vector<store::QueueDepth>>(
      std::move(callback), [](store::Store& store, auto read) { store.QueueDepths(std::move(read)); });
}

void StoreService::StartConsumer(std::uint32_t consumer, delivery::ConsumerOptions options) {
  engine_->Post([core = core_, consumer, options = std::move(options)]() mutable {
    if (!core->store) return;
    const StoreServiceCallbacks& callbacks = core->callbacks;
    core->consumers.emplace(
        consumer, std::make_unique<delivery::Consumer>(
                      std::move(options), *core->store, *core->context.timers, *core->context.clock,
                      [&callbacks, consumer](store::QueueMessage message) {
                        callbacks.message(consumer, std::move(message));
                      },
                      [&callbacks, consumer](const Error& error) { callbacks.refused(consumer, error); }));
  });
}

void StoreService::Settle(std::uint32_t consumer, std::int64_t seq, int deliveries, Status result) {
  engine_->Post([core = core_, consumer, seq, deliveries, result = std::move(result)]() mutable {
    const auto found = core->consumers.find(consumer);
    if (found != core->consumers.end()) found->second->Settle(seq, deliveries, std::move(result));
  });
}

void StoreService::StopConsumer(std::uint32_t consumer, std::int64_t grace_ms,
                                std::function<void()> stopped) {
  engine_->Post(
      [engine = engine_.get(), core = core_, consumer, grace_ms, stopped = std::move(stopped)]() mutable {
        const auto found = core->consumers.find(consumer);
        if (found == core->consumers.end()) return stopped();
        found->second->Stop(grace_ms, [engine, core, consumer, stopped = std::move(stopped)]() mutable {
          // In a turn of its own: the consumer is still at work here.
          engine->Post([core, consumer, stopped = std::move(stopped)] {
            core->consumers.erase(consumer);
            stopped();
          });
        });
      });
}

void StoreService::Close(std::int64_t grace_ms, std::function<void()> closed) {
  engine_->Post([engine = engine_.get(), core = core_, grace_ms, closed = std::move(closed)]() mutable {
    const auto end = std::make_shared<std::function<void()>>([core, closed = std::move(closed)] {
      if (!core->store) return closed();
      core->store->NothingLeft();
      EndStore(core->context.loop, std::move(core->store), closed);
    });
    if (core->consumers.empty()) return (*end)();
    const auto left = std::make_shared<std::size_t>(core->consumers.size());
    for (const auto& [number, consumer] : core->consumers) {
      consumer->Stop(grace_ms, [engine, core, left, end] {
        if (--*left > 0) return;
        engine->Post([core, end] {
          core->consumers.clear();
          (*end)();
        });
      });
    }
  });
}

}  // namespace trunkline::engine

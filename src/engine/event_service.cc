#include "engine/event_service.h"

#include <limits>
#include <utility>

#include "engine/ring_ids.h"
#include "engine/store_end.h"

namespace trunkline::engine {

struct EventService::Core {
  explicit Core(net::Context& loop_context) : context(loop_context) {}

  net::Context& context;
  std::unique_ptr<net::HttpClient> client;  // null, like the exchange: no request is made
  std::unique_ptr<delivery::Exchange> exchange;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<CallbackPublisher> publisher;  // null: the queues are the store's own
  std::unique_ptr<delivery::Pipeline> pipeline;  // last: it refers to the others, and goes first

  bool open() const { return pipeline != nullptr; }

  Status MakeExchange(net::ClientOptions client_options, delivery::ExchangeOptions options,
                      delivery::ExchangeCounters& counters) {
    auto made_client = net::HttpClient::Create(context, std::move(client_options));
    if (!made_client) return std::move(made_client.error());
    auto made = delivery::Exchange::Create(std::move(options), **made_client, nullptr, *context.timers,
                                           *context.clock, counters);
    if (!made) return std::move(made.error());
    client = std::move(*made_client);
    exchange = std::move(*made);
    return Ok();
  }

  // All but the store, whose end takes its time.
  void LetGo() {
    pipeline.reset();
    publisher.reset();
    exchange.reset();
    client.reset();
  }
};

namespace {

Error ClosedError() { return {.code = ErrorCode::kClosed, .message = "the service is closed"}; }

}  // namespace

EventService::EventService(std::shared_ptr<Engine> engine, std::shared_ptr<delivery::Admission> admission)
    : engine_(std::move(engine)),
      admission_(std::move(admission)),
      counters_(std::make_unique<Counters>()),
      core_(std::make_shared<Core>(engine_->context())) {}

Result<std::unique_ptr<EventService>> EventService::Create(std::shared_ptr<Engine> engine,
                                                           EventServiceOptions options,
                                                           EventServiceCallbacks callbacks) {
  std::optional<crypto::SignatureVerifier> verifier;
  if (options.scheme) {
    auto created = crypto::SignatureVerifier::Create(std::move(*options.scheme), options.secrets,
                                                     options.tolerance_seconds);
    if (!created) return created.error();
    verifier = std::move(*created);
  }
  const bool requests = options.pipeline.request.has_value();
  if (!requests && !callbacks.publish) {
    return Error{.code = ErrorCode::kConfigInvalid, .message = "the events of this service go nowhere"};
  }
  if (Status checked = idempotency::CheckOptions(options.ring); !checked.ok()) return checked.error();
  if (requests && options.client.tls.verify && !options.client.tls.trusted_pem.empty()) {
    if (Status read = engine->ReadTrust(options.client.tls, "tls.ca"); !read.ok()) return read.error();
  }
  options.exchange.base = options.client.base;
  options.exchange.max_in_flight = options.client.max_connections;
  options.exchange.max_pending = std::numeric_limits<std::size_t>::max();  // the pipeline sees to that

  const auto admission = std::make_shared<delivery::Admission>(std::move(verifier), SystemClock());
  std::unique_ptr<EventService> service(new EventService(std::move(engine), admission));
  Status made = Ok();
  service->engine_->RunAndWait([&] {
    Core& core = *service->core_;
    if (requests) {
      made = core.MakeExchange(std::move(options.client), std::move(options.exchange),
                               service->counters_->platform);
      if (!made.ok()) return;
    }
    // The engine outlives every store: whoever holds the service holds the engine.
    const std::string ring_path = options.store.directory + "/" + options.store.name + ".ring";
    core.store = std::make_unique<store::Store>(
        std::move(options.store), SystemClock(),
        [engine = service->engine_.get()](Engine::Job job) { engine->Post(std::move(job)); },
        store::StoreHooks{
            .ids = std::make_shared<RingIds>(ring_path, options.ring, admission),
            .inherited = [core = std::weak_ptr(service->core_)](std::vector<store::StoredEvent> events) {
              const auto alive = core.lock();
              if (alive && alive->open()) alive->pipeline->Resume(std::move(events));
            }});
    if (callbacks.publish) core.publisher = std::make_unique<CallbackPublisher>(std::move(callbacks.publish));
    core.pipeline = std::make_unique<delivery::Pipeline>(
        std::move(options.pipeline), *core.store, core.publisher.get(), core.exchange.get(),
        *core.context.timers, *core.context.clock, *service->admission_, service->counters_->events,
        std::move(callbacks.finished));
  });
  if (!made.ok()) return made.error();
  return service;
}

EventService::~EventService() {
  std::unique_ptr<store::Store> store;
  engine_->RunAndWait([&] {
    store = std::move(core_->store);
    core_->LetGo();
  });
  store.reset();
  // Jobs that the store posted before it ended may still lie in the mailbox. They find their pipeline gone;
  // this waits for them, since what they look at is in part this object's.
  engine_->RunAndWait([] {});
}

void EventService::Open(std::function<void(Result<std::size_t>)> opened) {
  engine_->Post([core = core_, opened = std::move(opened)]() mutable {
    if (!core->open()) return opened(ClosedError());
    core->store->Open([core = std::weak_ptr(core),
                       opened = std::move(opened)](Result<std::vector<store::StoredEvent>> unfinished) {
      const auto alive = core.lock();
      // Closed meanwhile: whoever waits is still to be told, or the process would stay for it.
      if (!alive || !alive->open()) return opened(ClosedError());
      if (!unfinished) return opened(unfinished.error());
      opened(unfinished->size());
      alive->pipeline->Resume(std::move(*unfinished));
    });
  });
}

void EventService::Accept(json::EventFields fields, std::string payload, std::int64_t arrived_us,
                          delivery::AnswerCallback answer) {
  if (!closing_)
    return core_->pipeline->Accept(std::move(fields), std::move(payload), arrived_us, std::move(answer));
  admission_->ring().Release(fields.event_id);
  answer({delivery::AnswerKind::kRefused, ClosedError()});
}

void EventService::JoinDuplicate(std::string event_id, delivery::AnswerCallback answer) {
  engine_->Post([core = core_, event_id = std::move(event_id), answer = std::move(answer)]() mutable {
    if (core->open()) return core->pipeline->JoinDuplicate(event_id, std::move(answer));
    answer({delivery::AnswerKind::kRefused, ClosedError()});
  });
}

void EventService::Replay(std::string event_id, std::optional<std::string> payload,
                          delivery::AnswerCallback answer) {
  const std::int64_t arrived_us = SystemClock().MonotonicUs();
  std::optional<delivery::Pipeline::FreshEvent> fresh;
  if (payload) {
    auto fields = delivery::Admission::Read(AsBytes(*payload));
    if (!fields) {
      engine_->Post([answer = std::move(answer), error = std::move(fields.error())] {
        answer({delivery::AnswerKind::kRefused, error});
      });
      return;
    }
    event_id = fields->event_id;
    fresh = {std::move(*fields), std::move(*payload)};
  }
  engine_->Post([core = core_, event_id = std::move(event_id), fresh = std::move(fresh), arrived_us,
                 answer = std::move(answer)]() mutable {
    if (core->open())
      return core->pipeline->Replay(std::move(event_id), std::move(fresh), arrived_us, std::move(answer));
    answer({delivery::AnswerKind::kRefused, ClosedError()});
  });
}

void EventService::Published(std::uint64_t id, Status result) {
  engine_->Post([core = core_, id, result = std::move(result)]() mutable {
    if (core->publisher) core->publisher->Answer(id, std::move(result));
  });
}

void EventService::PutNote(std::string key, std::string value, std::int64_t lifetime_ms,
                           std::function<void(Status)> noted) {
  if (!closing_)
    return core_->store->PutNote(std::move(key), std::move(value), lifetime_ms, std::move(noted));
  noted(ClosedError());
}

void EventService::FindNote(std::string key, std::function<void(Result<std::optional<std::string>>)> found) {
  if (!closing_) return core_->store->FindNote(std::move(key), std::move(found));
  found(ClosedError());
}

void EventService::Close(std::int64_t grace_ms, std::function<void()> closed) {
  closing_ = true;
  engine_->Post([engine = engine_.get(), core = core_, grace_ms, closed = std::move(closed)]() mutable {
    if (!core->open()) return closed();
    core->pipeline->Stop(grace_ms, [engine, core, closed = std::move(closed)]() mutable {
      // In a turn of its own: the pipeline is still at work here.
      engine->Post([core, closed = std::move(closed)]() mutable {
        if (core->store && core->open() && core->pipeline->left_nothing()) core->store->NothingLeft();
        core->LetGo();
        if (core->store) EndStore(core->context.loop, std::move(core->store), std::move(closed));
      });
    });
  });
}

}  // namespace trunkline::engine

// EventService: admit an event, and be told when it has been dealt with.
#include "engine/event_service.h"

#include <napi.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"
#include "environment.h"
#include "read_options.h"

namespace trunkline::binding {
namespace {

using delivery::Answer;
using delivery::AnswerKind;

// In the order of delivery::AnswerKind.
constexpr std::array<const char*, 6> kAnswerKinds = {"processed", "duplicate", "accepted",
                                                     "dead",      "refused",   "unknown"};

const char* Name(delivery::Verdict verdict) {
  switch (verdict) {
    case delivery::Verdict::kUnsigned:
      return "unsigned";
    case delivery::Verdict::kForged:
      return "forged";
    case delivery::Verdict::kMalformed:
      return "malformed";
    case delivery::Verdict::kFull:
      return "refused";
    case delivery::Verdict::kDone:
      return "duplicate";
    default:
      return "";
  }
}

// { kind, eventId, error? }
Napi::Object MakeVerdict(Napi::Env env, const char* kind, const std::string& event_id, const Error* error) {
  const Napi::Object answer = Napi::Object::New(env);
  answer.Set("kind", kind);
  answer.Set("eventId", event_id);
  if (error != nullptr) answer.Set("error", ToJsError(env, *error).Value());
  return answer;
}

delivery::OrderBy ReadOrderBy(std::string_view name) {
  if (name == "sessionId") return delivery::OrderBy::kSession;
  if (name == "dialogId") return delivery::OrderBy::kDialog;
  return name == "intent" ? delivery::OrderBy::kIntent : delivery::OrderBy::kNone;
}

// Of the platform that is called for each event.
void ReadRequest(Napi::Env env, const Napi::Object& options, engine::EventServiceOptions& read) {
  read.client = ReadClientOptions(env, options);
  ReadLimits(options, read.exchange);
  const Napi::Object resource = GetObject(options, "resource");
  read.exchange.platform = GetString(options, "platform");
  read.exchange.headers = GetPairs(resource, "headers");
  read.pipeline.request = OrThrow(
      env, delivery::RequestTemplate::Compile(GetString(resource, "method"), GetString(resource, "path"),
                                              GetString(resource, "body")));
  read.pipeline.retry = std::make_shared<retry::Policy>(ReadPolicy(GetObject(options, "retry")));
  read.pipeline.timeout_ms = GetInteger(options, "timeoutMs");
}

engine::EventServiceOptions ReadOptions(Napi::Env env, const Napi::Object& options) {
  engine::EventServiceOptions read;
  if (const Napi::Value scheme = options.Get("scheme"); !scheme.IsNull()) {
    read.scheme = GetScheme(env, scheme);
    read.secrets = GetSecrets(env, *read.scheme, options.Get("secrets"));
  }
  read.ring = {
      .capacity = GetSize(options, "ringCapacity"), .ttl_ms = GetInteger(options, "ringTtlMs"), .key = {}};
  read.store.directory = GetString(options, "dataDir");
  read.store.name = GetString(options, "storeName");
  read.store.retention.done_ms = read.ring.ttl_ms;
  if (!options.Get("resource").IsNull()) ReadRequest(env, options, read);
  read.pipeline.publish = {.retry = ReadPolicy(GetObject(options, "publishRetry")),
                           .timeout_ms = GetInteger(options, "publishTimeoutMs")};
  read.pipeline.order_by = ReadOrderBy(GetString(options, "orderBy"));
  read.pipeline.deadline_ms = GetInteger(options, "deadlineMs");
  for (auto& [intent, queue] : GetPairs(options, "routes"))
    read.pipeline.routes.insert_or_assign(intent, queue);
  read.pipeline.default_queue = GetString(options, "defaultQueue");
  read.pipeline.respond_within_ms = GetInteger(options, "respondWithinMs");
  read.pipeline.max_pending = GetSize(options, "maxPending");
  return read;
}

// What completions look at, on the JavaScript thread. They hold it weakly, so that it always dies there, with
// its object.
struct Face {
  Napi::FunctionReference on_finished;
  Napi::FunctionReference publish;
  const delivery::PipelineCounters* counters = nullptr;
  CompletionQueue* completions = nullptr;
  std::size_t promises = 0;
  bool holding = false;

  // The process stays while somebody waits for an answer, or an event is under way.
  void RefreshHold() {
    const bool wanted =
        promises > 0 || (counters != nullptr && counters->pending.load(std::memory_order_relaxed) > 0);
    if (wanted == holding) return;
    holding = wanted;
    if (wanted) {
      completions->Hold();
    } else {
      completions->LetGo();
    }
  }
};

class EventService final : public Napi::ObjectWrap<EventService>, EngineUser {
 public:
  // (options): see lib/services/cognigy-events.js, which makes them. `onFinished` and `publish` are functions
  // or null; `publish(id, queue, eventId, intent, idempotencyKey, payload)` is answered by `published(id)`.
  explicit EventService(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        environment_(Environment::Of(info.Env())),
        completions_(environment_.completions()),
        face_(std::make_shared<Face>()) {
    const Napi::Env env = info.Env();
    const auto options = info[0].As<Napi::Object>();
    face_->completions = completions_.get();
    if (const Napi::Value on_finished = options.Get("onFinished"); on_finished.IsFunction()) {
      face_->on_finished = Napi::Persistent(on_finished.As<Napi::Function>());
    }
    const auto finished = [completions = completions_, face = std::weak_ptr(face_),
                           told = !face_->on_finished.IsEmpty()](const delivery::Finished& end) {
      // Nobody hears of it but the last one under way, which lets the process go.
      if (!told && end.pending > 0) return;
      completions->Post([face, end](Napi::Env post_env, Settlements&) {
        const auto alive = face.lock();
        if (!alive) return;
        alive->RefreshHold();
        if (!alive->on_finished.IsEmpty()) Tell(post_env, *alive, end);
      });
    };
    engine::EventServiceCallbacks callbacks{finished};
    if (const Napi::Value publish = options.Get("publish"); publish.IsFunction()) {
      face_->publish = Napi::Persistent(publish.As<Napi::Function>());
      callbacks.publish = [completions = completions_, face = std::weak_ptr(face_)](
                              std::uint64_t id, const delivery::PublishedMessage& message) {
        completions->Post([face, id, message = CopiedMessage(message)](Napi::Env post_env, Settlements&) {
          if (const auto alive = face.lock()) Hand(post_env, *alive, id, message);
        });
      };
    }
    service_ = OrThrow(env, engine::EventService::Create(environment_.engine(), ReadOptions(env, options),
                                                         std::move(callbacks)));
    face_->counters = &service_->counters().events;
    environment_.Register(*this);
  }

  ~EventService() { Abandon(); }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "EventService",
        {InstanceMethod<&EventService::Open>("open"), InstanceMethod<&EventService::Admit>("admit"),
         InstanceMethod<&EventService::Replay>("replay"),
         InstanceMethod<&EventService::Published>("published"),
         InstanceMethod<&EventService::PutNote>("putNote"),
         InstanceMethod<&EventService::FindNote>("findNote"), InstanceMethod<&EventService::Stats>("stats"),
         InstanceMethod<&EventService::Close>("close")});
  }

 private:
  void Abandon() override {
    if (!service_) return;
    environment_.Unregister(*this);
    if (face_->holding) completions_->LetGo();
    face_.reset();
    last_numbers_ = ReadNumbers();
    service_.reset();
  }

  // What Stats tells, also in an 'exit' listener that runs after the service has been let go.
  struct Numbers {
    std::uint64_t accepted, processed, retried, dead, pending;
    std::int64_t oldest_since_ms;
    delivery::RingUse ring;
  };

  Numbers ReadNumbers() const {
    const delivery::PipelineCounters& events = service_->counters().events;
    return {events.accepted, events.processed,       events.retried,      events.dead,
            events.pending,  events.oldest_since_ms, service_->ring_use()};
  }

  engine::EventService& Service(Napi::Env env) {
    if (!service_) throw ToJsError(env, {.code = ErrorCode::kClosed, .message = "the service is closed"});
    return *service_;
  }

  // A promise of lib/settlements.js, and what settles it from any thread: with what `values(env)` gives.
  class Pending {
   public:
    Pending(EventService& owner, const Napi::Value& slot)
        : slot_(slot.As<Napi::Number>().Uint32Value()), completions_(owner.completions_), face_(owner.face_) {
      ++owner.face_->promises;
      owner.face_->RefreshHold();
    }

    template <typename Values>
    void Finish(Values values) const {
      completions_->Post(
          [slot = slot_, face = face_, values = std::move(values)](Napi::Env env, Settlements& settlements) {
            if (const auto alive = face.lock()) {
              --alive->promises;
              alive->RefreshHold();
            }
            values(env, [&](std::initializer_list<napi_value> list) { settlements.Add(env, slot, list); });
          });
    }

   private:
    std::uint32_t slot_;
    std::shared_ptr<CompletionQueue> completions_;
    std::weak_ptr<Face> face_;
  };

  // Settles with (kind, eventId, error?).
  static delivery::AnswerCallback AnswerTo(Pending pending, std::string event_id) {
    return [pending = std::move(pending), event_id = std::move(event_id)](const Answer& answer) {
      pending.Finish([event_id, answer](Napi::Env env, const auto& settle) {
        const bool failed = answer.kind == AnswerKind::kDead || answer.kind == AnswerKind::kRefused;
        settle({Napi::Number::New(env, static_cast<int>(answer.kind)), Napi::String::New(env, event_id),
                failed ? ToJsError(env, answer.error).Value() : env.Undefined()});
      });
    };
  }

  static void Tell(Napi::Env env, const Face& face, const delivery::Finished& end) {
    face.on_finished.Call({Napi::String::New(env, end.event_id), Napi::Boolean::New(env, end.success),
                           Napi::Number::New(env, end.duration_ms), Napi::Number::New(env, end.attempts),
                           end.success ? env.Undefined() : ToJsError(env, end.error).Value()});
  }

  // What a completion keeps of a message.
  struct CopiedMessage {
    explicit CopiedMessage(const delivery::PublishedMessage& message)
        : queue(message.queue),
          event_id(message.event_id),
          intent(message.intent),
          idempotency_key(message.idempotency_key),
          payload(message.payload) {}
    std::string queue, event_id, intent, idempotency_key, payload;
  };

  static void Hand(Napi::Env env, const Face& face, std::uint64_t id, const CopiedMessage& message) {
    face.publish.Call({Napi::Number::New(env, static_cast<double>(id)), Napi::String::New(env, message.queue),
                       Napi::String::New(env, message.event_id), Napi::String::New(env, message.intent),
                       Napi::String::New(env, message.idempotency_key),
                       Napi::Buffer<char>::Copy(env, message.payload.data(), message.payload.size())});
  }

  // (id, error?): how `publish` has ended. Nothing once the service is gone: then nobody asks any more.
  Napi::Value Published(const Napi::CallbackInfo& info) {
    if (!service_) return info.Env().Undefined();
    const auto id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
    service_->Published(id, info[1].IsObject() ? Status(FromJsError(info[1].As<Napi::Object>())) : Ok());
    return info.Env().Undefined();
  }

  // (slot): settles with the number of unfinished events of earlier runs, or an error
  Napi::Value Open(const Napi::CallbackInfo& info) {
    engine::EventService& service = Service(info.Env());
    service.Open([pending = Pending(*this, info[0])](Result<std::size_t> opened) {
      pending.Finish([opened](Napi::Env env, const auto& settle) {
        if (opened.ok()) {
          settle({Napi::Number::New(env, static_cast<double>(*opened))});
        } else {
          settle({ToJsError(env, opened.error()).Value()});
        }
      });
    });
    return info.Env().Undefined();
  }

  // (slot, body, signature) → { kind, eventId, error? } where that is known at once; else settles with
  // (kind, eventId, error?). The body is copied once, when it has been let in.
  Napi::Value Admit(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const std::int64_t arrived_us = SystemClock().MonotonicUs();
    engine::EventService& service = Service(env);
    std::string body_text;
    std::string signature;
    const ByteView body = GetBody(info[1], body_text);
    delivery::Admitted admitted = service.Admit(body, {GetHeader(info[2], signature)});
    if (admitted.verdict != delivery::Verdict::kClaimed && admitted.verdict != delivery::Verdict::kInFlight) {
      const bool failed =
          admitted.verdict == delivery::Verdict::kMalformed || admitted.verdict == delivery::Verdict::kFull;
      return MakeVerdict(env, Name(admitted.verdict), admitted.fields.event_id,
                         failed ? &admitted.error : nullptr);
    }
    auto answer = AnswerTo(Pending(*this, info[0]), admitted.fields.event_id);
    if (admitted.verdict == delivery::Verdict::kClaimed) {
      service.Accept(std::move(admitted.fields), std::string(AsText(body)), arrived_us, std::move(answer));
    } else {
      service.JoinDuplicate(std::move(admitted.fields.event_id), std::move(answer));
    }
    return env.Undefined();
  }

  // (slot, eventId) or (slot, undefined, body): settles with (kind, eventId, error?)
  Napi::Value Replay(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    engine::EventService& service = Service(env);
    std::string event_id;
    std::optional<std::string> payload;
    if (info[1].IsString()) {
      event_id = info[1].As<Napi::String>().Utf8Value();
    } else {
      std::string body_text;
      payload.emplace(AsText(GetBody(info[2], body_text)));
      auto fields = OrThrow(env, delivery::Admission::Read(AsBytes(*payload)));
      event_id = std::move(fields.event_id);
    }
    service.Replay(event_id, std::move(payload), AnswerTo(Pending(*this, info[0]), event_id));
    return env.Undefined();
  }

  // (slot, key, value, lifetimeMs): settles with nothing, or an error
  Napi::Value PutNote(const Napi::CallbackInfo& info) {
    engine::EventService& service = Service(info.Env());
    service.PutNote(info[1].As<Napi::String>(), info[2].As<Napi::String>(),
                    info[3].As<Napi::Number>().Int64Value(),
                    [pending = Pending(*this, info[0])](Status noted) {
                      pending.Finish([noted = std::move(noted)](Napi::Env env, const auto& settle) {
                        if (noted.ok()) return settle({});
                        settle({ToJsError(env, noted.error()).Value()});
                      });
                    });
    return info.Env().Undefined();
  }

  // (slot, key): settles with the value, undefined where there is none, or an error
  Napi::Value FindNote(const Napi::CallbackInfo& info) {
    engine::EventService& service = Service(info.Env());
    service.FindNote(info[1].As<Napi::String>(),
                     [pending = Pending(*this, info[0])](Result<std::optional<std::string>> found) {
                       pending.Finish([found = std::move(found)](Napi::Env env, const auto& settle) {
                         if (!found.ok()) return settle({ToJsError(env, found.error()).Value()});
                         if (!found->has_value()) return settle({});
                         settle({Napi::String::New(env, **found)});
                       });
                     });
    return info.Env().Undefined();
  }

  Napi::Value Stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Numbers numbers = service_ ? ReadNumbers() : last_numbers_;
    const auto number = [env](std::uint64_t value) {
      return Napi::Number::New(env, static_cast<double>(value));
    };
    const delivery::RingUse& use = numbers.ring;
    const Napi::Object ring = Napi::Object::New(env);
    ring.Set("size", number(use.size));
    ring.Set("capacity", number(use.capacity));
    ring.Set("memoryBytes", number(use.memory_bytes));
    ring.Set("evicted", number(use.evicted));
    const Napi::Object stats = Napi::Object::New(env);
    stats.Set("accepted", number(numbers.accepted));
    stats.Set("processed", number(numbers.processed));
    stats.Set("retried", number(numbers.retried));
    stats.Set("dead", number(numbers.dead));
    stats.Set("pending", number(numbers.pending));
    // The wall clock may have been set back since.
    const std::int64_t age_ms = std::max<std::int64_t>(0, SystemClock().WallMs() - numbers.oldest_since_ms);
    stats.Set("oldestAgeMs",
              Napi::Number::New(env, numbers.oldest_since_ms == 0 ? 0.0 : static_cast<double>(age_ms)));
    stats.Set("ring", ring);
    return stats;
  }

  // (slot, graceMs): settles when it is closed. Nothing else may be called from here on.
  Napi::Value Close(const Napi::CallbackInfo& info) {
    engine::EventService& service = Service(info.Env());
    service.Close(info[1].As<Napi::Number>().Int64Value(), [pending = Pending(*this, info[0])] {
      pending.Finish([](Napi::Env, const auto& settle) { settle({}); });
    });
    return info.Env().Undefined();
  }

  Environment& environment_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<Face> face_;
  std::unique_ptr<engine::EventService> service_;
  Numbers last_numbers_{};
};

}  // namespace

Napi::Function DefineEventService(Napi::Env env) { return EventService::Define(env); }

Napi::Array AnswerKinds(Napi::Env env) {
  const Napi::Array names = Napi::Array::New(env, kAnswerKinds.size());
  for (std::uint32_t i = 0; i < kAnswerKinds.size(); ++i) names.Set(i, kAnswerKinds[i]);
  return names;
}

}  // namespace trunkline::binding

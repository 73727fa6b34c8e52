// EventStore: consumers of the embedded queues, and what looks after dead letters.
#include <napi.h>

#include <memory>

#include "base/clock.h"
#include "classes.h"
#include "convert.h"
#include "engine/store_service.h"
#include "environment.h"
#include "read_options.h"

namespace trunkline::binding {
namespace {

store::StoreOptions ReadOptions(const Napi::Object& options) {
  store::StoreOptions read;
  read.directory = GetString(options, "directory");
  read.name = GetString(options, "name");
  read.role = GetString(options, "role") == "consumer" ? store::Role::kConsumer : store::Role::kOnlooker;
  read.tend_interval_ms = GetInteger(options, "lookEveryMs");
  return read;
}

std::optional<store::Step> StepNamed(std::string_view name) {
  for (const auto step : {store::Step::kPublish, store::Step::kRequest, store::Step::kConsume}) {
    if (name == store::Name(step)) return step;
  }
  return std::nullopt;
}

// { eventId?, sinceMs?, step?, code?, intent?, afterId, limit }
store::DeadLetterFilter ReadFilter(const Napi::Object& object) {
  store::DeadLetterFilter filter;
  if (object.Has("eventId")) filter.event_id = GetString(object, "eventId");
  if (object.Has("sinceMs")) filter.since_ms = GetInteger(object, "sinceMs");
  if (object.Has("step")) filter.step = StepNamed(GetString(object, "step"));
  if (object.Has("code")) filter.code = GetString(object, "code");
  if (object.Has("intent")) filter.intent = GetString(object, "intent");
  filter.after_id = GetInteger(object, "afterId");
  filter.limit = GetInteger(object, "limit");
  return filter;
}

Napi::Value Bytes(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

Napi::Value Number(Napi::Env env, std::int64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Array MakeTries(Napi::Env env, const std::vector<store::Try>& tries) {
  const Napi::Array list = Napi::Array::New(env, tries.size());
  for (std::uint32_t i = 0; i < tries.size(); ++i) {
    const Napi::Object item = Napi::Object::New(env);
    item.Set("at", ToIso8601(tries[i].at));
    item.Set("code", tries[i].code);
    item.Set("status", tries[i].status);
    item.Set("durationMs", Number(env, tries[i].duration_ms));
    list.Set(i, item);
  }
  return list;
}

Napi::Object MakeDeadLetter(Napi::Env env, const store::DeadLetter& letter) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("id", Number(env, letter.id));
  object.Set("seq", Number(env, letter.seq));
  object.Set("eventId", letter.event_id);
  object.Set("intent", letter.intent);
  object.Set("step", store::Name(letter.step));
  object.Set("code", letter.code);
  object.Set("status", letter.status);
  object.Set("error", letter.error);
  object.Set("attempts", Number(env, static_cast<std::int64_t>(letter.tries.size())));
  object.Set("tries", MakeTries(env, letter.tries));
  object.Set("failedAt", ToIso8601(letter.failed_at));
  return object;
}

Napi::Object MakeDepth(Napi::Env env, const store::QueueDepth& depth) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("queue", depth.queue);
  object.Set("ready", Number(env, depth.ready));
  object.Set("taken", Number(env, depth.taken));
  object.Set("oldestAt", Number(env, depth.oldest_at));
  object.Set("read", depth.read);
  return object;
}

template <typename T, typename Make>
Napi::Array MakeArray(Napi::Env env, const std::vector<T>& values, Make make) {
  const Napi::Array list = Napi::Array::New(env, values.size());
  for (std::uint32_t i = 0; i < values.size(); ++i) list.Set(i, make(env, values[i]));
  return list;
}

// What completions look at, on the JavaScript thread. They hold it weakly, so that it always dies there, with
// its object.
struct Face {
  explicit Face(CompletionQueue& queue) : completions(queue) {}
  CompletionQueue& completions;
  Napi::FunctionReference on_message;
  Napi::FunctionReference on_refused;
  std::size_t holders = 0;  // promises, and consumers

  void Add() {
    if (holders++ == 0) completions.Hold();
  }
  void Remove() {
    if (--holders == 0) completions.LetGo();
  }
};

class EventStore final : public Napi::ObjectWrap<EventStore>, EngineUser {
 public:
  // ({ directory, name, role, lookEveryMs, onMessage, onRefused }): see lib/event-store.js.
  explicit EventStore(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        environment_(Environment::Of(info.Env())),
        completions_(environment_.completions()),
        face_(std::make_shared<Face>(*completions_)) {
    const auto options = info[0].As<Napi::Object>();
    face_->on_message = Napi::Persistent(options.Get("onMessage").As<Napi::Function>());
    face_->on_refused = Napi::Persistent(options.Get("onRefused").As<Napi::Function>());
    engine::StoreServiceCallbacks callbacks;
    callbacks.message = [completions = completions_, face = std::weak_ptr(face_)](
                            std::uint32_t consumer, store::QueueMessage message) {
      completions->Post([face, consumer, message = std::move(message)](Napi::Env env, Settlements&) {
        if (const auto alive = face.lock()) Hand(env, *alive, consumer, message);
      });
    };
    callbacks.refused = [completions = completions_, face = std::weak_ptr(face_)](std::uint32_t consumer,
                                                                                  const Error& error) {
      completions->Post([face, consumer, error](Napi::Env env, Settlements&) {
        const auto alive = face.lock();
        if (alive) alive->on_refused.Call({Napi::Number::New(env, consumer), ToJsError(env, error).Value()});
      });
    };
    service_ = std::make_unique<engine::StoreService>(environment_.engine(), ReadOptions(options),
                                                      std::move(callbacks));
    environment_.Register(*this);
  }

  ~EventStore() { Abandon(); }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "EventStore",
        {InstanceMethod<&EventStore::Open>("open"), InstanceMethod<&EventStore::Put>("put"),
         InstanceMethod<&EventStore::Find>("find"), InstanceMethod<&EventStore::DeadLetters>("deadLetters"),
         InstanceMethod<&EventStore::Purge>("purge"), InstanceMethod<&EventStore::Requeue>("requeue"),
         InstanceMethod<&EventStore::QueueDepths>("queueDepths"),
         InstanceMethod<&EventStore::Consume>("consume"), InstanceMethod<&EventStore::Settle>("settle"),
         InstanceMethod<&EventStore::StopConsumer>("stopConsumer"),
         InstanceMethod<&EventStore::Close>("close")});
  }

 private:
  void Abandon() override {
    if (!service_) return;
    environment_.Unregister(*this);
    if (face_->holders > 0) completions_->LetGo();
    face_.reset();
    service_.reset();
  }

  engine::StoreService& Service(Napi::Env env) {
    if (!service_) throw ToJsError(env, {.code = ErrorCode::kClosed, .message = "the event store is closed"});
    return *service_;
  }

  // onMessage(consumer, seq, deliveries, eventId, intent, idempotencyKey, publishedAt, payload)
  static void Hand(Napi::Env env, const Face& face, std::uint32_t consumer,
                   const store::QueueMessage& message) {
    const store::StoredEvent& event = message.event;
    face.on_message.Call({Napi::Number::New(env, consumer), Number(env, event.seq),
                          Napi::Number::New(env, message.deliveries), Napi::String::New(env, event.event_id),
                          Napi::String::New(env, event.intent), Napi::String::New(env, event.idempotency_key),
                          Napi::String::New(env, ToIso8601(event.published_at)), Bytes(env, event.payload)});
  }

  // What settles a promise of lib/settlements.js from any thread: with what `make(env, value)` gives, or an
  // error.
  template <typename T, typename Make>
  std::function<void(Result<T>)> Settling(const Napi::Value& slot, Make make) {
    face_->Add();
    return [slot = slot.As<Napi::Number>().Uint32Value(), completions = completions_,
            face = std::weak_ptr(face_), make](Result<T> result) {
      completions->Post(
          [slot, face, make, result = std::move(result)](Napi::Env env, Settlements& settlements) {
            if (const auto alive = face.lock()) alive->Remove();
            settlements.Add(env, slot,
                            {result.ok() ? make(env, *result) : ToJsError(env, result.error()).Value()});
          });
    };
  }

  static Napi::Value Nothing(Napi::Env env, std::monostate) { return env.Undefined(); }

  // (slot)
  Napi::Value Open(const Napi::CallbackInfo& info) {
    Service(info.Env()).Open(Settling<std::monostate>(info[0], Nothing));
    return info.Env().Undefined();
  }

  // (slot, queue, eventId, intent, idempotencyKey, payload)
  Napi::Value Put(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    std::string text;
    const auto string = [&info](std::size_t at) { return info[at].As<Napi::String>().Utf8Value(); };
    store::StoredEvent message{.event_id = string(2),
                               .intent = string(3),
                               .received_at = SystemClock().WallMs(),
                               .queue = string(1),
                               .idempotency_key = string(4),
                               .payload = std::string(AsText(GetBody(info[5], text)))};
    Service(env).Put(std::move(message),
                     Settling<store::StoredEvent>(info[0], [](Napi::Env made_env, const store::StoredEvent&) {
                       return made_env.Undefined();
                     }));
    return env.Undefined();
  }

  // (slot, eventId): settles with the payload, or undefined
  Napi::Value Find(const Napi::CallbackInfo& info) {
    Service(info.Env())
        .Find(info[1].As<Napi::String>().Utf8Value(),
              Settling<std::optional<store::FoundEvent>>(
                  info[0], [](Napi::Env env, const std::optional<store::FoundEvent>& found) {
                    return found ? Bytes(env, found->event.payload) : env.Undefined();
                  }));
    return info.Env().Undefined();
  }

  // (slot, filter): settles with an array
  Napi::Value DeadLetters(const Napi::CallbackInfo& info) {
    Service(info.Env())
        .DeadLetters(
            ReadFilter(info[1].As<Napi::Object>()),
            Settling<std::vector<store::DeadLetter>>(
                info[0], [](Napi::Env env, const std::vector<store::DeadLetter>& letters) -> Napi::Value {
                  return MakeArray(env, letters, MakeDeadLetter);
                }));
    return info.Env().Undefined();
  }

  // (slot, filter): settles with how many
  Napi::Value Purge(const Napi::CallbackInfo& info) {
    Service(info.Env())
        .Purge(ReadFilter(info[1].As<Napi::Object>()), Settling<std::int64_t>(info[0], Number));
    return info.Env().Undefined();
  }

  // (slot, seq): settles with whether there was such a dead letter
  Napi::Value Requeue(const Napi::CallbackInfo& info) {
    Service(info.Env())
        .Requeue(info[1].As<Napi::Number>().Int64Value(),
                 Settling<bool>(info[0], [](Napi::Env env, bool done) -> Napi::Value {
                   return Napi::Boolean::New(env, done);
                 }));
    return info.Env().Undefined();
  }

  // (slot): settles with an array
  Napi::Value QueueDepths(const Napi::CallbackInfo& info) {
    Service(info.Env())
        .QueueDepths(Settling<std::vector<store::QueueDepth>>(
            info[0], [](Napi::Env env, const std::vector<store::QueueDepth>& depths) -> Napi::Value {
              return MakeArray(env, depths, MakeDepth);
            }));
    return info.Env().Undefined();
  }

  // (consumer, { queue, concurrency, visibleMs, retry })
  Napi::Value Consume(const Napi::CallbackInfo& info) {
    const auto options = info[1].As<Napi::Object>();
    delivery::ConsumerOptions read;
    read.queue = GetString(options, "queue");
    read.concurrency = static_cast<int>(GetInteger(options, "concurrency"));
    read.visible_ms = GetInteger(options, "visibleMs");
    read.retry = std::make_shared<retry::Policy>(ReadPolicy(GetObject(options, "retry")));
    engine::StoreService& service = Service(info.Env());
    face_->Add();
    service.StartConsumer(info[0].As<Napi::Number>().Uint32Value(), std::move(read));
    return info.Env().Undefined();
  }

  // (consumer, seq, deliveries, error?): without one the handler is content
  Napi::Value Settle(const Napi::CallbackInfo& info) {
    if (!service_) return info.Env().Undefined();
    Status result = info[3].IsObject() ? Status(FromJsError(info[3].As<Napi::Object>())) : Ok();
    service_->Settle(info[0].As<Napi::Number>().Uint32Value(), info[1].As<Napi::Number>().Int64Value(),
                     info[2].As<Napi::Number>().Int32Value(), std::move(result));
    return info.Env().Undefined();
  }

  // (slot, consumer, graceMs)
  Napi::Value StopConsumer(const Napi::CallbackInfo& info) {
    engine::StoreService& service = Service(info.Env());
    service.StopConsumer(info[1].As<Napi::Number>().Uint32Value(), info[2].As<Napi::Number>().Int64Value(),
                         [settle = Settling<std::monostate>(info[0], Nothing), completions = completions_,
                          face = std::weak_ptr(face_)] {
                           completions->Post([face](Napi::Env, Settlements&) {
                             if (const auto alive = face.lock()) alive->Remove();  // the consumer's own hold
                           });
                           settle(Ok());
                         });
    return info.Env().Undefined();
  }

  // (slot, graceMs): settles when it is closed. Its consumers have been stopped before.
  Napi::Value Close(const Napi::CallbackInfo& info) {
    engine::StoreService& service = Service(info.Env());
    service.Close(info[1].As<Napi::Number>().Int64Value(),
                  [settle = Settling<std::monostate>(info[0], Nothing)] { settle(Ok()); });
    return info.Env().Undefined();
  }

  Environment& environment_;
  std::shared_ptr<CompletionQueue> completions_;
  std::shared_ptr<Face> face_;
  std::unique_ptr<engine::StoreService> service_;
};

}  // namespace

Napi::Function DefineEventStore(Napi::Env env) { return EventStore::Define(env); }

}  // namespace trunkline::binding

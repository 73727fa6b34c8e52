// An event service: the door on the caller's thread, and behind it on the engine a store, an HTTP client and
// a pipeline.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/admission.h"
#include "delivery/pipeline.h"
#include "engine/callback_publisher.h"
#include "engine/engine.h"
#include "net/http_client.h"
#include "store/store.h"

namespace trunkline::engine {

struct EventServiceOptions {
  std::optional<crypto::SignatureScheme> scheme;  // none: the owner admits only what he trusts
  std::vector<std::vector<std::uint8_t>> secrets;
  std::int64_t tolerance_seconds = 300;
  idempotency::RingOptions ring;
  store::StoreOptions store;
  delivery::PipelineOptions pipeline;
  // Of the platform; not looked at where the pipeline makes no request.
  net::ClientOptions client;
  delivery::ExchangeOptions exchange;
};

// Called on the engine thread. None is called once the service has been destroyed.
struct EventServiceCallbacks {
  std::function<void(const delivery::Finished&)> finished;
  // Takes messages for queues elsewhere; each is answered by Published. Empty: the queues are the store's
  // own.
  CallbackPublisher::Ask publish{};
};

class EventService {
 public:
  // CONFIG_INVALID for options that cannot work. Opens nothing yet.
  static Result<std::unique_ptr<EventService>> Create(std::shared_ptr<Engine> engine,
                                                      EventServiceOptions options,
                                                      EventServiceCallbacks callbacks);
  // Drops what is under way (it is on disk) and waits until the engine has let go: for a graceful end, Close
  // first.
  ~EventService();
  EventService(const EventService&) = delete;
  EventService& operator=(const EventService&) = delete;

  // The methods below are called on one thread, the owner's; answers come on the engine thread, unless said
  // otherwise.

  // Opens the store and the ring, and goes on with unfinished events of members that are gone: how many there
  // are. Before it has succeeded nothing may be admitted: the ring would not know what it has
  // to refuse.
  void Open(std::function<void(Result<std::size_t>)> opened);

  // Verify, read, claim: on the caller's own thread.
  delivery::Admitted Admit(ByteView body, const crypto::SignatureHeaders& signature) {
    return admission_->Admit(body, signature);
  }

  // What Admit has let in (kClaimed), with a copy of the body. Where it is refused at once, `answer` is
  // called at once.
  void Accept(json::EventFields fields, std::string payload, std::int64_t arrived_us,
              delivery::AnswerCallback answer);
  // What Admit has found in flight.
  void JoinDuplicate(std::string event_id, delivery::AnswerCallback answer);
  // By id, or with the whole event.
  void Replay(std::string event_id, std::optional<std::string> payload, delivery::AnswerCallback answer);
  // How the `publish` with that id has ended. One that comes too late, or a second time, changes nothing.
  void Published(std::uint64_t id, Status result);

  // Notes of the owner's, in the store: see store/notes_table.h.
  void PutNote(std::string key, std::string value, std::int64_t lifetime_ms,
               std::function<void(Status)> noted);
  void FindNote(std::string key, std::function<void(Result<std::optional<std::string>>)> found);

  struct Counters {
    delivery::PipelineCounters events;
    delivery::ExchangeCounters platform;
  };
  // Readable at any time.
  const Counters& counters() const { return *counters_; }
  delivery::RingUse ring_use() { return admission_->ring_use(); }

  // Takes nothing more, finishes or parks what is under way within `grace_ms`, writes everything down, lets
  // go of the directory.
  void Close(std::int64_t grace_ms, std::function<void()> closed);

 private:
  struct Core;  // lives on the engine thread

  EventService(std::shared_ptr<Engine> engine, std::shared_ptr<delivery::Admission> admission);

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<delivery::Admission> admission_;  // the store's threads know it too
  std::unique_ptr<Counters> counters_;
  // The engine thread's, but for the pipeline's Accept and the store's notes: both are there until Close has
  // been called.
  std::shared_ptr<Core> core_;
  bool closing_ = false;
};

}  // namespace trunkline::engine

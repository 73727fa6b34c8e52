// One try of one request, whoever carries it out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "net/response_parser.h"

namespace trunkline::net {

class Transport {
 public:
  using Callback = std::function<void(Result<Response>)>;
  // Names a request that is under way; means nothing any more once its callback has begun.
  using Ticket = const void*;
  virtual ~Transport() = default;

  // Sends a request that Serialize made. Any status is a success here. Failures: CONNECTION_FAILED,
  // DNS_FAILED, TLS_FAILED, TIMEOUT
  // (`timeout_ms` from now, waiting for a connection included), MALFORMED_RESPONSE, RESPONSE_TOO_LARGE.
  // The callback never runs inside the call, and not at all once the transport is gone.
  virtual Ticket Send(std::string wire, bool head_request, std::int64_t timeout_ms, Callback callback) = 0;

  // Gives up a request that is under way: its connection is closed if it was on one, and its callback never
  // runs.
  virtual void Cancel(Ticket ticket) = 0;
};

}  // namespace trunkline::net

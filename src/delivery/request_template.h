// The request that an event turns into, as data: a method, a path and a JSON body with placeholders such as
// {sessionId}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/request.h"

namespace trunkline::delivery {

// What placeholders stand for. All of it is fixed once the event has been published, so that every try sends
// the same bytes.
struct TemplateValues {
  std::string_view event_id;
  std::string_view intent;
  std::string_view dialog_id;
  std::string_view session_id;
  std::string_view queue;
  std::int64_t processed_at_ms = 0;  // {processedAt}, as RFC 3339 text
  std::int64_t latency_ms = 0;       // {latencyMs}, a number where it is a whole JSON value
};

class RequestTemplate {
 public:
  // `path`: begins with /; values are percent-encoded into it as segments. `json_body`: JSON text whose
  // strings may hold placeholders; empty: no body. CONFIG_INVALID for an unknown placeholder, naming it and
  // those that exist.
  static Result<RequestTemplate> Compile(std::string method, std::string_view path,
                                         std::string_view json_body);

  net::Request Render(const TemplateValues& values, std::string_view idempotency_key) const;

 private:
  enum class Variable : std::uint8_t {
    kNone,
    kEventId,
    kIntent,
    kDialogId,
    kSessionId,
    kQueue,
    kProcessedAt,
    kLatencyMs
  };
  struct Piece {
    std::string text;  // literal, before the variable
    Variable variable = Variable::kNone;
    bool whole_value = false;  // the placeholder is a JSON value of its own, its quotes included
  };

  static Result<std::vector<Piece>> Split(std::string_view text, bool json);
  // `made` holds the text where it has to be made.
  static std::string_view TextOf(Variable variable, const TemplateValues& values, std::string& made);

  std::string method_;
  std::vector<Piece> path_;
  std::vector<Piece> body_;
  std::size_t body_size_ = 0;  // of its literal text
};

}  // namespace trunkline::delivery

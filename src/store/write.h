// One write, applied in a transaction together with others.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"

namespace trunkline::store {

// What a write is applied in.
struct Transaction {
  Database& database;
  int member;  // the store's number in its directory (membership.h)
  const Clock& clock;
};

class Write {
 public:
  explicit Write(bool is_urgent) : urgent(is_urgent) {}
  virtual ~Write() = default;

  // No write is refused for what it says, only because the store cannot take any: so one that fails takes all
  // the others of its transaction with it.
  virtual Status Apply(Transaction& transaction) = 0;

  // Once the transaction is on disk, or has failed.
  virtual void Finish(Status durable) = 0;

  const bool urgent;  // is somebody waiting for it?
};

// A write with an answer.
template <typename T>
class Request final : public Write {
 public:
  Request(bool is_urgent, std::function<Result<T>(Transaction&)> apply, std::function<void(Result<T>)> answer)
      : Write(is_urgent), apply_(std::move(apply)), answer_(std::move(answer)) {}

  Status Apply(Transaction& transaction) override {
    auto result = apply_(transaction);
    if (!result.ok()) return std::move(result.error());
    result_ = std::move(*result);
    return Ok();
  }

  void Finish(Status durable) override {
    if (!answer_) return;
    if (!durable.ok()) return answer_(std::move(durable.error()));
    answer_(std::move(*result_));
  }

 private:
  std::function<Result<T>(Transaction&)> apply_;
  std::function<void(Result<T>)> answer_;
  std::optional<T> result_;
};

}  // namespace trunkline::store

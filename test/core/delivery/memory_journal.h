// A journal in memory, which answers when the test says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/journal.h"

namespace trunkline::test {

class MemoryJournal final : public store::Journal {
 public:
  // What is stored, by seq.
  struct Row {
    store::StoredEvent event;
    store::EventState state = store::EventState::kUnfinished;
    int messages = 0;  // how often it was to be put into its queue
  };
  std::map<std::int64_t, Row> rows;
  std::map<std::int64_t, store::DeadLetter> dead_letters;
  bool refuse_appends = false;
  bool refuse_records = false;        // MarkPublished, MarkDone, Bury, Reopen
  std::function<bool()> refuse_this;  // asked for each write and look-up, where set
  int buries = 0;                     // asked for
  bool hold_finds = false;            // look-ups are made, and their answers kept in `held`
  std::vector<std::function<void()>> held;

  // Answers what has waited longest, and nothing that comes of it.
  void CommitOne() {
    const auto answer = std::move(waiting_.front());
    waiting_.pop_front();
    answer();
  }
  // Answers everything that waits, and what comes of it.
  void Commit() {
    while (!waiting_.empty()) CommitOne();
  }
  std::size_t waiting() const { return waiting_.size(); }

  const Row* Latest(const std::string& event_id) const {
    const Row* latest = nullptr;
    for (const auto& [seq, row] : rows) {
      if (row.event.event_id == event_id) latest = &row;
    }
    return latest;
  }

  void Append(store::StoredEvent event, Callback<store::StoredEvent> callback) override {
    waiting_.push_back([this, event = std::move(event), callback = std::move(callback)]() mutable {
      if (refuse_appends || (refuse_this && refuse_this())) return callback(Refused());
      event.seq = ++last_seq_;
      if (event.embedded) event.published_at = event.received_at + 3;
      rows[event.seq] = {.event = event, .messages = 1};
      event.payload.clear();
      callback(std::move(event));
    });
  }

  void MarkPublished(std::int64_t seq, std::int64_t at, Recorded callback) override {
    Record(std::move(callback), [this, seq, at] { rows.at(seq).event.published_at = at; });
  }

  void MarkDone(std::int64_t seq, Recorded callback) override {
    Record(std::move(callback), [this, seq] { rows.at(seq).state = store::EventState::kDone; });
  }

  void Bury(store::DeadLetter letter, Recorded callback) override {
    ++buries;
    Record(std::move(callback), [this, letter = std::move(letter)] {
      rows.at(letter.seq).state = store::EventState::kDead;
      dead_letters[letter.seq] = letter;
    });
  }

  void Reopen(std::int64_t seq, bool from_start, Callback<bool> callback) override {
    waiting_.push_back([this, seq, from_start, callback = std::move(callback)] {
      if (refuse_records || (refuse_this && refuse_this())) return callback(Refused());
      Row& row = rows.at(seq);
      if (row.state == store::EventState::kUnfinished) return callback(false);
      row.state = store::EventState::kUnfinished;
      dead_letters.erase(seq);
      if (from_start) {
        ++row.messages;
        if (!row.event.embedded) row.event.published_at = 0;
      }
      callback(true);
    });
  }

  void Find(std::string event_id, Callback<std::optional<store::FoundEvent>> callback) override {
    waiting_.push_back([this, event_id = std::move(event_id), callback = std::move(callback)] {
      if (refuse_this && refuse_this()) return callback(Refused());
      const Row* row = Latest(event_id);
      std::optional<store::FoundEvent> found;
      if (row != nullptr) found = {row->event, row->state};
      if (!hold_finds) return callback(std::move(found));
      held.push_back([callback, found] { callback(found); });
    });
  }

 private:
  static Error Refused() { return {.code = ErrorCode::kStoreUnavailable, .message = "the disk is full"}; }

  void Record(Recorded callback, std::function<void()> apply) {
    waiting_.push_back([this, callback = std::move(callback), apply = std::move(apply)] {
      if (refuse_records || (refuse_this && refuse_this())) return callback(Refused());
      apply();
      callback(Ok());
    });
  }

  std::deque<std::function<void()>> waiting_;
  std::int64_t last_seq_ = 0;
};

}  // namespace trunkline::test

// Since when the oldest of many has been under way, for any thread to read at any time.
#pragma once

#include <atomic>
#include <boost/intrusive/set.hpp>
#include <cstdint>

namespace trunkline::delivery {

// What has an age derives from this. Destroying it takes it out.
class Aged
    : public boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  std::int64_t since_ms() const { return since_ms_; }

 private:
  friend class Oldest;
  std::int64_t since_ms_ = 0;
};

// Adding what is younger than all others takes constant time, and so does removing; adding anything else
// takes the logarithm of how many there are.
class Oldest {
 public:
  // `since_ms`: 0 while there is nothing; outlives this.
  explicit Oldest(std::atomic<std::int64_t>& since_ms) : since_ms_(since_ms) {}

  void Add(Aged& one, std::int64_t since_ms) {
    one.since_ms_ = since_ms;
    by_age_.insert(by_age_.cend(), one);
    Tell();
  }
  void Remove(Aged& one) {
    one.unlink();
    Tell();
  }

 private:
  struct Since {
    using type = std::int64_t;
    type operator()(const Aged& one) const { return one.since_ms_; }
  };

  void Tell() {
    since_ms_.store(by_age_.empty() ? 0 : by_age_.begin()->since_ms_, std::memory_order_relaxed);
  }

  std::atomic<std::int64_t>& since_ms_;
  boost::intrusive::multiset<Aged, boost::intrusive::key_of_value<Since>,
                             boost::intrusive::constant_time_size<false>>
      by_age_;
};

}  // namespace trunkline::delivery

// One after the other within a key, side by side across keys.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

namespace trunkline::delivery {

class KeyedLines;

// What stands in a line derives from this. Destroying it takes it out, but gives nobody the turn: call Leave.
class LineMember
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 private:
  friend class KeyedLines;
  using Line = boost::intrusive::list<LineMember, boost::intrusive::constant_time_size<false>>;
  std::pair<const std::string, Line>* place_ = nullptr;  // while in a line
};

// A line for each key that anybody stands in for: its first member has the turn until it leaves. Constant
// time however long the lines are.
class KeyedLines {
 public:
  // Joins at the end, which nobody does who is in a line. True: `member` is alone there, and has the turn.
  bool Join(LineMember& member, const std::string& key);

  // Who has the turn now because `member` had it; null where that changes nothing. Nothing for one in no
  // line.
  LineMember* Leave(LineMember& member);

  std::size_t size() const { return lines_.size(); }  // lines

 private:
  std::unordered_map<std::string, LineMember::Line> lines_;
};

}  // namespace trunkline::delivery

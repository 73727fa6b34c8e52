// Who works on a data directory at a time. Each store there is a member with a number, which is a byte of one
// file that it keeps locked (open file description locks, fcntl(2)): the system lets go of the lock when the
// process ends, however it ends, so that there is no lease to renew and no clock to trust. The byte itself
// says what kind of member it is, or was: then it may have left work behind.
#pragma once

#include <bitset>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace trunkline::store {

constexpr int kMaxMembers = 128;

enum class MemberKind : char {
  kNone = 0,
  kConsumer = 1,  // has messages in hand
  kServer = 2,    // has events under way
};

// One thread at a time.
class Membership {
 public:
  // Joins as the lowest number that nobody has; but a consumer leaves alone what a server has left, which it
  // could not go on with. On return the door is closed: whoever else joins waits until OpenDoor.
  // STORE_UNAVAILABLE when the file cannot be used, when all numbers are taken, when the door does
  // not open within 30 s, and CLOSED as soon as `give_up` says so.
  static Result<Membership> Join(const std::string& path, MemberKind kind,
                                 const std::function<bool()>& give_up);
  Membership(Membership&& other) noexcept;
  Membership& operator=(Membership&& other) noexcept;
  ~Membership();  // leaves; without Leave before, as a killed process would

  void OpenDoor();

  int number() const { return number_; }
  bool alone() const { return alone_; }          // no other server was a member at the time of joining
  bool left_work() const { return left_work_; }  // an earlier member of this number may have

  // The numbers of members that are gone and may have left work behind, each told once. Until Release it is
  // this one's as well, so that nobody else takes it over meanwhile.
  std::vector<int> TakeDead();
  // What was left behind under that number is somebody's again.
  void Release(int number);

  // One member at a time is the caretaker, who does what needs doing once. True as soon as it is this one.
  bool IsCaretaker();

  // Before a clean end: nothing is left behind.
  void Leave();

 private:
  Membership(int descriptor, int number) : descriptor_(descriptor), number_(number) {}

  int descriptor_;
  int number_;
  bool alone_ = false;
  bool left_work_ = false;
  bool is_caretaker_ = false;
  std::bitset<kMaxMembers> dead_;  // taken and not released
};

}  // namespace trunkline::store

// Names with chosen addresses, for as long as the object lives. One at a time.
#pragma once

#include <string>
#include <vector>

namespace trunkline::test {

class ResolverFake {
 public:
  // No addresses: the name does not exist. Every other name goes to the system.
  ResolverFake(std::string name, std::vector<std::string> addresses);
  ~ResolverFake();
  ResolverFake(const ResolverFake&) = delete;
  ResolverFake& operator=(const ResolverFake&) = delete;
};

}  // namespace trunkline::test

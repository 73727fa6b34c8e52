#include "support/resolver.h"

#include <dlfcn.h>
#include <netdb.h>

#include <cstring>
#include <mutex>

namespace trunkline::test {
namespace {

std::mutex g_mutex;
std::string g_name;
std::vector<std::string> g_addresses;

}  // namespace

ResolverFake::ResolverFake(std::string name, std::vector<std::string> addresses) {
  const std::lock_guard guard(g_mutex);
  g_name = std::move(name);
  g_addresses = std::move(addresses);
}

ResolverFake::~ResolverFake() {
  const std::lock_guard guard(g_mutex);
  g_name.clear();
}

}  // namespace trunkline::test

// libuv finds this one before the C library's.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name, const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** found) noexcept(false) {
  using namespace trunkline::test;
  using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto system = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
  std::vector<std::string> addresses;
  {
    const std::lock_guard guard(g_mutex);
    if (name == nullptr || g_name.empty() || g_name != name) return system(name, service, hints, found);
    addresses = g_addresses;
  }
  if (addresses.empty()) return EAI_NONAME;
  // The C library's own entries, chained: freeaddrinfo frees each by itself.
  addrinfo* last = nullptr;
  for (const std::string& address : addresses) {
    addrinfo* one = nullptr;
    if (const int error = system(address.c_str(), service, hints, &one); error != 0) return error;
    (last != nullptr ? last->ai_next : *found) = one;
    last = one;
  }
  return 0;
}

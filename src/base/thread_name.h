// Names for threads, as `ps -T`, `top -H` and profilers show them.
#pragma once

#include <pthread.h>

namespace trunkline {

// Names the calling thread; at most 15 characters.
inline void NameThisThread([[maybe_unused]] const char* name) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name);
#endif
}

}  // namespace trunkline

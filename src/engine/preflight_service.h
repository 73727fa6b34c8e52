// Preflights for a caller on another thread: they run on the engine.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "net/preflight.h"

namespace trunkline::engine {

// Methods are called on one thread, the owner's; callbacks come on the engine thread, and none after the end.
class PreflightService {
 public:
  explicit PreflightService(std::shared_ptr<Engine> engine);
  // Drops what is under way; waits until the engine has let go.
  ~PreflightService();
  PreflightService(const PreflightService&) = delete;
  PreflightService& operator=(const PreflightService&) = delete;

  // CONFIG_INVALID when `trusted_pem` cannot be read; of other options that cannot work the callback is told.
  Status Start(net::PreflightOptions options, net::Preflight::Callback callback);

 private:
  struct Core;

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Core> core_;  // the engine thread's
};

}  // namespace trunkline::engine

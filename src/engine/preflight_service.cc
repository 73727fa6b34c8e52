#include "engine/preflight_service.h"

#include <cstdint>
#include <unordered_map>
#include <utility>

namespace trunkline::engine {

struct PreflightService::Core {
  std::unordered_map<std::uint64_t, std::unique_ptr<net::Preflight>> running;
  std::uint64_t last_id = 0;

  void Start(net::Context& context, net::PreflightOptions options, net::Preflight::Callback callback) {
    const std::uint64_t id = ++last_id;
    auto preflight = net::Preflight::Create(context, std::move(options),
                                            [this, id, callback](Result<net::PreflightReport> result) {
                                              const auto done = running.extract(id);
                                              callback(std::move(result));
                                            });
    if (!preflight) return callback(std::move(preflight.error()));
    running.emplace(id, std::move(*preflight)).first->second->Start();
  }
};

PreflightService::PreflightService(std::shared_ptr<Engine> engine)
    : engine_(std::move(engine)), core_(std::make_shared<Core>()) {}

PreflightService::~PreflightService() {
  engine_->RunAndWait([this] { core_->running.clear(); });
}

Status PreflightService::Start(net::PreflightOptions options, net::Preflight::Callback callback) {
  if (Status read = engine_->ReadTrust(options.tls, "ca"); !read.ok()) return read;
  engine_->Post([engine = engine_.get(), core = core_, options = std::move(options),
                 callback = std::move(callback)]() mutable {
    core->Start(engine->context(), std::move(options), std::move(callback));
  });
  return Ok();
}

}  // namespace trunkline::engine

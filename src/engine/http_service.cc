#include "engine/http_service.h"

#include <utility>

namespace trunkline::engine {

struct HttpService::Core {
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<delivery::Exchange> exchange;  // refers to the client, and goes first
};

HttpService::HttpService(std::shared_ptr<Engine> engine)
    : engine_(std::move(engine)), core_(std::make_shared<Core>()) {}

Result<std::unique_ptr<HttpService>> HttpService::Create(std::shared_ptr<Engine> engine,
                                                         HttpServiceOptions options) {
  std::unique_ptr<HttpService> service(new HttpService(std::move(engine)));
  Status made = Ok();
  service->engine_->RunAndWait([&] {
    net::Context& context = service->engine_->context();
    options.exchange.base = options.client.base;
    if (options.exchange.credential) {
      made = service->engine_->token_endpoints().Provide(options.exchange.credential->token_url,
                                                         options.client.tls, options.client.allow_insecure);
      if (!made.ok()) return;
    }
    auto client = net::HttpClient::Create(context, std::move(options.client));
    if (!client) {
      made = std::move(client.error());
      return;
    }
    service->core_->client = std::move(*client);
    service->core_->exchange =
        std::make_unique<delivery::Exchange>(std::move(options.exchange), *service->core_->client,
                                             &service->engine_->tokens(), *context.timers, *context.clock);
  });
  if (!made.ok()) return made.error();
  return service;
}

HttpService::~HttpService() {
  engine_->RunAndWait([this] {
    core_->exchange.reset();
    core_->client.reset();
  });
}

void HttpService::Request(std::uint64_t id, delivery::Call call, delivery::Exchange::Callback callback) {
  engine_->Post([core = core_, id, call = std::move(call), callback = std::move(callback)]() mutable {
    if (core->exchange) return core->exchange->Start(id, std::move(call), std::move(callback));
    callback(Error{.code = ErrorCode::kClosed, .message = "the client is closed"});
  });
}

void HttpService::Abort(std::uint64_t id) {
  engine_->Post([core = core_, id] {
    if (core->exchange) core->exchange->Abort(id);
  });
}

void HttpService::Close(std::function<void()> closed) {
  engine_->Post([engine = engine_.get(), core = core_, closed = std::move(closed)]() mutable {
    if (!core->exchange) return closed();
    core->exchange->Drain([engine, core, closed = std::move(closed)]() mutable {
      // In a turn of its own: the exchange may be in the middle of one.
      engine->Post([core, closed = std::move(closed)] {
        core->exchange.reset();
        core->client.reset();
        closed();
      });
    });
  });
}

}  // namespace trunkline::engine

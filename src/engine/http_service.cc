#include "engine/http_service.h"

#include <unordered_map>
#include <utility>

namespace trunkline::engine {

struct HttpService::Core {
  explicit Core(OnEnd on_end) : ended(std::move(on_end)) {}

  struct Request {
    Request(Core& core, std::uint64_t id)
        : pending([&core, id](Result<delivery::Reply> result) {
            const auto done = core.requests.extract(id);  // goes when its owner has been told
            core.ended(id, std::move(result));
          }) {}
    delivery::PendingCall pending;
  };

  const OnEnd ended;
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<delivery::Exchange> exchange;  // refers to the client, and goes first
  std::unordered_map<std::uint64_t, std::unique_ptr<Request>> requests;  // refer to the exchange

  void Reset() {
    requests.clear();
    exchange.reset();
    client.reset();
  }
};

HttpService::HttpService(std::shared_ptr<Engine> engine, OnEnd on_end)
    : engine_(std::move(engine)),
      counters_(std::make_shared<delivery::ExchangeCounters>()),
      core_(std::make_shared<Core>(std::move(on_end))) {}

Result<std::unique_ptr<HttpService>> HttpService::Create(std::shared_ptr<Engine> engine,
                                                         HttpServiceOptions options, OnEnd on_end) {
  if (options.client.tls.verify && !options.client.tls.trusted_pem.empty()) {
    if (Status read = engine->ReadTrust(options.client.tls, "tls.ca"); !read.ok()) return read.error();
  }
  std::unique_ptr<HttpService> service(new HttpService(std::move(engine), std::move(on_end)));
  Status made = Ok();
  service->engine_->RunAndWait([&] {
    net::Context& context = service->engine_->context();
    options.exchange.base = options.client.base;
    auto client = net::HttpClient::Create(context, options.client);
    if (!client) {
      made = std::move(client.error());
      return;
    }
    if (options.exchange.credential) {
      auto endpoint =
          service->engine_->token_endpoints().Provide(*options.exchange.credential, options.client.tls,
                                                      options.token_proxy, options.client.allow_insecure);
      if (!endpoint) {
        made = std::move(endpoint.error());
        return;
      }
      options.exchange.token_endpoint = std::move(*endpoint);  // moved on below: it never leaves this thread
    }
    auto exchange =
        delivery::Exchange::Create(std::move(options.exchange), **client, &service->engine_->tokens(),
                                   *context.timers, *context.clock, *service->counters_);
    if (!exchange) {
      made = std::move(exchange.error());
      return;
    }
    service->client_counters_ = (*client)->shared_counters();
    service->core_->client = std::move(*client);
    service->core_->exchange = std::move(*exchange);
  });
  if (!made.ok()) return made.error();
  return service;
}

HttpService::~HttpService() {
  engine_->RunAndWait([this] { core_->Reset(); });
}

void HttpService::Request(std::vector<Outgoing> batch) {
  engine_->Post([core = core_, batch = std::move(batch)]() mutable {
    for (auto& [id, call] : batch) {
      if (!core->exchange) {
        core->ended(id, Error{.code = ErrorCode::kClosed, .message = "the client is closed"});
        continue;
      }
      auto request = std::make_unique<Core::Request>(*core, id);
      delivery::PendingCall& pending = request->pending;
      core->requests.emplace(id, std::move(request));
      core->exchange->Start(pending, std::move(call));
    }
  });
}

void HttpService::Abort(std::uint64_t id) {
  engine_->Post([core = core_, id] {
    const auto found = core->requests.find(id);
    if (found != core->requests.end()) core->exchange->Abort(found->second->pending);
  });
}

void HttpService::Close(std::int64_t grace_ms, std::function<void()> closed) {
  engine_->Post([engine = engine_.get(), core = core_, grace_ms, closed = std::move(closed)]() mutable {
    if (!core->exchange) return closed();
    core->exchange->Drain(grace_ms, [engine, core, closed = std::move(closed)]() mutable {
      // In a turn of its own: the exchange may be in the middle of one.
      engine->Post([core, closed = std::move(closed)] {
        core->Reset();
        closed();
      });
    });
  });
}

}  // namespace trunkline::engine

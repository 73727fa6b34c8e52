// An issuer that answers when the test says so, and the token endpoints that it names.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "oauth/discovery.h"

namespace trunkline::oauth {

// What a test sees of the way, which belongs to the endpoint.
struct FakeIssuer {
  int gets = 0;
  std::deque<IssuerWay::Callback> open;
  std::map<std::string, std::deque<TokenEndpoint::Callback>> posts;  // by token URL
  std::deque<std::function<void()>> later;

  // Answers the oldest open request for the configuration.
  void Answer(Result<TokenReply> reply) {
    const IssuerWay::Callback callback = std::move(open.front());
    open.pop_front();
    callback(std::move(reply));
  }
  void Refuse(int status) { Answer(TokenReply{.status = status}); }
  void Name(const std::string& token_url, const std::string& issuer = "https://login.example") {
    Answer(TokenReply{
        .status = 200,
        .body = R"({"issuer":")" + issuer + R"(","token_endpoint":")" + token_url + R"(","more":[1]})"});
  }
};

class FakeIssuerWay final : public IssuerWay {
 public:
  explicit FakeIssuerWay(FakeIssuer& seen) : seen_(seen) {}

  void GetConfiguration(Callback callback) override {
    ++seen_.gets;
    seen_.open.push_back(std::move(callback));
  }
  Result<std::shared_ptr<TokenEndpoint>> Open(const std::string& token_url) override {
    if (!token_url.starts_with("https://"))
      return Error{.code = ErrorCode::kConfigInvalid, .message = "plain http"};
    return {std::make_shared<Endpoint>(seen_.posts[token_url])};
  }
  void Later(std::function<void()> job) override { seen_.later.push_back(std::move(job)); }

 private:
  class Endpoint final : public TokenEndpoint {
   public:
    explicit Endpoint(std::deque<Callback>& posts) : posts_(posts) {}
    void Post(const TokenRequest&, Callback callback) override { posts_.push_back(std::move(callback)); }

   private:
    std::deque<Callback>& posts_;
  };
  FakeIssuer& seen_;
};

}  // namespace trunkline::oauth

#include "oauth/discovery.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "json/object_fields.h"

namespace trunkline::oauth {
namespace {

std::string_view WithoutSlash(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return issuer;
}

Error Unusable(const std::string& reason) {
  return {.code = ErrorCode::kMalformedResponse,
          .message = "The issuer's OpenID configuration is of no use: " + reason,
          .hint =
              "Check that the issuer is right, and that no proxy answers in its place; or give the "
              "tokenUrl itself."};
}

}  // namespace

Result<std::string> ParseConfiguration(const TokenReply& reply, std::string_view issuer) {
  if (reply.status < 200 || reply.status > 299) {
    Error error{.code = CodeForStatus(reply.status),
                .message = "The issuer answered " + std::to_string(reply.status) +
                           " when asked for its configuration",
                .status = reply.status,
                .retry_after_ms = reply.retry_after_ms};
    if (error.code == ErrorCode::kNotFound) {
      error.hint =
          "There is no OpenID configuration at the issuer. Check its host and path, or give the tokenUrl "
          "itself.";
    }
    return error;
  }
  std::array<json::Member, 2> members = {{{.name = "issuer"}, {.name = "token_endpoint"}}};
  const Status read = json::PickMembers(AsBytes(reply.body), members, kMaxTokenUrlBytes);
  if (!read) return Unusable(read.error().message);
  auto& [named, token_endpoint] = members;
  // Or whoever may write a document on some server could collect the secrets meant for another (4.3).
  if (named.kind != json::Member::Kind::kText || WithoutSlash(named.text) != WithoutSlash(issuer)) {
    return Error{.code = ErrorCode::kConfigInvalid,
                 .message = "issuer: its OpenID configuration names another issuer",
                 .hint = "Write the issuer exactly as its own configuration does."};
  }
  if (token_endpoint.text.empty()) {
    return Unusable("no token_endpoint of at most " + std::to_string(kMaxTokenUrlBytes) + " characters");
  }
  return std::move(token_endpoint.text);
}

DiscoveredEndpoint::DiscoveredEndpoint(const Clock& clock, std::string issuer, std::unique_ptr<IssuerWay> way)
    : clock_(clock), issuer_(std::move(issuer)), way_(std::move(way)) {}

DiscoveredEndpoint::~DiscoveredEndpoint() = default;

bool DiscoveredEndpoint::Knows() const {
  return found_ && Moment(clock_).MsSince(*asked_) < (found_->ok() ? kLifetimeMs : kErrorRestMs);
}

void DiscoveredEndpoint::Post(const TokenRequest& request, Callback callback) {
  if (waiters_.empty() && Knows()) {
    if (found_->ok()) return (**found_)->Post(request, std::move(callback));
    return way_->Later([callback = std::move(callback), error = found_->error()] { callback(error); });
  }
  waiters_.push_back({request, std::move(callback)});
  if (waiters_.size() == 1) Ask();
}

void DiscoveredEndpoint::Ask() {
  asked_.emplace(clock_);
  way_->GetConfiguration([this, alive = std::weak_ptr(alive_)](Result<TokenReply> reply) {
    if (alive.expired()) return;
    found_ = Judge(std::move(reply));
    if (!found_->ok()) asked_.emplace(clock_);  // the rest counts from the end
    const Found found = *found_;
    // From here on a callback may have destroyed this object.
    for (Waiter& waiter : std::exchange(waiters_, {})) {
      if (found.ok()) {
        (*found)->Post(waiter.request, std::move(waiter.callback));
      } else {
        waiter.callback(found.error());
      }
    }
  });
}

DiscoveredEndpoint::Found DiscoveredEndpoint::Judge(Result<TokenReply> reply) {
  if (!reply) {
    reply.error().message.insert(0, "Discovering the token endpoint: ");
    return std::move(reply.error());
  }
  auto token_url = ParseConfiguration(*reply, issuer_);
  if (!token_url) return std::move(token_url.error());
  auto opened = way_->Open(*token_url);
  if (!opened) return Unusable("its token_endpoint cannot be used: " + opened.error().message);
  return opened;
}

}  // namespace trunkline::oauth

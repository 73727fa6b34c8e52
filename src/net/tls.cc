#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <ctime>
#include <deque>

#include "net/openssl.h"

namespace trunkline::net {
namespace {

std::string TakeText(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Error Invalid(std::string message) {
  ERR_clear_error();
  return {.code = ErrorCode::kConfigInvalid, .message = std::move(message)};
}

// The text of OpenSSL's oldest error, e.g. "wrong version number"; the queue is emptied.
std::string TakeOpenSslReason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "the peer broke off";
}

// What a person can do about a certificate that was refused (X509_V_ERR_*).
std::string CertificateHint(long verdict, const std::string& option) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "The server's certificate has expired. Its operator has to renew it.";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "The server's certificate is not valid yet. Check the clocks on both sides.";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "The certificate is self-signed or from a private CA. Pass that CA as " + option +
             " or NODE_EXTRA_CA_CERTS.";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "The chain is incomplete or ends at an unknown CA. The server has to send its intermediate "
             "certificates, or pass the CA as " +
             option + ".";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "The certificate is for another host. Use the name that it was issued for.";
    default:
      return {};
  }
}

// What a person can do about a handshake that failed, by OpenSSL's oldest error.
std::string HandshakeHint(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return {};
  switch (ERR_GET_REASON(error)) {
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
      return "The server's protocol is too old: TLS 1.2 or 1.3 is needed. Its operator has to enable one.";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "The server does not speak TLS on this port. Check the port.";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "The server asks for a client certificate.";
    default:
      return {};
  }
}

// An X.509 name for people: the most telling part first, in UTF-8.
std::string NameText(const X509_NAME* name) {
  constexpr unsigned long kForm = (ASN1_STRFLGS_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB)) |
                                  XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN |
                                  XN_FLAG_DUMP_UNKNOWN_FIELDS;
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, kForm);
  return TakeText(out);
}

std::string AltNameText(const X509* certificate) {
  const GeneralNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const Bio out(BIO_new(BIO_s_mem()));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (i > 0) BIO_puts(out.get(), ", ");
    GENERAL_NAME_print(out.get(), sk_GENERAL_NAME_value(names.get(), i));
  }
  return TakeText(out);
}

std::int64_t ToWallMs(const ASN1_TIME* time) {
  using namespace std::chrono;
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  const sys_days day = year{parts.tm_year + 1900} / (parts.tm_mon + 1) / parts.tm_mday;
  const auto at =
      day.time_since_epoch() + hours(parts.tm_hour) + minutes(parts.tm_min) + seconds(parts.tm_sec);
  return duration_cast<milliseconds>(at).count();
}

std::string Fingerprint256(const X509* certificate) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    if (i > 0) text += ':';
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

bool IsIpAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

struct TlsContext::Impl {
  std::shared_ptr<const TlsTrust> trust;  // null: nothing is verified
  SslContext context;
  std::string host;
  std::deque<Session> sessions;  // that may be resumed, the newest last

  // OpenSSL calls it for each session that a server offers: after the handshake in TLS 1.3, with its end
  // in 1.2.
  static int Keep(SSL* ssl, SSL_SESSION* session) {
    auto& self = *static_cast<Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (self.trust && SSL_get_verify_result(ssl) != X509_V_OK) return 0;
    self.sessions.emplace_back(session);
    if (self.sessions.size() > kMostSessions) self.sessions.pop_front();
    return 1;  // the reference is ours now
  }

  // The newest; null where there is none. A ticket of TLS 1.3 is used once, or whoever watches could tell
  // that the same client came twice (RFC 8446, C.4).
  Session Take() {
    while (!sessions.empty()) {
      Session newest = std::move(sessions.back());
      sessions.pop_back();
      if (SSL_SESSION_is_resumable(newest.get()) != 1) continue;
      if (SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION) {
        SSL_SESSION_up_ref(newest.get());
        sessions.emplace_back(newest.get());
      }
      return newest;
    }
    return nullptr;
  }
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::Create(const TlsOptions& options, std::string host) {
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->host = std::move(host);
  if (options.verify) impl->trust = options.trust;
  if (options.verify && !impl->trust) {
    auto trust = TlsTrust::Read(options.trusted_pem, "tls.ca");
    if (!trust) return std::move(trust.error());
    impl->trust = std::move(*trust);
  }
  impl->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!impl->context) return Invalid("tls: OpenSSL gave no context");
  SSL_CTX* context = impl->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, impl->trust ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, impl.get());
  SSL_CTX_sess_set_new_cb(context, Impl::Keep);

  if (impl->trust) SSL_CTX_set_cert_store(context, impl->trust->MakeStore());
  if (!options.cert_pem.empty()) {
    const Bio chain = Reader(options.cert_pem);
    const Certificate leaf(PEM_read_bio_X509_AUX(chain.get(), nullptr, nullptr, nullptr));
    if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
      return Invalid("tls.cert: is not readable PEM");
    while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
      if (SSL_CTX_add0_chain_cert(context, next) != 1) X509_free(next);
    }
    ERR_clear_error();
    const Bio in = Reader(options.key_pem);
    const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
      return Invalid("tls.key: does not belong to tls.cert");
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

struct TlsSession::Impl {
  explicit Impl(TlsContext::Impl& shared) : context(shared) {}

  TlsContext::Impl& context;
  Ssl ssl;
  BIO* from_network = nullptr;  // owned by ssl
  BIO* to_network = nullptr;    // owned by ssl
  bool resuming = false;

  bool verified() const { return !context.trust || SSL_get_verify_result(ssl.get()) == X509_V_OK; }

  Error Failed() const {
    Error error{.code = ErrorCode::kTlsFailed, .message = {}};
    if (!verified()) {
      const long verdict = SSL_get_verify_result(ssl.get());
      ERR_clear_error();
      error.message = std::string("the certificate was refused: ") + X509_verify_cert_error_string(verdict);
      error.hint = CertificateHint(verdict, context.trust->option());
    } else {
      error.hint = HandshakeHint(ERR_peek_error());
      error.message = "TLS failed: " + TakeOpenSslReason();
    }
    return error;
  }
};

TlsSession::TlsSession(TlsContext& context) : impl_(std::make_unique<Impl>(context.impl())) {
  impl_->ssl.reset(SSL_new(impl_->context.context.get()));
  impl_->from_network = BIO_new(BIO_s_mem());
  impl_->to_network = BIO_new(BIO_s_mem());
  SSL* ssl = impl_->ssl.get();
  SSL_set_bio(ssl, impl_->from_network, impl_->to_network);
  const std::string& host = impl_->context.host;
  if (IsIpAddress(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
  } else {
    SSL_set1_host(ssl, host.c_str());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  SSL_set_connect_state(ssl);
  if (const Session session = impl_->context.Take())
    impl_->resuming = SSL_set_session(ssl, session.get()) == 1;
}

TlsSession::~TlsSession() {
  if (handshake_done()) {
    // Else OpenSSL takes the connection for one that was cut off, and spoils the sessions that it brought.
    SSL_set_shutdown(impl_->ssl.get(), SSL_SENT_SHUTDOWN);
  } else {
    // A session may have been why, see HttpClient::OnLost: the next connection offers none.
    impl_->context.sessions.clear();
  }
}

bool TlsSession::handshake_done() const { return SSL_is_init_finished(impl_->ssl.get()) == 1; }

bool TlsSession::resuming() const { return impl_->resuming; }

bool TlsSession::resumed() const { return SSL_session_reused(impl_->ssl.get()) == 1; }

std::optional<PeerCertificate> TlsSession::peer_certificate() const {
  // Not SSL_get_peer_certificate, which keeps a refused one to itself.
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(impl_->ssl.get());
  if (sk_X509_num(chain) < 1) return std::nullopt;
  const X509* leaf = sk_X509_value(chain, 0);
  return PeerCertificate{.subject = NameText(X509_get_subject_name(leaf)),
                         .issuer = NameText(X509_get_issuer_name(leaf)),
                         .valid_from_ms = ToWallMs(X509_get0_notBefore(leaf)),
                         .valid_to_ms = ToWallMs(X509_get0_notAfter(leaf)),
                         .subject_alt_name = AltNameText(leaf),
                         .fingerprint256 = Fingerprint256(leaf)};
}

std::string_view TlsSession::protocol() const { return SSL_get_version(impl_->ssl.get()); }

Status TlsSession::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(impl_->ssl.get());
  if (result == 1 && impl_->verified()) return Ok();  // a resumed session keeps the verdict of its first
  if (result == 1) return impl_->Failed();
  const int error = SSL_get_error(impl_->ssl.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Ok();
  return impl_->Failed();
}

Status TlsSession::Receive(std::string_view cipher, std::string& plain, bool& closed) {
  BIO_write(impl_->from_network, cipher.data(), static_cast<int>(cipher.size()));
  if (!handshake_done()) {
    if (Status status = Handshake(); !status.ok()) return status;
    if (!handshake_done()) return Ok();
  }
  ERR_clear_error();
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    std::size_t read = 0;
    const int result = SSL_read_ex(impl_->ssl.get(), buffer.data(), buffer.size(), &read);
    if (result == 1) {
      plain.append(buffer.data(), read);
      continue;
    }
    const int error = SSL_get_error(impl_->ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Ok();
    if (error == SSL_ERROR_ZERO_RETURN) {
      closed = true;
      return Ok();
    }
    return impl_->Failed();
  }
}

Status TlsSession::Send(std::string_view plain) {
  ERR_clear_error();
  std::size_t written = 0;
  if (plain.empty() || SSL_write_ex(impl_->ssl.get(), plain.data(), plain.size(), &written) == 1) return Ok();
  return impl_->Failed();
}

std::string TlsSession::TakeOutput() {
  std::string out(BIO_ctrl_pending(impl_->to_network), '\0');
  if (!out.empty()) BIO_read(impl_->to_network, out.data(), static_cast<int>(out.size()));
  return out;
}

}  // namespace trunkline::net

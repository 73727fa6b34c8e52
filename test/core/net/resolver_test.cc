// Addresses: how they are read, in which order they are tried, and what becomes of a look-up.
#include "net/resolver.h"

#include <gtest/gtest.h>

#include "support/loop.h"
#include "support/resolver.h"

namespace trunkline::net {
namespace {

using test::Loop;

std::vector<Address> Addresses(const std::vector<std::string>& texts) {
  std::vector<Address> addresses;
  for (const std::string& text : texts) addresses.push_back(ParseAddress(text, 443).value());
  return addresses;
}

std::vector<std::string> Texts(const std::vector<Address>& addresses) {
  std::vector<std::string> texts;
  for (const Address& address : addresses) texts.push_back(address.Text());
  return texts;
}

using List = std::vector<std::string>;

TEST(Address, IsReadAsAWhole) {
  for (const char* text : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "2001:db8::1"})
    EXPECT_EQ(ParseAddress(text, 1).value().Text(), text);
  EXPECT_FALSE(ParseAddress("127.0.0.1", 1)->is_ipv6());
  EXPECT_TRUE(ParseAddress("::1", 1)->is_ipv6());
  for (const char* text :
       {"", "localhost", "127.0.0.1.example.com", "127.1", "[::1]", "1.2.3.4.5", "256.0.0.1"})
    EXPECT_FALSE(ParseAddress(text, 1)) << text;
}

TEST(Interleave, FamiliesAlternateAndTheFirstOnesLeads) {
  const auto ordered = [](const List& texts) { return Texts(Interleave(Addresses(texts))); };
  EXPECT_EQ(ordered({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}),
            (List{"::1", "10.0.0.1", "::2", "10.0.0.2", "::3"}));
  EXPECT_EQ(ordered({"10.0.0.1", "10.0.0.2", "::1"}), (List{"10.0.0.1", "::1", "10.0.0.2"}));
  EXPECT_EQ(ordered({"::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"}),
            (List{"::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(ordered({"10.0.0.2", "10.0.0.1"}), (List{"10.0.0.2", "10.0.0.1"})) << "the system's order stays";
  EXPECT_EQ(ordered({"::1"}), List{"::1"});
  EXPECT_EQ(ordered({}), List{});
}

TEST(Resolver, AllAddressesOfANameWithThePort) {
  Loop loop;
  const test::ResolverFake fake("several.test", {"::1", "127.0.0.2"});
  std::optional<Result<std::vector<Address>>> found;
  Resolver resolver(loop.context.loop);
  ASSERT_TRUE(resolver.Resolve("several.test", 8443, [&](auto result) { found = std::move(result); }).ok());
  EXPECT_FALSE(found) << "never inside the call";
  ASSERT_TRUE(loop.RunUntil([&] { return found.has_value(); }));
  ASSERT_TRUE(found->ok());
  EXPECT_EQ(Texts(**found), (List{"::1", "127.0.0.2"}));
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6*>((**found)[0].raw())->sin6_port, htons(8443));
  EXPECT_EQ(reinterpret_cast<const sockaddr_in*>((**found)[1].raw())->sin_port, htons(8443));
}

TEST(Resolver, ANameThatDoesNotExist) {
  Loop loop;
  const test::ResolverFake fake("nobody.test", {});
  std::optional<Result<std::vector<Address>>> found;
  auto resolver = std::make_unique<Resolver>(loop.context.loop);
  const Status begun = resolver->Resolve("nobody.test", 1, [&](auto result) {
    found = std::move(result);
    resolver.reset();
  });
  ASSERT_TRUE(begun.ok());
  ASSERT_TRUE(loop.RunUntil([&] { return found.has_value(); }));
  EXPECT_EQ(found->error().code, ErrorCode::kDnsFailed);
  EXPECT_NE(found->error().message.find("nobody.test"), std::string::npos);
}

TEST(Resolver, ANameThatCannotBeLookedUpAtAll) {
  Loop loop;
  Resolver resolver(loop.context.loop);
  const Status begun = resolver.Resolve(std::string(100'000, 'a'), 1, [](auto) { FAIL(); });
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code, ErrorCode::kDnsFailed);
}

TEST(Resolver, ItsEndGivesTheLookUpUp) {
  for (const int turns : {0, 1, 5}) {
    Loop loop;
    bool called = false;
    {
      Resolver resolver(loop.context.loop);
      ASSERT_TRUE(resolver.Resolve("localhost", 1, [&](auto) { called = true; }).ok());
    }
    loop.Turn(turns);
    EXPECT_FALSE(called);
  }
}

}  // namespace
}  // namespace trunkline::net

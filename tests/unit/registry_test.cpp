#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

namespace fifomq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Opens nothing, and notes what it was asked for.
class NotingTransport final : public Transport {
 public:
  NotingTransport(std::vector<SchemeInfo> schemes, std::vector<std::string>& notes)
      : schemes_(std::move(schemes)), notes_(notes) {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }
  void check(const Endpoint& endpoint, Direction direction) const override {
    notes_.push_back((direction == Direction::send ? "check send " : "check receive ") +
                     endpoint.text());
    if (endpoint.address() == "bad") {
      throw Error(Errc::not_found, endpoint.text(), "it is not there");
    }
  }
  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions&) override {
    notes_.push_back("send " + endpoint.text());
    return nullptr;
  }
  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& options) override {
    notes_.push_back("receive " + endpoint.text() + " " +
                     std::to_string(options.take_at_most.value_or(0)));
    return nullptr;
  }

 private:
  std::vector<SchemeInfo> schemes_;
  std::vector<std::string>& notes_;
};

SchemeInfo scheme(std::string_view name, bool sends, bool receives) {
  SchemeInfo info{.name = name,
                  .form = "",
                  .summary = "",
                  .sender = std::nullopt,
                  .receiver = std::nullopt,
                  .options = {}};
  if (sends) info.sender = Capabilities{};
  if (receives) info.receiver = Capabilities{};
  return info;
}

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    registry_.add(std::make_unique<NotingTransport>(
        std::vector{scheme("pull", false, true), scheme("both", true, true)}, notes_));
    registry_.add(
        std::make_unique<NotingTransport>(std::vector{scheme("push", true, false)}, notes_));
  }

  template <typename Action>
  static std::string complaint(Errc code, Action action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), code);
      return error.what();
    }
    return "nothing";
  }

  std::vector<std::string> notes_;
  Registry registry_;
};

TEST_F(RegistryTest, SchemesAreSortedByName) {
  std::vector<std::string> names;
  for (const SchemeInfo& info : registry_.schemes()) names.emplace_back(info.name);
  EXPECT_THAT(names, ElementsAre("both", "pull", "push"));
}

TEST_F(RegistryTest, OpensWithTheTransportOfTheScheme) {
  registry_.open_sender("push:a?k=v");
  registry_.open_receiver("pull:b", {.log = {}, .take_at_most = 3});
  registry_.open_sender("both:c");
  EXPECT_THAT(notes_, ElementsAre("send push:a?k=v", "receive pull:b 3", "send both:c"));
}

TEST_F(RegistryTest, CheckOpensNothing) {
  EXPECT_EQ(registry_.check("both:a", Direction::send).name, "both");
  EXPECT_EQ(registry_.check("pull:a", Direction::receive).name, "pull");
  EXPECT_THAT(notes_, ElementsAre("check send both:a", "check receive pull:a"));
  EXPECT_EQ(complaint(Errc::not_found, [&] { registry_.check("both:bad", Direction::send); }),
            "both:bad: it is not there [not_found]");
}

TEST_F(RegistryTest, UnknownSchemeNamesTheNearest) {
  EXPECT_EQ(complaint(Errc::invalid_endpoint, [&] { registry_.open_sender("pish:a"); }),
            "pish:a: unknown scheme 'pish'; did you mean 'push'? [invalid_endpoint]");
  EXPECT_THAT(complaint(Errc::invalid_endpoint, [&] { registry_.open_receiver("kafkaesque:a"); }),
              HasSubstr("; known: both, pull, push"));
  EXPECT_THAT(complaint(Errc::invalid_endpoint, [&] { registry_.open_receiver("no endpoint"); }),
              HasSubstr("this is no endpoint"));
}

TEST_F(RegistryTest, WrongDirectionIsSaidBeforeAnythingIsOpened) {
  EXPECT_EQ(complaint(Errc::wrong_direction, [&] { registry_.open_sender("pull:a"); }),
            "pull:a: this endpoint receives and does not send [wrong_direction]");
  EXPECT_EQ(complaint(Errc::wrong_direction, [&] { registry_.open_receiver("push:a"); }),
            "push:a: this endpoint sends and does not receive [wrong_direction]");
  EXPECT_THAT(
      complaint(Errc::wrong_direction, [&] { registry_.check("push:a", Direction::receive); }),
      HasSubstr("sends and does not receive"));
  EXPECT_TRUE(notes_.empty());
}

TEST_F(RegistryTest, ASchemeBelongsToOneTransport) {
  EXPECT_EQ(
      complaint(Errc::invalid_endpoint,
                [&] {
                  registry_.add(std::make_unique<NotingTransport>(
                      std::vector{scheme("new", true, true), scheme("both", true, true)}, notes_));
                }),
      "two transports claim the scheme 'both' [invalid_endpoint]");
  EXPECT_EQ(registry_.schemes().size(), 3U) << "nothing of the refused one is left";
}

}  // namespace
}  // namespace fifomq

// Who answers for the clients' keys: one for each context, and nothing starts without it.
#include "gatekeeper.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <fifomq/error.hpp>

#include "certificate.hpp"
#include "conformance/suite.hpp"
#include "context.hpp"
#include "support/sanitized.hpp"

namespace fifomq::zeromq {
namespace {

constexpr const char* kAddress = "inproc://zeromq.zap.01";

TEST(Gatekeeper, DoesNotStartWhereSomebodyElseAnswers) {
  zmq::context_t context;
  zmq::socket_t other(context, zmq::socket_type::rep);
  other.bind(kAddress);
  try {
    const Gatekeeper keeper(context, "the endpoint");
    FAIL() << "it has started";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::in_use);
    EXPECT_NE(std::string(error.what()).find("the endpoint: "), std::string::npos);
  }
}

TEST(Gatekeeper, AnswersForOneEndAfterAnother) {
  Context context;
  for (int i = 0; i < 100; ++i) const Gate gate(context.gatekeeper(""), "folder");
}

class GateTest : public testing::Test {
 protected:
  std::string ask(std::vector<std::string> parts) {
    zmq::socket_t asks(context_, zmq::socket_type::req);
    asks.set(zmq::sockopt::linger, 0);
    asks.connect(kAddress);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      asks.send(zmq::buffer(parts[i]),
                i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
    std::vector<std::string> answer;
    zmq::message_t part;
    do {
      EXPECT_TRUE(asks.recv(part).has_value());
      answer.push_back(part.to_string());
    } while (part.more());
    EXPECT_EQ(answer.size(), 6U);
    EXPECT_EQ(answer.at(0), "1.0");
    EXPECT_EQ(answer.at(1), "the request");
    return answer.at(2);
  }
  static std::string bytes_of(const std::string& key) {
    std::string bytes(32, '\0');
    zmq_z85_decode(reinterpret_cast<std::uint8_t*>(bytes.data()), key.c_str());
    return bytes;
  }
  std::vector<std::string> question(const Gate& gate, const std::string& key) {
    return {"1.0", "the request", gate.domain(), "192.0.2.1", "", "CURVE", bytes_of(key)};
  }

  zmq::context_t context_;
  conformance::TemporaryFolder folder_;
  Gatekeeper keeper_{context_, ""};
};

TEST_F(GateTest, AsksTheFolderEachTime) {
  Gate gate(keeper_, folder_.path());
  const Certificate client = make_certificate();
  EXPECT_EQ(ask(question(gate, client.public_key)), "400");
  EXPECT_EQ(gate.take_notices().size(), 1U);
  const std::string file = folder_.path() + "/client.key";
  std::ofstream(file) << public_text(client);
  EXPECT_EQ(ask(question(gate, client.public_key)), "200");
  EXPECT_EQ(ask(question(gate, make_certificate().public_key)), "400");
  std::filesystem::remove(file);
  EXPECT_EQ(ask(question(gate, client.public_key)), "400");
}

TEST_F(GateTest, EachGateHasItsOwnClients) {
  const conformance::TemporaryFolder other_folder;
  Gate gate(keeper_, folder_.path());
  Gate other(keeper_, other_folder.path());
  const Certificate client = make_certificate();
  std::ofstream(folder_.path() + "/client.key") << public_text(client);
  EXPECT_EQ(ask(question(gate, client.public_key)), "200");
  EXPECT_EQ(ask(question(other, client.public_key)), "400");
}

TEST_F(GateTest, WhatIsNoQuestionIsRefused) {
  Gate gate(keeper_, folder_.path());
  const Certificate client = make_certificate();
  std::ofstream(folder_.path() + "/client.key") << public_text(client);
  const std::vector<std::string> right = question(gate, client.public_key);
  EXPECT_EQ(ask(right), "200");
  for (const auto& [part, text] :
       {std::pair(2, "unknown"), std::pair(5, "NULL"), std::pair(6, "")}) {
    std::vector<std::string> wrong = right;
    wrong.at(static_cast<std::size_t>(part)) = text;
    EXPECT_EQ(ask(wrong), "400") << part;
  }
  EXPECT_EQ(ask({"1.0", "the request"}), "400");
}

TEST_F(GateTest, AFolderThatIsGoneLetsNobodyIn) {
  Gate gate(keeper_, folder_.path() + "/gone");
  EXPECT_EQ(ask(question(gate, make_certificate().public_key)), "400");
  const auto notices = gate.take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices.front().find("refused 192.0.2.1: "), std::string::npos) << notices.front();
}

// At whichever instant of its thread's first 200 us, in which it begins to wait.
TEST(Gatekeeper, EndsWhenItIsToldTo) {
  for (int i = 0; i < (test::kSanitized ? 800 : 4'000); ++i) {
    zmq::context_t context;
    const Gatekeeper keeper(context, "test");
    const Deadline then = Deadline::after(std::chrono::microseconds(i % 200));
    while (!then.expired()) {
    }
  }
}

}  // namespace
}  // namespace fifomq::zeromq

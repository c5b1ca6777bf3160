// Every byte of a small spool flipped, one at a time, and every file of it cut at every length: it
// opens, at most what was hit is lost, that is counted and announced, and nothing wrong comes.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>

#include "conformance/suite.hpp"
#include "record.hpp"
#include "support/sanitized.hpp"

namespace fifomq::spool {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSegments = 3;
constexpr std::uint64_t kInEach = 13;
constexpr std::uint64_t kMessages = kSegments * kInEach;
constexpr std::uint64_t kCommitted = 5;  // of the first segment
// A sanitizer makes each try ten times as slow: it looks at fewer places, and at each file's ends.
constexpr std::size_t kStride = test::kSanitized ? 13 : 1;

// A payload in which a record of ours stands, as one that was copied from a spool: what the damage
// of an outer record lays open must not be taken for one.
std::string payload(std::uint64_t number) {
  std::string bytes = "message " + std::to_string(number) + " ";
  for (std::size_t i = 0; i < 120 + number % 7; ++i) {
    bytes += static_cast<char>((number * 131 + i * i * 7) % 256);
  }
  std::string head(kHeadBytes, '\0');
  write_head(reinterpret_cast<std::byte*>(head.data()), {.salt = 1, .position = number}, 20);
  return bytes + head + std::string(20, 'x');
}

using Files = std::map<std::string, std::string>;

Files read_files(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return files;
}

bool is_segment(const std::string& name) { return name.ends_with(".segment"); }

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t segment = 0; segment < kSegments; ++segment) {
      const auto sender = registry_.open_sender(endpoint());
      for (std::uint64_t i = 0; i < kInEach; ++i) send(*sender, segment * kInEach + i);
    }
    {
      const auto receiver = registry_.open_receiver(endpoint(), {.explicit_commit = true});
      for (std::uint64_t i = 0; i < kCommitted; ++i) {
        MessageView message;
        ASSERT_EQ(receiver->receive(message, Deadline::now()), ReceiveResult::received);
      }
      receiver->commit(kCommitted);
    }
    files_ = read_files(path_);
    fs::copy(path_, whole_);
  }

  std::string endpoint() const { return "spool:" + path_ + "?sync=never"; }

  static void send(Sender& sender, std::uint64_t number) {
    const std::string bytes = payload(number);
    ASSERT_EQ(sender.send({.payload = as_byte_view(bytes),
                           .origin = Origin{.writer = 7, .sequence = number + 1}},
                          Deadline::now()),
              SendResult::sent);
  }

  // The spool with one file as it is said.
  void write_files(const std::string& damaged, const std::string& content) const {
    for (const auto& entry : fs::directory_iterator(path_)) fs::remove(entry);
    for (const auto& [name, bytes] : files_) {
      const std::string to = path_ + "/" + name;
      if (name != damaged && is_segment(name)) {
        fs::create_hard_link(whole_ + "/" + name, to);  // nobody writes to one again
      } else {
        std::ofstream(to, std::ios::binary) << (name == damaged ? content : bytes);
      }
    }
  }

  // What comes from the spool as it stands: the messages' numbers. Each is what was sent, and they
  // are in order.
  std::vector<std::uint64_t> receive_all() {
    said_.clear();
    const auto receiver = registry_.open_receiver(
        endpoint(), {.log = [this](LogLevel, std::string_view text) { said_.emplace_back(text); },
                     .explicit_commit = true});
    std::vector<std::uint64_t> numbers;
    MessageView message;
    while (receiver->receive(message, Deadline::now()) == ReceiveResult::received) {
      const std::uint64_t number = message.origin->sequence - 1;
      EXPECT_TRUE(numbers.empty() || number > numbers.back());
      EXPECT_EQ(as_text(message.payload), payload(number));
      EXPECT_EQ(message.origin->writer, 7U);
      EXPECT_TRUE(message.unknown_fields.empty());
      numbers.push_back(number);
    }
    counters_ = receiver->counters();
    EXPECT_TRUE(counters_.balanced());
    return numbers;
  }

  // And it goes on.
  void expect_goes_on() {
    {
      const auto sender = registry_.open_sender(endpoint());
      send(*sender, kMessages);
    }
    const auto numbers = receive_all();
    ASSERT_FALSE(numbers.empty());
    EXPECT_EQ(numbers.back(), kMessages);
  }

  void expect_missing(const std::set<std::uint64_t>& numbers) {
    std::vector<std::uint64_t> wanted;
    for (std::uint64_t number = kCommitted; number < kMessages; ++number) {
      if (!numbers.contains(number)) wanted.push_back(number);
    }
    EXPECT_EQ(receive_all(), wanted);
    EXPECT_EQ(counters_.bytes_skipped > 0, !numbers.empty());
    EXPECT_EQ(!said_.empty(), !numbers.empty()) << (said_.empty() ? "" : said_.front());
  }

  // Which message each byte of a segment belongs to, and where the first one ends.
  std::vector<std::uint64_t> owners(const std::string& name) const {
    std::vector<std::uint64_t> owners;
    const std::string& bytes = files_.at(name);
    std::uint64_t number = 0;
    for (const auto& [other, content] : files_) {
      if (is_segment(other) && other < name) number += kInEach;
    }
    while (owners.size() < bytes.size()) {
      std::uint64_t body = 0;
      std::memcpy(&body, bytes.data() + owners.size() + 8, sizeof body);
      owners.insert(owners.end(), kHeadBytes + body, number++);
    }
    return owners;
  }

  conformance::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/spool";
  const std::string whole_ = folder_.path() + "/whole";
  const Registry registry_ = builtin_transports();
  Files files_;
  std::vector<std::string> said_;
  Counters counters_;
};

TEST_F(Damage, TheSpoolIsWhatTheSweepsTakeItFor) {
  std::size_t bytes = 0;
  std::size_t segments = 0;
  for (const auto& [name, content] : files_) {
    bytes += content.size();
    segments += is_segment(name) ? 1 : 0;
  }
  EXPECT_EQ(segments, kSegments);
  EXPECT_GE(bytes, 8'000U);
  expect_missing({});
  expect_goes_on();
}

TEST_F(Damage, AFlippedByteCostsTheMessageItStandsIn) {
  std::size_t tried = 0;
  for (const auto& [name, content] : files_) {
    const std::vector<std::uint64_t> owner =
        is_segment(name) ? owners(name) : std::vector<std::uint64_t>(content.size(), 0);
    for (std::size_t at = 0; at < content.size() && !HasFailure(); at += kStride) {
      SCOPED_TRACE(name + ", byte " + std::to_string(at));
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      write_files(name, damaged);
      const bool hits = is_segment(name) && owner[at] >= kCommitted;
      expect_missing(hits ? std::set{owner[at]} : std::set<std::uint64_t>{});
      if (hits) {
        EXPECT_EQ(counters_.frames_damaged, 1U);
        EXPECT_EQ(counters_.sequence_gaps,
                  owner[at] == kCommitted || owner[at] == kMessages - 1 ? 0U : 1U);
      }
      if (tried++ % 16 == 0) expect_goes_on();
    }
  }
  std::printf("%zu bytes flipped\n", tried);
}

TEST_F(Damage, ACutFileCostsWhatStoodBehindTheCut) {
  std::size_t tried = 0;
  for (const auto& [name, content] : files_) {
    const std::vector<std::uint64_t> owner =
        is_segment(name) ? owners(name) : std::vector<std::uint64_t>{};
    for (std::size_t size = 0; size < content.size() && !HasFailure(); size += kStride) {
      SCOPED_TRACE(name + ", cut to " + std::to_string(size));
      write_files(name, content.substr(0, size));
      std::set<std::uint64_t> missing;
      if (is_segment(name)) missing.insert(owner.begin() + static_cast<long>(size), owner.end());
      std::erase_if(missing, [](std::uint64_t number) { return number < kCommitted; });
      expect_missing(missing);
      if (tried++ % 16 == 0) expect_goes_on();
    }
  }
  std::printf("%zu lengths\n", tried);
}

// As after a power failure that has kept the size and lost the bytes.
TEST_F(Damage, BlocksOfZerosCostWhatStoodInThem) {
  for (const auto& [name, content] : files_) {
    if (!is_segment(name)) continue;
    const std::vector<std::uint64_t> owner = owners(name);
    for (std::size_t at = 0; at + 512 <= content.size() && !HasFailure(); at += 512) {
      SCOPED_TRACE(name + ", zeros from " + std::to_string(at));
      std::string damaged = content;
      damaged.replace(at, 512, 512, '\0');
      write_files(name, damaged);
      std::set<std::uint64_t> missing(owner.begin() + static_cast<long>(at),
                                      owner.begin() + static_cast<long>(at + 512));
      std::erase_if(missing, [](std::uint64_t number) { return number < kCommitted; });
      expect_missing(missing);
    }
  }
}

// As of a sender that found the disk full, and could not even cut off what it had begun to write.
TEST_F(Damage, WhatStandsBehindTheNextSegmentsBeginningIsNothing) {
  for (const auto& [name, content] : files_) {
    if (!is_segment(name) || owners(name).back() == kMessages - 1) continue;
    SCOPED_TRACE(name);
    for (const std::size_t size : {std::size_t{1}, kHeadBytes, std::size_t{100}, content.size()}) {
      write_files(name, content + content.substr(0, size));
      expect_missing({});
    }
  }
}

// Where both copies are hit, nothing is lost either: what was done with comes again.
TEST_F(Damage, WithoutItsPlaceItBeginsWithTheOldest) {
  files_["committed.1"] = "";
  write_files("committed.0", "");
  std::vector<std::uint64_t> all(kMessages);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(receive_all(), all);
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("comes again"), std::string::npos) << said_[0];
}

TEST_F(Damage, ASegmentThatIsGoneIsMissed) {
  for (const auto& [name, content] : Files(files_)) {
    if (!is_segment(name)) continue;
    SCOPED_TRACE(name);
    write_files("", "");
    fs::remove(path_ + "/" + name);
    const auto owner = owners(name);
    std::set<std::uint64_t> missing(owner.begin(), owner.end());
    std::erase_if(missing, [](std::uint64_t number) { return number < kCommitted; });
    const bool is_last = missing.contains(kMessages - 1);
    if (is_last) expect_goes_on();  // who has come last tells what is missing before it
    if (!is_last) expect_missing(missing);
    EXPECT_GT(counters_.bytes_skipped, 0U);
  }
}

}  // namespace
}  // namespace fifomq::spool

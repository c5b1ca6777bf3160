// Every state that a sender and a receiver of zmq+reliable can get into is searched, within bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <iostream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "reliable_world.hpp"

namespace fifomq::zeromq {
namespace {

struct KeyHash {
  std::size_t operator()(const std::array<std::uint64_t, 2>& key) const { return key[0]; }
};

class Search {
 public:
  explicit Search(const Budget& budget) { add(World(budget), 0, {"begin"}); }

  void run() {
    for (std::size_t at = 0; at < states_.size() && !testing::Test::HasFailure(); ++at) {
      World from = std::move(frontier_.front());
      frontier_.pop_front();
      finished_ += from.finished() ? 1 : 0;
      for (const World::Action& action : from.actions()) {
        World to = from;
        to.act(action);
        add(std::move(to), at, action);
      }
      World fair = from;
      fair.run_fair();
      if (!fair.broken().empty() || !fair.finished()) fail(at, "no progress " + fair.broken());
    }
    std::cout << states_.size() << " states, " << finished_ << " of them at the end\n";
    EXPECT_GT(finished_, 0U);
  }

  std::size_t states() const { return states_.size(); }

 private:
  struct State {
    std::size_t from;
    World::Action action;
  };

  void add(World world, std::size_t from, const World::Action& action) {
    if (!seen_.insert(world.key()).second) return;
    states_.push_back({from, action});
    if (!world.broken().empty()) return fail(states_.size() - 1, world.broken());
    frontier_.push_back(std::move(world));
  }

  void fail(std::size_t at, const std::string& what) {
    std::vector<std::string> path;
    for (; at != 0; at = states_[at].from) {
      path.push_back(std::string(states_[at].action.name) + " " +
                     std::to_string(states_[at].action.argument));
    }
    std::string text = what + ", after:";
    std::ranges::reverse(path);
    for (const std::string& step : path) text += "\n  " + step;
    ADD_FAILURE() << text;
  }

  std::unordered_set<std::array<std::uint64_t, 2>, KeyHash> seen_;
  std::vector<State> states_;
  std::deque<World> frontier_;
  std::size_t finished_ = 0;
};

std::size_t search(const Budget& budget) {
  Search search(budget);
  search.run();
  return search.states();
}

TEST(ReliableModel, Losses) { EXPECT_GT(search({.messages = 3}), 10'000U); }
TEST(ReliableModel, Repeats) { EXPECT_GT(search({.messages = 2, .repeats = 1}), 10'000U); }
TEST(ReliableModel, Reconnects) { EXPECT_GT(search({.messages = 2, .reconnects = 1}), 10'000U); }
TEST(ReliableModel, ReceiverCrashes) {
  EXPECT_GT(search({.messages = 2, .receiver_crashes = 1}), 10'000U);
}
TEST(ReliableModel, SenderCrashes) {
  EXPECT_GT(search({.messages = 1, .sender_crashes = 1}), 10'000U);
}
TEST(ReliableModel, BothCrash) {
  EXPECT_GT(search({.messages = 1, .receiver_crashes = 1, .sender_crashes = 1}), 10'000U);
}

}  // namespace
}  // namespace fifomq::zeromq

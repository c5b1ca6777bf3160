// What the service manager is told of a service that has more than one loop.
#include "service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"

namespace fifomq {
namespace {

// What a service manager that watches tells of itself.
class ManagersEnvironment {
 public:
  explicit ManagersEnvironment(const std::string& path) {
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    setenv("WATCHDOG_USEC", "2000000", 1);
    unsetenv("WATCHDOG_PID");
  }
  ManagersEnvironment(const ManagersEnvironment&) = delete;
  ManagersEnvironment& operator=(const ManagersEnvironment&) = delete;
  ManagersEnvironment(ManagersEnvironment&&) = delete;
  ManagersEnvironment& operator=(ManagersEnvironment&&) = delete;
  ~ManagersEnvironment() {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
  }
};

class WatchedService : public testing::Test {
 protected:
  WatchedService() {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  // All that was told since this was asked last.
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    std::string text(1024, '\0');
    while (true) {
      const ssize_t size = recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
      if (size < 0) return all;
      all.emplace_back(text, 0, static_cast<std::size_t>(size));
    }
  }
  static std::string life(const std::string& status) { return "WATCHDOG=1\nSTATUS=" + status; }

  using Texts = std::vector<std::string>;

  conformance::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/notify";
  core::UniqueFd socket_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const ManagersEnvironment environment_{path_};
  ServiceManager manager_ = ServiceManager::of_environment({});
};

TEST_F(WatchedService, LivesWhenEachOfItsLoopsDoes) {
  WatchedLoop one(manager_);
  WatchedLoop other(manager_);
  one.alive("one");
  one.alive("one again");
  EXPECT_EQ(told(), Texts()) << "the other one may hang";
  other.alive("other");
  EXPECT_EQ(told(), Texts{life("other")});
  other.alive("other");
  EXPECT_EQ(told(), Texts()) << "the first one may hang by now";
  one.alive("one");
  EXPECT_EQ(told(), Texts{life("one")});
}

TEST_F(WatchedService, DoesNotWaitForALoopThatHasEnded) {
  auto ended = std::make_unique<WatchedLoop>(manager_);
  WatchedLoop stays(manager_);
  stays.alive("alive");
  EXPECT_EQ(told(), Texts());
  ended.reset();
  stays.alive("alive");
  EXPECT_EQ(told(), Texts{life("alive")});
}

TEST_F(WatchedService, IsAsPatientAsItsMostPatientLoop) {
  WatchedLoop one(manager_);
  WatchedLoop other(manager_);
  one.set_patience(4);
  EXPECT_EQ(told(), Texts{"WATCHDOG=1\nWATCHDOG_USEC=8000000"});
  other.set_patience(2);
  EXPECT_EQ(told(), Texts());
  one.set_patience(1);
  EXPECT_EQ(told(), Texts{"WATCHDOG=1\nWATCHDOG_USEC=4000000"});
  other.set_patience(1);
  EXPECT_EQ(told(), Texts{"WATCHDOG=1\nWATCHDOG_USEC=2000000"});
}

}  // namespace
}  // namespace fifomq

#include "guarantee.hpp"

namespace fifomq {

Guarantee guarantee_of(const Capabilities& from, const Capabilities& to) {
  if (from.explicit_commit && to.acknowledges) {
    return {kAtLeastOnce, "what the far end has not acknowledged is read again after a crash"};
  }
  std::string why;
  if (!from.explicit_commit) why = "what has been read from FROM is not read again after a crash";
  if (!to.acknowledges) {
    why +=
        std::string(why.empty() ? "" : "; ") + "TO does not learn what the far end has taken over";
  }
  return {kAtMostOnce, why};
}

}  // namespace fifomq

// What libnats gives out, owned.
#pragma once

#include <nats/nats.h>

#include <memory>

namespace fifomq::jetstream {

// Not in a forked child of the process that opened libnats: its threads are not there, and what
// they held is held for ever.
bool library_is_here() noexcept;

template <auto Destroy>
struct Destroyed {
  template <typename T>
  void operator()(T* handle) const {
    if (library_is_here()) Destroy(handle);
  }
};

using OptionsHandle = std::unique_ptr<natsOptions, Destroyed<natsOptions_Destroy>>;
using ConnectionHandle = std::unique_ptr<natsConnection, Destroyed<natsConnection_Destroy>>;
using SubscriptionHandle = std::unique_ptr<natsSubscription, Destroyed<natsSubscription_Destroy>>;
using MessageHandle = std::unique_ptr<natsMsg, Destroyed<natsMsg_Destroy>>;
using JetStreamHandle = std::unique_ptr<jsCtx, Destroyed<jsCtx_Destroy>>;
using StreamInfoHandle = std::unique_ptr<jsStreamInfo, Destroyed<jsStreamInfo_Destroy>>;

}  // namespace fifomq::jetstream

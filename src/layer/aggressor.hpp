#pragma once

#include <functional>
#include <string>

#include "comm/network_load.hpp"
#include "comm/orders.hpp"
#include "core/heartbeat.hpp"
#include "layer/exchange_sweep.hpp"

namespace epsim {

/// Of an aggressor, bytes.
inline constexpr int64_t aggressor_message_bytes = 1 << 20;

/// Make each step two, the first without and the second with load from the aggressors.
void alternate_load(ExchangeCase& exchange);

/// Turns the aggressors on and off, on the ranks that measure beside them. Every call is collective
/// over these ranks, and the aggressors answer from serve_load().
class LoadSwitch {
public:
    explicit LoadSwitch(Orders& orders) : orders_(orders) {}

    /// Returns when the load runs, or when its last message has arrived.
    void set(bool on);
    /// The last call: the aggressors return.
    void end();
    /// That an aggressor was asked to stop.
    bool interrupted() const noexcept { return interrupted_; }

private:
    Orders& orders_;
    bool on_ = false, interrupted_ = false;
};

/// What an aggressor does until the others end it: load the network while it is told to, sleep
/// else. Collective over the aggressors.
/// \param interrupted what the others get to know whenever load begins or ends
void serve_load(Orders& orders, NetworkLoad& load, Communicator const& aggressors,
                std::function<bool()> const& interrupted, Heartbeat& heartbeat);

}  // namespace epsim

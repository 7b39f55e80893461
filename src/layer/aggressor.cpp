#include "layer/aggressor.hpp"

#include <utility>

namespace epsim {
namespace {

enum Order { load, rest, leave };

}  // namespace

void alternate_load(ExchangeCase& exchange) {
    decltype(exchange.rows) twice;
    for (auto& step : exchange.rows) {
        twice.push_back(step);
        twice.push_back(std::move(step));
        exchange.loaded.insert(exchange.loaded.end(), {0, 1});
    }
    exchange.rows = std::move(twice);
}

void LoadSwitch::set(bool on) {
    if (on == on_) return;
    on_ = on;
    orders_.say(on ? load : rest);
    interrupted_ |= orders_.meet(false);
}

void LoadSwitch::end() {
    orders_.say(leave);
}

void serve_load(Orders& orders, NetworkLoad& network, Communicator const& aggressors,
                std::function<bool()> const& interrupted, Heartbeat& heartbeat) {
    for (;;) {
        heartbeat.enter("waiting to load the network");
        orders.listen();
        if (orders.order() == leave) return;
        heartbeat.enter("loading the network");
        network.burst(true);
        orders.join(interrupted());
        orders.listen();
        while (network.burst(!(aggressors.is_root() && orders.heard()))) heartbeat.beat();
        if (orders.order() == leave) return;
        orders.meet(interrupted());
    }
}

}  // namespace epsim

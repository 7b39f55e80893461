#include <algorithm>
#include <cmath>

#include "schedule/machine_limits.hpp"

namespace epsim {

LowerBound MachineLimits::gathered(ExchangeSchedule const& schedule) const {
    auto const ranks = rank_.size(), nodes = node_.size();
    std::vector<double> received(ranks), written(nodes), arrives(nodes), leaves(nodes);
    Array<double, 2> to_node({static_cast<int64_t>(ranks), static_cast<int64_t>(nodes)});
    for (auto const& round : schedule.rounds)
        for (auto const& message : round) {
            if (message.from == message.to) continue;
            auto const from = static_cast<std::size_t>(index(message.from));
            auto const to = static_cast<std::size_t>(index(message.to));
            auto const bytes = static_cast<double>(message.bytes);
            received[to] += bytes;
            written[node_of(to)] += bytes;
            auto& most = to_node(index(message.from), static_cast<int64_t>(node_of(to)));
            if (node_of(from) != node_of(to)) most = std::max(most, bytes);
        }
    for (std::size_t from = 0; from < ranks; ++from) {
        double most = 0;
        for (std::size_t n = 0; n < nodes; ++n) {
            double const bytes = to_node(static_cast<int64_t>(from), static_cast<int64_t>(n));
            arrives[n] += bytes;
            most = std::max(most, bytes);
        }
        leaves[node_of(from)] += most;
    }

    LowerBound bound;
    auto const& node = rank_ports_[static_cast<std::size_t>(LinkClass::node)];
    auto const& network = rank_ports_[static_cast<std::size_t>(LinkClass::network)];
    for (std::size_t r = 0; r < ranks; ++r) {
        bool const alone = std::isnan(node.in[r].alpha);
        if (received[r] > 0)
            bound.raise(together(node.in[r], network.in[r]).seconds(received[r]),
                        alone ? Resource::network_port : Resource::node_port);
        bound.raise(memory_seconds(rank_[r], 0, received[r]), Resource::rank_memory);
    }
    auto const& ports = node_ports_[static_cast<std::size_t>(LinkClass::network)];
    for (std::size_t n = 0; n < nodes; ++n) {
        if (arrives[n] > 0) bound.raise(ports.in[n].seconds(arrives[n]), Resource::network_port);
        if (leaves[n] > 0) bound.raise(ports.out[n].seconds(leaves[n]), Resource::network_port);
        bound.raise(memory_seconds(node_[n], 0, written[n]), Resource::node_memory);
    }
    return bound;
}

}  // namespace epsim

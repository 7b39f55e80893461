#include "schedule/machine_limits.hpp"

namespace epsim {
namespace {

constexpr auto node_class = static_cast<std::size_t>(LinkClass::node);
constexpr auto network_class = static_cast<std::size_t>(LinkClass::network);

void raise_by_port(LowerBound& bound, LinkLine const& port, double bytes, Resource resource) {
    if (bytes > 0) bound.raise(port.seconds(bytes), resource);
}

}  // namespace

LowerBound MachineLimits::exchange(ExchangeSchedule const& schedule) const {
    auto const ranks = rank_.size();
    check(schedule.ranks == topology_.ranks(), "a schedule and a machine have the same ranks");
    if (schedule.inside == Inside::gathered) return gathered(schedule);
    LowerBound bound;
    std::vector<double> from_node(ranks), from_network(ranks), to_network(ranks), copied(ranks);
    std::vector<double> node_read(node_.size()), node_written(node_.size());
    bool const one_pass = schedule.inside == Inside::one_pass;
    for (auto const& round : schedule.rounds)
        for (auto const& message : round) {
            auto const from = static_cast<std::size_t>(index(message.from));
            auto const to = static_cast<std::size_t>(index(message.to));
            auto const bytes = static_cast<double>(message.bytes);
            auto const over = link(from, to);
            if (!one_pass || over == LinkClass::network) node_read[node_of(from)] += bytes;
            node_written[node_of(to)] += bytes;
            bool const shared = over == LinkClass::node && schedule.inside != Inside::messages;
            if (over != LinkClass::network && !(shared && one_pass))
                copied[shared ? from : to] += bytes;
            if (over == LinkClass::self || shared) continue;
            bool const inside = over == LinkClass::node;
            bound.raise(links_(from, to).seconds(bytes),
                        inside ? Resource::node_link : Resource::network_link);
            (inside ? from_node : from_network)[to] += bytes;
            if (!inside) to_network[from] += bytes;
        }
    auto const& node = rank_ports_[node_class];
    auto const& network = rank_ports_[network_class];
    for (std::size_t r = 0; r < ranks; ++r) {
        raise_by_port(bound, node.in[r], from_node[r], Resource::node_port);
        raise_by_port(bound, network.in[r], from_network[r], Resource::network_port);
        raise_by_port(bound, network.out[r], to_network[r], Resource::network_port);
        bound.raise(memory_seconds(rank_[r], one_pass ? 0 : copied[r], copied[r]),
                    Resource::rank_memory);
    }
    for (std::size_t n = 0; n < node_.size(); ++n)
        bound.raise(memory_seconds(node_[n], node_read[n], node_written[n]), Resource::node_memory);
    return bound;
}

LowerBound MachineLimits::least_exchange(LeastTraffic const& bytes, Direction direction) const {
    auto const ranks = rank_.size(), nodes = node_.size();
    // Rows of each node's ranks as experts' ranks: exchanged inside, with ranks of other nodes, and
    // these once a node.
    std::vector<double> inside(nodes), outside(nodes), crossing(nodes);
    for (std::size_t home = 0; home < ranks; ++home) {
        for (std::size_t other = 0; other < ranks; ++other) {
            if (home == other) continue;
            auto const b = static_cast<double>(bytes.rank(home, other));
            (link(home, other) == LinkClass::node ? inside : outside)[node_of(other)] += b;
        }
        for (std::size_t n = 0; n < nodes; ++n)
            if (n != node_of(home)) crossing[n] += static_cast<double>(bytes.node(home, n));
    }
    bool const arrive = direction == Direction::dispatch;
    auto const& network = arrive ? node_ports_[network_class].in : node_ports_[network_class].out;
    LowerBound bound;
    for (std::size_t n = 0; n < nodes; ++n) {
        raise_by_port(bound, network[n], crossing[n], Resource::network_port);
        // Rows that arrive are written, sums that leave are read. Inside, ranks may share memory:
        // one end of a copy, and no message.
        bound.raise(memory_seconds(node_[n], arrive ? 0 : outside[n],
                                   arrive ? inside[n] + outside[n] : inside[n]),
                    Resource::node_memory);
    }
    return bound;
}

}  // namespace epsim

#include "schedule/exchange_schedule.hpp"

namespace epsim {

ExchangeSchedule alltoallv_schedule(Array<int64_t, 2> const& bytes) {
    std::vector<Message> round;
    for (int from = 0; from < bytes.extent(0); ++from)
        for (int to = 0; to < bytes.extent(1); ++to)
            if (bytes(from, to) > 0) round.push_back({RankId{from}, RankId{to}, bytes(from, to)});
    return {{std::move(round)}};
}

Array<int64_t, 2> wire_bytes(ExchangeSchedule const& schedule, ClusterTopology const& topology) {
    Array<int64_t, 2> sent({topology.ranks(), link_class_count});
    for (auto const& round : schedule.rounds)
        for (auto const& message : round)
            sent(index(message.from),
                 static_cast<int64_t>(topology.link(message.from, message.to))) += message.bytes;
    return sent;
}

}  // namespace epsim

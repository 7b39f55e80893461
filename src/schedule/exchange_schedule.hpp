#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/cluster_topology.hpp"
#include "core/ids.hpp"
#include "measure/array.hpp"

namespace epsim {

/// Bytes that one rank hands to another in one round of an exchange; 0 = an empty message.
struct Message {
    RankId from, to;
    int64_t bytes;
};

/// How bytes get from one rank of a node to another.
enum class Inside {
    messages,  ///< by the library
    pushed,    ///< the sender copies them into the receiver's memory
    gathered,  ///< by the library, the same to everybody: whoever has them may hand them on
    one_pass   ///< they are made of tokens, or summed, where others see them: one end is no traffic
};

/// What an exchange algorithm puts on the wire: rounds that each rank goes through in order; the
/// messages of a round are independent. What runs, what is accounted for and what is predicted.
struct ExchangeSchedule {
    int ranks = 0;
    std::vector<std::vector<Message>> rounds;
    int hops = 1;  ///< most messages that one row travels in
    Inside inside = Inside::messages;
};

/// The schedule of an exchange by its algorithm's name: its hops one after the other.
/// \param hops bytes [source, destination] of each
/// \throws InputError naming the algorithms
ExchangeSchedule exchange_schedule(std::string_view algorithm,
                                   std::span<Array<int64_t, 2> const> hops);

/// How an algorithm does each of its hops: by another algorithm, of one hop, or by itself.
std::string_view hop_algorithm(std::string_view algorithm);

/// By which algorithm rows come back that went to their experts by this one.
std::string_view return_algorithm(std::string_view algorithm);

/// Whether ranks hand on rows of others by this algorithm: what sharing rows by node needs.
bool forwards(std::string_view algorithm);

/// Whether rows that carry nothing, which this algorithm sends, come back too.
bool returns_padding(std::string_view algorithm);

/// Whether an algorithm moves rows as a plan of tokens says, and not just any between any ranks.
bool takes_plans(std::string_view algorithm);

/// Whether rows are permuted while they are dispatched, and summed while they are combined.
bool one_pass(std::string_view algorithm);

/// The schedule of one hop of an algorithm. \param bytes [source, destination]
/// \throws InputError naming the algorithms
ExchangeSchedule exchange_schedule(std::string_view algorithm, Array<int64_t, 2> const& bytes);
std::vector<std::string> const& exchange_algorithms();

/// One round, a message for every pair, self included: what MPI_Alltoallv is asked for. Pairs
/// without bytes send an empty message: Open MPI 4.1 does, so that nobody leaves before the last
/// rank has come.
ExchangeSchedule alltoallv_schedule(Array<int64_t, 2> const& bytes);

/// R rounds: in round i, rank r sends to r + i and receives from r - i, modulo R. Pairs without
/// bytes send nothing.
ExchangeSchedule ring_schedule(Array<int64_t, 2> const& bytes);

/// One round, a message for every pair with bytes, self included.
ExchangeSchedule pairwise_schedule(Array<int64_t, 2> const& bytes);

/// One round, a message for every pair, self included: what MPI_Allgatherv is asked for. The
/// library may have ranks hand on what they got, which is not counted.
ExchangeSchedule allgather_schedule(Array<int64_t, 2> const& bytes);

/// Of the phase counts, hop by hop: a count for every pair by the library's all-to-all, and slots
/// and weights of entries by the algorithm. Where that sends them straight, each pair's count and
/// entries are one message here: no more than two take.
/// \param counts, entries  bytes [source, destination] of each hop
ExchangeSchedule counts_schedule(std::string_view algorithm,
                                 std::span<Array<int64_t, 2> const> counts,
                                 std::span<Array<int64_t, 2> const> entries);

/// Bytes that each rank sends over each class of link, self copies included: [R, link_class].
Array<int64_t, 2> wire_bytes(ExchangeSchedule const& schedule, ClusterTopology const& topology);

/// [rank, other] 1 = the rank may not leave the exchange before `other` has entered it: directly,
/// since a message ties both its ends (a receiver needs the sender, a sender of more than fits a
/// buffer the receiver), or through ranks that were held up in earlier rounds. Itself included.
Array<uint8_t, 2> dependencies(ExchangeSchedule const& schedule);

}  // namespace epsim

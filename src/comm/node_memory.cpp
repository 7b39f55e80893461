#include "comm/node_memory.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <random>

#include "comm/mpi_session.hpp"
#include "core/cast.hpp"

namespace epsim {
namespace {
constexpr int most_segments = 7;
}

/// Begins a control block.
struct NodeMemory::Header {
    Doorbell doorbell;
    std::atomic<uint64_t> token;
    std::array<std::atomic<int64_t>, most_segments> size;  ///< of each segment, bytes
};

/// What ranks tell each other once.
struct NodeMemory::Facts {
    std::array<char, 64> host;  ///< the kernel's boot id: of one host, whatever the containers
    std::array<char, 64> name;  ///< of the host
    int64_t process;
    uint64_t token;
    std::array<int, 1 + most_segments> descriptor;
    cpu_set_t cpus;

    static Facts mine(uint64_t token, std::span<SharedMemory const> own) {
        Facts facts{};
        gethostname(facts.name.data(), facts.name.size() - 1);
        std::string boot;
        std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
        if (boot.empty()) boot = facts.name.data();
        boot.copy(facts.host.data(), facts.host.size() - 1);
        facts.process = getpid();
        facts.token = token;
        for (std::size_t i = 0; i < own.size(); ++i) facts.descriptor[i] = own[i].descriptor();
        sched_getaffinity(0, sizeof facts.cpus, &facts.cpus);
        return facts;
    }
    bool same_host(Facts const& other) const { return host == other.host; }
};

NodeMemory::Header& NodeMemory::header(std::byte* control) {
    return *reinterpret_cast<Header*>(control);
}

NodeMemory::NodeMemory(Communicator const& comm, std::span<int const> node_of_rank, int segments,
                       int64_t control_bytes_a_rank) {
    static_assert(std::is_trivially_copyable_v<Facts>);
    check(segments <= most_segments, "too many segments");
    int const mine = index(comm.rank()), node = node_of_rank[static_cast<std::size_t>(mine)];
    for (int r = 0; r < comm.size(); ++r) {
        if (r == mine) place_ = narrow<int>(ranks_.size());
        if (node_of_rank[static_cast<std::size_t>(r)] == node) ranks_.push_back(r);
    }
    control_bytes_ =
        static_cast<int64_t>(sizeof(Header)) + control_bytes_a_rank * std::ssize(ranks_);
    on_all_ranks(comm, [&] { make_own(segments); });
    Facts const facts = Facts::mine(token_, own_);
    std::vector<Facts> all;
    for (auto const& text :
         comm.all_gather(std::string(reinterpret_cast<char const*>(&facts), sizeof facts)))
        std::memcpy(&all.emplace_back(), text.data(), sizeof facts);
    on_all_ranks(comm, [&] { open_peers(comm, node_of_rank, all); });
}

void NodeMemory::make_own(int segments) {
    for (int i = 0; i <= segments; ++i) own_.emplace_back(i == 0 ? "epsim control" : "epsim rows");
    own_[0].reserve(control_bytes_);
    std::random_device random;
    token_ = (uint64_t{random()} << 32) | random();
    header(own_[0].data()).token.store(token_);
}

void NodeMemory::open_peers(Communicator const& comm, std::span<int const> node_of_rank,
                            std::span<Facts const> facts) {
    auto const& mine = facts[static_cast<std::size_t>(index(comm.rank()))];
    int ranks_of_host = 0;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (auto const& other : facts) {
        if (!other.same_host(mine)) continue;
        ++ranks_of_host;
        CPU_OR(&cpus, &cpus, &other.cpus);
    }
    policy_ = WaitPolicy::on_host(ranks_of_host > CPU_COUNT(&cpus));
    for (int const rank : ranks_) {
        auto const& other = facts[static_cast<std::size_t>(rank)];
        if (!other.same_host(mine))
            throw InputError(fmt::format(
                "ranks {} and {} are of node {}, but run on {} and {} (the ranks of a node share "
                "memory). Set cluster.ranks_per_node to the ranks of a host, or 0, or use "
                "exchange.algorithm=pairwise",
                index(comm.rank()), rank, node_of_rank[static_cast<std::size_t>(rank)],
                mine.name.data(), other.name.data()));
        auto& peer = peers_.emplace_back(Peer{{other.process, other.descriptor[0]}, {}});
        for (std::size_t i = 1; i < own_.size(); ++i)
            peer.segments.emplace_back(other.process, other.descriptor[i]);
        if (header(peer.control.map(control_bytes_)).token.load() != other.token)
            throw InputError(fmt::format(
                "process {} is not rank {} (the ranks of a node must see each other's processes). "
                "Start them in one container, or use exchange.algorithm=pairwise",
                other.process, rank));
    }
}

std::byte* NodeMemory::own(int segment, int64_t bytes) {
    auto const i = static_cast<std::size_t>(segment);
    auto& memory = own_[i + 1];
    if (bytes > memory.size()) {
        memory.reserve(bytes);
        header(own_[0].data()).size[i].store(memory.size(), std::memory_order_release);
    }
    return memory.data();
}

std::byte* NodeMemory::of(int place, int segment) {
    auto const i = static_cast<std::size_t>(segment);
    auto& peer = peers_[static_cast<std::size_t>(place)];
    auto const& size = header(peer.control.map(control_bytes_)).size[i];
    return peer.segments[i].map(size.load(std::memory_order_acquire));
}

Doorbell& NodeMemory::doorbell(int place) {
    return header(peers_[static_cast<std::size_t>(place)].control.map(control_bytes_)).doorbell;
}

std::byte* NodeMemory::control(int place) {
    return peers_[static_cast<std::size_t>(place)].control.map(control_bytes_) + sizeof(Header);
}

}  // namespace epsim

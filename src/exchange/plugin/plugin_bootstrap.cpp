#include "exchange/plugin/plugin_bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "comm/mpi_session.hpp"

namespace epsim {
namespace {

// What a rank says in a round of the bootstrap: data for the others, or that its create is over.
constexpr char gathering = 'g', finished = 'f';
// Why its create failed: by itself, or after an all-gather that another's failure spoilt.
constexpr char cause = '!', consequence = '~';

}  // namespace

PluginBootstrap::PluginBootstrap(Communicator const& comm, ClusterTopology const& topology)
    : comm_(comm) {
    for (int r = 0; r < comm.size(); ++r) node_of_.push_back(topology.node_of(RankId{r}));
    world_.abi_version = EPSIM_EXCHANGE_ABI_VERSION;
    world_.size = sizeof(world_);
    world_.rank = index(comm.rank());
    world_.ranks = comm.size();
    world_.node_of = node_of_.data();
    world_.local_rank = topology.local_rank(comm.rank());
    world_.all_gather = &PluginBootstrap::all_gather;
    world_.context = this;
}

void* PluginBootstrap::create(ExchangePlugin const& plugin) {
    void* instance = nullptr;
    creating_ = true;
    int const status = plugin.table().create(&world_, &instance);
    creating_ = false;
    std::string problem;
    if (status != 0) {
        char const* const text = plugin.table().last_error(nullptr);
        problem = text ? text : fmt::format("status {}, no text", status);
    }
    auto const is_finished = [](std::string const& said) { return said.front() == finished; };
    while (!std::ranges::all_of(comm_.all_gather(std::string(1, finished)), is_finished)) continue;
    throw_first(plugin, problem);
    return instance;
}

/// The failure of the first rank that failed by itself; that of others may be its consequence.
void PluginBootstrap::throw_first(ExchangePlugin const& plugin, std::string const& problem) const {
    auto const texts = comm_.all_gather(
        problem.empty() ? "" : std::string(1, refused_ ? consequence : cause) + problem);
    for (char const kind : {cause, consequence})
        for (std::size_t r = 0; r < texts.size(); ++r)
            if (texts[r].starts_with(kind))
                throw CollectiveError(
                    fmt::format("the exchange plugin {} cannot be set up (rank {}: {}). See its "
                                "documentation",
                                plugin.description(), r, texts[r].substr(1)),
                    ExitCode::usage);
}

int PluginBootstrap::all_gather(void* self, void const* mine, std::size_t bytes, void* all) {
    try {
        return static_cast<PluginBootstrap*>(self)->gather(mine, bytes, all) ? 0 : 1;
    } catch (std::exception const&) {  // none may pass through the plugin's C
        return 1;
    }
}

bool PluginBootstrap::gather(void const* mine, std::size_t bytes, void* all) {
    if (!creating_) return false;
    std::string said(1, gathering);
    if (bytes > 0) said.append(static_cast<char const*>(mine), bytes);
    auto const texts = comm_.all_gather(said);
    auto const fits = [&](std::string const& text) {
        return text.front() == gathering && text.size() == said.size();
    };
    if (!std::ranges::all_of(texts, fits)) {
        refused_ = true;
        return false;
    }
    auto* into = static_cast<char*>(all);
    for (auto const& text : texts) {
        if (bytes > 0) std::memcpy(into, text.data() + 1, bytes);
        into += bytes;
    }
    return true;
}

}  // namespace epsim

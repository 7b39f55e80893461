#include "layer/transport_trial.hpp"

#include <cstring>

#include "layer/times_by_turns.hpp"

namespace epsim {
namespace {

std::vector<Blocks> blocks_of(std::vector<Array<int64_t, 2>> const& layers, RankId mine) {
    std::vector<Blocks> blocks;
    for (auto const& rows : layers) blocks.emplace_back(rows, mine);
    return blocks;
}

}  // namespace

std::vector<AlgorithmChoice> try_movers(ExchangeCase const& exchange, Communicator const& comm,
                                        std::vector<std::string> const& algorithms,
                                        std::vector<std::unique_ptr<RowMover>> const& movers,
                                        std::function<void()> const& before_round) {
    constexpr TrialEffort effort{.seconds = 0.05, .least_rounds = 3, .most_rounds = 15};
    HostBuffer memory(DType::bf16, 1);
    std::vector<AlgorithmChoice> choice;
    for (auto const& layers : exchange.rows) {
        auto const blocks = blocks_of(layers, comm.rank());
        int64_t most = 0;
        for (auto const& block : blocks) most = std::max(most, block.send_offset.back());
        auto const send = memory.rows(most * exchange.row_bytes / bytes_of(DType::bf16) + 1);
        std::memset(send.data, 0, static_cast<std::size_t>(send.bytes()));
        std::vector<std::function<void()>> calls;
        for (auto const& mover : movers) {
            for (std::size_t l = 0; l < blocks.size(); ++l)
                mover->prepare(static_cast<int>(l), blocks[l], send.data);
            calls.push_back([&exchange, mover = mover.get()] {
                for (int l = 0; l < exchange.layers(); ++l) mover->move(l);
            });
        }
        auto const seconds = times_by_turns(calls, comm, effort, before_round);
        std::vector<AlgorithmTime> times;
        for (std::size_t m = 0; m < movers.size(); ++m)
            times.push_back({algorithms[m], seconds[m] / exchange.layers()});
        choice.push_back(choose_algorithm(std::move(times)));
    }
    return choice;
}

}  // namespace epsim

#include "app/exchange_movers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "layer/candidates.hpp"
#include "layer/transport_trial.hpp"
#include "schedule/exchange_candidates.hpp"
#include "schedule/exchange_schedule.hpp"

namespace epsim {

ExchangeMovers::ExchangeMovers(ExchangeBackend const& backend, Communicator const& comm,
                               ExchangeCase& exchange, std::function<void()> const& before_round) {
    if (exchange.algorithm == auto_algorithm) {
        choose(backend, comm, exchange, before_round);
        return;
    }
    if (forwards(exchange.algorithm))
        forward(backend, comm, exchange);
    else
        add(backend, comm, exchange, exchange.algorithm);
    of_step_.assign(exchange.rows.size(), movers_.front().get());
}

void ExchangeMovers::forward(ExchangeBackend const& backend, Communicator const& comm,
                             ExchangeCase const& exchange) {
    auto const slot_a_rank = linear_placement(1, comm.size(), comm.size());
    ExchangeShape const shape{exchange.row_bytes / bytes_of(DType::bf16),
                              DType::bf16,
                              DType::bf16,
                              DType::bf16,
                              WeightAt::source,
                              index(comm.rank()),
                              1};
    std::vector<std::unique_ptr<Exchange>> layers;
    for (int l = 0; l < exchange.layers(); ++l)
        layers.push_back(backend.exchange(comm, exchange.algorithm, slot_a_rank, exchange.topology,
                                          Dedup::none, shape));
    movers_.push_back(make_forwarding_mover(std::move(layers), comm.rank(), exchange.row_bytes));
}

void ExchangeMovers::add(ExchangeBackend const& backend, Communicator const& comm,
                         ExchangeCase const& exchange, std::string const& algorithm) {
    transports_.push_back(backend.transport(comm, algorithm, exchange.topology));
    movers_.push_back(
        make_straight_mover(*transports_.back(), exchange.layers(), exchange.row_bytes));
}

void ExchangeMovers::choose(ExchangeBackend const& backend, Communicator const& comm,
                            ExchangeCase& exchange, std::function<void()> const& before_round) {
    auto candidates = make_candidates(transport_candidates(), [&](std::string const& algorithm) {
        add(backend, comm, exchange, algorithm);
    });
    left_out_ = std::move(candidates.left_out);
    choice_ = try_movers(exchange, comm, candidates.made, movers_, before_round);
    // Beside load the same as without it: what is compared is the load.
    for (std::size_t s = 1; s < exchange.loaded.size(); ++s)
        if (exchange.loaded[s] != 0) choice_[s] = choice_[s - 1];
    for (auto const& choice : choice_) {
        exchange.step_algorithm.push_back(choice.algorithm());
        auto const made = std::ranges::find(candidates.made, choice.algorithm());
        of_step_.push_back(movers_[static_cast<std::size_t>(made - candidates.made.begin())].get());
    }
    // What no step uses gives its memory back.
    for (std::size_t m = 0; m < movers_.size(); ++m)
        if (std::ranges::find(of_step_, movers_[m].get()) == of_step_.end()) {
            movers_[m].reset();
            transports_[m].reset();
        }
}

void ExchangeMovers::describe(RunRecord& record) const {
    if (choice_.empty()) return;
    auto& facts = record.provenance["exchange"];
    facts["auto"] = choices_text(choice_);
    std::vector<std::string> trials;
    for (std::size_t s = 0; s < choice_.size(); ++s)
        trials.push_back(fmt::format("step {}: {}", s, choice_[s].text()));
    facts["auto_trials"] = fmt::format("{}", fmt::join(trials, "\n"));
    if (!left_out_.empty()) facts["auto_left_out"] = fmt::format("{}", fmt::join(left_out_, "; "));
}

}  // namespace epsim

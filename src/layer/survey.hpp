#pragma once

#include <functional>
#include <span>
#include <string>

#include "comm/communicator.hpp"
#include "exchange/exchange.hpp"
#include "layer/dependency_log.hpp"
#include "layer/replay_case.hpp"
#include "layer/router.hpp"
#include "measure/run_record.hpp"

namespace epsim {

/// What checks found, on one rank or over all.
struct Findings {
    int64_t wrong = 0;
    std::string first;  ///< the first wrong thing: where, and what it was
    void add(std::string const& what) {
        if (wrong++ == 0) first = what;
    }
};

/// What a survey found beside what it put into the record.
struct Survey {
    Findings findings;           ///< this rank's: a token whose output is not what its experts must
                                 ///< return, an expert that received other than the trace's count
    DependencyLog dependencies;  ///< on rank 0
    Array<int64_t, 2> entries;   ///< [S, L] that this rank receives; empty unless emulate_us > 0
};

/// One untimed pass of every step and layer through the real plan and exchange with signatures for
/// token vectors: counts what every rank sent and received (load, traffic) and checks the identity
/// of every row. Fills step_tokens, expert_tokens, rank_tokens, dropped, selected, payload,
/// padding, metadata, wire and identities of `record` on rank 0, and,
/// with a calibration, bound, least_bound, bound_resource and resource, and, with a router, health
/// and source_dropped. Collective.
/// With verify = off nothing is checked but that counts agree.
/// \param router what routes each step's tokens; nullptr = the trace does
/// \param before_step called on every rank before each step; may be collective and throw on all
/// \throws CollectiveError if the trace cannot be read
Survey survey(ReplayCase const& replay, Communicator const& comm,
              std::span<Exchange* const> exchanges, RunRecord& record, Router* router = nullptr,
              std::function<void(int step)> const& before_step = {});

}  // namespace epsim

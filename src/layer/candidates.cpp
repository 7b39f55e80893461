#include "layer/candidates.hpp"

#include "comm/mpi_session.hpp"

namespace epsim {

Candidates make_candidates(std::vector<std::string> const& algorithms,
                           std::function<void(std::string const& algorithm)> const& make) {
    Candidates candidates;
    for (auto const& algorithm : algorithms) try {
            make(algorithm);
            candidates.made.push_back(algorithm);
        } catch (CollectiveError const& e) {  // so all ranks leave it out
            if (e.exit_code() != ExitCode::usage) throw;
            candidates.left_out.push_back(algorithm + ": " + e.what());
        }
    if (candidates.made.empty())
        throw CollectiveError("exchange.algorithm = auto has nothing to choose from (" +
                                  candidates.left_out.front() +
                                  "). Name an algorithm that can run here",
                              ExitCode::usage);
    return candidates;
}

}  // namespace epsim

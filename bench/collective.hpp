#pragma once

#include "comm/communicator.hpp"
#include "paired.hpp"

namespace epsim::bench {

/// Seconds of a collective piece of work: from a barrier to the last rank's end.
template <class Work>
double collective_seconds(Communicator const& comm, Work&& work) {
    comm.barrier();
    return comm.all_max(seconds(work));
}

/// Run the benchmarks on every rank; rank 0 reports. Each must take its time by
/// collective_seconds, so that all ranks agree on how often it runs.
inline void run_on_all_ranks(Communicator const& comm) {
    struct Silent final : benchmark::BenchmarkReporter {
        bool ReportContext(Context const&) override { return true; }
        void ReportRuns(std::vector<Run> const&) override {}
    } silent;
    if (comm.is_root())
        benchmark::RunSpecifiedBenchmarks();
    else
        benchmark::RunSpecifiedBenchmarks(&silent);
}

}  // namespace epsim::bench

#include <fmt/format.h>

#include <memory>

#include "app/calibration_text.hpp"
#include "app/commands.hpp"
#include "app/provenance.hpp"
#include "app/rank_layout.hpp"
#include "app/run_facts.hpp"
#include "comm/mpi_session.hpp"
#include "core/build_info.hpp"
#include "probe/calibrate.hpp"
#include "store/calibration_file.hpp"
#include "store/sealed_file.hpp"

namespace epsim {
namespace {

struct CalibrateFlags {
    bool quick = false, json = false;
    std::string output;
    int threads = 0;
    ClusterOptions cluster;
};

/// What is known beside the figures, on rank 0. Collective.
CalibrationRecord describe(Communicator const& comm, CalibrateFlags const& flags,
                           ClusterTopology const& topology, CoreShare const& cores) {
    CalibrationRecord record;
    record.topology = rank_places(comm, topology);
    if (!comm.is_root()) return record;
    record.date = utc_now();
    record.software_version = build_info().version;
    record.git_sha = build_info().git_sha;
    record.git_dirty = build_info().git_dirty;
    record.kind = cores.oversubscribed ? "oversubscribed" : "measured";
    record.mode = flags.quick ? "quick" : "full";
    record.provenance = local_provenance();
    record.provenance["job"] = job_environment();
    record.provenance["compute"] = {{"threads", std::to_string(cores.threads)}};
    return record;
}

void publish(CalibrateFlags const& flags, CalibrationRecord const& record) {
    if (!flags.output.empty()) write_calibration(record, flags.output);
    if (flags.json)
        fmt::print("{}\n", calibration_json(record).dump(2, ' ', false,
                                                         nlohmann::json::error_handler_t::replace));
    else
        fmt::print("{}", calibration_text(record, stdout_style()));
    if (flags.output.empty())
        fmt::print(stderr, "epsim: nothing was written (no -o FILE was given)\n");
    else
        fmt::print(flags.json ? stderr : stdout, "\nresult: {}\n", flags.output);
}

ExitCode calibrate_on(Communicator const& comm, CalibrateFlags const& flags) {
    on_all_ranks(comm, [&] {  // before some seconds are spent
        if (comm.is_root() && !flags.output.empty()) SealedFile const writable(flags.output);
    });
    auto const topology = make_topology(flags.cluster, comm);
    auto const cores = share_cores(comm, flags.threads);
    auto record = describe(comm, flags, *topology, cores);
    record.calibration = calibrate({flags.quick ? ProbeMode::quick : ProbeMode::full}, comm,
                                   *topology, cores.threads);
    on_all_ranks(comm, [&] {
        if (comm.is_root()) publish(flags, record);
    });
    return ExitCode::success;
}

ExitCode run_calibrate(CalibrateFlags const& flags) {
    MpiSession const session;
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    try {
        return calibrate_on(comm, flags);
    } catch (CollectiveError const& e) {  // every rank is here: end in order, one message
        if (comm.is_root()) fmt::print(stderr, "epsim: {}\n", e.what());
        return e.exit_code();
    }
}

}  // namespace

void add_calibrate_command(CLI::App& root, Action& action) {
    auto const flags = std::make_shared<CalibrateFlags>();
    auto* command = root.add_subcommand(
        "calibrate", "Measure what this machine can do: memory, arithmetic, links between ranks");
    command->add_flag("--quick", flags->quick, "As at the start of a run: well under a second");
    command->add_option("-o,--output", flags->output,
                        "The calibration file to write; without it nothing is written");
    command->add_flag("--json", flags->json, "Print everything as JSON instead of tables");
    command->add_option("--compute.threads", flags->threads, "A rank; 0 = its share of the cores")
        ->check(CLI::Range(0, 4096))
        ->capture_default_str();
    command
        ->add_option("--cluster.ranks_per_node,--cluster.ranks-per-node",
                     flags->cluster.ranks_per_node, "Node borders on one host; 0 = by host")
        ->check(CLI::Range(0, 1 << 20))
        ->capture_default_str();
    command->callback([flags, &action] { action = [flags] { return run_calibrate(*flags); }; });
}

}  // namespace epsim

#include "comm/mpi_session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace epsim {
namespace {

/// The first of these environment variables that is a number.
std::optional<int> number_in_environment(std::initializer_list<char const*> names) {
    for (char const* name : names) {
        char const* text = std::getenv(name);
        int number = 0;
        if (text &&
            std::from_chars(text, text + std::string_view(text).size(), number).ec == std::errc{})
            return number;
    }
    return std::nullopt;
}

std::string place(int rank, int size) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return fmt::format("[rank {} of {} on {}]", rank, size, host.data());
}

/// How many processes the launcher started; 1 without one.
int launcher_size() {
    return number_in_environment({"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "PMI_SIZE"})
        .value_or(1);
}

/// A launcher that started n processes tells each of them; MPI that sees one of them was not built
/// for that launcher, and n copies of the whole job would run.
void refuse_launcher_mismatch() {
    int size = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1) return;
    int const started = launcher_size();
    if (started <= 1) return;
    MPI_Finalize();
    throw InputError(fmt::format(
        "the launcher started {} processes but MPI sees one (this MPI does not speak the "
        "launcher's protocol). Use the mpirun of this MPI, or srun --mpi=pmix",
        started));
}

}  // namespace

MpiSession::MpiSession() {
    int provided = 0;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided),
              "MPI_Init_thread");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    refuse_launcher_mismatch();
}

MpiSession::~MpiSession() {
    if (std::uncaught_exceptions() == 0) MPI_Finalize();
}

int launcher_rank() {
    return number_in_environment({"OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "PMI_RANK"}).value_or(0);
}

std::string launched_rank() {
    return place(launcher_rank(), launcher_size());
}

bool mpi_allows_other_threads() {
    int provided = MPI_THREAD_SINGLE;
    check_mpi(MPI_Query_thread(&provided), "MPI_Query_thread");
    return provided >= MPI_THREAD_SERIALIZED;
}

bool mpi_is_running() {
    int initialized = 0, finalized = 0;
    MPI_Initialized(&initialized);
    MPI_Finalized(&finalized);
    return initialized && !finalized;
}

std::string this_rank() {
    int rank = 0, size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return place(rank, size);
}

void abort_job(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::abort();
}

void on_all_ranks(Communicator const& comm, std::function<void()> const& work) {
    std::string verdict;  // "<status> <message>"; empty = success
    try {
        work();
    } catch (Error const& e) {
        verdict = fmt::format("{} {}", static_cast<int>(e.exit_code()), e.what());
    }
    if (comm.all_agree(verdict.empty())) return;
    for (auto const& text : comm.all_gather(verdict)) {
        if (text.empty()) continue;
        auto const space = text.find(' ');
        throw CollectiveError(text.substr(space + 1),
                              static_cast<ExitCode>(std::stoi(text.substr(0, space))));
    }
}

}  // namespace epsim

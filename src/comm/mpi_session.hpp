#pragma once

#include <functional>

#include "comm/communicator.hpp"

namespace epsim {

/// MPI_Init_thread (serialized) to MPI_Finalize. Finalizes only if no exception is unwinding: a
/// rank that fails alone would wait in MPI_Finalize for ever.
class MpiSession {
public:
    /// \throws InputError if the launcher started several processes and MPI sees one
    MpiSession();
    ~MpiSession();
    MpiSession(MpiSession const&) = delete;
    MpiSession& operator=(MpiSession const&) = delete;
};

/// This process's rank as its launcher (mpirun, srun, PMI) tells it before MPI runs; 0 without one.
int launcher_rank();

/// "[rank r of n on host]" as the launcher tells it, for messages without MPI.
std::string launched_rank();

/// Whether a thread other than the main one may call MPI while no other thread does; false where
/// the library does not provide MPI_THREAD_SERIALIZED.
bool mpi_allows_other_threads();

/// True between MpiSession's construction and destruction.
bool mpi_is_running();

/// "[rank r of n on host]", for messages.
std::string this_rank();

/// End the whole job with this status (MPI_Abort).
[[noreturn]] void abort_job(int status);

/// A failure that every rank knows of: all ranks throw it, with the first failing rank's message
/// and status, so that the job can end in order.
class CollectiveError : public Error {
public:
    using Error::Error;
};

/// Run `work` on every rank; if it throws an Error on any, throw CollectiveError on all.
/// Collective. `work` itself must not communicate.
void on_all_ranks(Communicator const& comm, std::function<void()> const& work);

}  // namespace epsim

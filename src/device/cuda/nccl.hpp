#pragma once

#include <nccl.h>

#include <source_location>
#include <string>

#include "device/cuda/library.hpp"

namespace epsim {

/// The functions of NCCL that are used, from the library as loaded.
struct Nccl {
    Library library;
    int version = 0;           ///< NCCL's own form: 22809 = 2.28.9
    std::string version_text;  ///< "2.28.9"

    decltype(&ncclGetVersion) get_version;
    decltype(&ncclGetErrorString) error_string;
    decltype(&ncclGetLastError) last_error;
    decltype(&ncclGetUniqueId) get_unique_id;
    decltype(&ncclCommInitRank) init_rank;
    decltype(&ncclCommDestroy) destroy;
    decltype(&ncclCommAbort) abort;
    decltype(&ncclGroupStart) group_start;
    decltype(&ncclGroupEnd) group_end;
    decltype(&ncclSend) send;
    decltype(&ncclRecv) receive;
    decltype(&ncclAlltoAll) all_to_all;

    Nccl();
    /// \param comm whose last error explains; null = none
    /// \throws Error "file:line: call: text" unless it is ncclSuccess
    void check(ncclResult_t result, char const* call, ncclComm_t comm = nullptr,
               std::source_location where = std::source_location::current()) const;
};

/// Loaded by the first call. \throws InputError if there is none
Nccl const& nccl();

}  // namespace epsim

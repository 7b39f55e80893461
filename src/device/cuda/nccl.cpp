#include "device/cuda/nccl.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace epsim {

Nccl::Nccl() : library("libnccl.so.2", "EPSIM_NCCL") {
    library.bind(get_version, "ncclGetVersion");
    library.bind(error_string, "ncclGetErrorString");
    library.bind(last_error, "ncclGetLastError");
    library.bind(get_unique_id, "ncclGetUniqueId");
    library.bind(init_rank, "ncclCommInitRank");
    library.bind(destroy, "ncclCommDestroy");
    library.bind(abort, "ncclCommAbort");
    library.bind(group_start, "ncclGroupStart");
    library.bind(group_end, "ncclGroupEnd");
    library.bind(send, "ncclSend");
    library.bind(receive, "ncclRecv");
    library.bind(all_to_all, "ncclAlltoAll");
    check(get_version(&version), "ncclGetVersion");
    version_text = fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

void Nccl::check(ncclResult_t result, char const* call, ncclComm_t comm,
                 std::source_location where) const {
    if (result == ncclSuccess) return;
    throw Error(fmt::format("{}:{}: {}: {}. {}", where.file_name(), where.line(), call,
                            error_string(result), last_error(comm)));
}

Nccl const& nccl() {
    static Nccl const functions;
    return functions;
}

}  // namespace epsim

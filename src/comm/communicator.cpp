#include "comm/communicator.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <exception>
#include <thread>

#include "core/cast.hpp"

namespace epsim {

void check_mpi(int code, char const* call, std::source_location where) {
    if (code == MPI_SUCCESS) return;
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(code, text.data(), &length);
    std::string_view file = where.file_name();
    if (auto const slash = file.rfind('/'); slash != std::string_view::npos)
        file.remove_prefix(slash + 1);
    throw MpiError(fmt::format("{}:{}: {}: {}", file, where.line(), call, text.data()));
}

Communicator Communicator::duplicate(MPI_Comm parent) {
    MPI_Comm comm = MPI_COMM_NULL;
    check_mpi(MPI_Comm_dup(parent, &comm), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    return Communicator(comm);
}

Communicator Communicator::split(int colour) const {
    MPI_Comm comm = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm_, colour, rank_, &comm), "MPI_Comm_split");
    check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    return Communicator(comm);
}

Communicator::Communicator(MPI_Comm comm) : comm_(comm) {
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {}

Communicator::~Communicator() {
    // While an exception unwinds, the other ranks may not come here: leave the handle to the abort.
    if (comm_ != MPI_COMM_NULL && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
}

void Communicator::barrier() const {
    check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
}

void Communicator::quiet_barrier() const {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
    for (int done = 0;;) {
        check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
        if (done) return;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

bool Communicator::all_agree(bool ok) const {
    return all_max(int64_t{ok ? 0 : 1}) == 0;
}

double Communicator::all_max(double value) const {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MAX, comm_), "MPI_Allreduce");
    return value;
}

double Communicator::all_min(double value) const {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MIN, comm_), "MPI_Allreduce");
    return value;
}

int64_t Communicator::all_sum(int64_t value) const {
    all_sum(std::span(&value, 1));
    return value;
}

int64_t Communicator::all_max(int64_t value) const {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, comm_), "MPI_Allreduce");
    return value;
}

void Communicator::all_sum(std::span<int64_t> values) const {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), narrow<int>(values.size()), MPI_INT64_T,
                            MPI_SUM, comm_),
              "MPI_Allreduce");
}

void Communicator::all_sum(std::span<double> values) const {
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), narrow<int>(values.size()), MPI_DOUBLE,
                            MPI_SUM, comm_),
              "MPI_Allreduce");
}

double Communicator::broadcast(double value) const {
    check_mpi(MPI_Bcast(&value, 1, MPI_DOUBLE, 0, comm_), "MPI_Bcast");
    return value;
}

std::string Communicator::broadcast(std::string const& text) const {
    auto size = static_cast<int64_t>(text.size());
    check_mpi(MPI_Bcast(&size, 1, MPI_INT64_T, 0, comm_), "MPI_Bcast");
    std::string result = is_root() ? text : std::string(static_cast<std::size_t>(size), '\0');
    check_mpi(MPI_Bcast(result.data(), narrow<int>(size), MPI_CHAR, 0, comm_), "MPI_Bcast");
    return result;
}

std::vector<std::string> Communicator::all_gather(std::string const& text) const {
    auto const ranks = static_cast<std::size_t>(size_);
    int const mine = narrow<int>(text.size());
    std::vector<int> sizes(ranks), offsets(ranks + 1, 0);
    check_mpi(MPI_Allgather(&mine, 1, MPI_INT, sizes.data(), 1, MPI_INT, comm_), "MPI_Allgather");
    for (std::size_t r = 0; r < ranks; ++r)
        offsets[r + 1] = narrow<int>(int64_t{offsets[r]} + sizes[r]);
    std::string all(static_cast<std::size_t>(offsets.back()), '\0');
    check_mpi(MPI_Allgatherv(text.data(), mine, MPI_CHAR, all.data(), sizes.data(), offsets.data(),
                             MPI_CHAR, comm_),
              "MPI_Allgatherv");
    std::vector<std::string> texts;
    for (std::size_t r = 0; r < ranks; ++r)
        texts.push_back(
            all.substr(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(sizes[r])));
    return texts;
}

namespace {

template <class T>
std::vector<T> gather_as(std::span<T const> values, MPI_Datatype type, MPI_Comm comm, int size,
                         bool root) {
    std::vector<T> all(root ? values.size() * static_cast<std::size_t>(size) : 0);
    int const count = narrow<int>(values.size());
    check_mpi(MPI_Gather(values.data(), count, type, all.data(), count, type, 0, comm),
              "MPI_Gather");
    return all;
}

}  // namespace

std::vector<double> Communicator::gather(std::span<double const> values) const {
    return gather_as(values, MPI_DOUBLE, comm_, size_, is_root());
}

std::vector<int64_t> Communicator::gather(std::span<int64_t const> values) const {
    return gather_as(values, MPI_INT64_T, comm_, size_, is_root());
}

RowType::RowType(int64_t bytes) {
    check_mpi(MPI_Type_contiguous(narrow<int>(bytes), MPI_BYTE, &type_), "MPI_Type_contiguous");
    check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
}

RowType::~RowType() {
    if (type_ != MPI_DATATYPE_NULL) MPI_Type_free(&type_);
}

RowType::RowType(RowType&& other) noexcept : type_(std::exchange(other.type_, MPI_DATATYPE_NULL)) {}

}  // namespace epsim

#pragma once

#include <mpi.h>

#include <cstdint>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/ids.hpp"

namespace epsim {

class MpiError : public Error {
public:
    using Error::Error;
};

/// \throws MpiError "file:line: call: text" unless `code` is MPI_SUCCESS
void check_mpi(int code, char const* call,
               std::source_location where = std::source_location::current());

/// A communicator of our own, with errors returned. Move-only; must not outlive the MpiSession.
class Communicator {
public:
    /// Collective over `parent`.
    static Communicator duplicate(MPI_Comm parent);
    /// Of the ranks with the same colour, in their order. Collective.
    Communicator split(int colour) const;
    ~Communicator();
    Communicator(Communicator&& other) noexcept;
    Communicator& operator=(Communicator&&) = delete;

    MPI_Comm native() const noexcept { return comm_; }
    RankId rank() const noexcept { return RankId{rank_}; }
    int size() const noexcept { return size_; }
    bool is_root() const noexcept { return rank_ == 0; }

    // All collective.
    void barrier() const;
    void quiet_barrier() const;     ///< asleep between looks: leaves the cores to those still busy
    bool all_agree(bool ok) const;  ///< true only if every rank says true
    double all_max(double value) const;
    double all_min(double value) const;
    int64_t all_sum(int64_t value) const;
    int64_t all_max(int64_t value) const;
    // Element by element, in place.
    void all_sum(std::span<int64_t> values) const;
    void all_sum(std::span<double> values) const;
    double broadcast(double value) const;  ///< rank 0's
    std::string broadcast(std::string const& text) const;
    std::vector<std::string> all_gather(std::string const& text) const;
    /// Rank 0 gets [R, values.size()]; the others nothing.
    std::vector<double> gather(std::span<double const> values) const;
    std::vector<int64_t> gather(std::span<int64_t const> values) const;

private:
    explicit Communicator(MPI_Comm comm);
    MPI_Comm comm_;
    int rank_ = 0, size_ = 1;
};

/// A row of `bytes` as one element of a datatype: counts and displacements in rows stay under 2^31
/// where bytes do not (Open MPI 4.1 has no MPI_Alltoallv_c).
class RowType {
public:
    explicit RowType(int64_t bytes);
    ~RowType();
    RowType(RowType&& other) noexcept;
    RowType& operator=(RowType&&) = delete;
    MPI_Datatype native() const noexcept { return type_; }

private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace epsim

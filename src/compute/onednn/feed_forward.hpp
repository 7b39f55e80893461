#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <span>

#include "compute/forward_checks.hpp"
#include "compute/onednn/matmul_ladder.hpp"
#include "compute/onednn/network.hpp"

namespace epsim::onednn {

/// What all networks of one shape share: compiled products and memory for what lies between them.
class FeedForward {
public:
    /// \param threads of its loops; products take OpenMP's number of the calling thread
    FeedForward(FeedForwardSpec const& spec, dnnl::engine const& engine, int threads);

    NetworkMaker network_maker() const;
    /// Compiles for up to `rows` rows at a time, and takes their memory.
    void prepare(int64_t rows);
    /// out[entries.result[i]] = network(in[entries.row[i]]). Any number of entries: more than fit
    /// go in equal pieces.
    void run(Network const& network, Entries entries, BufferView in, BufferView out);

private:
    void run_piece(Network const& network, Entries const& entries, BufferView in, BufferView out);
    std::byte* gathered(std::span<int32_t const> rows_read, int64_t rows, BufferView in);
    void activate(int64_t rows);
    void scatter(std::span<int32_t const> results, BufferView out);

    FeedForwardSpec spec_;
    int threads_;
    dnnl::engine engine_;
    dnnl::stream stream_;
    DType in_type_;
    MatmulLadder in_ladder_, down_ladder_;
    HostBuffer x_, inner_, active_, y_, scratch_;
};

}  // namespace epsim::onednn

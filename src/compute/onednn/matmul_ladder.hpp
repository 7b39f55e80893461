#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "core/dtype.hpp"

namespace epsim::onednn {

/// The row count that a product of this many rows runs as: itself up to 8, above that the next step
/// of an eighth of the power of two under it, so that padding adds at most 12.5 %.
int64_t ladder_rows(int64_t rows) noexcept;

/// y = x W with x [rows, inputs], W [inputs, outputs], y [rows, outputs], compiled for every row
/// count of a ladder. All of them take W in one layout.
class MatmulLadder {
public:
    /// \param in of x and W   \param out of y; anything narrower than `in` is rounded to once
    /// \throws InputError if oneDNN has no such product for this machine
    MatmulLadder(dnnl::engine const& engine, int64_t inputs, int64_t outputs, DType in, DType out);

    /// Compiles up to this many rows, which must be of the ladder.
    void prepare(int64_t rows);
    /// The largest row count compiled for.
    int64_t largest() const noexcept { return products_.empty() ? 0 : products_.back().rows; }
    /// Of all products so far: what `scratch` of run() must have.
    int64_t scratch_bytes() const noexcept { return scratch_bytes_; }
    /// How W is laid out.
    dnnl::memory::desc const& weights() const noexcept { return weights_; }

    /// \param rows of the ladder, at most largest()
    void run(dnnl::stream const& stream, int64_t rows, std::byte* x, dnnl::memory const& weights,
             std::byte* y, std::byte* scratch) const;

private:
    struct Product {
        int64_t rows;
        dnnl::matmul call;
        dnnl::memory x, y, scratch;  // without memory of their own
    };
    dnnl::matmul::primitive_desc describe(int64_t rows, dnnl::memory::desc const& weights) const;

    dnnl::engine engine_;
    int64_t inputs_, outputs_;
    DType in_, out_;
    dnnl::memory::desc weights_;
    std::vector<Product> products_;
    int64_t scratch_bytes_ = 0;
};

dnnl::memory::data_type onednn_type(DType type) noexcept;

}  // namespace epsim::onednn

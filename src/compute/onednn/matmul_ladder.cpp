#include "compute/onednn/matmul_ladder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "core/error.hpp"

namespace epsim::onednn {
namespace {

using Tag = dnnl::memory::format_tag;

constexpr int64_t representative_rows = 256;  // for which oneDNN chooses the weights' layout

dnnl::memory unbacked(dnnl::memory::desc const& desc, dnnl::engine const& engine) {
    return {desc, engine, DNNL_MEMORY_NONE};
}

}  // namespace

dnnl::memory::data_type onednn_type(DType type) noexcept {
    return type == DType::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

int64_t ladder_rows(int64_t rows) noexcept {
    auto const below = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(rows - 1)));
    int64_t const step = std::max<int64_t>(1, below / 8);
    return (rows + step - 1) / step * step;
}

MatmulLadder::MatmulLadder(dnnl::engine const& engine, int64_t inputs, int64_t outputs, DType in,
                           DType out)
    : engine_(engine), inputs_(inputs), outputs_(outputs), in_(in), out_(out) {
    try {
        dnnl::memory::desc const any({inputs, outputs}, onednn_type(in), Tag::any);
        weights_ = describe(representative_rows, any).weights_desc();
    } catch (dnnl::error const& error) {
        if (error.status != dnnl_unimplemented) throw;
        throw InputError(
            fmt::format("oneDNN has no {} matrix product for this machine (bf16 needs "
                        "AVX-512). Use model.dtype = fp32 or compute.kernel = "
                        "reference",
                        name_of(in)));
    }
}

dnnl::matmul::primitive_desc MatmulLadder::describe(int64_t rows,
                                                    dnnl::memory::desc const& weights) const {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::memory::desc const x({rows, inputs_}, onednn_type(in_), Tag::ab);
    dnnl::memory::desc const y({rows, outputs_}, onednn_type(out_), Tag::ab);
    return {{x, weights, y}, attributes, engine_};
}

void MatmulLadder::prepare(int64_t rows) {
    while (largest() < rows) {
        int64_t const next = ladder_rows(largest() + 1);
        auto const descriptor = describe(next, weights_);
        products_.push_back({next, dnnl::matmul(descriptor),
                             unbacked(descriptor.src_desc(), engine_),
                             unbacked(descriptor.dst_desc(), engine_),
                             unbacked(descriptor.scratchpad_desc(), engine_)});
        scratch_bytes_ =
            std::max(scratch_bytes_, static_cast<int64_t>(descriptor.scratchpad_desc().get_size()));
    }
}

void MatmulLadder::run(dnnl::stream const& stream, int64_t rows, std::byte* x,
                       dnnl::memory const& weights, std::byte* y, std::byte* scratch) const {
    auto const& product = *std::ranges::lower_bound(products_, rows, {}, &Product::rows);
    product.x.set_data_handle(x);
    product.y.set_data_handle(y);
    product.scratch.set_data_handle(scratch);
    // The C function, since primitive::execute() builds a map and a vector at every call.
    std::array const arguments{dnnl_exec_arg_t{DNNL_ARG_SRC, product.x.get()},
                               dnnl_exec_arg_t{DNNL_ARG_WEIGHTS, weights.get()},
                               dnnl_exec_arg_t{DNNL_ARG_DST, product.y.get()},
                               dnnl_exec_arg_t{DNNL_ARG_SCRATCHPAD, product.scratch.get()}};
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(product.call.get(), stream.get(), static_cast<int>(arguments.size()),
                               arguments.data()),
        "a matrix product failed");
}

}  // namespace epsim::onednn

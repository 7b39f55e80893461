#include "compute/cuda/cuda_kernel.hpp"

#include <fmt/format.h>

#include "compute/cuda/activation_kernel.cuh"
#include "compute/cuda/networks.hpp"
#include "compute/cuda/products.hpp"
#include "compute/forward_checks.hpp"
#include "compute/thread_scope.hpp"
#include "compute/weights.hpp"
#include "core/cast.hpp"
#include "device/cuda/stream.hpp"
#include "rows/cuda/kernels.cuh"

namespace epsim {
namespace {

/// Whether entries read or write rows 0, 1, 2 ...
bool in_order(std::span<int32_t const> index) {
    for (std::size_t i = 0; i < index.size(); ++i)
        if (index[i] != static_cast<int32_t>(i)) return false;
    return true;
}

class CudaKernel final : public ExpertKernel {
public:
    CudaKernel(std::string_view name, FeedForwardSpec const& spec, uint64_t seed,
               std::vector<std::vector<WeightKey>> const& keys)
        : name_(name),
          spec_(spec),
          products_(name == "cublas" ? Products::Way::grouped : Products::Way::loop),
          projected_type_(rounds_products(name) ? spec.dtype : DType::f32),
          result_type_(name == "cublas" ? spec.dtype : spec.out_dtype),
          source_layer_(first_equal_layer(keys)),
          gathered_(MemoryKind::device, spec.dtype, spec.hidden),
          projected_(MemoryKind::device, projected_type_,
                     is_gated(spec.activation) ? 2 * spec.intermediate : spec.intermediate),
          activated_(MemoryKind::device, spec.dtype, spec.intermediate),
          results_(MemoryKind::device, result_type_, spec.hidden) {
        for (std::size_t layer = 0; layer < keys.size(); ++layer)
            if (source_layer_[layer] == layer)
                networks_.push_back(std::make_unique<GpuNetworks>(spec, seed, keys[layer]));
            else
                networks_.push_back(nullptr);
    }

    std::string_view name() const override { return name_; }

    void prepare(int64_t, int64_t total) override {
        for (auto* memory : {&gathered_, &projected_, &activated_, &results_}) memory->rows(total);
    }

    void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) override {
        auto const& networks = *networks_.at(source_layer_.at(static_cast<std::size_t>(layer)));
        check_forward(spec_, networks.slots(), in, out, DeviceKind::cuda);
        auto const s = native(stream);
        auto const entries = std::ssize(in.row_index);
        BufferView const x = together(in, s), projected = projected_.rows(entries),
                         activated = activated_.rows(entries);
        bool const direct = in_order(in.result_index) && out.type == result_type_;
        BufferView const y = direct ? out : results_.rows(entries);
        list_products(in, x, projected, networks, &GpuNetworks::in);
        products_.run({spec_.hidden, narrow<int>(projected.width), spec_.dtype, projected_type_},
                      list_, s);
        gpu::activate(spec_.activation, projected, activated, s);
        list_products(in, activated, y, networks, &GpuNetworks::down);
        products_.run({spec_.intermediate, spec_.hidden, spec_.dtype, result_type_}, list_, s);
        if (!direct) gpu::scatter(y.first(entries), result_upload_(in.result_index, s), out, s);
    }

    int64_t weight_bytes() const override {
        int64_t bytes = 0;
        for (auto const& layer : networks_)
            if (layer) bytes += layer->bytes();
        return bytes;
    }

private:
    /// Row i is what entry i reads, in the weights' type.
    BufferView together(GroupedRows const& in, cudaStream_t stream) {
        bool const same_type = in.rows.type == spec_.dtype;
        if (same_type && in_order(in.row_index)) return in.rows;
        BufferView const x = gathered_.rows(std::ssize(in.row_index));
        auto const* index = row_upload_(in.row_index, stream);
        same_type ? gpu::gather(in.rows, index, x, stream)
                  : gpu::encode(in.rows, index, nullptr, x, stream);
        return x;
    }

    void list_products(GroupedRows const& in, BufferView x, BufferView y,
                       GpuNetworks const& networks,
                       std::byte const* (GpuNetworks::*weights)(std::size_t) const) {
        list_.clear();
        for (std::size_t slot = 0; slot < networks.slots(); ++slot) {
            int64_t const first = in.slot_offset[slot], rows = in.slot_offset[slot + 1] - first;
            if (rows > 0)
                list_.push_back(
                    {narrow<int>(rows), x.row(first), (networks.*weights)(slot), y.row(first)});
        }
    }

    std::string name_;
    FeedForwardSpec spec_;
    Products products_;
    DType projected_type_, result_type_;
    std::vector<std::size_t> source_layer_;               // whose networks a layer uses
    std::vector<std::unique_ptr<GpuNetworks>> networks_;  // [layers]; null where another's are
    RowBuffer gathered_, projected_, activated_, results_;
    Upload<int32_t> row_upload_, result_upload_;
    std::vector<Product> list_;
};

}  // namespace

std::unique_ptr<ExpertKernel> make_cuda_kernel(std::string_view name, FeedForwardSpec const& spec,
                                               uint64_t seed,
                                               std::vector<std::vector<WeightKey>> const& keys,
                                               int threads) {
    if (spec.in_dtype == DType::f32 && spec.dtype == DType::bf16)
        throw InputError(fmt::format(
            "compute.kernel = {} with exchange.wire_dtype = fp32 and model.dtype = bf16 (cuBLAS "
            "multiplies factors of one type). Use exchange.wire_dtype = bf16",
            name));
    if (name == "cublas" && spec.out_dtype == DType::f32 && spec.dtype == DType::bf16)
        throw InputError(
            "compute.kernel = cublas with exchange.combine_dtype = fp32 and model.dtype = bf16 (a "
            "grouped product has the type of its factors). Use compute.kernel = cublas-loop");
    ThreadScope const scope(threads);
    return std::make_unique<CudaKernel>(name, spec, seed, keys);
}

}  // namespace epsim

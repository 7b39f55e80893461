#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.hpp"
#include "device/stream.hpp"
#include "model/model_shape.hpp"
#include "rows/grouped_rows.hpp"

namespace epsim {

/// The feed-forward networks that one kernel runs: all of one shape.
struct FeedForwardSpec {
    int hidden = 0;  ///< width of a row in and out
    int intermediate = 0;
    Activation activation = Activation::swiglu;
    DType dtype = DType::bf16;      ///< of weights, and of the activated intermediate
    DType in_dtype = DType::bf16;   ///< of received rows
    DType out_dtype = DType::bf16;  ///< of the rows returned
    bool rounds_products = false;   ///< u and g are rounded to dtype before the activation
};

/// Which network a set of weights belongs to. Weights are a function of (seed, this) only.
struct WeightKey {
    enum class Role : uint32_t { routed, shared, dense_residual, shared_gate };
    Role role = Role::routed;
    int32_t layer = 0;  ///< position of the layer whose weights these are
    int32_t expert = 0;

    bool operator==(WeightKey const&) const = default;
};

/// Which of the matrices of a network.
enum class Matrix : uint32_t { gate, up, down };

/// Element (row, column) of a weight matrix [rows, columns] before rounding to the weights' type:
/// uniform in [-sqrt(3 / columns), sqrt(3 / columns)), variance 1 / columns, so that a
/// unit-variance input gives a unit-variance output. A pure function: any rank and the oracle make
/// the same one.
/// \param first, out   out[i] = element first + i of the matrix in C order
void fill_weights(uint64_t seed, WeightKey key, Matrix matrix, int64_t columns, int64_t first,
                  std::span<float> out);

/// Runs the networks of one rank's slots. Not thread-safe.
class ExpertKernel {
public:
    virtual ~ExpertKernel() = default;
    virtual std::string_view name() const = 0;
    /// Everything that calls with at most `rows` entries a slot and `total` entries in all need:
    /// shapes compiled, memory taken. Outside timing; grows only.
    virtual void prepare(int64_t rows, int64_t total) = 0;
    /// out[result_index[i]] = network of the entry's slot (rows[row_index[i]]), for every entry.
    /// With x rounded to in_dtype, W to dtype: u = W_up x (and g = W_gate x)
    /// in at least fp32 (then rounded to dtype where the spec says so), the activation rounded once
    /// to dtype, y = W_down a rounded once to out_dtype.
    /// \param layer position in the weights given at construction
    /// \param out   [results, hidden], out_dtype
    virtual void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) = 0;
    /// Bytes of weights held.
    virtual int64_t weight_bytes() const = 0;
    /// The weights that a slot holds, as they lie in the host's memory, to be read or replaced by
    /// those of another network; every slot's are of the same sizes. Empty = it has none there.
    virtual std::vector<std::span<std::byte>> slot_weights(int /*layer*/, int /*slot*/) {
        return {};
    }
    /// How they lie: those of kernels with equal layouts can be exchanged.
    virtual std::string weights_layout() const { return {}; }
};

/// \param keys [layers][local slots] whose weights each slot holds. Layers with the same keys share
///             one copy.
/// \param name "cpu" (own products, AVX-512), "onednn", "reference" (fp64 accumulation, one row at a
///             time in a fixed order), "cublas" or "cublas-loop" (on the process's GPU: rows in and
///             out are there) or "auto": cpu where the CPU has multiply-adds of the weights' type,
///             else onednn where that has them, else reference
/// \param threads of this kernel, at least 1
/// \throws InputError on an unknown name
std::unique_ptr<ExpertKernel> make_expert_kernel(std::string_view name, FeedForwardSpec const& spec,
                                                 uint64_t seed,
                                                 std::vector<std::vector<WeightKey>> const& keys,
                                                 int threads);

}  // namespace epsim

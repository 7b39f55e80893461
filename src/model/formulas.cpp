#include "model/formulas.hpp"

#include <fmt/format.h>

#include "core/cast.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

constexpr int fp8_block = 128;
constexpr int mxfp4_block = 32;

int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

int64_t product(std::initializer_list<int64_t> factors) {
    int64_t result = 1;
    for (int64_t f : factors) result = checked_multiply(result, f, "the size of the model");
    return result;
}

int64_t sum(int64_t a, int64_t b) {
    int64_t result = 0;
    if (__builtin_add_overflow(a, b, &result))
        throw InputError("the size of the model is out of range (over 2^63). Check the sizes");
    return result;
}

int64_t ffn_params(ModelShape const& s, int64_t intermediate) {
    return product({matrices(s.activation), s.hidden, intermediate});
}

}  // namespace

int row_width(ModelShape const& s) noexcept {
    return s.dispatch_hidden == 0 ? s.hidden : s.dispatch_hidden;
}

int matrices(Activation activation) noexcept {
    return is_gated(activation) ? 3 : 2;
}

int64_t expert_params(ModelShape const& s) {
    return ffn_params(s, s.expert_intermediate);
}

int64_t replicated_params(ModelShape const& s) {
    int64_t const one = sum(ffn_params(s, s.shared_intermediate), s.shared_gated ? s.hidden : 0);
    return sum(product({s.shared_experts, one}), ffn_params(s, s.dense_residual_intermediate));
}

int64_t router_params(ModelShape const& s) {
    return sum(product({s.hidden, s.num_experts}), s.gate.score_bias ? s.num_experts : 0);
}

int64_t total_expert_params(ModelShape const& s) {
    return product({s.moe_layers, s.num_experts, expert_params(s)});
}

int64_t active_layer_params(ModelShape const& s) {
    int64_t const layer =
        sum(product({s.top_k, expert_params(s)}), sum(replicated_params(s), router_params(s)));
    return product({s.moe_layers, layer});
}

int64_t expert_bytes(ModelShape const& s, DType dtype) {
    return product({expert_params(s), bytes_of(dtype)});
}

int64_t published_expert_bytes(ModelShape const& s) {
    if (s.weight_format == "fp32") return expert_bytes(s, DType::f32);
    if (s.weight_format == "bf16") return expert_bytes(s, DType::bf16);
    int64_t const h = s.hidden, i = s.expert_intermediate;
    if (s.weight_format == "fp8_block") {
        int64_t const blocks = product({divide_up(h, fp8_block), divide_up(i, fp8_block)});
        return sum(expert_params(s), product({matrices(s.activation), blocks, sizeof(float)}));
    }
    check(s.weight_format == "mxfp4", "a validated shape has a known weight format");
    // Rows run along the inner dimension: hidden for gate and up, intermediate for down.
    int64_t const in = product({matrices(s.activation) - 1, i, divide_up(h, mxfp4_block)});
    int64_t const out = product({h, divide_up(i, mxfp4_block)});
    return product({sum(in, out), mxfp4_block / 2 + 1});
}

int64_t pair_flops(ModelShape const& s) {
    return product({2, expert_params(s)});
}

int64_t token_flops(ModelShape const& s) {
    int64_t const dense =
        sum(product({s.shared_experts, s.shared_intermediate}), s.dense_residual_intermediate);
    int64_t const width = sum(product({s.top_k, s.expert_intermediate}), dense);
    return product({2, ffn_params(s, width)});
}

int64_t row_bytes(ModelShape const& s, DType wire_dtype) {
    return epsim::row_bytes(wire_dtype, row_width(s));
}

int64_t token_wire_bytes(ModelShape const& s, DType wire_dtype) {
    return product({s.top_k, row_bytes(s, wire_dtype)});
}

RankMemory rank_memory(ModelShape const& s, int ranks, DType dtype) {
    if (ranks < 1)
        throw InputError(fmt::format(
            "EP size {} is out of range (a rank must hold the experts). Use 1 or more", ranks));
    RankMemory memory;
    memory.experts = static_cast<int>(divide_up(s.num_experts, ranks));
    int64_t const params = sum(product({memory.experts, expert_params(s)}), replicated_params(s));
    memory.layer_bytes = product({params, bytes_of(dtype)});
    memory.model_bytes = product({memory.layer_bytes, s.moe_layers});
    return memory;
}

}  // namespace epsim

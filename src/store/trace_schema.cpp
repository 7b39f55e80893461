#include "store/trace_schema.hpp"

#include <cmath>

#include "core/sha256.hpp"
#include "store/dataset.hpp"
#include "trace/limits.hpp"

namespace epsim {

void require_valid_ids(RoutingBatch const& batch, int num_experts, int32_t layer,
                       int64_t first_token) {
    std::vector<int64_t> last_seen(static_cast<std::size_t>(num_experts), -1);
    for (std::size_t i = 0; i < batch.expert.size(); ++i) {
        int32_t const expert = index(batch.expert[i]);
        if (expert == index(no_expert)) continue;
        auto const token = static_cast<int64_t>(i) / batch.top_k;
        if (expert < 0 || expert >= num_experts)
            throw FileError(
                fmt::format("layer {}, token {}: expert id {} is out of range (0 to {}, "
                            "-1 = none)",
                            layer, first_token + token, expert, num_experts - 1));
        auto& seen = last_seen[static_cast<std::size_t>(expert)];
        if (seen == token)
            throw FileError(
                fmt::format("layer {}, token {}: expert id {} occurs twice (a token's "
                            "experts are distinct)",
                            layer, first_token + token, expert));
        seen = token;
    }
}

void require_finite_weights(RoutingBatch const& batch, int32_t layer, int64_t first_token) {
    for (std::size_t i = 0; i < batch.weight.size(); ++i) {
        float const weight = batch.weight[i];
        if (std::abs(weight) <= most_weight) continue;
        auto const problem = std::isfinite(weight) ? fmt::format("beyond {}", most_weight)
                                                   : std::string("not finite");
        throw FileError(fmt::format("layer {}, token {}: gate weight {} is {}", layer,
                                    first_token + static_cast<int64_t>(i) / batch.top_k, weight,
                                    problem));
    }
}

std::string trace_sha256(hid_t file) {
    constexpr std::size_t piece_bytes = std::size_t{4} << 20;
    Sha256 hash;
    std::vector<std::byte> buffer;
    for (auto const* name : trace_datasets) {
        if (!hdf5::has(file, name)) continue;
        hdf5::Dataset const dataset(file, name, 1);
        auto const type_class = H5Tget_class(dataset.type());
        if (type_class != H5T_INTEGER && type_class != H5T_FLOAT)
            throw FileError(fmt::format("/{} does not hold numbers", name));
        hdf5::Hid const type = hdf5::own(H5Tcopy(dataset.type()), "cannot copy the type of", name);
        hdf5::require(H5Tset_order(type.get(), H5T_ORDER_LE), "cannot set the byte order of", name);
        if (dataset.extents().empty()) throw FileError(fmt::format("/{} is not an array", name));
        auto const element = dataset.element_bytes();
        hdf5::for_each_piece(dataset.extents(), std::max<hsize_t>(1, piece_bytes / element),
                             [&](auto const& start, auto const& count) {
                                 std::size_t size = element;
                                 for (auto const n : count) size *= n;
                                 buffer.resize(size);
                                 dataset.read_as(type.get(), start, count, buffer);
                                 hash.update(buffer);
                             });
    }
    return hash.hex();
}

}  // namespace epsim

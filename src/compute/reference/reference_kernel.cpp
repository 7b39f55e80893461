#include "compute/reference/reference_kernel.hpp"

#include <algorithm>

#include "compute/activation.hpp"
#include "compute/forward_checks.hpp"
#include "compute/reference/network.hpp"
#include "compute/reference/round_once.hpp"
#include "compute/thread_scope.hpp"
#include "compute/weights.hpp"

namespace epsim {
namespace {

using reference::Network;
using reference::rows_per_pass;

class ReferenceKernel final : public ExpertKernel {
public:
    ReferenceKernel(FeedForwardSpec const& spec, uint64_t seed,
                    std::vector<std::vector<WeightKey>> const& keys, int threads)
        : spec_(spec), source_layer_(first_equal_layer(keys)), networks_(keys.size()) {
        ThreadScope const scope(threads);
        for (std::size_t layer = 0; layer < keys.size(); ++layer)
            if (source_layer_[layer] == layer)
                for (auto const& key : keys[layer]) networks_[layer].emplace_back(spec, seed, key);
        auto const columns = static_cast<std::size_t>(std::max(spec.hidden, 2 * spec.intermediate));
        x_.resize(rows_per_pass * columns);
        y_.resize(rows_per_pass * columns);
    }

    std::string_view name() const override { return "reference"; }
    void prepare(int64_t, int64_t) override {}

    void forward(int layer, GroupedRows const& in, BufferView out, Stream&) override {
        auto& networks = networks_.at(source_layer_.at(static_cast<std::size_t>(layer)));
        check_forward(spec_, networks.size(), in, out);
        for (std::size_t s = 0; s < networks.size(); ++s) {
            auto entries = entries_of(in, s);
            while (entries.size() > 0) {
                auto const n = std::min<std::size_t>(entries.size(), rows_per_pass);
                run(networks[s], entries.first(n), in.rows, out);
                entries = entries.from(n);
            }
        }
    }

    int64_t weight_bytes() const override {
        int64_t bytes = 0;
        for (auto const& layer : networks_)
            for (auto const& network : layer) bytes += network.bytes();
        return bytes;
    }

    std::vector<std::span<std::byte>> slot_weights(int layer, int slot) override {
        auto& network = networks_.at(source_layer_.at(static_cast<std::size_t>(layer)))
                            .at(static_cast<std::size_t>(slot));
        std::vector<std::span<std::byte>> all;
        for (BufferView const part : {network.in(), network.down()})
            all.emplace_back(part.data, static_cast<std::size_t>(part.bytes()));
        return all;
    }

    std::string weights_layout() const override { return "reference"; }

private:
    void run(Network& network, Entries const& entries, BufferView in, BufferView out) {
        auto const rows = static_cast<int64_t>(entries.size());
        int64_t const h = spec_.hidden;
        dispatch_dtype(in.type, [&]<class T>(T) {
            for (std::size_t r = 0; r < entries.size(); ++r)
                std::transform(in.as<T>() + entries.row[r] * h,
                               in.as<T>() + (entries.row[r] + 1) * h,
                               x_.data() + static_cast<int64_t>(r) * h,
                               [](T v) { return static_cast<double>(to_float(v)); });
        });
        reference::multiply(x_.data(), rows, network.in(), y_.data());
        activate_rows(rows, network.in().width);
        reference::multiply(x_.data(), rows, network.down(), y_.data());
        dispatch_dtype(out.type, [&]<class T>(T) {
            for (std::size_t r = 0; r < entries.size(); ++r)
                std::transform(y_.data() + static_cast<int64_t>(r) * h,
                               y_.data() + static_cast<int64_t>(r + 1) * h,
                               out.as<T>() + entries.result[r] * h, round_once<T>);
        });
    }

    /// x_ [rows, intermediate] from y_ [rows, columns], the gate's columns first.
    void activate_rows(int64_t rows, int64_t columns) {
        int64_t const inner = spec_.intermediate;
        dispatch_activation(spec_.activation, [&](auto activation) {
            dispatch_dtype(spec_.dtype, [&]<class T>(T) {
                for (int64_t r = 0; r < rows; ++r) {
                    double const* gate = y_.data() + r * columns;
                    double const* up = gate + columns - inner;
                    for (int64_t j = 0; j < inner; ++j)
                        x_[static_cast<std::size_t>(r * inner + j)] = static_cast<double>(
                            to_float(round_once<T>(activate<activation()>(gate[j], up[j]))));
                }
            });
        });
    }

    FeedForwardSpec spec_;
    std::vector<std::size_t> source_layer_;       // whose networks a layer uses
    std::vector<std::vector<Network>> networks_;  // [layers][slots]; none where another's are used
    std::vector<double> x_, y_;                   // of one pass
};

}  // namespace

std::unique_ptr<ExpertKernel> make_reference_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                                    std::vector<std::vector<WeightKey>> const& keys,
                                                    int threads) {
    return std::make_unique<ReferenceKernel>(spec, seed, keys, threads);
}

}  // namespace epsim

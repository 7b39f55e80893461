#include "compute/onednn/onednn_kernel.hpp"

#include <fmt/format.h>

#include "compute/forward_checks.hpp"
#include "compute/onednn/feed_forward.hpp"
#include "compute/onednn_version.hpp"
#include "compute/thread_scope.hpp"
#include "compute/weights.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

class OnednnKernel final : public ExpertKernel {
public:
    OnednnKernel(FeedForwardSpec const& spec, uint64_t seed,
                 std::vector<std::vector<WeightKey>> const& keys, int threads)
        : spec_(spec),
          threads_(threads),
          feed_forward_(spec, dnnl::engine(dnnl::engine::kind::cpu, 0), threads),
          source_layer_(first_equal_layer(keys)),
          networks_(keys.size()) {
        auto maker = feed_forward_.network_maker();
        for (std::size_t layer = 0; layer < keys.size(); ++layer)
            if (source_layer_[layer] == layer)
                for (auto const& key : keys[layer])
                    networks_[layer].push_back(maker.make(seed, key));
    }

    std::string_view name() const override { return "onednn"; }

    void prepare(int64_t rows, int64_t) override {
        ThreadScope const scope(threads_);
        feed_forward_.prepare(rows);
    }

    void forward(int layer, GroupedRows const& in, BufferView out, Stream&) override {
        ThreadScope const scope(threads_);
        auto const& networks = networks_.at(source_layer_.at(static_cast<std::size_t>(layer)));
        check_forward(spec_, networks.size(), in, out);
        for (std::size_t s = 0; s < networks.size(); ++s)
            feed_forward_.run(networks[s], entries_of(in, s), in.rows, out);
    }

    int64_t weight_bytes() const override {
        int64_t bytes = 0;
        for (auto const& layer : networks_)
            for (auto const& network : layer) bytes += network.bytes();
        return bytes;
    }

    std::vector<std::span<std::byte>> slot_weights(int layer, int slot) override {
        auto const& network = networks_.at(source_layer_.at(static_cast<std::size_t>(layer)))
                                  .at(static_cast<std::size_t>(slot));
        std::vector<std::span<std::byte>> all;
        for (auto const* memory : {&network.in, &network.down})
            all.emplace_back(static_cast<std::byte*>(memory->get_data_handle()),
                             memory->get_desc().get_size());
        return all;
    }

    std::string weights_layout() const override {
        return fmt::format("onednn {}, instructions {}", onednn_version(),
                           static_cast<int>(dnnl::get_effective_cpu_isa()));
    }

private:
    FeedForwardSpec spec_;
    int threads_;
    onednn::FeedForward feed_forward_;
    std::vector<std::size_t> source_layer_;  // whose networks a layer uses
    std::vector<std::vector<onednn::Network>>
        networks_;  // [layers][slots]; none where another's are
};

}  // namespace

std::unique_ptr<ExpertKernel> make_onednn_kernel(FeedForwardSpec const& spec, uint64_t seed,
                                                 std::vector<std::vector<WeightKey>> const& keys,
                                                 int threads) {
    ThreadScope const scope(threads);
    return std::make_unique<OnednnKernel>(spec, seed, keys, threads);
}

bool onednn_supports(DType type) {
    try {
        onednn::MatmulLadder(dnnl::engine(dnnl::engine::kind::cpu, 0), 16, 16, type, type);
        return true;
    } catch (InputError const&) {
        return false;
    }
}

}  // namespace epsim

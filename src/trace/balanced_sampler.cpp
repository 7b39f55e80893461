#include "trace/token_sampler.hpp"

namespace epsim {
namespace {

class BalancedSampler final : public TokenSampler {
public:
    explicit BalancedSampler(SamplerCase const& c)
        : order_(c.routing, c.num_experts), top_k_(c.top_k) {}

    void draw(StepId step, LayerId layer, TokenRange range,
              std::span<ExpertId> expert) const override {
        auto const order = order_.common(step, layer);
        auto at = static_cast<std::size_t>(range.begin * top_k_) % order.size();
        for (auto& e : expert) {
            e = order[at];
            if (++at == order.size()) at = 0;
        }
    }

private:
    PlaceOrder order_;
    int64_t top_k_;
};

}  // namespace

std::unique_ptr<TokenSampler const> balanced_sampler(SamplerCase const& c) {
    return std::make_unique<BalancedSampler>(c);
}

}  // namespace epsim

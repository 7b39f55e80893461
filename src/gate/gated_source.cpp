#include "gate/gated_source.hpp"

#include <fmt/format.h>

#include <optional>

#include "core/cast.hpp"
#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

class GatedSource final : public RoutingSource {
public:
    GatedSource(RecordedLogits logits, GateRule rule, ImportText text)
        : logits_(std::move(logits)), rule_(std::move(rule)) {
        if (rule_.kind == GateKind::noisy_topk || rule_.kind == GateKind::hash)
            throw InputError(
                fmt::format("--gate {} needs more than logits (its noise, or token ids, were not "
                            "recorded). Choose another gate",
                            name_of(rule_.kind)));
        if (rule_.kind == GateKind::none)
            throw InputError("--gate none makes no routing of logits. Choose a gate");
        for (auto const& layer : logits_.logits)
            if (layer.shape()[1] != rule_.experts)
                throw InputError(
                    fmt::format("{} has {} logits a token (the model has {} experts). "
                                "Check the file",
                                layer.name(), layer.shape()[1], rule_.experts));
        info_.num_experts = rule_.experts;
        info_.top_k = rule_.choices();
        check_sizes(info_.num_experts, info_.top_k);
        info_.origin = "recorded";
        info_.producer = std::move(text.producer);
        info_.source = std::move(text.source);
        info_.model = std::move(text.model);
        info_.has_weights = true;
        info_.layer = logits_.layer;
        info_.step_offset = {0, logits_.logits.at(0).shape()[0]};
    }

    TraceInfo const& info() const override { return info_; }

    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override {
        check_range(info_, step, layer, range);
        if (gated_ != layer) gate(layer);
        auto const k = info_.top_k;
        return {k,
                {batch_.expert.begin() + range.begin * k, batch_.expert.begin() + range.end * k},
                {batch_.weight.begin() + range.begin * k, batch_.weight.begin() + range.end * k}};
    }

    std::vector<int32_t> column(TokenColumn, StepId, TokenRange) const override {
        check(false, "the source has the column");
        return {};
    }

private:
    void gate(LayerId layer) const {
        auto const& recorded = logits_.logits[static_cast<std::size_t>(index(layer))];
        auto const reals = recorded.reals(0, recorded.size());
        std::vector<float> const values(reals.begin(), reals.end());
        std::vector<int64_t> tokens;
        for (int64_t t = 0; t < info_.tokens(); ++t) tokens.push_back(t);
        std::vector<float> const bias(rule_.has_bias() ? static_cast<std::size_t>(rule_.experts)
                                                       : 0);
        GateInput const input{.step = StepId{0},
                              .layer = layer,
                              .logits = {values, rule_.experts},
                              .noise = {},
                              .tokens = tokens,
                              .token_id = {},
                              .step_tokens = info_.tokens(),
                              .bias = bias};
        gated_.reset();
        batch_ = run_gate(rule_, input, [](std::span<int64_t>) {});
        gated_ = layer;
    }

    RecordedLogits logits_;
    GateRule rule_;
    TraceInfo info_;
    mutable std::optional<LayerId> gated_;
    mutable RoutingBatch batch_;  // of that layer
};

}  // namespace

std::unique_ptr<RoutingSource const> gated_source(RecordedLogits logits, GateRule rule,
                                                  ImportText text) {
    return std::make_unique<GatedSource>(std::move(logits), std::move(rule), std::move(text));
}

}  // namespace epsim

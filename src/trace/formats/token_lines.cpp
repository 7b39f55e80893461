// JSON lines, one a token and layer, as hooks in vLLM wrote them for speculative-moe
// (github.com/Mario928/speculative-moe, routing_data_collected): {dataset, problem_id, layer,
// experts [k], gating_probs [k], token_idx}. Tokens of a problem are a sequence; those that a layer
// lacks get no expert there.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/error.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"
#include "trace/stored_routing.hpp"

namespace epsim {
namespace {

using Token = std::tuple<std::string, int64_t, int64_t>;  // dataset, problem, token

struct Choice {
    std::vector<int64_t> expert;
    std::vector<float> weight;
};

class Lines {
public:
    void read(std::filesystem::path const& path) {
        for_each_json_line(path, [&](Json const& record, int64_t line) {
            Choice choice{integers_of(member(record, "experts", path), path), {}};
            auto const& weights = member(record, "gating_probs", path);
            if (!weights.is_array())
                refuse_import(path, fmt::format("line {} lacks weights", line));
            for (auto const& w : weights)
                choice.weight.push_back(static_cast<float>(real_of(w, path)));
            if (choice.expert.size() != choice.weight.size() || choice.expert.empty())
                refuse_import(path, fmt::format("line {} has {} experts and {} gating_probs", line,
                                                choice.expert.size(), choice.weight.size()));
            Token const token{
                record.contains("dataset") ? text_of(record["dataset"], path) : std::string(),
                integer_of(member(record, "problem_id", path), path),
                integer_of(member(record, "token_idx", path), path)};
            auto const layer = integer_of(member(record, "layer", path), path);
            if (layer < 0 || layer > INT32_MAX)
                refuse_import(path, fmt::format("line {} is of layer {}", line, layer));
            tokens_.try_emplace(token, 0);
            if (!layers_[layer].emplace(token, std::move(choice)).second)
                refuse_import(path, fmt::format("line {} repeats a token and layer", line));
        });
    }

    std::unique_ptr<RoutingSource const> join(TraceInfo info, std::optional<int> top_k) {
        if (layers_.empty()) throw InputError("there are no tokens in the files. Check them");
        std::size_t widest = 1, present = 0;
        for (auto const& [layer, choices] : layers_) {
            present += choices.size();
            for (auto const& [_, choice] : choices) widest = std::max(widest, choice.expert.size());
        }
        if (tokens_.size() * layers_.size() > 64 * present + (1 << 20))
            throw InputError("nearly all tokens are missing in most layers. Check the files");
        info.top_k =
            top_k.value_or(static_cast<int>(std::min<std::size_t>(widest, most_experts + 1)));
        check_sizes(info.num_experts, info.top_k);
        info.has_weights = true;
        number_tokens(info);
        std::vector<RoutingBatch> batches;
        for (auto const& [layer, choices] : layers_) {
            info.layer.push_back(static_cast<int32_t>(layer));
            batches.push_back(batch_of(choices, info.top_k));
        }
        return std::make_unique<StoredRouting>(std::move(info), std::move(batches));
    }

private:
    void number_tokens(TraceInfo& info) {
        int64_t n = 0;
        Token const* last = nullptr;
        for (auto& [token, number] : tokens_) {
            bool const same = last && std::get<0>(*last) == std::get<0>(token) &&
                              std::get<1>(*last) == std::get<1>(token);
            if (!same) info.sequence_offset.push_back(n);
            number = n++;
            last = &token;
        }
        info.sequence_offset.push_back(n);
        info.step_offset = {0, n};
    }

    RoutingBatch batch_of(std::map<Token, Choice> const& choices, int top_k) const {
        auto const entries = tokens_.size() * static_cast<std::size_t>(top_k);
        RoutingBatch batch{top_k, std::vector(entries, no_expert), std::vector<float>(entries)};
        for (auto const& [token, choice] : choices) {
            if (std::ssize(choice.expert) > top_k)
                throw InputError(
                    fmt::format("a token has {} experts (top_k is {}). Correct --top-k",
                                choice.expert.size(), top_k));
            auto at = static_cast<std::size_t>(tokens_.at(token) * top_k);
            for (std::size_t j = 0; j < choice.expert.size(); ++j, ++at) {
                batch.expert[at] = ExpertId{static_cast<int32_t>(
                    std::clamp<int64_t>(choice.expert[j], INT32_MIN, INT32_MAX))};
                batch.weight[at] = choice.weight[j];
            }
        }
        return batch;
    }

    std::map<Token, int64_t> tokens_;  // their numbers, by (dataset, problem, token)
    std::map<int64_t, std::map<Token, Choice>> layers_;
};

}  // namespace

std::string is_token_lines(FileContent const& file) {
    if (file.container != FileContent::Container::json || !file.has("experts") ||
        !file.has("gating_probs") || !file.has("token_idx"))
        return {};
    return "lines of JSON with layer, token_idx, experts and gating_probs";
}

Recording read_token_lines(ImportRequest const& request) {
    Lines lines;
    for (auto const& path : request.files) lines.read(path);
    return lines.join(recorded_info(request, "token-lines"), request.top_k);
}

}  // namespace epsim

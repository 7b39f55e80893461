// vLLM, --enable-return-routed-experts (docs.vllm.ai, "Routed Experts Return"): arrays [tokens,
// layers, k] of small integers, as .npy; as lines of base64 of .npy; or in responses, one JSON
// object or one a line, under prompt_routed_experts and routed_experts (at the top, in choices or
// in outputs), as base64 or as nested lists. Dense layers, which have no router, read as expert 0
// for every token: they are left out. (Of top-1 models that cannot be told from routing: --layers
// says which layers there are.) Each response is a sequence.

#include <fmt/format.h>

#include <algorithm>

#include "core/base64.hpp"
#include "core/error.hpp"
#include "trace/formats/json_text.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"
#include "trace/mapped_file.hpp"
#include "trace/npy_array.hpp"
#include "trace/stored_routing.hpp"

namespace epsim {
namespace {

constexpr std::string_view base64_of_npy = "k05VTVBZ";
constexpr int64_t most_model_layers = 128;  // of a model that is served

/// Integers [tokens, layers, k], a sequence after the other.
class Sequences {
public:
    explicit Sequences(std::filesystem::path const& path) : path_(path) {}

    void add(int64_t tokens, int64_t layers, int64_t k, std::vector<int64_t> const& ids) {
        if (layers < 1 || layers > most_layers || k < 1 || k > most_experts)
            refuse_import(path_, fmt::format("its routed experts are [{}, {}, {}], not [tokens, "
                                             "layers, k]",
                                             tokens, layers, k));
        if (ids_.empty() && tokens_ == 0) {
            layers_ = layers;
            k_ = k;
        }
        if (layers != layers_ || k != k_)
            refuse_import(path_, fmt::format("it has {} layers of top-{} and {} of top-{}", layers,
                                             k, layers_, k_));
        ids_.insert(ids_.end(), ids.begin(), ids.end());
        tokens_ += tokens;
    }
    void add(TypedArray const& array) {
        auto const& shape = array.shape();
        if (array.kind() != TypedArray::Kind::integer || shape.size() != 3)
            refuse_import(path_, "an array is not of integers [tokens, layers, k]");
        add(shape[0], shape[1], shape[2], array.integers(0, array.size()));
    }
    void add_base64(std::string_view text) {
        auto const bytes = from_base64(text);
        if (!bytes) refuse_import(path_, "a text in it is no base64");
        auto const owner = std::make_shared<std::string const>(*bytes);
        add(parse_npy(*owner, path_.string(), owner));
    }
    void add(Json const& value) {
        if (value.is_null()) return;
        if (value.is_string()) return add_base64(value.get_ref<std::string const&>());
        if (!value.is_array())
            refuse_import(path_, "its routed experts are neither text nor lists");
        if (value.empty()) return;
        auto const& first = value[0];
        if (!first.is_array() || first.empty() || !first[0].is_array())
            refuse_import(path_, "its routed experts are not [tokens][layers][k]");
        std::vector<int64_t> ids;
        for (auto const& token : value) {
            if (!token.is_array() || token.size() != first.size())
                refuse_import(path_, "its tokens have different numbers of layers");
            for (auto const& layer : token) {
                auto const choices = integers_of(layer, path_);
                if (choices.size() != first[0].size())
                    refuse_import(path_, "its tokens have different numbers of experts");
                ids.insert(ids.end(), choices.begin(), choices.end());
            }
        }
        add(std::ssize(value), std::ssize(first), std::ssize(first[0]), ids);
    }
    void end() {
        if (tokens_ > offset_.back()) offset_.push_back(tokens_);
    }

    /// Whether every token has expert 0 alone in a layer.
    bool reads_zero(int64_t layer) const {
        if (tokens_ == 0) return false;
        for (int64_t t = 0; t < tokens_; ++t)
            for (int64_t j = 0; j < k_; ++j)
                if (ids_[static_cast<std::size_t>((t * layers_ + layer) * k_ + j)] != 0)
                    return false;
        return true;
    }

    std::unique_ptr<RoutingSource const> join(ImportRequest const& request, TraceInfo info) const {
        info.top_k = static_cast<int>(k_);
        info.step_offset = {0, tokens_};
        info.sequence_offset = offset_;
        std::vector<RoutingBatch> batches;
        for (int64_t l = 0; l < layers_; ++l) {
            bool const wanted = request.layers.empty() ? k_ == 1 || !reads_zero(l)
                                                       : std::ranges::count(request.layers, l) > 0;
            if (!wanted) continue;
            info.layer.push_back(static_cast<int32_t>(l));
            auto& batch = batches.emplace_back(RoutingBatch{info.top_k, {}, {}});
            for (int64_t t = 0; t < tokens_; ++t)
                for (int64_t j = 0; j < k_; ++j)
                    batch.expert.push_back(ExpertId{static_cast<int32_t>(std::clamp<int64_t>(
                        ids_[static_cast<std::size_t>((t * layers_ + l) * k_ + j)], INT32_MIN,
                        INT32_MAX))});
        }
        if (batches.empty() || (!request.layers.empty() && batches.size() != request.layers.size()))
            refuse_import(path_,
                          fmt::format("{} of its {} layers are left", batches.size(), layers_),
                          "Check --layers: the numbers of the layers with experts, from 0");
        return std::make_unique<StoredRouting>(std::move(info), std::move(batches));
    }

private:
    std::filesystem::path path_;
    int64_t layers_ = 0, k_ = 0, tokens_ = 0;
    std::vector<int64_t> ids_;
    std::vector<int64_t> offset_{0};
};

bool has_routing(Json const& object) {
    return object.is_object() && object.contains("routed_experts") &&
           !object["routed_experts"].is_null();
}

void add_response(Json const& response, Sequences& sequences) {
    if (response.contains("prompt_routed_experts"))
        sequences.add(response["prompt_routed_experts"]);
    if (has_routing(response)) sequences.add(response["routed_experts"]);
    for (auto const* const list : {"choices", "outputs"})
        if (response.contains(list) && response[list].is_array())
            for (auto const& choice : response[list])
                if (has_routing(choice)) {
                    sequences.add(choice["routed_experts"]);
                    sequences.end();  // the prompt goes with the first
                }
    sequences.end();
}

void add_text(std::string_view text, Sequences& sequences) {
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
        if (line.empty()) continue;
        sequences.add_base64(line);
        sequences.end();
    }
}

void add_file(std::filesystem::path const& path, Sequences& sequences) {
    MappedFile const file(path);
    auto const text = file.text();
    if (text.starts_with("\x93NUMPY")) {
        sequences.add(NpyArray(path));
        sequences.end();
    } else if (text.starts_with(base64_of_npy)) {
        add_text(text, sequences);
    } else if (auto const whole = Json::parse(text, nullptr, false); whole.is_object()) {
        add_response(whole, sequences);
    } else {
        for_each_json_line(path, [&](Json const& line, int64_t) { add_response(line, sequences); });
    }
}

std::string evidence_of_array(TypedArray const& array) {
    auto const& shape = array.shape();
    if (array.kind() != TypedArray::Kind::integer || shape.size() != 3 ||
        shape[1] > most_model_layers || !look_at_rows(array).distinct ||
        look_at_rows(array).zero_or_one)
        return {};
    if (shape[0] > most_model_layers)
        return fmt::format("integers {}, the first axis longer than models have layers",
                           shape_text(shape));
    return {};
}

}  // namespace

std::string is_vllm(FileContent const& file) {
    if (file.container == FileContent::Container::npy) return evidence_of_array(*file.array);
    if (file.head.starts_with(base64_of_npy)) return "base64 of .npy";
    if (file.container != FileContent::Container::json) return {};
    if (file.has("routed_experts") || file.has("prompt_routed_experts") ||
        (file.has("choices") && file.has("usage")))
        return "JSON with routed_experts";
    return {};
}

Recording read_vllm(ImportRequest const& request) {
    Sequences sequences(request.files[0]);
    for (auto const& path : request.files) add_file(path, sequences);
    return sequences.join(request, recorded_info(request, "vllm"));
}

}  // namespace epsim

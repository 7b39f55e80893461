#include "trace/esft_source.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>

#include "core/error.hpp"
#include "trace/limits.hpp"

namespace epsim {
namespace {

namespace fs = std::filesystem;

/// N of expert_weights_N.txt.
std::optional<int32_t> layer_of(fs::path const& path) {
    std::string const name = path.filename().string();
    constexpr std::string_view prefix = "expert_weights_", suffix = ".txt";
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    char const* const end = name.data() + name.size() - suffix.size();
    int32_t number = 0;
    auto const [stop, error] = std::from_chars(name.data() + prefix.size(), end, number);
    if (error != std::errc{} || stop != end || number < 0) return std::nullopt;
    return number;
}

[[noreturn]] void fail_to_read(fs::path const& path, std::error_code const& error) {
    throw InputError(
        fmt::format("cannot read '{}' ({}). Check the path", path.string(), error.message()));
}

std::map<int32_t, fs::path> files_by_layer(std::vector<fs::path> const& paths) {
    std::map<int32_t, fs::path> files;
    auto const add = [&](int32_t layer, fs::path const& path) {
        auto const [at, is_new] = files.emplace(layer, path);
        if (!is_new)
            throw InputError(
                fmt::format("{} and {} are both layer {} (a layer is one file). Leave "
                            "one out",
                            at->second.string(), path.string(), layer));
    };
    for (auto const& path : paths) {
        std::error_code error;
        if (fs::is_directory(path, error)) {
            fs::directory_iterator const entries(path, error);
            if (error) fail_to_read(path, error);
            for (auto const& entry : entries)
                if (auto const layer = layer_of(entry.path())) add(*layer, entry.path());
        } else if (error) {
            fail_to_read(path, error);
        } else if (auto const layer = layer_of(path)) {
            add(*layer, path);
        } else {
            throw InputError(
                fmt::format("{} has no layer number (the name must be "
                            "expert_weights_<layer>.txt). Rename it",
                            path.string()));
        }
    }
    if (files.empty())
        throw InputError(
            "there is nothing to import (no expert_weights_<layer>.txt). Check the paths");
    return files;
}

}  // namespace

EsftSource::EsftSource(std::vector<fs::path> const& paths, int num_experts, int top_k,
                       ImportText text) {
    check_sizes(num_experts, top_k);
    auto const files = files_by_layer(paths);
    for (auto const& [layer, path] : files) {
        info_.layer.push_back(layer);
        file_.emplace_back(path, top_k);
        if (file_.back().sequence_offset() != file_.front().sequence_offset())
            throw InputError(
                fmt::format("{} has other sequences than {} (all layers route the "
                            "same tokens). Check the files",
                            path.string(), files.begin()->second.string()));
    }
    info_.num_experts = num_experts;
    info_.top_k = top_k;
    info_.origin = "recorded";
    info_.producer = std::move(text.producer);
    info_.source = std::move(text.source);
    info_.model = std::move(text.model);
    info_.has_weights = true;
    info_.sequence_offset = file_.front().sequence_offset();
    info_.step_offset = {0, info_.sequence_offset.back()};
}

RoutingBatch EsftSource::read(StepId step, LayerId layer, TokenRange range) const {
    check_range(info_, step, layer, range);
    auto const l = static_cast<std::size_t>(index(layer));
    auto batch = file_[l].read(range.begin, range.end);
    check_batch(batch, info_.num_experts, info_.layer[l], range.begin);
    return batch;
}

std::vector<int32_t> EsftSource::column(TokenColumn, StepId, TokenRange) const {
    check(false, "the source has the column");
    return {};
}

}  // namespace epsim

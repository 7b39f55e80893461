#include "app/trace_input.hpp"

#include <fmt/format.h>

#include "app/open_generator.hpp"
#include "comm/mpi_session.hpp"
#include "model/formulas.hpp"
#include "store/trace_file.hpp"
#include "trace/restepped.hpp"

namespace epsim {

TraceInput::TraceInput(Config const& config, Communicator const& comm) : config_(config) {
    open(comm);
    on_all_ranks(comm, [&] { check_source(); });
}

void TraceInput::open(Communicator const& comm) {
    auto const& routing = config_.routing;
    on_all_ranks(comm, [&] {
        if (routing.trace.empty()) {
            // Where a gate decides, only which tokens there are is taken from it.
            auto made = routing;
            if (config_.gate_decides()) made.generator = "uniform";
            source_ = open_generator(made, config_.tokens, config_.shape.num_experts,
                                     config_.shape.top_k, config_.shape.moe_layers);
            return;
        }
        auto file = std::make_unique<TraceFile>(routing.trace, Probe::skip);
        if (comm.is_root()) note_hash(*file);
        source_ = restep(std::move(file), config_.tokens);
    });
    auto const& info = source_->info();
    provenance_["origin"] = config_.gate_decides() ? "gate" : info.origin;
    provenance_["producer"] = info.producer;
    provenance_["model"] = info.model;
}

/// The hash of what is replayed; for a trace that takes minutes to read, what it states.
void TraceInput::note_hash(TraceFile const& file) {
    constexpr double checked_bytes = 1 << 30;
    auto const& info = file.info();
    double const entries =
        static_cast<double>(info.tokens()) * info.top_k * static_cast<double>(info.layer.size());
    if (entries * (sizeof(float) + sizeof(int16_t)) > checked_bytes) {
        provenance_["sha256_stated"] = file.stated_sha256();
        return;
    }
    auto const computed = file.computed_sha256();
    if (!file.stated_sha256().empty() && file.stated_sha256() != computed)
        provenance_["sha256_stated"] = file.stated_sha256();
    provenance_["sha256"] = computed;
}

void TraceInput::check_source() const {
    auto const& info = source_->info();
    auto const& shape = config_.shape;
    if (info.num_experts != shape.num_experts || info.top_k != shape.top_k)
        throw InputError(fmt::format(
            "{} routes to {} experts, top-{}, but the model has model.num_experts = {}, "
            "model.top_k = {} (they must be equal). Choose the trace's model, or set them",
            config_.routing.trace, info.num_experts, info.top_k, shape.num_experts, shape.top_k));
    if (info.steps() == 0 || info.tokens() == 0)
        throw InputError(fmt::format("{} has no tokens to replay ({} steps). Use another trace",
                                     config_.routing.trace, info.steps()));
    if (row_width(shape) != shape.hidden)
        throw InputError(fmt::format(
            "model.dispatch_hidden = {} differs from hidden = {} (rows of another width than the "
            "model's cannot be replayed). Leave it out",
            shape.dispatch_hidden, shape.hidden));
}

std::string TraceInput::sha256() const {
    for (auto const* key : {"sha256", "sha256_stated"})
        if (auto const found = provenance_.find(key); found != provenance_.end())
            return found->second;
    return "";
}

void TraceInput::warn_if_changed() const {
    auto const computed = provenance_.find("sha256"), stated = provenance_.find("sha256_stated");
    if (computed == provenance_.end() || stated == provenance_.end()) return;
    fmt::print(stderr,
               "epsim: warning: {} was changed after it was written (its sha256 is {:.12}, it "
               "states {:.12}). What is there was replayed\n",
               config_.routing.trace, computed->second, stated->second);
}

}  // namespace epsim

#include "store/result_axes.hpp"

#include <hdf5_hl.h>

#include <numeric>

namespace epsim {

ResultAxes::ResultAxes(hid_t file, RunRecord const& r) : group_(hdf5::create_group(file, "axes")) {
    auto const ranks = r.topology.size();
    auto const slots = static_cast<std::size_t>(r.slot_expert.extent(2));
    count("iteration", r.step_of.size(), "iteration, from the start of the run");
    number("step", r.step, "number of the step in its trace");
    number("layer", r.layer, "the model's number of the layer");
    text("phase", {phase_names.begin(), phase_names.end()}, "phase of a layer's step");
    count("rank", ranks, "rank");
    count("expert", static_cast<std::size_t>(r.expert_tokens.extent(2)), "expert");
    text("direction", {direction_names.begin(), direction_names.end()}, "direction of the rows");
    count("source", ranks, "rank that sends");
    count("destination", ranks, "rank that receives");
    count("slot", slots, "place for an expert's weights");
    count("version", static_cast<std::size_t>(r.slot_expert.extent(0)), "version of the placement");
    count("decision", r.decision_step.size(), "decision to change the placement");
    text("link_class", r.link_class, "class of link");
    count("epoch", static_cast<std::size_t>(r.clock_offset.extent(0)), "clock synchronisation");
    number("size", r.size, "bytes of a message");
    text("resource", r.resource, "what can limit a phase");
    count("declared_source", static_cast<std::size_t>(r.source_dropped.extent(2)),
          "source that the trace declares");
    text("health_figure", r.health_figure, "health figure of a gate");
    count("event", r.events.size(), "event");
    auto const names = [](std::vector<SummaryRow> const& rows) {
        std::vector<std::string> texts;
        for (auto const& row : rows) texts.push_back(row.metric);
        return texts;
    };
    text("metric", names(r.summary), "figure of the summary");
    text("ceiling", names(r.ceilings), "what the machine can do, measured in this run");
}

ResultAxes::ResultAxes(hid_t file, Calibration const& c)
    : group_(hdf5::create_group(file, "axes")) {
    count("rank", c.rank.size(), "rank");
    count("node", c.node.size(), "node");
    count("source", c.rank.size(), "rank that sends");
    count("destination", c.rank.size(), "rank that receives");
    number("size", c.size, "bytes of a message");
}

template <class T>
void ResultAxes::number(char const* name, std::vector<T> const& labels, char const* long_name) {
    add(name, hdf5::write_array<T>(group_.get(), name, {labels.size()}, labels), labels.size(),
        long_name);
}

void ResultAxes::count(char const* name, std::size_t size, char const* long_name) {
    std::vector<int32_t> labels(size);
    std::iota(labels.begin(), labels.end(), 0);
    number(name, labels, long_name);
}

void ResultAxes::text(char const* name, std::vector<std::string> const& labels,
                      char const* long_name) {
    add(name, hdf5::write_texts(group_.get(), name, {labels.size()}, labels), labels.size(),
        long_name);
}

void ResultAxes::add(char const* name, hdf5::Hid scale, std::size_t size, char const* long_name) {
    hdf5::require(H5DSset_scale(scale.get(), name), "cannot make a scale of", name);
    hdf5::describe(scale.get(), "1", long_name);
    scales_.emplace(name, Scale{std::move(scale), size});
}

hsize_t ResultAxes::extent(std::string const& axis) const {
    return scales_.at(axis).size;
}

hdf5::Extents ResultAxes::extents(std::vector<char const*> const& axes) const {
    hdf5::Extents extents;
    for (auto const* axis : axes) extents.push_back(extent(axis));
    return extents;
}

void ResultAxes::attach(hid_t group, hid_t dataset, std::vector<char const*> const& axes) const {
    for (unsigned i = 0; i < axes.size(); ++i) {
        if (!hdf5::has(group, axes[i]))
            hdf5::require(
                H5Lcreate_hard(group_.get(), axes[i], group, axes[i], H5P_DEFAULT, H5P_DEFAULT),
                "cannot link axis", axes[i]);
        hdf5::require(H5DSattach_scale(dataset, scales_.at(axes[i]).dataset.get(), i),
                      "cannot attach axis", axes[i]);
    }
}

}  // namespace epsim

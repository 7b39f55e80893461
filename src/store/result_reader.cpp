#include <algorithm>
#include <map>

#include "core/cast.hpp"
#include "core/text.hpp"
#include "store/attribute.hpp"
#include "store/dataset.hpp"
#include "store/origin.hpp"
#include "store/result_file.hpp"
#include "store/result_schema.hpp"
#include "store/result_tables.hpp"

namespace epsim {
namespace {

using hdf5::Dataset;
using hdf5::Hid;

template <class T>
T one_number(hid_t group, std::string const& name) {
    Dataset const dataset(group, name);
    dataset.require_extents({});
    return dataset.read_all<T>().front();
}

void read_root(hid_t file, RunRecord& r) {
    hdf5::require_schema(file, result_schema, result_schema_version[0]);
    r.run_uuid = hdf5::text_attribute(file, "run_uuid");
    r.date = hdf5::text_attribute(file, "date");
    r.software_version = hdf5::text_attribute(file, "software_version");
    r.git_sha = hdf5::text_attribute(file, "git_sha");
    r.git_dirty = hdf5::integer_attribute(file, "git_dirty") != 0;
    r.status = hdf5::text_attribute(file, "status", {"complete", "interrupted", "failed"});
    r.kind =
        hdf5::text_attribute(file, "kind", {"measured", "oversubscribed", "emulated", "predicted"});
    r.tags = split(hdf5::text_attribute(file, "tags"), ',');
    r.config = one_text(file, "config");
}

/// The lengths of the axes, and the labels that are data.
class Axes {
public:
    Axes(hid_t file, RunRecord& r) : group_(hdf5::open_group(file, "axes")) {
        r.step = labels("step");
        r.layer = labels("layer");
        r.link_class = Dataset(group_.get(), "link_class").read_texts();
        if (hdf5::has(group_.get(), "size"))
            r.size = Dataset(group_.get(), "size").read_all<int64_t>();
        if (hdf5::has(group_.get(), "resource"))
            r.resource = Dataset(group_.get(), "resource").read_texts();
        if (hdf5::has(group_.get(), "health_figure"))
            r.health_figure = Dataset(group_.get(), "health_figure").read_texts();
        r.topology.resize(length("rank"));
        require_names("phase", phase_names);
        require_names("direction", direction_names);
    }

    hdf5::Extents extents(std::vector<char const*> const& axes) {
        hdf5::Extents extents;
        for (auto const* axis : axes) extents.push_back(length(axis));
        return extents;
    }

private:
    hsize_t length(char const* axis) {
        auto const [at, is_new] = length_.try_emplace(axis);
        if (is_new) {
            Dataset const scale(group_.get(), axis);
            if (scale.extents().size() != 1)
                throw FileError(fmt::format("/axes/{} has not one dimension", axis));
            at->second = scale.extents()[0];
        }
        return at->second;
    }
    std::vector<int32_t> labels(char const* axis) {
        length(axis);
        return Dataset(group_.get(), axis).read_all<int32_t>();
    }
    template <class Names>
    void require_names(char const* axis, Names const& names) {
        if (!std::ranges::equal(Dataset(group_.get(), axis).read_texts(), names))
            throw FileError(fmt::format("/axes/{} has labels that this epsim does not know", axis));
    }

    Hid group_;
    std::map<std::string, hsize_t> length_;
};

template <class T, std::size_t N>
void read_into(Dataset const& dataset, Array<T, N>& array) {
    dataset.require_values_of<T>();
    typename Array<T, N>::Shape shape;
    std::ranges::transform(dataset.extents(), shape.begin(),
                           [](hsize_t n) { return narrow<int64_t>(n); });
    array = Array<T, N>(shape);
    dataset.read<T>(hdf5::Extents(N, 0), dataset.extents(), array.flat());
}
template <class T>
void read_into(Dataset const& dataset, std::vector<T>& values) {
    values = dataset.read_all<T>();
}

void read_arrays(hid_t file, RunRecord& r, Axes& axes) {
    for_each_array(r, [&](ArrayPlace const& place, auto& array) {
        bool const optional = place.presence == Presence::if_known;
        if (optional && !hdf5::has(file, place.group)) return;
        Hid const group = hdf5::open_group(file, place.group);
        if (optional && !hdf5::has(group.get(), place.name)) return;
        Dataset const dataset(group.get(), place.name);
        dataset.require_extents(axes.extents(place.axes));
        read_into(dataset, array);
    });
    Hid const load = hdf5::open_group(file, "load");
    r.top_k = hdf5::integer_attribute(load.get(), "top_k", 0, INT32_MAX);
    r.flops_per_assignment = hdf5::real_attribute(load.get(), "flops_per_assignment");
    r.local_flops_per_token = hdf5::real_attribute(load.get(), "local_flops_per_token");
    Hid const traffic = hdf5::open_group(file, "traffic");
    r.dispatch_row_bytes = hdf5::integer_attribute(traffic.get(), "dispatch_row_bytes");
    r.combine_row_bytes = hdf5::integer_attribute(traffic.get(), "combine_row_bytes");
    r.hops = hdf5::integer_attribute(traffic.get(), "hops", 0, INT32_MAX);
    if (hdf5::has_attribute(traffic.get(), "parts"))
        r.parts = hdf5::integer_attribute(traffic.get(), "parts", 1, INT32_MAX);
    if (hdf5::has_attribute(traffic.get(), "capacity"))
        r.capacity = hdf5::integer_attribute(traffic.get(), "capacity", 0, INT32_MAX);
    if (hdf5::has_attribute(traffic.get(), "algorithm"))
        r.algorithm = hdf5::text_attribute(traffic.get(), "algorithm");
    if (hdf5::has(traffic.get(), "step_algorithm")) {
        Dataset const chosen(traffic.get(), "step_algorithm");
        chosen.require_extents(axes.extents({"step"}));
        r.step_algorithm = chosen.read_texts();
    }
    if (hdf5::has_attribute(traffic.get(), "dedup"))
        r.dedup = hdf5::text_attribute(traffic.get(), "dedup", {"none", "rank", "node"});
}

void require_index(int64_t value, int64_t first, std::size_t end, char const* what) {
    if (value < first || value >= static_cast<int64_t>(end))
        throw FileError(fmt::format("{} has {} ({} to {} are possible)", what, value, first,
                                    static_cast<int64_t>(end) - 1));
}

/// Indices into other arrays: what uses them need not check again.
void require_indices(RunRecord const& r) {
    auto const ranks = r.topology.size();
    for (auto const step : r.step_of) require_index(step, 0, r.step.size(), "/time/step_of");
    for (auto const rank : r.slot_rank) require_index(rank, 0, ranks, "/placement/slot_rank");
    auto const experts = static_cast<std::size_t>(r.expert_tokens.extent(2));
    for (auto const expert : r.slot_expert.flat())
        require_index(expert, -1, experts, "/placement/slot_expert");
    for (auto const version : r.step_version)
        require_index(version, 0, static_cast<std::size_t>(r.slot_expert.extent(0)),
                      "/rebalance/step_version");
    for (auto const step : r.decision_step)
        require_index(step, 0, r.step.size(), "/rebalance/decision_step");
    for (auto const resource : r.bound_resource.flat())
        require_index(resource, -1, r.resource.size(), "/bounds/limited_by");
    for (auto const& e : r.events) {
        require_index(e.iteration, 0, r.step_of.size(), "/events: iteration");
        require_index(e.layer, 0, r.layer.size(), "/events: layer");
        require_index(e.rank, 0, ranks, "/events: rank");
        require_index(e.phase, 0, phase_count, "/events: phase");
        require_index(e.backward, 0, 2, "/events: direction");
    }
}

RunRecord read_file(std::filesystem::path const& path) {
    Hid const file = hdf5::open_file(path);
    RunRecord r;
    read_root(file.get(), r);
    Axes axes(file.get(), r);
    r.provenance = read_provenance(file.get());
    r.topology = read_topology(file.get(), r.topology.size());
    read_arrays(file.get(), r, axes);
    r.events = read_events(file.get());
    r.summary = read_figures(file.get(), "summary");
    if (hdf5::has(file.get(), "ceilings")) r.ceilings = read_figures(file.get(), "ceilings");
    Hid const validation = hdf5::open_group(file.get(), "validation");
    r.checked = one_number<int64_t>(validation.get(), "checked");
    r.identities = one_number<int64_t>(validation.get(), "identities");
    r.wrong = one_number<int64_t>(validation.get(), "wrong");
    r.max_error = one_number<double>(validation.get(), "max_error");
    for (auto const& [name, value] :
         {std::pair{"dispatch_error", &r.dispatch_error}, {"combine_error", &r.combine_error}})
        if (hdf5::has(validation.get(), name))  // absent before version 1.1.0 of the schema
            *value = one_number<double>(validation.get(), name);
    require_indices(r);
    return r;
}

}  // namespace

RunRecord read_result(std::filesystem::path const& path, Probe trust) {
    if (trust == Probe::in_child) probe(path, [&] { read_file(path); });
    return reading(path, [&] { return read_file(path); });
}

std::string stated_config_sha256(std::filesystem::path const& path) {
    return reading(path, [&] {
        Hid const file = hdf5::open_file(path);
        return hdf5::text_attribute(Dataset(file.get(), "config").id(), "sha256");
    });
}

}  // namespace epsim

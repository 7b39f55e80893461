#include <fmt/ranges.h>

#include <set>

#include "core/cast.hpp"
#include "core/sha256.hpp"
#include "store/attribute.hpp"
#include "store/dataset_writer.hpp"
#include "store/origin.hpp"
#include "store/result_axes.hpp"
#include "store/result_file.hpp"
#include "store/result_schema.hpp"
#include "store/result_tables.hpp"
#include "store/sealed_file.hpp"

namespace epsim {
namespace {

using hdf5::Hid;

void write_root(hid_t file, RunRecord const& r) {
    hdf5::write_attribute(file, "schema", result_schema);
    hdf5::write_attribute(file, "schema_version", result_schema_version);
    hdf5::write_attribute(file, "run_uuid", r.run_uuid);
    hdf5::write_attribute(file, "date", r.date);
    hdf5::write_attribute(file, "software_version", r.software_version);
    hdf5::write_attribute(file, "git_sha", r.git_sha);
    hdf5::write_attribute(file, "git_dirty", r.git_dirty, H5T_STD_U8LE);
    hdf5::write_attribute(file, "status", r.status);
    hdf5::write_attribute(file, "kind", r.kind);
    hdf5::write_attribute(file, "tags", fmt::format("{}", fmt::join(r.tags, ",")));
    hdf5::write_attribute(file, "NX_class", "NXroot");
    hdf5::write_attribute(file, "default", "load");
}

void write_config(hid_t file, RunRecord const& r) {
    Hid const config = hdf5::write_texts(file, "config", {}, {r.config});
    hdf5::write_attribute(config.get(), "sha256", sha256_hex(r.config));
    hdf5::write_attribute(config.get(), "long_name", "resolved configuration, TOML");
}

/// Make a group plottable. Axes with text labels are named ".": plots want numbers.
void mark_plottable(hid_t group, char const* signal, std::vector<std::string> const& axes) {
    hdf5::write_attribute(group, "NX_class", "NXdata");
    hdf5::write_attribute(group, "signal", signal);
    hdf5::write_attribute(group, "axes", axes);
}

template <class T, std::size_t N>
std::span<T const> flat(Array<T, N> const& array) {
    return array.flat();
}
template <class T>
std::span<T const> flat(std::vector<T> const& values) {
    return values;
}

void write_arrays(hid_t file, RunRecord const& r, ResultAxes const& axes) {
    for (auto const* name : {"time", "clock", "load", "traffic", "placement", "validation"})
        hdf5::create_group(file, name);
    for_each_array(r, [&](ArrayPlace const& place, auto const& array) {
        if (flat(array).empty() && place.presence == Presence::if_known) return;
        auto const extents = axes.extents(place.axes);
        bool const nothing = flat(array).empty() && std::ranges::count(extents, hsize_t{0}) > 0;
        check(nothing || extents_of(array) == extents,
              fmt::format("{}/{} has shape [{}], its axes [{}]", place.group, place.name,
                          fmt::join(extents_of(array), ", "), fmt::join(extents, ", ")));
        Hid const group = hdf5::has(file, place.group) ? hdf5::open_group(file, place.group)
                                                       : hdf5::create_group(file, place.group);
        Hid const dataset = hdf5::write_array(group.get(), place.name, extents, flat(array));
        hdf5::describe(dataset.get(), place.units, place.long_name);
        axes.attach(group.get(), dataset.get(), place.axes);
    });
    mark_plottable(hdf5::open_group(file, "time").get(), "end",
                   {"iteration", "layer", ".", "rank"});
    mark_plottable(hdf5::open_group(file, "clock").get(), "offset", {"epoch", "rank"});
    Hid const load = hdf5::open_group(file, "load");
    mark_plottable(load.get(), "expert_tokens", {"step", "layer", "expert"});
    hdf5::write_attribute(load.get(), "top_k", r.top_k, H5T_STD_I32LE);
    hdf5::write_attribute(load.get(), "flops_per_assignment", r.flops_per_assignment);
    hdf5::write_attribute(load.get(), "local_flops_per_token", r.local_flops_per_token);
    Hid const traffic = hdf5::open_group(file, "traffic");
    mark_plottable(traffic.get(), "selected", {"layer", ".", "source", "destination"});
    hdf5::write_attribute(traffic.get(), "dispatch_row_bytes", r.dispatch_row_bytes, H5T_STD_I64LE);
    hdf5::write_attribute(traffic.get(), "combine_row_bytes", r.combine_row_bytes, H5T_STD_I64LE);
    hdf5::write_attribute(traffic.get(), "hops", r.hops, H5T_STD_I32LE);
    hdf5::write_attribute(traffic.get(), "parts", r.parts, H5T_STD_I32LE);
    hdf5::write_attribute(traffic.get(), "capacity", r.capacity, H5T_STD_I64LE);
    hdf5::write_attribute(traffic.get(), "algorithm", r.algorithm);
    if (!r.step_algorithm.empty()) {
        check(r.step_algorithm.size() == r.step.size(), "every step has an algorithm");
        Hid const chosen =
            hdf5::write_texts(traffic.get(), "step_algorithm", {r.step.size()}, r.step_algorithm);
        hdf5::describe(chosen.get(), "1", "algorithm that was chosen for the step");
        axes.attach(traffic.get(), chosen.get(), {"step"});
    }
    hdf5::write_attribute(traffic.get(), "dedup", r.dedup);
    mark_plottable(hdf5::open_group(file, "placement").get(), "slot_expert",
                   {"version", "layer", "slot"});
}

void write_tables(hid_t file, RunRecord const& r, ResultAxes const& axes) {
    Hid const events = write_events(file, r.events);
    hdf5::describe(events.get(), "s", "intervals of chunks, backward and rebalance");
    axes.attach(file, events.get(), {"event"});
    if (!r.ceilings.empty()) {
        Hid const ceilings = write_figures(file, "ceilings", r.ceilings);
        hdf5::describe(ceilings.get(), "1", "what the machine can do, measured in this run");
        axes.attach(file, ceilings.get(), {"ceiling"});
    }
    Hid const summary = write_figures(file, "summary", r.summary);
    hdf5::describe(summary.get(), "1", "derived figures, each with its unit");
    axes.attach(file, summary.get(), {"metric"});
}

void write_validation(hid_t file, RunRecord const& r) {
    Hid const group = hdf5::open_group(file, "validation");
    auto const write = [&]<class T>(char const* name, T value, char const* long_name) {
        Hid const dataset = hdf5::write_array<T>(group.get(), name, {}, std::span(&value, 1));
        hdf5::describe(dataset.get(), "1", long_name);
    };
    write("checked", r.checked, "(token, layer) outputs compared with the reference by value");
    write("identities", r.identities, "(token, expert) rows whose identity was checked");
    write("wrong", r.wrong, "of both");
    write("max_error", r.max_error, "largest |difference| / bound of the compared elements");
    write("dispatch_error", r.dispatch_error,
          "relative RMS error of the compared tokens' vectors as experts got them");
    write("combine_error", r.combine_error,
          "relative RMS error of their experts' outputs, by the type in which they returned");
}

}  // namespace

void write_result(RunRecord const& record, std::filesystem::path const& path) {
    SealedFile sealed(path);
    writing(path, [&] {
        Hid file = hdf5::create_file(sealed.temporary());
        {
            ResultAxes const axes(file.get(), record);
            write_root(file.get(), record);
            write_config(file.get(), record);
            write_provenance(file.get(), record.provenance);
            write_topology(file.get(), record.topology, axes);
            write_arrays(file.get(), record, axes);
            write_tables(file.get(), record, axes);
            write_validation(file.get(), record);
        }
        hdf5::close_file(std::move(file));
    });
    sealed.seal();
}

}  // namespace epsim

#include "store/calibration_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "cluster/ceiling_figures.hpp"
#include "core/cast.hpp"
#include "store/attribute.hpp"
#include "store/dataset.hpp"
#include "store/dataset_writer.hpp"
#include "store/origin.hpp"
#include "store/sealed_file.hpp"

namespace epsim {
namespace {

using hdf5::Dataset;
using hdf5::Hid;

constexpr std::array<int32_t, 3> schema_version{1, 0, 0};
constexpr int32_t most_repetitions = 1 << 20;

/// A group of ceilings: a dataset each figure.
struct CeilingGroup {
    char const* name;
    char const* axis;
    std::vector<Ceilings> Calibration::*ceilings;
    char const* what;
};
constexpr std::array<CeilingGroup, 4> ceiling_groups{{
    {"rank", "rank", &Calibration::rank, "one rank alone, best repetition"},
    {"rank_least", "rank", &Calibration::rank_least, "one rank alone, worst repetition"},
    {"node", "node", &Calibration::node, "all ranks of a node at once, summed, best repetition"},
    {"node_least", "node", &Calibration::node_least,
     "all ranks of a node at once, summed, worst repetition"},
}};

void write_root(hid_t file, CalibrationRecord const& r) {
    hdf5::write_attribute(file, "schema", calibration_schema);
    hdf5::write_attribute(file, "schema_version", schema_version);
    hdf5::write_attribute(file, "date", r.date);
    hdf5::write_attribute(file, "software_version", r.software_version);
    hdf5::write_attribute(file, "git_sha", r.git_sha);
    hdf5::write_attribute(file, "git_dirty", r.git_dirty, H5T_STD_U8LE);
    hdf5::write_attribute(file, "kind", r.kind);
    hdf5::write_attribute(file, "mode", r.mode);
    hdf5::write_attribute(file, "NX_class", "NXroot");
}

void write_ceilings(hid_t file, Calibration const& c, ResultAxes const& axes) {
    Hid const group = hdf5::create_group(file, "ceilings");
    hdf5::write_attribute(group.get(), "rank_repetitions", c.rank_repetitions, H5T_STD_I32LE);
    hdf5::write_attribute(group.get(), "node_repetitions", c.node_repetitions, H5T_STD_I32LE);
    for (auto const& of : ceiling_groups) {
        Hid const columns = hdf5::create_group(group.get(), of.name);
        for (auto const& figure : ceiling_figures) {
            std::vector<double> values;
            for (auto const& one : c.*of.ceilings) values.push_back(one.*figure.value);
            Hid const dataset = hdf5::write_array<double>(columns.get(), std::string(figure.name),
                                                          axes.extents({of.axis}), values);
            hdf5::describe(dataset.get(), std::string(figure.unit),
                           fmt::format("{}: {}", figure.how, of.what));
            axes.attach(columns.get(), dataset.get(), {of.axis});
        }
    }
}

void write_links(hid_t file, Calibration const& c, ResultAxes const& axes) {
    std::vector<char const*> const dimensions{"size", "source", "destination"};
    Hid const group = hdf5::create_group(file, "links");
    Hid const dataset = hdf5::write_array<double>(group.get(), "seconds", axes.extents(dimensions),
                                                  c.link_seconds.flat());
    hdf5::describe(dataset.get(), "s",
                   "one message of a size from source to destination, one way; to itself: a copy "
                   "(NaN = not measured)");
    axes.attach(group.get(), dataset.get(), dimensions);
}

void check_shapes(CalibrationRecord const& r) {
    auto const& c = r.calibration;
    auto const ranks = std::ssize(r.topology);
    check(std::ssize(c.rank) == ranks && c.rank_least.size() == c.rank.size() &&
              c.node_least.size() == c.node.size() &&
              c.link_seconds.shape() ==
                  decltype(c.link_seconds)::Shape{std::ssize(c.size), ranks, ranks},
          "a calibration's arrays have the shapes of its ranks, nodes and sizes");
}

hsize_t length_of(hid_t file, char const* axis) {
    Dataset const scale(hdf5::open_group(file, "axes").get(), axis);
    if (scale.extents().size() != 1)
        throw FileError(fmt::format("/axes/{} has not one dimension", axis));
    return scale.extents()[0];
}

void read_ceilings(hid_t file, Calibration& c) {
    Hid const group = hdf5::open_group(file, "ceilings");
    c.rank_repetitions =
        hdf5::integer_attribute(group.get(), "rank_repetitions", 0, most_repetitions);
    c.node_repetitions =
        hdf5::integer_attribute(group.get(), "node_repetitions", 0, most_repetitions);
    for (auto const& of : ceiling_groups) {
        auto const size = length_of(file, of.axis);
        Hid const columns = hdf5::open_group(group.get(), of.name);
        (c.*of.ceilings).resize(size);
        for (auto const& figure : ceiling_figures) {
            Dataset const dataset(columns.get(), std::string(figure.name));
            dataset.require_extents({size});
            auto const values = dataset.read_all<double>();
            for (std::size_t i = 0; i < size; ++i) {
                if (!std::isfinite(values[i]) || values[i] < 0)
                    throw FileError(
                        fmt::format("/ceilings/{}/{} has {}", of.name, figure.name, values[i]));
                (c.*of.ceilings)[i].*figure.value = values[i];
            }
        }
    }
}

void read_links(hid_t file, Calibration& c) {
    c.size = Dataset(hdf5::open_group(file, "axes").get(), "size").read_all<int64_t>();
    if (std::ranges::adjacent_find(c.size, std::greater_equal<>()) != c.size.end() ||
        (!c.size.empty() && c.size.front() <= 0))
        throw FileError("/axes/size does not ascend from above 0");
    Dataset const dataset(hdf5::open_group(file, "links").get(), "seconds");
    auto const ranks = length_of(file, "rank");
    dataset.require_extents({c.size.size(), ranks, ranks});
    dataset.require_values_of<double>();
    auto const n = narrow<int64_t>(ranks);
    c.link_seconds = Array<double, 3>({std::ssize(c.size), n, n});
    dataset.read<double>({0, 0, 0}, dataset.extents(), c.link_seconds.flat());
    for (double const s : c.link_seconds.flat())
        if (!std::isnan(s) && !(s > 0 && std::isfinite(s)))
            throw FileError(fmt::format("/links/seconds has {}", s));
}

void require_nodes(CalibrationRecord const& r) {
    auto const nodes = std::ssize(r.calibration.node);
    for (auto const& place : r.topology)
        if (place.node < 0 || place.node >= nodes)
            throw FileError(
                fmt::format("/topology/node has {} (there are {} nodes)", place.node, nodes));
}

CalibrationRecord read_file(std::filesystem::path const& path) {
    Hid const file = hdf5::open_file(path);
    hid_t const f = file.get();
    CalibrationRecord r;
    hdf5::require_schema(f, calibration_schema, schema_version[0]);
    r.date = hdf5::text_attribute(f, "date");
    r.software_version = hdf5::text_attribute(f, "software_version");
    r.git_sha = hdf5::text_attribute(f, "git_sha");
    r.git_dirty = hdf5::integer_attribute(f, "git_dirty") != 0;
    r.kind = hdf5::text_attribute(f, "kind", {"measured", "oversubscribed"});
    r.mode = hdf5::text_attribute(f, "mode", {"quick", "full"});
    r.provenance = read_provenance(f);
    r.topology = read_topology(f, length_of(f, "rank"));
    read_ceilings(f, r.calibration);
    read_links(f, r.calibration);
    require_nodes(r);
    return r;
}

}  // namespace

void write_calibration(CalibrationRecord const& record, std::filesystem::path const& path) {
    check_shapes(record);
    SealedFile sealed(path);
    writing(path, [&] {
        Hid file = hdf5::create_file(sealed.temporary());
        {
            ResultAxes const axes(file.get(), record.calibration);
            write_root(file.get(), record);
            write_provenance(file.get(), record.provenance);
            write_topology(file.get(), record.topology, axes);
            write_ceilings(file.get(), record.calibration, axes);
            write_links(file.get(), record.calibration, axes);
        }
        hdf5::close_file(std::move(file));
    });
    sealed.seal();
}

CalibrationRecord read_calibration(std::filesystem::path const& path, Probe trust) {
    if (trust == Probe::in_child) probe(path, [&] { read_file(path); });
    return reading(path, [&] { return read_file(path); });
}

}  // namespace epsim

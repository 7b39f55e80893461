#include "store/result_tables.hpp"

#include <cstddef>
#include <cstring>

#include "store/dataset_writer.hpp"

namespace epsim {
namespace {

using hdf5::Extents;
using hdf5::Hid;

struct Column {
    char const* name;
    std::size_t offset;
    hid_t type;
};

Hid compound(std::size_t bytes, std::vector<Column> const& columns) {
    Hid type = hdf5::own(H5Tcreate(H5T_COMPOUND, bytes), "cannot make a type");
    for (auto const& c : columns)
        hdf5::require(H5Tinsert(type.get(), c.name, c.offset, c.type), "cannot make column",
                      c.name);
    return type;
}

std::vector<Column> event_columns() {
    return {{"iteration", offsetof(Event, iteration), H5T_NATIVE_INT32},
            {"layer", offsetof(Event, layer), H5T_NATIVE_INT32},
            {"rank", offsetof(Event, rank), H5T_NATIVE_INT32},
            {"phase", offsetof(Event, phase), H5T_NATIVE_INT32},
            {"chunk", offsetof(Event, chunk), H5T_NATIVE_INT32},
            {"direction", offsetof(Event, backward), H5T_NATIVE_INT32},
            {"start", offsetof(Event, start), H5T_NATIVE_DOUBLE},
            {"end", offsetof(Event, end), H5T_NATIVE_DOUBLE}};
}

/// One figure in memory and in the file: texts of fixed widths round the numbers.
struct SummaryLayout {
    std::size_t metric_width, unit_width, description_width;

    std::size_t value() const { return metric_width; }
    std::size_t unit() const { return value() + sizeof(double); }
    std::size_t ci_low() const { return unit() + unit_width; }
    std::size_t ci_high() const { return ci_low() + sizeof(double); }
    std::size_t n() const { return ci_high() + sizeof(double); }
    std::size_t description() const { return n() + sizeof(int64_t); }
    std::size_t bytes() const { return description() + description_width; }

    Hid type() const {
        Hid const metric_type = hdf5::text_type(metric_width),
                  unit_type = hdf5::text_type(unit_width),
                  description_type = hdf5::text_type(description_width);
        return compound(bytes(), {{"metric", 0, metric_type.get()},
                                  {"value", value(), H5T_NATIVE_DOUBLE},
                                  {"unit", unit(), unit_type.get()},
                                  {"ci_low", ci_low(), H5T_NATIVE_DOUBLE},
                                  {"ci_high", ci_high(), H5T_NATIVE_DOUBLE},
                                  {"n", n(), H5T_NATIVE_INT64},
                                  {"description", description(), description_type.get()}});
    }
};

Hid write_table(hid_t file, char const* name, hid_t type, std::size_t rows, void const* data) {
    constexpr hsize_t most_rows = 1 << 14;
    auto dataset =
        hdf5::create_dataset(file, name, type, {rows}, {std::clamp<hsize_t>(rows, 1, most_rows)});
    if (rows > 0) hdf5::write_block(dataset.get(), type, {0}, {rows}, data);
    return dataset;
}

hdf5::Dataset open_table(hid_t file, char const* name) {
    hdf5::Dataset table(file, name);
    if (H5Tget_class(table.type()) != H5T_COMPOUND || table.extents().size() != 1)
        throw FileError(fmt::format("/{} is not a table", name));
    return table;
}

/// The stored type of a column, which must be of one class. \throws FileError
Hid column_type(hdf5::Dataset const& table, char const* column, H5T_class_t type_class) {
    int const at = H5Tget_member_index(table.type(), column);
    if (at < 0) throw FileError(fmt::format("/{} has no column {}", table.name(), column));
    Hid type = hdf5::own(H5Tget_member_type(table.type(), static_cast<unsigned>(at)),
                         "cannot read the type of", column);
    if (H5Tget_class(type.get()) != type_class || H5Tis_variable_str(type.get()) > 0)
        throw FileError(fmt::format("/{} has another type of column {}", table.name(), column));
    return type;
}

std::size_t text_width(hdf5::Dataset const& table, char const* column) {
    return H5Tget_size(column_type(table, column, H5T_STRING).get());
}

}  // namespace

Hid write_events(hid_t file, std::vector<Event> const& events) {
    auto const type = compound(sizeof(Event), event_columns());
    return write_table(file, "events", type.get(), events.size(), events.data());
}

std::vector<Event> read_events(hid_t file) {
    auto const table = open_table(file, "events");
    for (auto const& c : event_columns()) column_type(table, c.name, H5Tget_class(c.type));
    std::vector<Event> events(table.elements());
    auto const type = compound(sizeof(Event), event_columns());
    table.read_as(type.get(), {0}, table.extents(), std::as_writable_bytes(std::span(events)));
    return events;
}

Hid write_figures(hid_t file, char const* table, std::vector<SummaryRow> const& rows) {
    SummaryLayout layout{1, 1, 1};
    for (auto const& row : rows) {
        layout.metric_width = std::max(layout.metric_width, row.metric.size());
        layout.unit_width = std::max(layout.unit_width, row.unit.size());
        layout.description_width = std::max(layout.description_width, row.description.size());
    }
    std::vector<char> bytes(rows.size() * layout.bytes());
    char* at = bytes.data();
    for (auto const& row : rows) {
        row.metric.copy(at, layout.metric_width);
        std::memcpy(at + layout.value(), &row.value, sizeof row.value);
        row.unit.copy(at + layout.unit(), layout.unit_width);
        std::memcpy(at + layout.ci_low(), &row.ci_low, sizeof row.ci_low);
        std::memcpy(at + layout.ci_high(), &row.ci_high, sizeof row.ci_high);
        std::memcpy(at + layout.n(), &row.n, sizeof row.n);
        row.description.copy(at + layout.description(), layout.description_width);
        at += layout.bytes();
    }
    return write_table(file, table, layout.type().get(), rows.size(), bytes.data());
}

std::vector<SummaryRow> read_figures(hid_t file, char const* table_name) {
    auto const table = open_table(file, table_name);
    SummaryLayout const layout{text_width(table, "metric"), text_width(table, "unit"),
                               text_width(table, "description")};
    for (auto const* name : {"value", "ci_low", "ci_high"}) column_type(table, name, H5T_FLOAT);
    column_type(table, "n", H5T_INTEGER);
    std::vector<char> bytes(table.elements() * layout.bytes());
    auto const type = layout.type();
    table.read_as(type.get(), {0}, table.extents(), std::as_writable_bytes(std::span(bytes)));
    auto const text = [](char const* from, std::size_t width) {
        return std::string(from, strnlen(from, width));
    };
    std::vector<SummaryRow> rows(table.elements());
    char const* at = bytes.data();
    for (auto& row : rows) {
        row.metric = text(at, layout.metric_width);
        std::memcpy(&row.value, at + layout.value(), sizeof row.value);
        row.unit = text(at + layout.unit(), layout.unit_width);
        std::memcpy(&row.ci_low, at + layout.ci_low(), sizeof row.ci_low);
        std::memcpy(&row.ci_high, at + layout.ci_high(), sizeof row.ci_high);
        std::memcpy(&row.n, at + layout.n(), sizeof row.n);
        row.description = text(at + layout.description(), layout.description_width);
        at += layout.bytes();
    }
    return rows;
}

}  // namespace epsim

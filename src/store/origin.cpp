#include "store/origin.hpp"

#include <fmt/format.h>

#include "store/attribute.hpp"
#include "store/dataset.hpp"
#include "store/dataset_writer.hpp"
#include "store/result_schema.hpp"

namespace epsim {

using hdf5::Dataset;
using hdf5::Hid;

std::string one_text(hid_t group, std::string const& name) {
    auto texts = Dataset(group, name).read_texts();
    if (texts.size() != 1) throw FileError(fmt::format("/{} is not one text", name));
    return std::move(texts.front());
}

void write_provenance(hid_t file, ProvenanceFacts const& provenance) {
    Hid const root = hdf5::create_group(file, "provenance");
    for (auto const& [name, facts] : provenance) {
        Hid const group = hdf5::create_group(root.get(), name);
        for (auto const& [key, text] : facts) {
            check(!key.empty() && key != "." && key.find('/') == key.npos, "a key of provenance");
            hdf5::write_texts(group.get(), key, {}, {text});
        }
    }
}

void write_topology(hid_t file, std::vector<RankPlace> const& places, ResultAxes const& axes) {
    Hid const group = hdf5::create_group(file, "topology");
    auto const finish = [&](Hid const& dataset, char const* long_name) {
        hdf5::describe(dataset.get(), "1", long_name);
        axes.attach(group.get(), dataset.get(), {"rank"});
    };
    for (auto const& column : text_place_columns) {
        std::vector<std::string> texts;
        for (auto const& place : places) texts.push_back(place.*column.member);
        finish(hdf5::write_texts(group.get(), column.name, {texts.size()}, texts),
               column.long_name);
    }
    for (auto const& column : number_place_columns) {
        std::vector<int32_t> numbers;
        for (auto const& place : places) numbers.push_back(place.*column.member);
        finish(hdf5::write_array<int32_t>(group.get(), column.name, {numbers.size()}, numbers),
               column.long_name);
    }
}

ProvenanceFacts read_provenance(hid_t file) {
    ProvenanceFacts provenance;
    Hid const root = hdf5::open_group(file, "provenance");
    for (auto const& name : hdf5::children(root.get())) {
        Hid const group = hdf5::open_group(root.get(), name);
        auto& facts = provenance[name];
        for (auto const& key : hdf5::children(group.get())) facts[key] = one_text(group.get(), key);
    }
    return provenance;
}

std::vector<RankPlace> read_topology(hid_t file, std::size_t size) {
    std::vector<RankPlace> places(size);
    Hid const group = hdf5::open_group(file, "topology");
    hdf5::Extents const ranks{size};
    for (auto const& column : text_place_columns) {
        Dataset const dataset(group.get(), column.name);
        dataset.require_extents(ranks);
        auto const texts = dataset.read_texts();
        for (std::size_t i = 0; i < texts.size(); ++i) places[i].*column.member = texts[i];
    }
    for (auto const& column : number_place_columns) {
        Dataset const dataset(group.get(), column.name);
        dataset.require_extents(ranks);
        auto const numbers = dataset.read_all<int32_t>();
        for (std::size_t i = 0; i < numbers.size(); ++i) places[i].*column.member = numbers[i];
    }
    return places;
}

}  // namespace epsim

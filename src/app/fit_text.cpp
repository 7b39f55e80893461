#include "app/fit_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <cmath>
#include <fstream>
#include <sstream>

#include "config/toml_reader.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

constexpr double unit = 1e4;
constexpr std::uintmax_t most_bytes = std::uintmax_t{256} << 20;

std::string list(std::vector<double> const& values) {
    std::string text = "[";
    for (double const v : values)
        text += fmt::format("{}{}", text.size() > 1 ? ", " : "", std::llround(v * unit));
    return text + "]";
}

[[noreturn]] void fail(std::string const& path, std::string const& reason) {
    throw InputError(fmt::format("{} is no fit ({}). Make it with epsim trace fit", path, reason));
}

/// A table of the file, whose every access says what is missing.
class Table {
public:
    Table(toml::table const& table, std::string path) : table_(table), path_(std::move(path)) {}

    template <class T>
    T get(char const* key) const {
        auto const value = table_[key].value<T>();
        if (!value) fail(path_, fmt::format("{} is missing or of another type", key));
        return *value;
    }
    int integer(char const* key) const {
        auto const value = get<int64_t>(key);
        if (value < 0 || value > INT32_MAX) fail(path_, fmt::format("{} is out of range", key));
        return static_cast<int>(value);
    }
    toml::array const& array(char const* key) const {
        auto const* found = table_[key].as_array();
        if (found == nullptr) fail(path_, fmt::format("{} is missing or no list", key));
        return *found;
    }
    std::vector<Table> tables(char const* key) const {
        std::vector<Table> all;
        for (auto const& node : array(key)) {
            if (!node.is_table()) fail(path_, fmt::format("{} is no list of tables", key));
            all.emplace_back(*node.as_table(), path_);
        }
        return all;
    }
    std::vector<int32_t> integers(toml::node const& node, char const* key) const {
        auto const* values = node.as_array();
        if (values == nullptr) fail(path_, fmt::format("{} is no list", key));
        std::vector<int32_t> all;
        for (auto const& value : *values) {
            auto const number = value.value<int32_t>();
            if (!number) fail(path_, fmt::format("{} holds what is no small integer", key));
            all.push_back(*number);
        }
        return all;
    }
    std::vector<double> shares(toml::node const& node, char const* key) const {
        std::vector<double> all;
        for (int32_t const n : integers(node, key)) all.push_back(n / unit);
        return all;
    }

private:
    toml::table const& table_;
    std::string path_;
};

std::string read_all(std::filesystem::path const& path) {
    std::error_code error;
    auto const size = std::filesystem::file_size(path, error);
    if (error || size > most_bytes)
        throw InputError(fmt::format("{} cannot be read ({}). Correct routing.fit", path.string(),
                                     error ? error.message() : "over 256 MiB"));
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in)
        throw InputError(path.string() +
                         " cannot be read (it was opened, but reading failed). "
                         "Correct routing.fit");
    return text.str();
}

FitModel from_table(Table const& root, std::string const& path) {
    if (root.get<std::string>("schema") != "epsim-fit" || root.integer("schema_version") != 2)
        fail(path, "its schema is not epsim-fit 2");
    FitModel model;
    model.num_experts = root.integer("num_experts");
    model.top_k = root.integer("top_k");
    model.source_count = root.integer("source_count");
    model.steps = root.integer("steps");
    model.layer = root.integers(root.array("layer"), "layer");
    model.noise_stay = root.get<double>("noise_stay");
    model.by_source = root.get<bool>("by_source");
    model.by_step = root.get<bool>("by_step");
    model.model = root.get<std::string>("model");
    model.source = root.get<std::string>("source");
    for (auto const& layer : root.array("bias")) model.bias.push_back(root.shares(layer, "bias"));
    for (auto const& sequence : root.tables("sequence"))
        model.sequence.push_back({sequence.integer("source"), sequence.integer("step"),
                                  sequence.integers(sequence.array("topic"), "topic")});
    for (auto const& topic : root.tables("topic")) {
        auto& layers = model.choice.emplace_back();
        for (auto const& layer : topic.array("choice"))
            layers.push_back(topic.shares(layer, "choice"));
    }
    validate(model, path);
    return model;
}

}  // namespace

std::string fit_text(FitModel const& m) {
    std::string text =
        "# Made by epsim trace fit: probabilities and shares in 1/10000.\n"
        "schema = \"epsim-fit\"\nschema_version = 2\n";
    text += fmt::format("num_experts = {}\ntop_k = {}\nsource_count = {}\nsteps = {}\n",
                        m.num_experts, m.top_k, m.source_count, m.steps);
    text += fmt::format("layer = [{}]\nby_source = {}\nby_step = {}\nnoise_stay = {:.6f}\n",
                        fmt::join(m.layer, ", "), m.by_source, m.by_step, m.noise_stay);
    text += fmt::format("model = {}\nsource = {}\n", toml_quote(m.model), toml_quote(m.source));
    text += "bias = [\n";
    for (auto const& layer : m.bias) text += "  " + list(layer) + ",\n";
    text += "]\n";
    for (auto const& sequence : m.sequence)
        text += fmt::format("\n[[sequence]]\nsource = {}\nstep = {}\ntopic = [{}]\n",
                            sequence.source, sequence.step, fmt::join(sequence.topic, ", "));
    for (auto const& topic : m.choice) {
        text += "\n[[topic]]\nchoice = [\n";
        for (auto const& layer : topic) text += "  " + list(layer) + ",\n";
        text += "]\n";
    }
    return text;
}

FitModel read_fit(std::filesystem::path const& path) {
    auto const text = read_all(path);
    try {
        auto const table = toml::parse(text, path.string());
        return from_table(Table(table, path.string()), path.string());
    } catch (toml::parse_error const& e) {
        fail(path.string(), std::string(e.description()));
    }
}

}  // namespace epsim

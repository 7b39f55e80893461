#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/provenance.hpp"

namespace epsim {
namespace {

void print_text(Provenance const& facts) {
    for (auto const& [group, values] : facts)
        for (auto const& [key, value] : values)
            fmt::print("{:<32} {}\n", fmt::format("{}.{}", group, key), value);
}

}  // namespace

void add_info_command(CLI::App& root, Action& action) {
    auto const json = std::make_shared<bool>(false);
    auto* const command = root.add_subcommand(
        "info", "Versions of the program and its libraries as loaded, this machine, its GPUs");
    command->add_flag("--json", *json, "As JSON: {group: {key: text}}");
    command->callback([json, &action] {
        action = [json] {
            auto const facts = local_provenance();
            if (*json)
                fmt::print("{}\n", nlohmann::json(facts).dump(
                                       2, ' ', false, nlohmann::json::error_handler_t::replace));
            else
                print_text(facts);
            return ExitCode::success;
        };
    });
}

}  // namespace epsim

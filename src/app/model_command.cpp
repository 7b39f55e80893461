#include <cstdio>
#include <memory>

#include "app/commands.hpp"
#include "app/model_text.hpp"
#include "config/binder.hpp"
#include "config/presets.hpp"
#include "core/error.hpp"

namespace epsim {
namespace {

struct ModelFlags {
    enum class Output { text, json };
    Output output = Output::text;
    std::string name;
    std::vector<int> ep_sizes{1, 8, 32, 64};
    std::string dtype = "bf16";
};

NamedShape read_model(std::string const& name) {
    auto const path = PresetFolder(config_dir() / "models").find(name);
    return {path.stem().string(), preset_shape({path.string(), read_text_file(path)})};
}

ExitCode print(std::string const& text) {
    std::fputs(text.c_str(), stdout);
    return ExitCode::success;
}

ExitCode list(ModelFlags const& flags) {
    auto const folder = config_dir() / "models";
    std::vector<NamedShape> models;
    for (auto const& name : PresetFolder(folder).names()) models.push_back(read_model(name));
    if (models.empty())
        throw InputError("there are no presets in " + folder.string() +
                         " (it has no TOML files). Set EPSIM_CONFIG_DIR to the configs folder");
    if (flags.output == ModelFlags::Output::text) return print(model_table(models));
    auto json = nlohmann::ordered_json::array();
    for (auto const& model : models) json.push_back(model_json(model, {}, DType::bf16));
    return print(json.dump(2) + "\n");
}

ExitCode show(ModelFlags const& flags) {
    auto const model = read_model(flags.name);
    auto const dtype = dtype_from(flags.dtype);
    if (flags.output == ModelFlags::Output::text)
        return print(model_page(model, flags.ep_sizes, dtype));
    return print(model_json(model, flags.ep_sizes, dtype).dump(2) + "\n");
}

void add_json_flag(CLI::App& command, ModelFlags& flags) {
    command.add_flag_callback(
        "--json", [&flags] { flags.output = ModelFlags::Output::json; }, "print JSON");
}

}  // namespace

void add_model_command(CLI::App& root, Action& action) {
    auto const flags = std::make_shared<ModelFlags>();
    auto* model = root.add_subcommand("model", "The catalogue of model shapes");
    model->require_subcommand(1);

    auto* list_command = model->add_subcommand("list", "All presets");
    add_json_flag(*list_command, *flags);
    list_command->callback([&action, flags] { action = [flags] { return list(*flags); }; });

    auto* show_command = model->add_subcommand("show", "One preset, and what follows from it");
    add_json_flag(*show_command, *flags);
    show_command->add_option("NAME", flags->name, "a preset, as listed")->required();
    show_command->add_option("--ep", flags->ep_sizes, "EP sizes, as 8,32")
        ->delimiter(',')
        ->default_str("1,8,32,64");
    show_command->add_option("--dtype", flags->dtype, "of the weights in memory: fp32 or bf16")
        ->default_str("bf16");
    show_command->callback([&action, flags] { action = [flags] { return show(*flags); }; });
}

}  // namespace epsim

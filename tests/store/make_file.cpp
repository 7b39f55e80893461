#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "store/random_record.hpp"
#include "store/random_routing.hpp"
#include "store/result_file.hpp"
#include "store/result_schema.hpp"
#include "store/trace_file.hpp"

using namespace epsim;
using Json = nlohmann::json;

namespace {

/// What a Python test compares a result file with, written by another library. NaN becomes null.
Json as_json(RunRecord const& r) {
    Json json{{"run_uuid", r.run_uuid},
              {"date", r.date},
              {"git_dirty", r.git_dirty},
              {"tags", r.tags},
              {"config", r.config},
              {"provenance", r.provenance},
              {"step", r.step},
              {"layer", r.layer},
              {"link_class", r.link_class},
              {"resource", r.resource},
              {"size", r.size},
              {"checked", r.checked},
              {"identities", r.identities},
              {"wrong", r.wrong},
              {"max_error", r.max_error},
              {"dispatch_error", r.dispatch_error},
              {"combine_error", r.combine_error},
              {"top_k", r.top_k},
              {"dispatch_row_bytes", r.dispatch_row_bytes},
              {"combine_row_bytes", r.combine_row_bytes},
              {"hops", r.hops},
              {"step_algorithm", r.step_algorithm},
              {"flops_per_assignment", r.flops_per_assignment},
              {"local_flops_per_token", r.local_flops_per_token}};
    for_each_array(r, [&](ArrayPlace const& place, auto const& array) {
        auto const extents = extents_of(array);
        if (place.presence == Presence::if_known && std::ranges::count(extents, hsize_t{0}) > 0)
            return;
        auto& entry = json["arrays"][std::string(place.group) + "/" + place.name];
        entry["shape"] = extents;
        entry["axes"] = std::vector<std::string>(place.axes.begin(), place.axes.end());
        if constexpr (requires { array.flat(); })
            entry["values"] = std::vector(array.flat().begin(), array.flat().end());
        else
            entry["values"] = array;
    });
    for (auto const& place : r.topology)
        json["topology"].push_back({{"hostname", place.hostname},
                                    {"node", place.node},
                                    {"local_rank", place.local_rank},
                                    {"device", place.device},
                                    {"device_uuid", place.device_uuid},
                                    {"pci", place.pci},
                                    {"numa", place.numa},
                                    {"cpuset", place.cpuset}});
    json["events"] = json["summary"] = json["ceilings"] = Json::array();
    for (auto const& e : r.events)
        json["events"].push_back(
            {e.iteration, e.layer, e.rank, e.phase, e.chunk, e.backward, e.start, e.end});
    for (auto const& [name, rows] : {std::pair{"summary", &r.summary}, {"ceilings", &r.ceilings}})
        for (auto const& row : *rows)
            json[name].push_back(
                {row.metric, row.value, row.unit, row.ci_low, row.ci_high, row.n, row.description});
    return json;
}

}  // namespace

/// make_file result OUT.h5 OUT.json SEED [empty]: a random, consistent run; `empty` without
/// iterations, tokens, events, epochs and summary. The JSON says what the file must hold.
/// make_file trace OUT.h5 SEED: random routing.
int main(int argc, char** argv) {
    std::vector<std::string> const words(argv + 1, argv + argc);
    if (words.size() >= 4 && words[0] == "result") {
        bool const empty = words.size() == 5;
        RecordSizes sizes{
            .iterations = 4, .steps = 2, .layers = 3, .ranks = 5, .experts = 7, .tokens = 40};
        if (empty) sizes = {0, 1, 1, 1, 1, 0, 1, 0, 0, 0};
        auto const record = random_record(static_cast<unsigned>(std::stoul(words[3])), sizes);
        write_result(record, words[1]);
        std::ofstream(words[2]) << as_json(record);
    } else if (words.size() == 3 && words[0] == "trace") {
        auto const seed = static_cast<unsigned>(std::stoul(words[2]));
        write_trace(RandomRouting(seed, {.step_tokens = {40, 0, 30}, .none = seed % 2 * 0.1}),
                    words[1]);
    } else {
        std::fprintf(stderr, "usage: see make_file.cpp\n");
        return 2;
    }
}

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "core/text.hpp"
#include "report/sections.hpp"

namespace epsim {
namespace {

/// Add the CPUs of a list like "0-3,8" to a set. \returns false if it is none
bool add_cpus(std::string const& list, std::set<int>& cpus) {
    auto const number = [](std::string const& text) -> std::optional<int> {
        int value = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        return value;
    };
    constexpr int most = 1 << 16;
    auto const ranges = split(list, ',');
    for (auto const& range : ranges) {
        auto const ends = split(range, '-');
        if (ends.empty() || ends.size() > 2) return false;
        auto const first = number(ends.front()), last = number(ends.back());
        if (!first || !last || *first < 0 || *last > most) return false;
        for (int cpu = *first; cpu <= *last; ++cpu) cpus.insert(cpu);
    }
    return !ranges.empty();
}

/// CPUs that the ranks may run on, over all hosts; 0 if one is unknown.
std::size_t cpu_count(std::vector<RankPlace> const& topology) {
    std::map<std::string, std::set<int>> of_host;
    for (auto const& place : topology)
        if (!add_cpus(place.cpuset, of_host[place.hostname])) return 0;
    std::size_t count = 0;
    for (auto const& [host, cpus] : of_host) count += cpus.size();
    return count;
}

}  // namespace

std::string explain_kind(RunRecord const& record) {
    if (record.kind == "oversubscribed") {
        auto const cpus = cpu_count(record.topology);
        bool const on_cpu = std::ranges::all_of(
            record.topology, [](auto const& place) { return place.device == "cpu"; });
        auto const ranks = count_text(std::ssize(record.topology), "rank");
        if (on_cpu && cpus > 0)
            return fmt::format(
                "oversubscribed: {} on {}: times are not those of a machine with a "
                "core a rank",
                ranks, count_text(static_cast<int64_t>(cpus), "CPU"));
        return fmt::format(
            "oversubscribed: {} share cores or devices: times are not those of a "
            "machine with one a rank",
            ranks);
    }
    if (record.kind == "emulated")
        return "emulated: the links were slowed down to those of another network";
    if (record.kind == "predicted") return "predicted: a model's times, nothing was measured";
    return record.kind;
}

std::string explain_tag(std::string const& tag) {
    static std::map<std::string, std::string> const meaning{
        {"reshaped", "tokens were not grouped into these steps where they were recorded"},
        {"distorted", "the model's shape was scaled by more than its hidden size"},
        {"warm-weights", "all layers share one set of weights, which may stay in cache"},
        {"synthesised-from-counts", "tokens were drawn to fit recorded counts"}};
    auto const found = meaning.find(tag);
    return found == meaning.end() ? tag : fmt::format("{}: {}", tag, found->second);
}

}  // namespace epsim

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/busiest.hpp"
#include "report/report.hpp"
#include "report/sections.hpp"

namespace epsim {
namespace {

using nlohmann::json;

constexpr std::size_t experts_listed = 100;

json number(double value) {
    return std::isfinite(value) ? json(value) : json(nullptr);
}

json summary_json(std::vector<SummaryRow> const& rows) {
    json result = json::array();
    for (auto const& row : rows)
        result.push_back({{"metric", row.metric},
                          {"value", number(row.value)},
                          {"unit", row.unit},
                          {"ci_low", number(row.ci_low)},
                          {"ci_high", number(row.ci_high)},
                          {"n", row.n},
                          {"description", row.description}});
    return result;
}

json topology_json(std::vector<RankPlace> const& topology) {
    json result = json::array();
    for (auto const& place : topology)
        result.push_back({{"hostname", place.hostname},
                          {"node", place.node},
                          {"local_rank", place.local_rank},
                          {"device", place.device},
                          {"cpuset", place.cpuset}});
    return result;
}

json experts_json(RunRecord const& record) {
    json result = json::array();
    for (auto const& each : busiest_experts(record, experts_listed))
        result.push_back({{"layer", each.layer},
                          {"expert", each.expert},
                          {"ranks", each.rank},
                          {"assignments", each.tokens},
                          {"share", number(each.share)},
                          {"over_mean", number(each.over_mean)}});
    return result;
}

json ranks_json(RunRecord const& record) {
    json result = json::array();
    for (auto const& each : busiest_ranks(record, record.topology.size()))
        result.push_back({{"rank", each.rank},
                          {"assignments", each.tokens},
                          {"share", number(each.share)},
                          {"over_mean", number(each.over_mean)},
                          {"expert_s", number(each.expert_s)},
                          {"exchange_s", number(each.exchange_s)}});
    return result;
}

}  // namespace

json report_json(RunRecord const& record, std::string const& path) {
    auto const input = make_report_input(record, path, {});
    return {{"file", path},
            {"run_uuid", record.run_uuid},
            {"date", record.date},
            {"software_version", record.software_version},
            {"git_sha", record.git_sha},
            {"git_dirty", record.git_dirty},
            {"status", record.status},
            {"kind", record.kind},
            {"tags", record.tags},
            {"model", model_name(input)},
            {"config", input.config},
            {"provenance", record.provenance},
            {"topology", topology_json(record.topology)},
            {"steps", record.step},
            {"layers", record.layer},
            {"step_tokens", record.step_tokens},
            {"summary", summary_json(input.summary)},
            {"busiest_experts", experts_json(record)},
            {"busiest_ranks", ranks_json(record)},
            {"validation",
             {{"checked", record.checked},
              {"identities", record.identities},
              {"wrong", record.wrong},
              {"max_error", number(record.max_error)},
              {"dispatch_error", number(record.dispatch_error)},
              {"combine_error", number(record.combine_error)}}}};
}

}  // namespace epsim

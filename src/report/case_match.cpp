#include "report/case_match.hpp"

#include <algorithm>
#include <set>

namespace epsim {
namespace {

using Values = std::set<std::string>;

std::set<std::string> all_keys(std::vector<Facts const*> const& facts) {
    std::set<std::string> keys;
    for (auto const* of_launch : facts)
        for (auto const& [key, value] : *of_launch) keys.insert(key);
    return keys;
}

std::string value_of(Facts const& facts, std::string const& key) {
    auto const found = facts.find(key);
    return found == facts.end() ? "-" : found->second;
}

Values values_of(std::vector<Facts const*> const& facts, std::string const& key) {
    Values values;
    for (auto const* of_launch : facts) values.insert(value_of(*of_launch, key));
    return values;
}

std::vector<Facts const*> configs_of(Side const& side) {
    std::vector<Facts const*> configs;
    for (auto const& launch : side.launches) configs.push_back(&launch.config);
    return configs;
}

std::map<Facts, std::vector<Launch const*>> cases_of(Side const& side,
                                                     std::set<std::string> const& telling) {
    std::map<Facts, std::vector<Launch const*>> cases;
    for (auto const& launch : side.launches) {
        Facts key;
        for (auto const& name : telling) key[name] = value_of(launch.config, name);
        cases[key].push_back(&launch);
    }
    return cases;
}

}  // namespace

std::vector<ValueDifference> differences(std::vector<Facts const*> const& a,
                                         std::vector<Facts const*> const& b) {
    auto keys = all_keys(a);
    keys.merge(all_keys(b));
    std::vector<ValueDifference> found;
    for (auto const& key : keys) {
        auto const of_a = values_of(a, key), of_b = values_of(b, key);
        if (of_a == of_b || (of_a.size() > 1 && of_b.size() > 1)) continue;
        found.push_back({key, {of_a.begin(), of_a.end()}, {of_b.begin(), of_b.end()}});
    }
    return found;
}

CaseMatch match_cases(Side const& a, Side const& b) {
    std::set<std::string> telling;
    for (auto const* side : {&a, &b}) {
        auto const configs = configs_of(*side);
        for (auto const& key : all_keys(configs))
            if (values_of(configs, key).size() > 1) telling.insert(key);
    }
    auto cases_a = cases_of(a, telling), cases_b = cases_of(b, telling);
    CaseMatch match;
    for (auto const& [key, launches] : cases_a) {
        if (auto const partner = cases_b.extract(key))
            match.cases.push_back({key, launches, partner.mapped()});
        else
            match.only_a.push_back(key);
    }
    for (auto const& [key, launches] : cases_b) match.only_b.push_back(key);
    return match;
}

}  // namespace epsim

#include "schedule/machine_limits.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Of bf16 products at least that of fp32: a kernel may convert.
double flops_seconds(Ceilings const& ceilings, double flops, DType type) {
    double const peak = std::max(ceilings.flops(type), ceilings.flops_f32);
    return flops > 0 && peak > 0 ? flops / peak : nan;
}

Ceilings higher(Ceilings a, Ceilings const& b) {
    for (auto const figure : {&Ceilings::read, &Ceilings::write, &Ceilings::copy,
                              &Ceilings::stream_copy, &Ceilings::flops_f32, &Ceilings::flops_bf16})
        a.*figure = std::max(a.*figure, b.*figure);
    return a;
}

}  // namespace

MachineLimits::MachineLimits(ClusterTopology topology, Calibration const& measured,
                             double cache_bytes)
    : topology_(std::move(topology)),
      rank_(measured.rank),
      node_(measured.node),
      cache_bytes_(cache_bytes),
      links_(link_lines(measured, topology_)) {
    check(std::ssize(rank_) == topology_.ranks() && std::ssize(node_) == topology_.nodes(),
          "a calibration has ceilings of every rank and node");
    level_ceilings();
    fill_ports();
}

void MachineLimits::level_ceilings() {
    std::vector<int> ranks(node_.size());
    for (std::size_t r = 0; r < rank_.size(); ++r) {
        node_[node_of(r)] = higher(node_[node_of(r)], rank_[r]);
        ++ranks[node_of(r)];
    }
    for (std::size_t r = 0; r < rank_.size(); ++r)
        if (ranks[node_of(r)] == 1) rank_[r] = node_[node_of(r)];
}

void MachineLimits::fill_ports() {
    auto const ranks = rank_.size(), nodes = node_.size();
    rank_ports_.fill({std::vector<LinkLine>(ranks), std::vector<LinkLine>(ranks)});
    node_ports_.fill({std::vector<LinkLine>(nodes), std::vector<LinkLine>(nodes)});
    for (std::size_t from = 0; from < ranks; ++from)
        for (std::size_t to = 0; to < ranks; ++to) {
            if (from == to) continue;
            auto& of = rank_ports_[static_cast<std::size_t>(link(from, to))];
            of.out[from] = faster(of.out[from], links_(from, to));
            of.in[to] = faster(of.in[to], links_(from, to));
        }
    for (LinkClass const c : {LinkClass::node, LinkClass::network})
        for (std::size_t r = 0; r < ranks; ++r) {
            auto const& of = rank_ports_[static_cast<std::size_t>(c)];
            auto& sum = node_ports_[static_cast<std::size_t>(c)];
            // Inside a node either end may copy.
            bool const copied = c == LinkClass::node;
            auto const in = copied ? faster(of.in[r], of.out[r]) : of.in[r];
            auto const out = copied ? in : of.out[r];
            sum.in[node_of(r)] = together(sum.in[node_of(r)], in);
            sum.out[node_of(r)] = together(sum.out[node_of(r)], out);
        }
}

double MachineLimits::memory_seconds(Ceilings const& ceilings, double read, double write) const {
    double const rate =
        std::max({ceilings.read, ceilings.write, 2 * ceilings.copy, 2 * ceilings.stream_copy});
    double const bytes = std::max(0.0, read - cache_bytes_) + std::max(0.0, write - cache_bytes_);
    return cache_bytes_ > 0 && rate > 0 && bytes > 0 ? bytes / rate : nan;
}

std::vector<LocalWork> MachineLimits::node_sums(std::span<LocalWork const> work) const {
    std::vector<LocalWork> sums(node_.size());
    for (std::size_t r = 0; r < work.size(); ++r) {
        auto& sum = sums[node_of(r)];
        sum.flops += work[r].flops;
        sum.read_bytes += work[r].read_bytes;
        sum.write_bytes += work[r].write_bytes;
    }
    return sums;
}

LowerBound MachineLimits::local(std::span<LocalWork const> work, DType type) const {
    check(work.size() == rank_.size(), "every rank has its work");
    LowerBound bound;
    auto const raise = [&](auto const& each, auto const& ceilings, Resource flops,
                           Resource memory) {
        for (std::size_t i = 0; i < each.size(); ++i) {
            bound.raise(flops_seconds(ceilings[i], each[i].flops, type), flops);
            bound.raise(memory_seconds(ceilings[i], each[i].read_bytes, each[i].write_bytes),
                        memory);
        }
    };
    raise(work, rank_, Resource::rank_flops, Resource::rank_memory);
    raise(node_sums(work), node_, Resource::node_flops, Resource::node_memory);
    return bound;
}

}  // namespace epsim

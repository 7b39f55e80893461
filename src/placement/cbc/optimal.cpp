#include "placement/optimal.hpp"

#include <coin/Cbc_C_Interface.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "core/error.hpp"

namespace epsim {
namespace {

struct ModelDeleter {
    void operator()(Cbc_Model* model) const noexcept { Cbc_deleteModel(model); }
};

/// Columns: z, the load of the heaviest rank; for each expert e and number of replicas c whether it
/// has so many, y(e, c), and whether one of these is on rank r, w(e, c, r).
class Program {
public:
    explicit Program(LayerProblem const& problem)
        : problem_(problem),
          ranks_(problem.ranks()),
          most_(std::min(ranks_, problem.slots() - problem.experts() + 1)),
          model_(Cbc_newModel()) {
        Cbc_setLogLevel(model_.get(), 0);
        column(1, 0, Kind::real);
        for (int e = 0; e < problem.experts(); ++e)
            for (int c = 1; c <= most_; ++c)
                for (int i = 0; i <= ranks_; ++i) column(0, 1, Kind::whole);
        for (int e = 0; e < problem.experts(); ++e) constrain(e);
        for (int r = 0; r < ranks_; ++r) constrain_rank(r);
    }

    Slots solve(double limit_s) {
        Cbc_setParameter(model_.get(), "seconds", fmt::format("{}", limit_s).c_str());
        Cbc_solve(model_.get());
        if (!Cbc_isProvenOptimal(model_.get()))
            throw InputError(
                fmt::format("strategy optimal: {} experts in {} slots of {} ranks are too many to "
                            "prove a placement best within {} s. Use strategy search",
                            problem_.experts(), problem_.slots(), ranks_, limit_s));
        double const* value = Cbc_getColSolution(model_.get());
        Slots slots(static_cast<std::size_t>(problem_.slots()), no_expert);
        for (int r = 0; r < ranks_; ++r) {
            int slot = problem_.first_slot(r);
            for (int e = 0; e < problem_.experts(); ++e)
                for (int c = 1; c <= most_; ++c)
                    if (value[w(e, c, r)] > 0.5)
                        slots[static_cast<std::size_t>(slot++)] = ExpertId{e};
        }
        return slots;
    }

private:
    enum class Kind { real, whole };
    int y(int e, int c) const { return 1 + (e * most_ + c - 1) * (ranks_ + 1); }
    int w(int e, int c, int r) const { return y(e, c) + 1 + r; }

    void column(double cost, double upper, Kind kind) {
        Cbc_addCol(model_.get(), "", 0,
                   kind == Kind::whole ? upper : std::numeric_limits<double>::max(), cost,
                   kind == Kind::whole, 0, nullptr, nullptr);
    }
    void row(std::vector<int> const& columns, std::vector<double> const& factors, char sense,
             double right) {
        Cbc_addRow(model_.get(), "", static_cast<int>(columns.size()), columns.data(),
                   factors.data(), sense, right);
    }
    void constrain(int e) {
        std::vector<int> counts;
        for (int c = 1; c <= most_; ++c) {
            counts.push_back(y(e, c));
            std::vector<int> columns{y(e, c)};
            std::vector<double> factors{-static_cast<double>(c)};
            for (int r = 0; r < ranks_; ++r) {
                columns.push_back(w(e, c, r));
                factors.push_back(1);
                row({w(e, c, r), y(e, c)}, {1, -1}, 'L', 0);
            }
            row(columns, factors, 'E', 0);
        }
        row(counts, std::vector(counts.size(), 1.0), 'E', 1);
    }
    void constrain_rank(int r) {
        std::vector<int> places, loads{0};
        std::vector<double> shares{-1};
        for (int e = 0; e < problem_.experts(); ++e)
            for (int c = 1; c <= most_; ++c) {
                places.push_back(w(e, c, r));
                loads.push_back(w(e, c, r));
                shares.push_back(problem_.load[static_cast<std::size_t>(e)] / c);
            }
        row(places, std::vector(places.size(), 1.0), 'L', problem_.capacity(r));
        row(loads, shares, 'L', 0);
    }

    LayerProblem const& problem_;
    int ranks_, most_;
    std::unique_ptr<Cbc_Model, ModelDeleter> model_;
};

}  // namespace

bool has_solver() noexcept {
    return true;
}

Slots optimal_slots(LayerProblem const& problem, double limit_s) {
    return Program(problem).solve(limit_s);
}

}  // namespace epsim

// How often the verdicts are wrong on drawn launches with known truth: white noise, heavy tails, a
// machine whose speed drifts, a neighbour that disturbs some launches in a row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <random>

#include "measure/compare.hpp"

namespace epsim {
namespace {

enum class Noise { white, heavy_tails, walk, linear, wave, neighbour };
constexpr int trials = 4000;

/// Launches in the order A B B A A B ..., one after the other on a machine with `noise`; sd of a
/// launch alone `sd`; B takes `effect` times as long.
class Launches {
public:
    Launches(Noise noise, double sd, unsigned seed) : noise_(noise), sd_(sd), random_(seed) {}

    std::pair<std::vector<double>, std::vector<double>> draw(int n, double effect) {
        std::vector<double> a, b;
        start(2 * n);
        for (int slot = 0; slot < 2 * n; ++slot) {
            bool const is_b = slot % 4 == 1 || slot % 4 == 2;
            double const time = 1e-3 * std::exp(next(slot));
            (is_b ? b : a).push_back(is_b ? effect * time : time);
        }
        return {a, b};
    }

private:
    double uniform(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random_);
    }
    double normal() { return std::normal_distribution<double>()(random_); }

    void start(int slots) {
        slots_ = slots;
        level_ = 0;
        slope_ = 0.05 * normal() / slots;
        phase_ = uniform(0, 1);
        periods_ = uniform(0.3, 2);
        first_ = uniform(-slots, slots);
        last_ = first_ + uniform(1, slots / 2);
    }
    double next(int slot) {
        switch (noise_) {
            case Noise::white:
                return sd_ * normal();
            case Noise::heavy_tails:
                return sd_ / std::numbers::sqrt3 * std::student_t_distribution<double>(3)(random_);
            case Noise::walk:
                level_ += sd_ * normal();
                return level_ + sd_ * normal();
            case Noise::linear:
                return slope_ * slot + sd_ * normal();
            case Noise::wave:
                return 0.03 * std::sin(2 * std::numbers::pi * (periods_ * slot / slots_ + phase_)) +
                       sd_ * normal();
            case Noise::neighbour:
                return (slot >= first_ && slot < last_ ? 0.05 : 0) + sd_ * normal();
        }
        return 0;
    }

    Noise noise_;
    double sd_;
    std::mt19937 random_;
    int slots_ = 0;
    double level_ = 0, slope_ = 0, phase_ = 0, periods_ = 0, first_ = 0, last_ = 0;
};

struct Rates {
    std::map<Verdict, double> verdict;
    double significant = 0;  ///< p < alpha, whatever the estimate
};

Rates rates(Noise noise, double sd, int n, double effect, Analysis analysis) {
    Launches launches(noise, sd, 11);
    Rates result;
    for (int trial = 0; trial < trials; ++trial) {
        auto const [a, b] = launches.draw(n, effect);
        auto const d = difference(a, b, analysis);
        result.verdict[judge(d, d.p, {})] += 1.0 / trials;
        if (d.p < VerdictRule{}.alpha) result.significant += 1.0 / trials;
    }
    return result;
}

constexpr Noise every_noise[] = {Noise::white,  Noise::heavy_tails, Noise::walk,
                                 Noise::linear, Noise::wave,        Noise::neighbour};
// alpha and 3.3 standard errors of such a rate in `trials`.
double about_alpha() {
    double const alpha = VerdictRule{}.alpha;
    return alpha + 3.3 * std::sqrt(alpha * (1 - alpha) / trials);
}

TEST(CompareRates, EqualSidesGetFewAlarmsUnderDriftAndHeavyTails) {
    for (auto const noise : every_noise)
        for (auto const analysis : {Analysis::welch, Analysis::paired})
            for (int const n : {5, 8})
                for (double const sd : {0.01, 0.05}) {
                    auto r = rates(noise, sd, n, 1, analysis);
                    SCOPED_TRACE(testing::Message() << static_cast<int>(noise) << ' '
                                                    << name_of(analysis) << ' ' << n << ' ' << sd);
                    EXPECT_LT(r.significant, about_alpha());
                    EXPECT_LT(r.verdict[Verdict::slower] + r.verdict[Verdict::faster],
                              about_alpha());
                }
}

TEST(CompareRates, WhereLaunchesScatterByOnePercentEqualSidesAreSame) {
    auto r = rates(Noise::white, 0.01, 5, 1, Analysis::welch);
    EXPECT_GT(r.verdict[Verdict::same], 0.95);
    EXPECT_LT(r.verdict[Verdict::slower] + r.verdict[Verdict::faster], 1e-3);
}

TEST(CompareRates, FivePercentAreFoundAsTheDocumentationSays) {
    struct Row {
        Noise noise;
        int n;
        Analysis analysis;
        double rate;
    };
    for (auto const& row :
         {Row{Noise::white, 5, Analysis::welch, 1.0}, Row{Noise::white, 5, Analysis::paired, 0.99},
          Row{Noise::white, 8, Analysis::welch, 1.0}, Row{Noise::white, 8, Analysis::paired, 1.0},
          Row{Noise::walk, 5, Analysis::welch, 0.91}, Row{Noise::walk, 5, Analysis::paired, 0.95},
          Row{Noise::walk, 8, Analysis::welch, 0.98}, Row{Noise::walk, 8, Analysis::paired, 1.0}}) {
        auto r = rates(row.noise, 0.01, row.n, 1.05, row.analysis);
        EXPECT_NEAR(r.verdict[Verdict::slower], row.rate, 0.02) << row.n << name_of(row.analysis);
        EXPECT_LT(r.verdict[Verdict::faster], 1e-3);
        auto back = rates(row.noise, 0.01, row.n, 1 / 1.05, row.analysis);
        EXPECT_NEAR(back.verdict[Verdict::faster], row.rate, 0.02);
    }
}

TEST(CompareRates, AChangeOfTheThresholdIsSeldomCalledSame) {
    constexpr double about_five_percent = 0.0614;  // 0.05 and 3.3 standard errors
    for (auto const noise : every_noise)
        for (auto const analysis : {Analysis::welch, Analysis::paired})
            for (double const effect : {1.03, 1 / 1.03})
                EXPECT_LT(rates(noise, 0.01, 5, effect, analysis).verdict[Verdict::same],
                          about_five_percent)
                    << static_cast<int>(noise) << name_of(analysis);
}

TEST(CompareRates, AFamilyOfTenRowsRaisesAsFewAlarmsAsOne) {
    Launches launches(Noise::white, 0.03, 5);
    int alarms = 0;
    for (int trial = 0; trial < trials; ++trial) {
        std::vector<Difference> rows;
        std::vector<double> p;
        for (int row = 0; row < 10; ++row) {
            auto const [a, b] = launches.draw(5, 1);
            rows.push_back(difference(a, b, Analysis::welch));
            p.push_back(rows.back().p);
        }
        auto const corrected = holm(p);
        alarms += std::ranges::any_of(corrected, [](double q) { return q < VerdictRule{}.alpha; });
    }
    EXPECT_LT(static_cast<double>(alarms) / trials, about_alpha());
}

}  // namespace
}  // namespace epsim

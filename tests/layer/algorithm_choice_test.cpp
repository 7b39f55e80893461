#include "layer/algorithm_choice.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "layer/exchange_trial.hpp"

namespace epsim::test {
namespace {

TEST(AlgorithmChoice, TakesTheLeastTime) {
    auto const choice = choose_algorithm({{"alltoallv", 40e-6}, {"shm", 15e-6}, {"ring", 22e-6}});
    EXPECT_EQ(choice.algorithm(), "shm");
    EXPECT_EQ(choice.text(), "shm (15.00 us an exchange; ring 22.00 us, alltoallv 40.00 us)");
}

TEST(AlgorithmChoice, TakesTheFirstOfEqualOnes) {
    EXPECT_EQ(choose_algorithm({{"ring", 2}, {"alltoallv", 1}, {"shm", 1}}).algorithm(),
              "alltoallv");
}

TEST(AlgorithmChoice, OfOneIsThat) {
    EXPECT_EQ(choose_algorithm({{"rail", 0}}).text(), "rail (0 s an exchange)");
    EXPECT_THROW(choose_algorithm({}), Error);
}

TEST(AlgorithmChoice, SaysWhatWasLeftOut) {
    std::map<std::string, std::string> facts;
    choose_algorithm({{"ring", 1}}, {"shm: no", "direct: no"}).describe(facts);
    EXPECT_EQ(facts.at("auto_left_out"), "shm: no; direct: no");
    facts.clear();
    choose_algorithm({{"ring", 1}}).describe(facts);
    EXPECT_FALSE(facts.contains("auto_left_out"));
}

TEST(AlgorithmChoice, CountsChoicesOfSizes) {
    auto const shm = choose_algorithm({{"shm", 1}}), bruck = choose_algorithm({{"bruck", 1}});
    EXPECT_EQ(choices_text(std::vector{shm, bruck, shm}), "bruck for 1 of 3 sizes, shm for 2");
    EXPECT_EQ(choices_text(std::vector{shm}), "shm for 1 of 1 sizes");
}

TEST(TrialPlaces, AreTheLargestStepAndOneOfMedianSize) {
    TraceInfo info;
    info.step_offset = {0, 7, 8, 48, 51, 60};  // 7, 1, 40, 3, 9 tokens
    EXPECT_EQ(
        trial_places(info, 6),
        (std::vector<TrialPlace>{{StepId{2}, 0}, {StepId{2}, 5}, {StepId{0}, 0}, {StepId{0}, 5}}));
}

TEST(TrialPlaces, AreNoneTwice) {
    TraceInfo info;
    info.step_offset = {0, 4};
    EXPECT_EQ(trial_places(info, 1), (std::vector<TrialPlace>{{StepId{0}, 0}}));
    EXPECT_EQ(trial_places(info, 2), (std::vector<TrialPlace>{{StepId{0}, 0}, {StepId{0}, 1}}));
}

}  // namespace
}  // namespace epsim::test

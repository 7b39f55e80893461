#include "model/layer_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "core/error.hpp"

namespace epsim {
namespace {

using testing::ElementsAre;

constexpr std::array<int32_t, 3> recorded{1, 2, 26};

TEST(LayerChoice, AllFirstAndListed) {
    EXPECT_THAT(LayerChoice::from("all").pick(recorded),
                ElementsAre(LayerId{0}, LayerId{1}, LayerId{2}));
    EXPECT_THAT(LayerChoice::from("2").pick(recorded), ElementsAre(LayerId{0}, LayerId{1}));
    EXPECT_THAT(LayerChoice::from("[26,1]").pick(recorded), ElementsAre(LayerId{2}, LayerId{0}));
}

TEST(LayerChoice, TextRoundTrips) {
    for (auto const* text : {"all", "4", "[1, 2, 26]", "[0]"})
        EXPECT_EQ(LayerChoice::from(text).text(), text);
    EXPECT_EQ(LayerChoice::from("[ 1,2 ]").text(), "[1, 2]");
}

TEST(LayerChoice, RefusesWhatChoosesNothing) {
    for (auto const* text : {"", "0", "-1", "some", "[]", "[", "[1", "[1,1]", "[1,]", "[a]", "1.5",
                             "[-1]", "99999999999", "[5000]"})
        EXPECT_THROW(LayerChoice::from(text), InputError) << text;
}

TEST(LayerChoice, RefusesLayersThatAreNotThere) {
    EXPECT_THROW(LayerChoice::from("4").pick(recorded), InputError);
    EXPECT_THROW(LayerChoice::from("[3]").pick(recorded), InputError);
    EXPECT_THROW(LayerChoice::from("1").pick({}), InputError);
}

}  // namespace
}  // namespace epsim

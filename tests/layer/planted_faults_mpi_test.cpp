#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/mpi_session.hpp"
#include "layer/exchange_wrapper.hpp"
#include "layer/replay_fixture.hpp"

namespace epsim::test {
namespace {

enum class Fault {
    none,
    flip_element,
    drop_token,
    duplicate_row,
    swap_weights,
    misroute,
    swap_rows
};

/// An exchange that does one thing wrong for the first token of rank 0, from its third plan on.
class FaultyExchange final : public ExchangeWrapper {
public:
    FaultyExchange(std::unique_ptr<Exchange> inner, Fault fault, bool here)
        : ExchangeWrapper(std::move(inner)), fault_(fault), here_(here) {}

    void prepare(DispatchPlan const& plan) override {
        plan_ = plan;
        active_ = here_ && ++plans_ >= 3 && plan.rows() >= 2 && plan.top_k >= 2;
        if (active_) {
            auto const row = static_cast<std::size_t>(plan_.assignment_row[0]);
            if (fault_ == Fault::misroute) plan_.slot[row] ^= 1;  // its neighbour on the same rank
            if (fault_ == Fault::drop_token) plan_.assignment_row[0] = -1;
            if (fault_ == Fault::duplicate_row) plan_.assignment_row[0] = plan_.assignment_row[1];
        }
        ExchangeWrapper::prepare(plan_);
    }
    GroupedRows received(Stream& stream) override {
        auto const rows = ExchangeWrapper::received(stream);
        if (active_ && rows.rows.rows > 1) {
            if (fault_ == Fault::flip_element)
                rows.rows.data[rows.rows.row_bytes() + 3] ^= std::byte{0x40};
            if (fault_ == Fault::swap_rows)
                std::swap_ranges(rows.rows.row(0), rows.rows.row(1),
                                 rows.rows.row(rows.rows.rows - 1));
        }
        return rows;
    }
    void unpermute(std::span<float const> weight, BufferView out, Stream& stream) override {
        weight_.assign(weight.begin(), weight.end());
        if (active_ && fault_ == Fault::swap_weights) std::swap(weight_[0], weight_[1]);
        ExchangeWrapper::unpermute(weight_, out, stream);
    }

private:
    Fault fault_;
    bool here_, active_ = false;
    int plans_ = 0;
    DispatchPlan plan_;
    std::vector<float> weight_;
};

/// A kernel whose answers are a little off.
class FaultyKernel final : public ExpertKernel {
public:
    explicit FaultyKernel(std::unique_ptr<ExpertKernel> inner) : inner_(std::move(inner)) {}
    std::string_view name() const override { return "faulty"; }
    void prepare(int64_t rows, int64_t total) override { inner_->prepare(rows, total); }
    int64_t weight_bytes() const override { return inner_->weight_bytes(); }
    void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) override {
        inner_->forward(layer, in, out, stream);
        if (layer == 1 && out.rows > 0) out.as<float>()[0] += 0.01f;
    }

private:
    std::unique_ptr<ExpertKernel> inner_;
};

class PlantedFault : public testing::TestWithParam<Fault> {};

TEST_P(PlantedFault, IsCaughtAndLocated) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(5);
    MemorySource const source(random, {40, 40}, 2, 8, 2, ExpertId{2});
    SmallReplay const replay(small_spec(source, DType::f32), source, comm);
    auto const wrap = [&](std::unique_ptr<Exchange> inner) -> std::unique_ptr<Exchange> {
        return std::make_unique<FaultyExchange>(std::move(inner), GetParam(), comm.is_root());
    };
    auto const same = [](auto p) { return p; };
    if (GetParam() == Fault::none) {
        EXPECT_NO_THROW(replay.run(wrap, same));
        return;
    }
    try {
        replay.run(wrap, same);
        FAIL() << "the fault went unnoticed";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::verification_failed);
        EXPECT_THAT(e.what(), testing::HasSubstr("step 1, layer 3, token "));
        EXPECT_THAT(e.what(), testing::HasSubstr("(experts "));
    }
}

INSTANTIATE_TEST_SUITE_P(All, PlantedFault,
                         testing::Values(Fault::none, Fault::flip_element, Fault::drop_token,
                                         Fault::duplicate_row, Fault::swap_weights, Fault::misroute,
                                         Fault::swap_rows));

TEST(PlantedFault, AKernelsWrongValueIsCaughtByTheOracle) {
    auto const comm = Communicator::duplicate(MPI_COMM_WORLD);
    std::mt19937 random(5);
    MemorySource const source(random, {40, 40}, 2, 8, 2);
    SmallReplay const replay(small_spec(source, DType::f32), source, comm);
    auto const same = [](auto p) { return p; };
    auto const wrap = [](std::unique_ptr<ExpertKernel> inner) -> std::unique_ptr<ExpertKernel> {
        return std::make_unique<FaultyKernel>(std::move(inner));
    };
    try {
        replay.run(same, wrap);
        FAIL() << "the wrong values went unnoticed";
    } catch (CollectiveError const& e) {
        EXPECT_EQ(e.exit_code(), ExitCode::verification_failed);
        EXPECT_THAT(e.what(), testing::HasSubstr("layer 5, token "));
        EXPECT_THAT(e.what(), testing::HasSubstr("the reference gives"));
    }
}

}  // namespace
}  // namespace epsim::test

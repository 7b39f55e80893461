#include <random>

#include "collective.hpp"
#include "comm/mpi_session.hpp"
#include "exchange/mpi/mpi_exchange.hpp"
#include "layer/moe_layer.hpp"

// What measuring costs what is measured: iterations of a small layer with all that a timed one does
// beside its work (8 clock readings a layer, the iteration's end, keeping the stamps), against the
// same iterations without. One rank, in one process; over MPI ranks:
// scripts/mpirun.sh -n 2 build/bench/overhead_bench.
//   median_us    an iteration with stamps (Time is the mean)
//   overhead_ns  what stamps add, median over pairs; `overhead_%` of an iteration without, between
//                `low_%` and `high_%` (95 %)
//   ratio        of the medians with and without
namespace {

using namespace epsim;

Communicator const* world = nullptr;

/// What runs the phases and stamps nothing.
struct NoRecorder {
    void begin_layer(int64_t) {}
    void skip() {}
    template <class Work>
    void time(Phase, Work&& work) {
        work();
    }
};

/// A layer of 8 experts, top-2, and a rank's tokens with random routing.
class SmallLayer {
public:
    explicit SmallLayer(int64_t tokens)
        : exchange_(make_mpi_exchange(*world, "alltoallv", placement_,
                                      ClusterTopology::blocks(world->size(), world->size()),
                                      Dedup::none,
                                      exchange_shape(spec_, placement_, world->rank()))),
          experts_(make_expert_kernel("onednn", spec_.routed(), 1, {weight_keys()}, 1)),
          layer_(spec_, replicas_, std::vector<Exchange*>{exchange_.get()}, *experts_, nullptr),
          tokens_(x_.rows(tokens)),
          recorder_(clock_, 1),
          stamps_(2 * recorder_.start().flat().size()) {
        std::mt19937 random(static_cast<unsigned>(index(world->rank())) + 1);
        std::uniform_int_distribution<int> expert(0, spec_.shape.num_experts - 1);
        routing_.top_k = spec_.shape.top_k;
        for (int64_t i = 0; i < tokens * routing_.top_k; ++i) {
            routing_.expert.push_back(ExpertId{expert(random)});
            routing_.weight.push_back(0.5f);
        }
        std::fill_n(tokens_.as<float>(), tokens * tokens_.width, 0.5f);
    }
    void plain() { forward(nothing_); }
    void stamped() {
        recorder_.begin_iteration();
        forward(recorder_);
        end_ = clock_.now();
        auto const begins = recorder_.start().flat(), ends = recorder_.end().flat();
        std::ranges::copy(ends, std::ranges::copy(begins, stamps_.begin()).out);
    }

private:
    static LayerSpec make_spec() {
        LayerSpec spec;
        spec.shape.hidden = 64;
        spec.shape.num_experts = 8;
        spec.shape.top_k = 2;
        spec.shape.expert_intermediate = 64;
        spec.dtype = spec.wire_dtype = spec.combine_dtype = DType::f32;
        spec.layers = 1;
        return spec;
    }
    std::vector<WeightKey> weight_keys() const {
        std::vector<WeightKey> keys;
        for (ExpertId const e : placement_.experts_of(LayerId{0}, world->rank()))
            keys.push_back({WeightKey::Role::routed, 0, index(e)});
        return keys;
    }
    template <class Recorder>
    void forward(Recorder& recorder) {
        layer_.forward(LayerId{0}, routing_, tokens_, out_.rows(tokens_.rows), recorder, stream_);
    }

    LayerSpec spec_ = make_spec();
    Placement placement_ = linear_placement(1, spec_.shape.num_experts, world->size());
    std::unique_ptr<Exchange> exchange_;
    std::unique_ptr<ExpertKernel> experts_;
    ReplicaChooser replicas_{placement_, ClusterTopology::blocks(world->size(), world->size()),
                             world->rank(), ReplicaChoice::round_robin};
    MoeLayer layer_;
    HostBuffer x_{DType::f32, spec_.shape.hidden}, out_{DType::f32, spec_.shape.hidden};
    BufferView tokens_;
    RoutingBatch routing_;
    HostStream stream_;
    MonotonicClock clock_;
    NoRecorder nothing_;
    PhaseRecorder recorder_;
    std::vector<double> stamps_;
    double end_ = 0;
};

void stamps(benchmark::State& state) {
    SmallLayer layer(state.range(0));
    auto const stamped = [&] {
        return bench::collective_seconds(*world, [&] { layer.stamped(); });
    };
    auto const plain = [&] { return bench::collective_seconds(*world, [&] { layer.plain(); }); };
    for (int i = 0; i < 10; ++i) stamped();  // kernels compiled, memory taken
    bench::Paired times;
    for (auto _ : state) {
        // One after the other in both orders: what comes second finds a warmer machine.
        double own = stamped();
        double const other = plain() + plain();
        own += stamped();
        times.add(own / 2, other / 2);
        state.SetIterationTime(own / 2);
    }
    auto const excess = times.excess();
    state.counters["median_us"] = times.own_median_s() * 1e6;
    state.counters["overhead_ns"] = excess.median * times.own_median_s() * times.ratio() * 1e9;
    state.counters["ratio"] = 1 / times.ratio();
    state.counters["overhead_%"] = 100 * excess.median;
    state.counters["low_%"] = 100 * excess.low;
    state.counters["high_%"] = 100 * excess.high;
}

BENCHMARK(stamps)->Arg(4)->Arg(64)->Arg(512)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    epsim::MpiSession const session;
    auto const comm = epsim::Communicator::duplicate(MPI_COMM_WORLD);
    world = &comm;
    epsim::bench::run_on_all_ranks(comm);
}

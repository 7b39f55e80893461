#include "probe/ceiling_bench.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/cast.hpp"
#include "probe/memory_loops.hpp"

namespace epsim {
namespace {

constexpr std::size_t piece_lines = 4096;  // 256 KiB: reading the clock costs nothing beside it
constexpr double mebi = 1 << 20;

// Positions in ceiling_figures.
enum Figure : std::size_t { read, write, copy, stream, f32, bf16_products };
static_assert(ceiling_figures[read].value == &Ceilings::read);
static_assert(ceiling_figures[write].value == &Ceilings::write);
static_assert(ceiling_figures[copy].value == &Ceilings::copy);
static_assert(ceiling_figures[stream].value == &Ceilings::stream_copy);
static_assert(ceiling_figures[f32].value == &Ceilings::flops_f32);
static_assert(ceiling_figures[bf16_products].value == &Ceilings::flops_bf16);

void wait_until(Clock const& clock, double moment) {
    constexpr double spin_s = 200e-6;
    for (double left; (left = moment - clock.now()) > 0;)
        if (left > 2 * spin_s)
            std::this_thread::sleep_for(std::chrono::duration<double>(left - spin_s));
        else
            std::this_thread::yield();
}

}  // namespace

CeilingBench::CeilingBench(int64_t bytes, int threads)
    : workers_(static_cast<std::size_t>(threads)) {
    auto const lines = static_cast<std::size_t>(bytes) / sizeof(CacheLine) / workers_.size();
    check(lines >= 2, "every thread has something to copy");
    memory_ = std::make_unique_for_overwrite<CacheLine[]>(lines * workers_.size());
    for (std::size_t t = 0; t < workers_.size(); ++t)
        workers_[t].part = {memory_.get() + t * lines, lines};
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (Worker& worker : workers_)
        for (CacheLine& line : worker.part) line.word.fill(1);
}

std::span<CacheLine> CeilingBench::Worker::next_piece(std::span<CacheLine> of) {
    auto const size = std::min(piece_lines, of.size());
    if (at + size > of.size()) at = 0;
    auto const piece = of.subspan(at, size);
    at += size;
    return piece;
}

double CeilingBench::Worker::work(std::size_t figure) {
    if (figure == f32 || figure == bf16_products) {
        auto const loop = register_loop(figure == f32 ? DType::f32 : DType::bf16);
        loop.run(x.data(), 0.5f, 0.5f, loop.some_10_us);
        return loop.flops_of(loop.some_10_us);
    }
    bool const whole = figure == read || figure == write;
    auto const piece = next_piece(whole ? part : part.first(part.size() / 2));
    auto const bytes = static_cast<double>(piece.size_bytes());
    if (figure == read) sum += sum_of_words(piece);
    if (figure == write) stream_fill(piece, sum);
    if (whole) return bytes;
    std::span<CacheLine> const to(piece.data() + part.size() / 2, piece.size());
    if (figure == copy) plain_copy(piece.data(), to.data(), piece.size_bytes());
    if (figure == stream) stream_copy(piece, to);
    return bytes;
}

void CeilingBench::Worker::run(Windows const& windows, Clock const& clock) {
    rates = Array<double, 2>({windows.repetitions, std::ssize(ceiling_figures)});
    double begin = windows.begin;
    for (int i = 0; i < windows.repetitions; ++i)
        for (std::size_t f = 0; f < ceiling_figures.size(); ++f) {
            wait_until(clock, begin);
            double amount = 0, now = 0;
            do {
                amount += work(f);
                now = clock.now();
            } while (now < begin + windows.seconds);
            rates(i, f) = amount / (now - begin);
            begin += windows.seconds + windows.gap;
        }
}

Array<double, 2> CeilingBench::run(Windows const& windows) {
#pragma omp parallel for num_threads(static_cast<int>(workers_.size())) schedule(static, 1)
    for (Worker& worker : workers_) worker.run(windows, clock_);
    auto sum = workers_.front().rates;
    for (std::size_t t = 1; t < workers_.size(); ++t)
        for (std::size_t i = 0; i < sum.flat().size(); ++i)
            sum.flat()[i] += workers_[t].rates.flat()[i];
    return sum;
}

int64_t working_set_bytes(HostInfo const& host, double times, int threads, int ranks_on_host) {
    double const filled = std::max(1, std::min(host.last_level_caches, threads));
    double const cache = host.last_level_cache_bytes > 0 ? host.last_level_cache_bytes : 32 * mebi;
    double const share = host.memory_bytes / 32 / ranks_on_host;
    return static_cast<int64_t>(std::max(mebi * threads, std::min(times * cache * filled, share)));
}

}  // namespace epsim

#include "comm/ping_pong.hpp"

#include <algorithm>
#include <limits>

#include "core/cast.hpp"
#include "measure/clock.hpp"

namespace epsim {
namespace {

constexpr int tag = 2;
constexpr char go_on = 1, last = 0;  // first byte of a message from the lower rank

class Pair {
public:
    Pair(Communicator const& comm, RankId partner, std::span<RoundTrip const> trips,
         PingPongOptions const& options)
        : comm_(comm), partner_(index(partner)), options_(options) {
        int64_t largest = 0;
        for (auto const& trip : trips) largest = std::max({largest, trip.there, trip.back});
        buffer_.resize(static_cast<std::size_t>(largest));
    }

    double lead(RoundTrip const& trip) {
        double least = std::numeric_limits<double>::infinity();
        double const begin = clock_.now();
        bool more = true;
        for (int done = 0; more; ++done) {
            more = done < options_.fewest || clock_.now() < begin + options_.seconds;
            buffer_[0] = more ? go_on : last;
            double const sent = clock_.now();
            messages([&] {
                send(trip.there);
                receive(trip.back);
            });
            // The first finds cold buffers and connections, and nothing disturbed its answer yet.
            if (done > 0) least = std::min(least, clock_.now() - sent);
        }
        return least;
    }

    void follow(RoundTrip const& trip) {
        receive(trip.there);
        for (bool more = true; more;) {
            more = buffer_[0] == go_on;
            messages([&] {
                send(trip.back);
                if (more) receive(trip.there);
            });
        }
    }

private:
    template <class Work>
    void messages(Work&& work) const {
        if (options_.around)
            options_.around(work);
        else
            work();
    }
    void send(int64_t bytes) {
        check_mpi(
            MPI_Send(buffer_.data(), narrow<int>(bytes), MPI_CHAR, partner_, tag, comm_.native()),
            "MPI_Send");
    }
    void receive(int64_t bytes) {
        check_mpi(MPI_Recv(buffer_.data(), narrow<int>(bytes), MPI_CHAR, partner_, tag,
                           comm_.native(), MPI_STATUS_IGNORE),
                  "MPI_Recv");
    }

    Communicator const& comm_;
    int partner_;
    PingPongOptions const& options_;
    std::vector<char> buffer_;
    MonotonicClock clock_;
};

}  // namespace

std::vector<double> round_trips(Communicator const& comm, RankId partner,
                                std::span<RoundTrip const> trips, PingPongOptions const& options) {
    std::vector<double> seconds;
    if (trips.empty()) return seconds;
    Pair pair(comm, partner, trips, options);
    for (auto const& trip : trips)
        if (comm.rank() < partner)
            seconds.push_back(pair.lead(trip));
        else
            pair.follow(trip);
    return seconds;
}

std::vector<double> ping_pong(Communicator const& comm, RankId partner,
                              std::span<int64_t const> sizes, PingPongOptions const& options) {
    std::vector<RoundTrip> trips;
    for (int64_t const bytes : sizes) trips.push_back({bytes, bytes});
    auto seconds = round_trips(comm, partner, trips, options);
    for (double& s : seconds) s /= 2;
    return seconds;
}

void swap_bytes(Communicator const& comm, RankId partner, std::span<std::byte const> send,
                std::span<std::byte> receive) {
    check_mpi(MPI_Sendrecv(send.data(), narrow<int>(std::ssize(send)), MPI_BYTE, index(partner),
                           tag, receive.data(), narrow<int>(std::ssize(receive)), MPI_BYTE,
                           index(partner), tag, comm.native(), MPI_STATUS_IGNORE),
              "MPI_Sendrecv");
}

}  // namespace epsim

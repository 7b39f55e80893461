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
    Pair(Communicator const& comm, RankId partner, int64_t largest)
        : comm_(comm), partner_(index(partner)), buffer_(static_cast<std::size_t>(largest)) {}

    double lead(int64_t bytes, PingPongOptions const& options) {
        double least = std::numeric_limits<double>::infinity();
        double const begin = clock_.now();
        bool more = true;
        for (int done = 0; more; ++done) {
            // The first exchange finds cold buffers and connections: it is never the only one.
            more = done < options.fewest || clock_.now() < begin + options.seconds;
            buffer_[0] = more ? go_on : last;
            double const sent = clock_.now();
            send(bytes);
            receive(bytes);
            least = std::min(least, (clock_.now() - sent) / 2);
        }
        return least;
    }

    void follow(int64_t bytes) {
        do {
            receive(bytes);
            send(bytes);
        } while (buffer_[0] == go_on);
    }

private:
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
    std::vector<char> buffer_;
    MonotonicClock clock_;
};

}  // namespace

std::vector<double> ping_pong(Communicator const& comm, RankId partner,
                              std::span<int64_t const> sizes, PingPongOptions const& options) {
    std::vector<double> seconds;
    if (sizes.empty()) return seconds;
    Pair pair(comm, partner, std::ranges::max(sizes));
    for (int64_t const bytes : sizes)
        if (comm.rank() < partner)
            seconds.push_back(pair.lead(bytes, options));
        else
            pair.follow(bytes);
    return seconds;
}

}  // namespace epsim

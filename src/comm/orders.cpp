#include "comm/orders.hpp"

#include <chrono>
#include <thread>

namespace epsim {

void Orders::wait(MPI_Request& request) const {
    for (int done = 0;;) {
        check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
        if (done) return;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

void Orders::say(int order) {
    order_ = order;
    listen();
    wait(order_request_);
}

void Orders::listen() {
    check_mpi(MPI_Ibcast(&order_, 1, MPI_INT, 0, comm_.native(), &order_request_), "MPI_Ibcast");
}

bool Orders::heard() {
    int done = 0;
    check_mpi(MPI_Test(&order_request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
}

int Orders::order() {
    wait(order_request_);
    return order_;
}

bool Orders::meet(bool flag) {
    join(flag);
    wait(meeting_);
    return any_ != 0;
}

void Orders::join(bool flag) {
    wait(meeting_);  // the last one, which all ranks have left long since
    flag_ = flag ? 1 : 0;
    check_mpi(MPI_Iallreduce(&flag_, &any_, 1, MPI_INT, MPI_MAX, comm_.native(), &meeting_),
              "MPI_Iallreduce");
}

}  // namespace epsim

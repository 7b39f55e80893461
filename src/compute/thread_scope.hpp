#pragma once

// Of libgomp, which oneDNN runs on; <omp.h> comes with GCC only.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
}

namespace epsim {

/// While it lives, OpenMP regions and oneDNN calls of the calling thread use this many threads. The
/// number belongs to the thread (OpenMP 5.0, section 2.5: nthreads-var is per data environment):
/// other threads keep theirs.
class ThreadScope {
public:
    explicit ThreadScope(int threads) : before_(omp_get_max_threads()) {
        omp_set_num_threads(threads);
    }
    ~ThreadScope() { omp_set_num_threads(before_); }
    ThreadScope(ThreadScope const&) = delete;
    ThreadScope& operator=(ThreadScope const&) = delete;

private:
    int before_;
};

}  // namespace epsim

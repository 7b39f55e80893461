#include <gtest/gtest.h>
#include <mpi.h>

/// Every rank runs every test; one failing rank fails the job. Ranks above 0 print failures only.
int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    MPI_Init(&argc, &argv);
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank != 0) {
        auto& listeners = testing::UnitTest::GetInstance()->listeners();
        struct FailuresOnly : testing::EmptyTestEventListener {
            int rank;
            explicit FailuresOnly(int r) : rank(r) {}
            void OnTestPartResult(testing::TestPartResult const& result) override {
                if (result.failed())
                    fprintf(stderr, "[rank %d] %s:%d: %s\n", rank, result.file_name(),
                            result.line_number(), result.message());
            }
        };
        delete listeners.Release(listeners.default_result_printer());
        listeners.Append(new FailuresOnly(rank));
    }
    int failed = RUN_ALL_TESTS();
    MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Finalize();
    return failed;
}

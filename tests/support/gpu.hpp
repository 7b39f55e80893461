#pragma once

#include <gtest/gtest.h>

#include <string>

#include "device/device_memory.hpp"
#include "device/device_query.hpp"
#include "device/gpu.hpp"

namespace epsim::test {

/// A test that needs a GPU: skips with the reason where there is none.
class Gpu : public testing::Test {
protected:
    void SetUp() override {
        auto const cuda = query_cuda();
        if (!cuda.unavailable.empty()) GTEST_SKIP() << cuda.unavailable;
        use_gpu(0);
        stream = make_stream(DeviceKind::cuda);
    }

    /// Rows of the host on the GPU.
    BufferView upload(BufferView rows, RowBuffer& memory) {
        BufferView const copy = memory.rows(rows.rows);
        copy_rows(rows, copy, *stream);
        return copy;
    }
    /// Rows of the GPU on the host, once everything submitted is done.
    void download(BufferView rows, BufferView to) {
        copy_rows(rows, to, *stream);
        stream->synchronise();
    }

    std::unique_ptr<Stream> stream;
};

}  // namespace epsim::test

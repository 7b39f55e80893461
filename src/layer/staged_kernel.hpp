#pragma once

#include "compute/expert_kernel.hpp"
#include "device/device_memory.hpp"

namespace epsim {

/// A kernel of the host for rows wherever they are: brings them here, and results back. For checks,
/// not for timing.
class StagedKernel final : public ExpertKernel {
public:
    explicit StagedKernel(std::unique_ptr<ExpertKernel> host) : host_(std::move(host)) {}

    std::string_view name() const override { return host_->name(); }
    void prepare(int64_t rows, int64_t total) override { host_->prepare(rows, total); }
    int64_t weight_bytes() const override { return host_->weight_bytes(); }

    void forward(int layer, GroupedRows const& in, BufferView out, Stream& stream) override {
        GroupedRows here = in;
        here.rows = rows_.of(in.rows, stream);
        BufferView const results = results_.of(out, stream);
        host_->forward(layer, here, results, stream);
        if (out.device == DeviceKind::cpu) return;
        copy_rows(results, out, stream);
        stream.synchronise();
    }

private:
    std::unique_ptr<ExpertKernel> host_;
    HostCopy rows_, results_;
};

}  // namespace epsim

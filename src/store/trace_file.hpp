#pragma once

#include <filesystem>
#include <memory>

#include "trace/routing.hpp"

namespace epsim {

/// A routing trace in HDF5, schema "epsim-trace" version 1 (README, "Trace file"), read by
/// hyperslab: memory does not grow with the file.
class TraceFile final : public RoutingSource {
public:
    /// Opens and validates attributes, shapes and offsets; ids are validated as they are read.
    /// \throws InputError if it is missing, not HDF5, truncated, or breaks the schema
    explicit TraceFile(std::filesystem::path const& path);
    ~TraceFile() override;

    TraceInfo const& info() const override;
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

    /// SHA-256 that the file states of its datasets' bytes.
    std::string const& stated_sha256() const;
    /// The same, computed: reads everything, in pieces.
    std::string computed_sha256() const;

private:
    struct File;
    std::unique_ptr<File> file_;
};

/// Write any routing source as a trace file, streaming: to `path`.tmp, closed, fsynced, renamed.
/// \throws InputError if the directory is not writable, Error if the disk is full
void write_trace(RoutingSource const& source, std::filesystem::path const& path);

}  // namespace epsim

#pragma once

#include <filesystem>
#include <memory>

#include "store/probe.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// A routing trace in HDF5, schema "epsim-trace" version 1 (README, "Trace file"), read by
/// hyperslab: memory does not grow with the file. Of the kinds, `tokens` with logical ids is read.
class TraceFile final : public RoutingSource {
public:
    /// Opens and validates attributes, shapes, offsets, and that every chunk is there; ids, weights
    /// and columns are validated as they are read.
    /// \throws InputError if it is missing, not HDF5, truncated, or breaks the schema
    explicit TraceFile(std::filesystem::path const& path, Probe probe = Probe::in_child);
    ~TraceFile() override;

    TraceInfo const& info() const override;
    /// \throws InputError on an id that is out of range or twice in a token, or a weight that is
    ///         not finite; it names layer, token and id
    RoutingBatch read(StepId step, LayerId layer, TokenRange range) const override;
    std::vector<int32_t> column(TokenColumn which, StepId step, TokenRange range) const override;

    /// SHA-256 that the file states of its datasets' bytes; empty if it states none.
    std::string const& stated_sha256() const;
    /// The same, computed: reads everything, in pieces.
    std::string computed_sha256() const;

private:
    struct File;
    std::unique_ptr<File> file_;
};

/// Write any routing source as a trace file, streaming: to `path`.tmp, closed, fsynced, renamed.
/// Ids take the smallest of uint8 and uint16 that fits, or, where a token has none (-1), of int16
/// and int32.
/// \throws InputError if the directory is not writable or the source's ids are not valid,
///         Error if the disk is full
void write_trace(RoutingSource const& source, std::filesystem::path const& path);

}  // namespace epsim

#pragma once

#include <map>
#include <memory>
#include <string>

#include "comm/communicator.hpp"
#include "config/config.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// The routing that a case replays, opened and checked: of a trace file or a generator.
class TraceInput {
public:
    /// Collective. The trace file, if there is one, must have been probed by one rank before.
    /// \throws CollectiveError if it cannot be read or does not fit the model
    TraceInput(Config const& config, Communicator const& comm);

    RoutingSource const& source() const { return *source_; }
    /// The trace's SHA-256, "" if there is no trace; on rank 0.
    std::string sha256() const;
    /// What is known of where the routing comes from; hashes on rank 0 only.
    std::map<std::string, std::string> const& provenance() const { return provenance_; }
    /// Warn if the file is not what it says of itself. On rank 0.
    void warn_if_changed() const;

private:
    void open(Communicator const& comm);
    void note_hash(class TraceFile const& file);
    void check_source() const;

    Config const& config_;
    std::unique_ptr<RoutingSource const> source_;
    std::map<std::string, std::string> provenance_;
};

}  // namespace epsim

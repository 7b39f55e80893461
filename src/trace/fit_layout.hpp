#pragma once

#include <vector>

#include "core/rng.hpp"
#include "trace/fit_model.hpp"
#include "trace/source_shares.hpp"

namespace epsim {

/// Which recorded sequence each token of a look-alike follows, and where in it. Where steps differ,
/// a look-alike of at most the recorded steps goes through the first of them; a longer one dwells
/// on every 8 recorded steps, back and forth, so that neighbours stay neighbours, and halves
/// halves.
class FitLayout {
public:
    /// \param steps of the look-alike, each with the tokens of `sources`
    FitLayout(FitModel const& model, SourceShares const& sources, int64_t steps, uint64_t seed);

    /// The part of a sequence that lies in one step. Parts follow each other.
    struct Part {
        int64_t first;         ///< token, from the start of the look-alike
        std::size_t sequence;  ///< of the model
        int64_t position;      ///< of the first token in it
    };
    std::vector<Part> const& parts() const noexcept { return part_; }
    /// The part of a token.
    std::vector<Part>::const_iterator find(int64_t token) const;
    /// [Q + 1] first token of each sequence of the look-alike.
    std::vector<int64_t> sequence_offset(int64_t tokens) const;

private:
    std::vector<Part> part_;
    bool one_source_;
};

}  // namespace epsim

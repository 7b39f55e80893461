#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trace/mapped_file.hpp"
#include "trace/routing.hpp"

namespace epsim {

/// One layer's routing in the text format of ESFT (github.com/deepseek-ai/ESFT,
/// scripts/expert/get_expert_scores.py): a line a sequence, the expert ids of its n tokens, k a
/// token, between tabs; two tabs; the gate weights in the same order. Memory-mapped; an index of
/// places, one about every 1024 tokens, lets any range be read.
class EsftFile {
public:
    /// Walks through the file once: every line must have as many weights as ids, a multiple of k.
    /// \throws InputError naming file and line
    EsftFile(std::filesystem::path const& path, int top_k);

    /// [Q + 1] first token of each sequence.
    std::vector<int64_t> const& sequence_offset() const noexcept { return sequence_offset_; }

    /// \throws InputError on what is no number
    RoutingBatch read(int64_t begin, int64_t end) const;

private:
    struct Place {  // where a token's ids and weights begin; its line's next place or end follows
        int64_t token;
        std::size_t id, weight;
    };
    void index_line(std::size_t begin, std::size_t end);

    std::string path_;
    MappedFile file_;
    int top_k_;
    std::vector<Place> place_;
    std::vector<int64_t> sequence_offset_{0};
};

}  // namespace epsim

#include "trace/esft_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/error.hpp"

namespace epsim {
namespace {

constexpr int64_t tokens_a_place = 1024;

/// The numbers between tabs in a piece of text: how many, and where every stride-th begins.
struct Fields {
    int64_t count = 0;
    std::vector<std::size_t> start;
};

Fields scan(std::string_view text, std::size_t begin, std::size_t end, int64_t stride) {
    Fields fields;
    text = text.substr(0, end);
    for (std::size_t at = begin;; ++at) {
        if (fields.count++ % stride == 0) fields.start.push_back(at);
        at = text.find('\t', at);
        if (at == std::string_view::npos) return fields;
    }
}

/// Reads one number after the other, each followed by a tab, a line's end or the end.
class Cursor {
public:
    Cursor(std::string_view text, std::size_t at)
        : at_(text.data() + at), end_(text.data() + text.size()) {}

    template <class T>
    bool read(T& value) {
        auto const [stop, error] = std::from_chars(at_, end_, value);
        if (error != std::errc{} || (stop != end_ && *stop != '\t' && *stop != '\n')) return false;
        at_ = stop == end_ ? stop : stop + 1;
        return true;
    }

private:
    char const* at_;
    char const* end_;
};

}  // namespace

EsftFile::EsftFile(std::filesystem::path const& path, int top_k)
    : path_(path.string()), file_(path), top_k_(top_k) {
    auto const text = file_.text();
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = std::min(text.find('\n', begin), text.size());
        index_line(begin, end);
        begin = end + 1;
    }
    if (sequence_offset_.size() == 1)
        throw InputError(fmt::format("{} is empty (a line is a sequence). Check the file", path_));
}

void EsftFile::index_line(std::size_t begin, std::size_t end) {
    auto const text = file_.text().substr(0, end);
    auto const fail = [&](std::string const& what) {
        throw InputError(fmt::format("line {} of {} {}. Check the file and --top-k",
                                     sequence_offset_.size(), path_, what));
    };
    auto const middle = text.find("\t\t", begin);
    if (middle == std::string_view::npos)
        fail("is no sequence (it lacks the two tabs between ids and gate weights)");
    auto const ids = scan(text, begin, middle, tokens_a_place * top_k_);
    auto const weights = scan(text, middle + 2, end, tokens_a_place * top_k_);
    if (ids.count != weights.count || ids.count % top_k_ != 0)
        fail(fmt::format("has {} ids and {} gate weights (they must be equally many, {} a token)",
                         ids.count, weights.count, top_k_));
    int64_t const first = sequence_offset_.back();
    for (std::size_t i = 0; i < ids.start.size(); ++i)
        place_.push_back(
            {first + static_cast<int64_t>(i) * tokens_a_place, ids.start[i], weights.start[i]});
    sequence_offset_.push_back(first + ids.count / top_k_);
}

RoutingBatch EsftFile::read(int64_t begin, int64_t end) const {
    check(begin >= 0 && begin <= end && end <= sequence_offset_.back(), "the tokens exist");
    auto const entries = static_cast<std::size_t>((end - begin) * top_k_);
    RoutingBatch batch{top_k_, {}, {}};
    batch.expert.reserve(entries);
    batch.weight.reserve(entries);
    auto place = std::ranges::upper_bound(place_, begin, {}, &Place::token) - 1;
    for (; begin < end; ++place) {
        auto const next = place + 1 == place_.end() ? end : std::min(end, (place + 1)->token);
        Cursor ids(file_.text(), place->id), weights(file_.text(), place->weight);
        for (int64_t entry = place->token * top_k_; entry < next * top_k_; ++entry) {
            int32_t id = 0;
            float weight = 0;
            if (!ids.read(id) || !weights.read(weight))
                throw InputError(
                    fmt::format("{} holds no number for an expert or its weight "
                                "(token {}). Check the file",
                                path_, entry / top_k_));
            if (entry < begin * top_k_) continue;
            batch.expert.push_back(ExpertId{id});
            batch.weight.push_back(weight);
        }
        begin = next;
    }
    return batch;
}

}  // namespace epsim

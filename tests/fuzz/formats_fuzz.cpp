// Recorded routing in other systems' formats: a file, read as what it is seen to be and as what the
// first byte says; after the separator, the placement of its ids. The second byte says how many
// experts there are and how many of them a token has.
#include <algorithm>

#include "fuzz/whole_trace.hpp"
#include "trace/formats/formats.hpp"

using namespace epsim;

namespace {

void use(std::unique_ptr<RoutingSource const> const& source) {
    if (source->info().tokens() <= 1 << 16) fuzz::read_whole(*source);
}

void use(RoutingCounts const& counts) {
    int const top_k = counts.top_k.value_or(1);
    use(counted_source(scaled_counts(counts, 16, top_k), top_k, 1, {}));
}

void use(SlotMap const& placement) {
    fuzz::require(!placement.expert.empty(), "a placement has layers");
}

void use(RecordedLogits const& recorded) {
    fuzz::require(recorded.layer.size() == recorded.logits.size(), "each layer has its logits");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    if (size < 2) return 0;
    static fuzz::InputFile file("table_iter1_rank0.log"), placement("placement");
    auto const piece = fuzz::parts(fuzz::text_of(data + 2, size - 2), 2);
    auto const formats = import_formats();
    ImportRequest request;
    request.files = {file.with(piece[0])};
    if (data[1] & 15) request.num_experts = 1 + (data[1] & 15);
    if (data[1] >> 4) request.top_k = data[1] >> 4;
    if (!piece[1].empty()) request.placement = placement.with(piece[1]);
    auto const read = [&](Format const& format) {
        auto const recording = format.read(request);
        std::visit([](auto const& held) { use(held); }, recording);
    };
    fuzz::accepts([&] { read(*recognise(request.files, "").format); });
    fuzz::accepts([&] { read(formats[data[0] % formats.size()]); });
    return 0;
}

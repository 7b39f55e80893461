// Routing in ESFT's text format: the files of two layers. Before them two bytes: experts and top-k.
#include "fuzz/whole_trace.hpp"
#include "trace/esft_source.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    if (size < 2) return 0;
    static fuzz::InputFile first("expert_weights_1.txt"), second("expert_weights_26.txt");
    auto const piece = fuzz::parts(fuzz::text_of(data + 2, size - 2), 2);
    std::vector<std::filesystem::path> paths{first.with(piece[0])};
    if (!piece[1].empty()) paths.push_back(second.with(piece[1]));
    fuzz::accepts([&] { fuzz::read_whole(EsftSource(paths, data[0], data[1], {})); });
    return 0;
}

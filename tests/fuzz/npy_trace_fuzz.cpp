// Recorded routing in NumPy arrays: ids, gate weights and lengths of sequences, empty = not given.
// Before them four bytes: experts, first layer, and a weight's scale.
#include "fuzz/whole_trace.hpp"
#include "trace/npy_source.hpp"

using namespace epsim;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
    if (size < 4) return 0;
    static fuzz::InputFile ids("ids.npy"), weights("weights.npy"), lengths("lengths.npy");
    auto const piece = fuzz::parts(fuzz::text_of(data + 4, size - 4), 3);
    NpyImport files;
    files.ids = ids.with(piece[0]);
    if (!piece[1].empty()) files.weights = weights.with(piece[1]);
    if (!piece[2].empty()) files.seqlen = lengths.with(piece[2]);
    files.num_experts = data[0] | data[1] << 8;
    files.first_layer = data[2];
    if (data[3] > 0) files.weight_scale = data[3] * 1e-3;
    fuzz::accepts([&] { fuzz::read_whole(NpySource(files, {})); });
    return 0;
}

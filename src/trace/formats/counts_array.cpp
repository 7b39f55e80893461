// .npy of NumPy with counts of integers: [layers, E], [steps, layers, E], [steps, sources, layers,
// E] or [steps, sources, layers, microbatches, E] (microbatches are added up).

#include <fmt/format.h>

#include "trace/formats/count_pieces.hpp"
#include "trace/formats/readers.hpp"
#include "trace/formats/refuse.hpp"
#include "trace/limits.hpp"
#include "trace/npy_array.hpp"

namespace epsim {

std::string is_counts_array(FileContent const& file) {
    if (file.container != FileContent::Container::npy) return {};
    auto const& shape = file.array->shape();
    if (file.array->kind() != TypedArray::Kind::integer || shape.size() < 2 || shape.size() > 5 ||
        look_at_rows(*file.array).least < 0)
        return {};
    return fmt::format("integers {} that repeat in the last axis: counts", shape_text(shape));
}

Recording read_counts_array(ImportRequest const& request) {
    if (request.files.size() != 1) refuse_import(request.files[1], "one array is read at a time");
    auto const& path = request.files[0];
    NpyArray const array(path);
    auto shape = array.shape();
    if (array.kind() != TypedArray::Kind::integer || shape.size() < 2 || shape.size() > 5 ||
        shape.back() > most_experts)
        refuse_import(path, fmt::format("{} is no shape of counts", shape_text(shape)));
    if (shape.size() == 2) shape.insert(shape.begin(), 1);
    if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
    if (shape.size() == 4) shape.insert(shape.begin() + 3, 1);
    auto const layers = layer_numbers(request, shape[2]);
    CountPieces pieces(static_cast<int>(shape[4]));
    int64_t row = 0;
    for (int64_t step = 0; step < shape[0]; ++step)
        for (int64_t source = 0; source < shape[1]; ++source)
            for (auto const layer : layers)
                for (int64_t batch = 0; batch < shape[3]; ++batch, ++row)
                    pieces.add(step, source, layer, array.integers(row * shape[4], shape[4]));
    return pieces.join();
}

}  // namespace epsim

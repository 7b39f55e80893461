#pragma once

#include <hdf5.h>

#include <algorithm>
#include <vector>

namespace epsim::hdf5 {

/// Sizes, positions or lengths, one an axis.
using Extents = std::vector<hsize_t>;

/// Shape of the largest block of at most `max_elements` that is contiguous in C order: ones, then
/// part of an axis, then whole axes. No side is 0.
inline Extents piece_shape(Extents const& extents, hsize_t max_elements) {
    Extents shape(extents.size(), 1);
    hsize_t left = max_elements;
    for (std::size_t axis = extents.size(); axis-- > 0;) {
        shape[axis] = std::clamp<hsize_t>(extents[axis], 1, std::max<hsize_t>(left, 1));
        if (shape[axis] < extents[axis]) break;
        left /= shape[axis];
    }
    return shape;
}

/// Call visit(start, count) for blocks of at most `max_elements` that, one after the other, are the
/// whole array in C order. At least one axis.
template <class Visit>
void for_each_piece(Extents const& extents, hsize_t max_elements, Visit&& visit) {
    if (std::ranges::count(extents, hsize_t{0}) > 0) return;
    auto const shape = piece_shape(extents, max_elements);
    Extents start(extents.size(), 0), count(extents.size());
    for (std::size_t axis = 0;;) {
        for (std::size_t a = 0; a < extents.size(); ++a)
            count[a] = std::min(shape[a], extents[a] - start[a]);
        visit(start, count);
        for (axis = extents.size(); axis-- > 0;) {
            start[axis] += shape[axis];
            if (start[axis] < extents[axis]) break;
            if (axis == 0) return;
            start[axis] = 0;
        }
    }
}

}  // namespace epsim::hdf5

#pragma once

#include <filesystem>

#include "measure/array.hpp"

namespace epsim {

/// Who sends how much to whom: [source, destination] bytes or any weights, finite and not negative.
using TrafficMatrix = Array<double, 2>;

/// Every rank as much to every rank, itself included.
TrafficMatrix uniform_traffic(int ranks);

/// The matrix of a .csv file (numbers between commas, a line a source; empty lines and those that
/// begin with # count for nothing) or a .npy file.
/// \throws InputError naming the file, unless it holds ranks x ranks finite numbers from 0 up, of
///         which one is positive
TrafficMatrix read_traffic(std::filesystem::path const& file, int ranks);

}  // namespace epsim

#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "trace/typed_array.hpp"

namespace epsim {

/// The tensors of a safetensors file (github.com/huggingface/safetensors, "Format": length of the
/// header, 8 bytes little endian; a JSON header; raw data), by name. Memory-mapped.
/// \throws InputError unless the header agrees with the file
std::map<std::string, TypedArray> read_safetensors(std::filesystem::path const& path);

/// A tensor of 64-bit integers to write.
struct IntegerTensor {
    std::vector<int64_t> shape;
    std::vector<int64_t> value;
};

/// \throws Error if it cannot be written
void write_safetensors(std::filesystem::path const& path,
                       std::map<std::string, IntegerTensor> const& tensors);

}  // namespace epsim

#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace epsim {

/// A value of a pickle. Others are named by their positions in the tree.
struct PickleValue {
    enum class Kind { none, boolean, integer, real, text, list, dict, global, storage, tensor };
    Kind kind = Kind::none;
    int64_t integer = 0;  ///< of boolean and integer
    double real = 0;
    std::string text;  ///< of text; of a global "module name"; of a storage its element type
    /// list: elements; dict: key, value, key, ..; storage: key; tensor: storage, offset, sizes,
    /// strides
    std::vector<std::size_t> items = {};
};

/// What a pickle builds, out of data only.
class PickleTree {
public:
    std::string name;  ///< for messages
    std::deque<PickleValue> values;
    std::size_t root = 0;

    PickleValue const& at(std::size_t i) const { return values.at(i); }
    /// The value of a dictionary's key, none if it has no such key (or is no dictionary).
    PickleValue const* find(PickleValue const& dict, std::string_view key) const;
};

/// Reads Python's pickle protocols 2 to 5 (docs.python.org, pickletools) as far as torch.save
/// writes dictionaries, lists, numbers, texts and tensors. Nothing is ever executed: of the global
/// names that a pickle may ask for only torch's storages and _rebuild_tensor_v2, torch.Size and
/// collections.OrderedDict are known, and they are made into data here.
/// \throws InputError naming `name` and what is not known
PickleTree read_pickle(std::string_view bytes, std::string const& name);

}  // namespace epsim

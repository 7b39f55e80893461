#pragma once

#include <filesystem>

#include "trace/formats/pickle.hpp"
#include "trace/formats/zip_archive.hpp"
#include "trace/typed_array.hpp"

namespace epsim {

/// A file of torch.save (pytorch.org, serialization; a zip archive of <root>/data.pkl and raw
/// storages <root>/data/<key>): dictionaries, lists, numbers, texts and tensors, by the restricted
/// reader of pickle.hpp.
class TorchFile {
public:
    static bool is_one(ZipArchive const& archive);

    /// \throws InputError on anything else
    explicit TorchFile(std::filesystem::path const& path);

    std::string const& path() const noexcept { return archive_.path(); }
    PickleTree const& tree() const noexcept { return tree_; }
    PickleValue const& root() const { return tree_.at(tree_.root); }
    /// \throws InputError if the dictionary lacks the key
    PickleValue const& require(PickleValue const& dict, std::string_view key) const;
    /// \throws InputError unless it is a contiguous tensor that its storage holds
    TypedArray tensor(PickleValue const& value, std::string const& name) const;
    /// Of a list of integers, or of a tensor of them.
    std::vector<int64_t> integers(PickleValue const& value, std::string const& name) const;

private:
    ZipArchive archive_;
    std::string folder_;  // "<root>/"
    PickleTree tree_;
};

}  // namespace epsim

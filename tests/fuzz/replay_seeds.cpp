// Gives a fuzz target the files of a directory: each as it is, cut off, and with some bytes changed
// at random. libFuzzer does it better, but needs Clang.
#include <algorithm>
#include <cstdio>
#include <random>

#include "fuzz/fuzz_input.hpp"
#include "support/file_bytes.hpp"

namespace {

constexpr int damaged_copies = 200;

void give(std::string const& bytes) {
    LLVMFuzzerTestOneInput(reinterpret_cast<uint8_t const*>(bytes.data()), bytes.size());
}

std::string damaged(std::string bytes, std::mt19937& random) {
    if (bytes.empty()) return bytes;
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    for (auto flips = random() % 4; flips > 0 && !bytes.empty(); --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    epsim::fuzz::require(argc == 2, "the argument is a directory of seeds");
    std::vector<std::filesystem::path> seeds;
    for (auto const& entry : std::filesystem::directory_iterator(argv[1])) seeds.push_back(entry);
    std::ranges::sort(seeds);
    epsim::fuzz::require(!seeds.empty(), "there are seeds");
    std::mt19937 random(1);
    for (auto const& seed : seeds) {
        std::printf("%s\n", seed.c_str());
        std::fflush(stdout);  // the last one is the one that failed
        auto const bytes = epsim::read_bytes(seed);
        give(bytes);
        for (int i = 0; i < damaged_copies; ++i) give(damaged(bytes, random));
    }
    std::printf("%zu seeds, and %d damaged copies of each\n", seeds.size(), damaged_copies);
}

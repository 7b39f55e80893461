#include "trace/npy_header.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "core/error.hpp"

namespace epsim {
namespace {

/// Reads the dictionary's literal from left to right.
class Literal {
public:
    Literal(std::string_view text, std::string const& path) : rest_(text), path_(path) {}

    bool accept(std::string_view token) {
        skip_space();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }
    void expect(std::string_view token) {
        if (!accept(token)) fail_npy(path_, fmt::format("its header lacks a '{}'", token));
    }
    std::string quoted() {
        std::string_view const quote = accept("'") ? "'" : "\"";
        if (quote == "\"") expect(quote);
        auto const end = rest_.find(quote);
        if (end == std::string_view::npos) fail_npy(path_, "a text in its header has no end");
        std::string text(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return text;
    }
    bool boolean() {
        if (accept("True")) return true;
        expect("False");
        return false;
    }
    std::vector<int64_t> tuple() {
        std::vector<int64_t> numbers;
        expect("(");
        while (!accept(")")) {
            skip_space();
            int64_t value = 0;
            auto const [end, error] =
                std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
            if (error != std::errc{} || value < 0)
                fail_npy(path_, "its shape is not of numbers from 0 to 2^63");
            rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
            numbers.push_back(value);
            if (accept(",")) continue;
            expect(")");
            break;
        }
        return numbers;
    }
    bool at_end() {
        skip_space();
        return rest_.empty();
    }

private:
    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size()));
    }
    std::string_view rest_;
    std::string const& path_;
};

}  // namespace

void fail_npy(std::string const& path, std::string const& reason) {
    throw InputError(fmt::format(
        "{} is no .npy file that epsim reads ({}). Save it with numpy.save", path, reason));
}

NpyHeader parse_npy_header(std::string_view file, std::string const& path) {
    constexpr std::string_view magic = "\x93NUMPY";
    if (!file.starts_with(magic)) fail_npy(path, "it does not begin as one");
    if (file.size() < 10) fail_npy(path, "it ends within its header");
    auto const byte = [&](std::size_t i) {
        return std::size_t{static_cast<unsigned char>(file[i])};
    };
    std::size_t const version = byte(6);
    if (version < 1 || version > 2 || byte(7) != 0)
        fail_npy(path, fmt::format("format {}.{} is neither 1.0 nor 2.0", version, byte(7)));
    std::size_t const begin = version == 1 ? 10 : 12;
    if (file.size() < begin) fail_npy(path, "it ends within its header");
    std::size_t length = byte(8) | byte(9) << 8;
    if (version == 2) length |= byte(10) << 16 | byte(11) << 24;
    if (file.size() - begin < length) fail_npy(path, "it ends within its header");

    NpyHeader header{.type = {}, .fortran_order = false, .shape = {}, .data = begin + length};
    Literal literal(file.substr(begin, length), path);
    std::set<std::string> keys;
    literal.expect("{");
    while (!literal.accept("}")) {
        auto const key = literal.quoted();
        if (!keys.insert(key).second) fail_npy(path, "its header has a key twice");
        literal.expect(":");
        if (key == "descr")
            header.type = literal.quoted();
        else if (key == "fortran_order")
            header.fortran_order = literal.boolean();
        else if (key == "shape")
            header.shape = literal.tuple();
        else
            fail_npy(path, "its header has an unknown key");
        if (literal.accept(",")) continue;
        literal.expect("}");
        break;
    }
    if (keys.size() != 3 || !literal.at_end())
        fail_npy(path, "its header is not descr, fortran_order and shape");
    return header;
}

}  // namespace epsim

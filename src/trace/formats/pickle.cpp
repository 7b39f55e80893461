#include "trace/formats/pickle.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "trace/formats/pickle_machine.hpp"
#include "trace/formats/refuse.hpp"

namespace epsim {
namespace {

using Kind = PickleValue::Kind;

/// Takes one operation after the other, and its operands, from the bytes.
class Reader {
public:
    Reader(std::string_view bytes, PickleTree& tree) : rest_(bytes), tree_(tree), machine_(tree) {}

    void run() {
        while (step()) {
        }
    }

private:
    [[noreturn]] void fail(std::string const& why) const { refuse_import(tree_.name, why); }

    std::string_view take(uint64_t n) {
        if (n > rest_.size()) fail("its pickle ends early");
        auto const bytes = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return bytes;
    }
    uint64_t number(std::size_t bytes) {
        uint64_t value = 0;
        auto const from = take(bytes);
        std::memcpy(&value, from.data(), bytes);
        return value;
    }
    std::string line() {
        auto const end = rest_.find('\n');
        if (end == std::string_view::npos) fail("its pickle ends early");
        std::string text(take(end));
        take(1);
        return text;
    }

    void long_integer(uint64_t bytes) {
        if (bytes > 8) fail("its pickle has an integer of over 64 bits");
        uint64_t value = number(bytes);
        if (bytes > 0 && bytes < 8 && value >> (8 * bytes - 1) & 1)
            value |= ~uint64_t{0} << 8 * bytes;
        machine_.push_integer(static_cast<int64_t>(value));
    }

    bool step();
    bool step_container(unsigned char op);
    bool step_scalar(unsigned char op);

    std::string_view rest_;
    PickleTree& tree_;
    PickleMachine machine_;
};

bool Reader::step_scalar(unsigned char op) {
    switch (op) {
        case 'N':
            machine_.push({});
            return true;
        case 0x88:
            machine_.push({Kind::boolean, 1, 0, {}, {}});
            return true;
        case 0x89:
            machine_.push({Kind::boolean, 0, 0, {}, {}});
            return true;
        case 'J':
            machine_.push_integer(static_cast<int32_t>(number(4)));
            return true;
        case 'K':
            machine_.push_integer(static_cast<int64_t>(number(1)));
            return true;
        case 'M':
            machine_.push_integer(static_cast<int64_t>(number(2)));
            return true;
        case 0x8a:
            long_integer(number(1));
            return true;
        case 'G': {
            auto bits = number(8);
            uint64_t swapped = 0;  // it is big endian
            for (int i = 0; i < 8; ++i, bits >>= 8) swapped = swapped << 8 | (bits & 255);
            machine_.push({Kind::real, 0, std::bit_cast<double>(swapped), {}, {}});
            return true;
        }
        case 'X':
            machine_.push_text(take(number(4)));
            return true;
        case 0x8c:
            machine_.push_text(take(number(1)));
            return true;
        case 0x8d:
            machine_.push_text(take(number(8)));
            return true;
        default:
            return false;
    }
}

bool Reader::step_container(unsigned char op) {
    switch (op) {
        case '}':
            machine_.push_dict();
            return true;
        case ']':
        case ')':
            machine_.push_list({});
            return true;
        case '(':
            machine_.mark();
            return true;
        case 't':
            machine_.push_list(machine_.pop_to_mark());
            return true;
        case 0x85:
            machine_.push_list(machine_.pop(1));
            return true;
        case 0x86:
            machine_.push_list(machine_.pop(2));
            return true;
        case 0x87:
            machine_.push_list(machine_.pop(3));
            return true;
        case 'a': {
            auto const item = machine_.pop();
            machine_.extend(Kind::list, {item});
            return true;
        }
        case 'e':
            machine_.extend(Kind::list, machine_.pop_to_mark());
            return true;
        case 's': {
            auto const value = machine_.pop(), key = machine_.pop();
            machine_.extend(Kind::dict, {key, value});
            return true;
        }
        case 'u':
            machine_.extend(Kind::dict, machine_.pop_to_mark());
            return true;
        default:
            return false;
    }
}

bool Reader::step() {
    auto const op = static_cast<unsigned char>(take(1)[0]);
    if (step_scalar(op) || step_container(op)) return true;
    switch (op) {
        case 0x80:
            take(1);
            return true;
        case 0x95:
            take(8);
            return true;  // FRAME: says how much follows
        case 'q':
            machine_.memoize(number(1));
            return true;
        case 'r':
            machine_.memoize(number(4));
            return true;
        case 0x94:
            machine_.memoize();
            return true;
        case 'h':
            machine_.recall(number(1));
            return true;
        case 'j':
            machine_.recall(number(4));
            return true;
        case 'c': {
            auto const module = line();
            machine_.push_global(module, line());
            return true;
        }
        case 0x93:
            machine_.stack_global();
            return true;
        case 'Q':
            machine_.persistent();
            return true;
        case 'R':
            machine_.reduce();
            return true;
        case '.':
            tree_.root = machine_.pop();
            return false;
        default:
            fail(
                fmt::format("its pickle has the operation 0x{:02x}, which a recording of routing "
                            "does not need; nothing was executed",
                            op));
    }
}

}  // namespace

PickleValue const* PickleTree::find(PickleValue const& dict, std::string_view key) const {
    if (dict.kind != Kind::dict) return nullptr;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2)
        if (auto const& k = at(dict.items[i]); k.kind == Kind::text && k.text == key)
            return &at(dict.items[i + 1]);
    return nullptr;
}

PickleTree read_pickle(std::string_view bytes, std::string const& name) {
    PickleTree tree;
    tree.name = name;
    Reader(bytes, tree).run();
    return tree;
}

}  // namespace epsim

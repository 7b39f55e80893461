#include "trace/formats/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>

#include "trace/formats/refuse.hpp"

namespace epsim {
namespace {

using Kind = PickleValue::Kind;

constexpr std::array storages{std::pair{"ByteStorage", "u1"},   std::pair{"CharStorage", "i1"},
                              std::pair{"BoolStorage", "u1"},   std::pair{"ShortStorage", "i2"},
                              std::pair{"IntStorage", "i4"},    std::pair{"LongStorage", "i8"},
                              std::pair{"HalfStorage", "f2"},   std::pair{"FloatStorage", "f4"},
                              std::pair{"DoubleStorage", "f8"}, std::pair{"BFloat16Storage", "b2"}};

/// The pickle machine: a stack, marks on it, a memo. Values refer to each other by position, so a
/// list that holds itself is no danger.
class Machine {
public:
    Machine(std::string_view bytes, PickleTree& tree) : rest_(bytes), tree_(tree) {}

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

    void push(PickleValue value) {
        tree_.values.push_back(std::move(value));
        stack_.push_back(tree_.values.size() - 1);
    }
    void push_integer(int64_t value) { push({Kind::integer, value, 0, {}, {}}); }
    void push_text(std::string_view text) { push({Kind::text, 0, 0, std::string(text), {}}); }
    std::size_t pop() {
        if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
            fail("its pickle takes what it has not put");
        auto const at = stack_.back();
        stack_.pop_back();
        return at;
    }
    PickleValue& top() {
        auto const at = pop();
        stack_.push_back(at);
        return tree_.values[at];
    }
    std::vector<std::size_t> pop_to_mark() {
        if (marks_.empty()) fail("its pickle has no mark where it needs one");
        auto const begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<std::size_t> items(begin, stack_.end());
        stack_.erase(begin, stack_.end());
        marks_.pop_back();
        return items;
    }
    void pop_tuple(std::size_t n) {
        std::vector<std::size_t> items(n);
        for (auto at = items.rbegin(); at != items.rend(); ++at) *at = pop();
        push({Kind::list, 0, 0, {}, std::move(items)});
    }
    void extend(Kind kind, std::vector<std::size_t> const& items) {
        auto& target = top();
        if (target.kind != kind || (kind == Kind::dict && items.size() % 2 != 0))
            fail("its pickle adds to what is no list or dictionary");
        target.items.insert(target.items.end(), items.begin(), items.end());
    }
    void memoize(uint64_t key) {
        top();
        memo_[key] = stack_.back();
    }
    void recall(uint64_t key) {
        auto const found = memo_.find(key);
        if (found == memo_.end()) fail("its pickle recalls what it has not kept");
        stack_.push_back(found->second);
    }

    void push_global(std::string const& module, std::string const& name) {
        bool known = (module == "torch._utils" && name == "_rebuild_tensor_v2") ||
                     (module == "torch" && name == "Size") ||
                     (module == "collections" && name == "OrderedDict");
        known |= module == "torch" &&
                 std::ranges::any_of(storages, [&](auto const& s) { return name == s.first; });
        if (!known)
            refuse_import(tree_.name,
                          fmt::format("its pickle asks for the Python object {}.{}, which no "
                                      "recording of routing needs; nothing was executed",
                                      module, name),
                          "Do not load this file with Python unless you trust its origin");
        push({Kind::global, 0, 0, module + " " + name, {}});
    }
    void stack_global() {
        auto const name = pop(), module = pop();
        if (tree_.at(name).kind != Kind::text || tree_.at(module).kind != Kind::text)
            fail("its pickle asks for an object without a name");
        push_global(tree_.at(module).text, tree_.at(name).text);
    }
    /// ("storage", storage type, key, location, elements)
    void persistent() {
        auto const id = tree_.at(pop());
        if (id.kind != Kind::list || id.items.size() != 5 ||
            tree_.at(id.items[0]).text != "storage" || tree_.at(id.items[1]).kind != Kind::global ||
            tree_.at(id.items[2]).kind != Kind::text)
            fail("its pickle refers to something that is no tensor storage");
        auto const& type = tree_.at(id.items[1]).text;
        for (auto const& [name, element] : storages)
            if (type == std::string("torch ") + name)
                return push({Kind::storage, 0, 0, element, {id.items[2]}});
        fail("its pickle has a storage of unknown type");
    }
    void reduce() {
        auto const arguments = tree_.at(pop());
        auto const function = tree_.at(pop());
        if (function.kind != Kind::global || arguments.kind != Kind::list)
            fail("its pickle calls something that is no function");
        auto const& items = arguments.items;
        if (function.text == "collections OrderedDict" && items.empty())
            return push({Kind::dict, 0, 0, {}, {}});
        if (function.text == "torch Size" && items.size() == 1 &&
            tree_.at(items[0]).kind == Kind::list)
            return stack_.push_back(items[0]);
        if (function.text == "torch._utils _rebuild_tensor_v2" && items.size() >= 4 &&
            tree_.at(items[0]).kind == Kind::storage && tree_.at(items[1]).kind == Kind::integer &&
            tree_.at(items[2]).kind == Kind::list && tree_.at(items[3]).kind == Kind::list)
            return push({Kind::tensor, 0, 0, {}, {items.begin(), items.begin() + 4}});
        fail(fmt::format("its pickle calls {} with arguments that are not known", function.text));
    }
    void long_integer(uint64_t bytes) {
        if (bytes > 8) fail("its pickle has an integer of over 64 bits");
        uint64_t value = number(bytes);
        if (bytes > 0 && bytes < 8 && value >> (8 * bytes - 1) & 1)
            value |= ~uint64_t{0} << 8 * bytes;
        push_integer(static_cast<int64_t>(value));
    }

    bool step();
    bool step_container(unsigned char op);
    bool step_scalar(unsigned char op);

    std::string_view rest_;
    PickleTree& tree_;
    std::vector<std::size_t> stack_, marks_;
    std::map<uint64_t, std::size_t> memo_;
};

bool Machine::step_scalar(unsigned char op) {
    switch (op) {
        case 'N':
            push({});
            return true;
        case 0x88:
            push({Kind::boolean, 1, 0, {}, {}});
            return true;
        case 0x89:
            push({Kind::boolean, 0, 0, {}, {}});
            return true;
        case 'J':
            push_integer(static_cast<int32_t>(number(4)));
            return true;
        case 'K':
            push_integer(static_cast<int64_t>(number(1)));
            return true;
        case 'M':
            push_integer(static_cast<int64_t>(number(2)));
            return true;
        case 0x8a:
            long_integer(number(1));
            return true;
        case 'G': {
            auto bits = number(8);
            uint64_t swapped = 0;  // it is big endian
            for (int i = 0; i < 8; ++i, bits >>= 8) swapped = swapped << 8 | (bits & 255);
            push({Kind::real, 0, std::bit_cast<double>(swapped), {}, {}});
            return true;
        }
        case 'X':
            push_text(take(number(4)));
            return true;
        case 0x8c:
            push_text(take(number(1)));
            return true;
        case 0x8d:
            push_text(take(number(8)));
            return true;
        default:
            return false;
    }
}

bool Machine::step_container(unsigned char op) {
    switch (op) {
        case '}':
            push({Kind::dict, 0, 0, {}, {}});
            return true;
        case ']':
        case ')':
            push({Kind::list, 0, 0, {}, {}});
            return true;
        case '(':
            marks_.push_back(stack_.size());
            return true;
        case 't':
            push({Kind::list, 0, 0, {}, pop_to_mark()});
            return true;
        case 0x85:
            pop_tuple(1);
            return true;
        case 0x86:
            pop_tuple(2);
            return true;
        case 0x87:
            pop_tuple(3);
            return true;
        case 'a': {
            auto const item = pop();
            extend(Kind::list, {item});
            return true;
        }
        case 'e':
            extend(Kind::list, pop_to_mark());
            return true;
        case 's': {
            auto const value = pop(), key = pop();
            extend(Kind::dict, {key, value});
            return true;
        }
        case 'u':
            extend(Kind::dict, pop_to_mark());
            return true;
        default:
            return false;
    }
}

bool Machine::step() {
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
            memoize(number(1));
            return true;
        case 'r':
            memoize(number(4));
            return true;
        case 0x94:
            memoize(memo_.size());
            return true;
        case 'h':
            recall(number(1));
            return true;
        case 'j':
            recall(number(4));
            return true;
        case 'c': {
            auto const module = line();
            push_global(module, line());
            return true;
        }
        case 0x93:
            stack_global();
            return true;
        case 'Q':
            persistent();
            return true;
        case 'R':
            reduce();
            return true;
        case '.':
            tree_.root = pop();
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
    Machine(bytes, tree).run();
    return tree;
}

}  // namespace epsim

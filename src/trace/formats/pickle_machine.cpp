#include "trace/formats/pickle_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "trace/formats/refuse.hpp"

namespace epsim {
namespace {

using Kind = PickleValue::Kind;

constexpr std::array storages{std::pair{"ByteStorage", "u1"},   std::pair{"CharStorage", "i1"},
                              std::pair{"BoolStorage", "u1"},   std::pair{"ShortStorage", "i2"},
                              std::pair{"IntStorage", "i4"},    std::pair{"LongStorage", "i8"},
                              std::pair{"HalfStorage", "f2"},   std::pair{"FloatStorage", "f4"},
                              std::pair{"DoubleStorage", "f8"}, std::pair{"BFloat16Storage", "b2"}};

bool is_known(std::string const& module, std::string const& name) {
    if (module == "torch._utils") return name == "_rebuild_tensor_v2";
    if (module == "collections") return name == "OrderedDict";
    return module == "torch" &&
           (name == "Size" ||
            std::ranges::any_of(storages, [&](auto const& s) { return name == s.first; }));
}

}  // namespace

void PickleMachine::fail(std::string const& why) const {
    refuse_import(tree_.name, why);
}

void PickleMachine::push(PickleValue value) {
    tree_.values.push_back(std::move(value));
    stack_.push_back(tree_.values.size() - 1);
}

std::size_t PickleMachine::pop() {
    if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
        fail("its pickle takes what it has not put");
    auto const at = stack_.back();
    stack_.pop_back();
    return at;
}

std::vector<std::size_t> PickleMachine::pop(std::size_t n) {
    std::vector<std::size_t> items(n);
    for (auto at = items.rbegin(); at != items.rend(); ++at) *at = pop();
    return items;
}

std::vector<std::size_t> PickleMachine::pop_to_mark() {
    if (marks_.empty()) fail("its pickle has no mark where it needs one");
    auto const begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<std::size_t> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
}

void PickleMachine::extend(Kind kind, std::vector<std::size_t> const& items) {
    auto const at = pop();
    stack_.push_back(at);
    auto& target = tree_.values[at];
    if (target.kind != kind || (kind == Kind::dict && items.size() % 2 != 0))
        fail("its pickle adds to what is no list or dictionary");
    target.items.insert(target.items.end(), items.begin(), items.end());
}

void PickleMachine::memoize(uint64_t key) {
    auto const at = pop();
    stack_.push_back(at);
    memo_[key] = at;
}

void PickleMachine::recall(uint64_t key) {
    auto const found = memo_.find(key);
    if (found == memo_.end()) fail("its pickle recalls what it has not kept");
    stack_.push_back(found->second);
}

void PickleMachine::push_global(std::string const& module, std::string const& name) {
    if (!is_known(module, name))
        refuse_import(tree_.name,
                      fmt::format("its pickle asks for the Python object {}.{}, which no "
                                  "recording of routing needs; nothing was executed",
                                  module, name),
                      "Do not load this file with Python unless you trust its origin");
    push({Kind::global, 0, 0, module + " " + name, {}});
}

void PickleMachine::stack_global() {
    auto const name = pop(), module = pop();
    if (tree_.at(name).kind != Kind::text || tree_.at(module).kind != Kind::text)
        fail("its pickle asks for an object without a name");
    push_global(tree_.at(module).text, tree_.at(name).text);
}

void PickleMachine::persistent() {
    auto const id = tree_.at(pop());
    if (id.kind != Kind::list || id.items.size() != 5 || tree_.at(id.items[0]).text != "storage" ||
        tree_.at(id.items[1]).kind != Kind::global || tree_.at(id.items[2]).kind != Kind::text)
        fail("its pickle refers to something that is no tensor storage");
    auto const& type = tree_.at(id.items[1]).text;
    for (auto const& [name, element] : storages)
        if (type == std::string("torch ") + name)
            return push({Kind::storage, 0, 0, element, {id.items[2]}});
    fail("its pickle has a storage of unknown type");
}

void PickleMachine::reduce() {
    auto const arguments = tree_.at(pop());
    auto const function = tree_.at(pop());
    if (function.kind != Kind::global || arguments.kind != Kind::list)
        fail("its pickle calls something that is no function");
    auto const& items = arguments.items;
    if (function.text == "collections OrderedDict" && items.empty()) return push_dict();
    if (function.text == "torch Size" && items.size() == 1 && tree_.at(items[0]).kind == Kind::list)
        return stack_.push_back(items[0]);
    if (function.text == "torch._utils _rebuild_tensor_v2" && items.size() >= 4 &&
        tree_.at(items[0]).kind == Kind::storage && tree_.at(items[1]).kind == Kind::integer &&
        tree_.at(items[2]).kind == Kind::list && tree_.at(items[3]).kind == Kind::list)
        return push({Kind::tensor, 0, 0, {}, {items.begin(), items.begin() + 4}});
    fail(fmt::format("its pickle calls {} with arguments that are not known", function.text));
}

}  // namespace epsim

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "trace/formats/pickle.hpp"

namespace epsim {

/// What a pickle's operations do: a stack, marks on it, a memo. Values refer to each other by
/// position, so a list that holds itself is no danger. Python's objects are made into data; those
/// that no recording of routing needs are refused.
/// Everything throws InputError, naming the tree, where the pickle asks for what cannot be.
class PickleMachine {
public:
    explicit PickleMachine(PickleTree& tree) : tree_(tree) {}

    void push(PickleValue value);
    void push_integer(int64_t value) { push({PickleValue::Kind::integer, value, 0, {}, {}}); }
    void push_text(std::string_view text) {
        push({PickleValue::Kind::text, 0, 0, std::string(text), {}});
    }
    void push_list(std::vector<std::size_t> items) {
        push({PickleValue::Kind::list, 0, 0, {}, std::move(items)});
    }
    void push_dict() { push({PickleValue::Kind::dict, 0, 0, {}, {}}); }
    std::size_t pop();
    /// In the order they were pushed.
    std::vector<std::size_t> pop(std::size_t n);
    void mark() { marks_.push_back(stack_.size()); }
    std::vector<std::size_t> pop_to_mark();
    /// Add to the list or dictionary on top. \param items of a dictionary: key, value, key, ..
    void extend(PickleValue::Kind kind, std::vector<std::size_t> const& items);

    void memoize(uint64_t key);
    void memoize() { memoize(memo_.size()); }
    void recall(uint64_t key);

    void push_global(std::string const& module, std::string const& name);
    /// The global whose module and name are on top.
    void stack_global();
    /// The tensor storage that ("storage", storage type, key, location, elements) on top names.
    void persistent();
    /// Call the global below the arguments on top.
    void reduce();

private:
    [[noreturn]] void fail(std::string const& why) const;

    PickleTree& tree_;
    std::vector<std::size_t> stack_, marks_;
    std::map<uint64_t, std::size_t> memo_;
};

}  // namespace epsim

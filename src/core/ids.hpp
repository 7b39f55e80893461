#pragma once

#include <cstdint>
#include <type_traits>

namespace epsim {

/// Strong indices: none converts to another, nor from or to an integer silently.
enum class RankId : int32_t {};
enum class ExpertId : int32_t {};  ///< a logical expert of one layer; -1 = none
enum class SlotId : int32_t {
};  ///< a place for an expert's weights; slots of a rank are contiguous
enum class LayerId : int32_t {};  ///< position among the replayed or recorded layers, from 0
enum class StepId : int32_t {};   ///< position among the steps of a routing source, from 0

inline constexpr ExpertId no_expert{-1};
inline constexpr SlotId no_slot{-1};

/// The plain number of an id, for arithmetic and indexing.
template <class Id>
    requires std::is_enum_v<Id>
constexpr std::underlying_type_t<Id> index(Id id) noexcept {
    return static_cast<std::underlying_type_t<Id>>(id);
}

}  // namespace epsim

#include "compute/forward_checks.hpp"

#include "core/error.hpp"

namespace epsim {

void check_forward(FeedForwardSpec const& spec, std::size_t slots, GroupedRows const& in,
                   BufferView out, DeviceKind device) {
    check(in.rows.device == device && out.device == device,
          "a kernel's rows are not where the kernel runs");
    check(in.rows.type == spec.in_dtype && in.rows.width == spec.hidden,
          "received rows are not of the kernel's type and width");
    check(out.type == spec.out_dtype && out.width == spec.hidden &&
              out.rows >= std::ssize(in.result_index),
          "rows returned are not of the kernel's type and size");
    check(in.slot_offset.size() == slots + 1 && in.slot_offset.front() == 0 &&
              in.slot_offset.back() == std::ssize(in.row_index) &&
              in.result_index.size() == in.row_index.size(),
          "entries differ from the kernel's slots");
}

}  // namespace epsim

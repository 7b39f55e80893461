#include "device/device_memory.hpp"

namespace epsim {

BufferView HostCopy::of(BufferView rows, Stream& stream) {
    if (rows.device == DeviceKind::cpu) return rows;
    if (!memory_ || memory_->rows(0).type != rows.type || memory_->rows(0).width != rows.width)
        memory_ = std::make_unique<RowBuffer>(MemoryKind::pinned, rows.type, rows.width);
    BufferView const copy = memory_->rows(rows.rows);
    copy_rows(rows, copy, stream);
    stream.synchronise();
    return copy;
}

}  // namespace epsim

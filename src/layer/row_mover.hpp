#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "exchange/exchange.hpp"
#include "exchange/transport.hpp"
#include "measure/array.hpp"

namespace epsim {

/// What one rank sends and receives in one exchange of rows: blocks, by the other rank.
struct Blocks {
    std::vector<int64_t> send_offset{0}, receive_offset{0};  ///< [R + 1] rows

    /// \param rows [source, destination]
    Blocks(Array<int64_t, 2> const& rows, RankId mine);
};

/// Moves the rows of a step's layers, which lie in the order of their destinations. One object a
/// rank.
class RowMover {
public:
    virtual ~RowMover() = default;

    /// All that goes before: what rows come is told, rows are brought into send order. Collective;
    /// not timed. \param blocks must live until the layer is prepared anew
    /// \param send [rows, row_bytes], which may change once move() has returned
    virtual void prepare(int layer, Blocks const& blocks, std::byte const* send) = 0;
    /// The rows of a prepared layer to their destinations; as often as one likes. Collective.
    virtual void move(int layer) = 0;
    /// Rows that the layer's last move() brought, by source. Local; valid until the next call.
    virtual std::byte const* received(int layer) = 0;
};

/// Rows straight through a transport, which must outlive it.
std::unique_ptr<RowMover> make_straight_mover(Transport& transport, int layers, int64_t row_bytes);

/// Rows handed on by exchanges, one a layer, between ranks that have one slot each. The weight of
/// a row's entry says where it came from.
/// \param exchanges of even row_bytes as bf16, moved as they are
std::unique_ptr<RowMover> make_forwarding_mover(std::vector<std::unique_ptr<Exchange>> exchanges,
                                                RankId mine, int64_t row_bytes);

}  // namespace epsim

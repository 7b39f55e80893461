#pragma once

#include <memory>

#include "exchange/transport.hpp"

namespace epsim {

/// Rows on the GPU over a transport of the host: down into locked memory, through it, and up again.
/// Counts and metadata are the host's.
std::unique_ptr<Transport> make_staged_transport(std::unique_ptr<Transport> host);

/// Rows of the only rank stay where they are. Counts and metadata are the host's.
std::unique_ptr<Transport> make_staying_transport();

}  // namespace epsim

#pragma once

#include <span>
#include <string>

#include "app/trace_figures.hpp"
#include "report/text_style.hpp"

namespace epsim {

/// What a trace holds and its figures, a row a layer; lines of at most style.width columns.
std::string trace_text(std::string const& path, TraceInfo const& info,
                       std::span<LayerFigures const> layers, FigureSizes const& sizes,
                       TextStyle const& style);

}  // namespace epsim

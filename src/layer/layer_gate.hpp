#pragma once

namespace epsim {

/// What Phase::gate does.
class LayerGate {
public:
    virtual ~LayerGate() = default;
    /// Route this layer's tokens of the step that was begun. Collective.
    virtual void run(int layer) = 0;
};

}  // namespace epsim

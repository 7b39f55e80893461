#pragma once

namespace epsim {

/// An order in which a device does its work. Host work is done when its call returns.
class Stream {
public:
    virtual ~Stream() = default;
    /// Wait until everything submitted so far is done.
    virtual void synchronise() = 0;
};

class HostStream final : public Stream {
public:
    void synchronise() override {}
};

}  // namespace epsim

#pragma once

#include <string>

namespace epsim {

/// A shared library found at run time, so that a program built with it starts where it is absent.
/// Looked for at $<variable> if that is set, else by its name as the loader does, in the CUDA
/// toolkit's folder, and in the folders of Python's nvidia-* packages.
class Library {
public:
    /// \param soname "libnccl.so.2"   \param variable of the environment: a path that is used alone
    Library(char const* soname, char const* variable);

    bool found() const noexcept { return handle_ != nullptr; }
    std::string const& path() const noexcept { return path_; }
    /// "libnccl.so.2 not found (reason)"; empty if it was found.
    std::string const& why_not() const noexcept { return why_not_; }

    /// Set a pointer to a function. \throws InputError if the library lacks it
    template <class F>
    void bind(F& function, char const* name) const {
        function = reinterpret_cast<F>(symbol(name));
    }

private:
    void* symbol(char const* name) const;

    std::string soname_, variable_, path_, why_not_;
    void* handle_ = nullptr;  // stays loaded: its threads may outlive us
};

}  // namespace epsim

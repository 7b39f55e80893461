#include "exchange/plugin/plugin_transport.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <exception>

#include "core/cast.hpp"
#include "exchange/plugin/plugin_bootstrap.hpp"

namespace epsim {
namespace {

class PluginTransport final : public Transport {
public:
    PluginTransport(ExchangePlugin const& plugin, Communicator const& comm,
                    ClusterTopology const& topology)
        : plugin_(plugin),
          comm_(comm),
          bootstrap_(comm, topology),
          instance_(bootstrap_.create(plugin)) {}
    ~PluginTransport() override {
        // While an exception unwinds, the other ranks may not come here.
        if (std::uncaught_exceptions() > 0) return;
        for (auto const& own : own_)
            if (own.data) table().free(instance_, own.data);
        table().destroy(instance_);
    }
    PluginTransport(PluginTransport const&) = delete;
    PluginTransport& operator=(PluginTransport const&) = delete;

    int ranks() const override { return comm_.size(); }

    void all_to_all(std::span<int32_t const> send, std::span<int32_t> receive) override {
        require(table().all_to_all(instance_, send.data(), receive.data()) == 0, "all_to_all");
        for (std::size_t s = 0; s < receive.size(); ++s)
            if (receive[s] < 0)
                throw VerificationError(fmt::format(
                    "all_to_all of the exchange plugin {} received {} from rank {} on rank {} (no "
                    "rank sends less than 0). Mend the plugin",
                    plugin_.description(), receive[s], s, index(comm_.rank())));
    }

    std::byte* all_to_all_rows(Lane lane, std::byte const* send,
                               std::span<int64_t const> send_offset,
                               std::span<int64_t const> receive_offset,
                               int64_t row_bytes) override {
        int64_t const bytes = checked_multiply(receive_offset.back(), row_bytes, "what arrives");
        std::byte* const receive =
            table().alloc ? reserve_own(lane, bytes) : memory_.reserve(lane, bytes);
        require(
            table().all_to_all_rows(instance_, static_cast<int32_t>(lane), send, send_offset.data(),
                                    receive, receive_offset.data(), row_bytes) == 0,
            "all_to_all_rows");
        return receive;
    }

private:
    struct Memory {
        void* data = nullptr;
        int64_t bytes = 0;
    };

    epsim_exchange_table const& table() const { return plugin_.table(); }

    std::byte* reserve_own(Lane lane, int64_t bytes) {
        auto& own = own_[static_cast<std::size_t>(lane)];
        if (bytes > own.bytes) {
            if (own.data) table().free(instance_, own.data);
            own = {};
            int64_t const wanted = bytes + bytes / 4;  // so that a growing need settles soon
            own.data = table().alloc(instance_, static_cast<int32_t>(lane),
                                     static_cast<std::size_t>(wanted));
            require(own.data, "alloc");
            own.bytes = wanted;
            if (reinterpret_cast<std::uintptr_t>(own.data) % 64 != 0)
                throw Error(fmt::format(
                    "alloc of the exchange plugin {} returned {} (it is not aligned to 64 bytes). "
                    "Mend the plugin",
                    plugin_.description(), own.data));
        }
        return static_cast<std::byte*>(own.data);
    }

    void require(bool success, char const* call) const {
        if (success) return;
        char const* const text = table().last_error(instance_);
        throw Error(fmt::format(
            "{} of the exchange plugin {} failed on rank {} ({}). See its documentation", call,
            plugin_.description(), index(comm_.rank()), text ? text : "it gives no reason"));
    }

    ExchangePlugin const& plugin_;
    Communicator const& comm_;
    PluginBootstrap bootstrap_;
    void* instance_;
    ReceiveMemory memory_;                  // of a plugin without alloc
    std::array<Memory, lane_count> own_{};  // of one with
};

}  // namespace

std::unique_ptr<Transport> make_plugin_transport(ExchangePlugin const& plugin,
                                                 Communicator const& comm,
                                                 ClusterTopology const& topology) {
    return std::make_unique<PluginTransport>(plugin, comm, topology);
}

}  // namespace epsim

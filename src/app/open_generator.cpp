#include "app/open_generator.hpp"

#include "app/fit_text.hpp"
#include "core/error.hpp"
#include "trace/fit_generator.hpp"
#include "trace/generator.hpp"

namespace epsim {

std::unique_ptr<RoutingSource> open_generator(RoutingOptions const& routing,
                                              TokenOptions const& tokens, int num_experts,
                                              int top_k, int layers) {
    if (routing.generator != "fit")
        return make_generator(routing, tokens, num_experts, top_k, layers);
    if (routing.fit.empty())
        throw InputError(
            "the generator fit has no file (it is made from what `epsim trace fit` "
            "wrote). Set --fit");
    return make_fit_generator(read_fit(routing.fit), routing, tokens, num_experts, top_k, layers);
}

}  // namespace epsim

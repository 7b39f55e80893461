#pragma once

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>

#include "core/dtype.hpp"

namespace epsim::bench {

/// One dense oneDNN product, [rows, k] times [k, columns], with weights reordered once.
class DenseProduct {
public:
    DenseProduct(DType type, int64_t rows, int64_t k, int64_t columns)
        : engine_(dnnl::engine::kind::cpu, 0),
          stream_(engine_),
          product_(describe(type, rows, k, columns)),
          x_(product_.src_desc(), engine_),
          w_(product_.weights_desc(), engine_),
          y_(product_.dst_desc(), engine_),
          call_(product_) {
        dispatch_dtype(type, [&]<class T>(T) {
            fill<T>(x_);
            fill<T>(w_);
        });
    }
    void run() {
        call_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y_}});
        stream_.wait();
    }

private:
    dnnl::matmul::primitive_desc describe(DType dtype, int64_t rows, int64_t k,
                                          int64_t columns) const {
        using Type = dnnl::memory::data_type;
        using Tag = dnnl::memory::format_tag;
        auto const type = dtype == DType::bf16 ? Type::bf16 : Type::f32;
        dnnl::memory::desc const x({rows, k}, type, Tag::ab), w({k, columns}, type, Tag::any),
            y({rows, columns}, type, Tag::ab);
        return {{x, w, y}, engine_};
    }
    template <class T>
    static void fill(dnnl::memory& memory) {
        std::mt19937 random(2);
        std::normal_distribution<float> normal;
        auto* const values = static_cast<T*>(memory.get_data_handle());
        std::generate_n(values, memory.get_desc().get_size() / sizeof(T),
                        [&] { return from_float<T>(normal(random)); });
    }

    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::matmul::primitive_desc product_;
    dnnl::memory x_, w_, y_;
    dnnl::matmul call_;
};

}  // namespace epsim::bench

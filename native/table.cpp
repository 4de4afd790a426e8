// The table of one instruction set.
#include "kernels.h"

namespace KISSIPO_ISA {

int64_t packed_size(const Weights*, int64_t);
void pack(const Weights*, int64_t, float*);
void recurrent_inputs(const Layer*, int64_t, float*);
void recurrent_forward(const Layer*);
void recurrent_backward(const Layer*);
void recurrent_weight_gradients(const Layer*);
void dense_forward(const Dense*);
void dense_backward(const Dense*);
void adam(const Adam*);

extern const Kernels kernels;
const Kernels kernels = {
    KISSIPO_NAME,
    KISSIPO_LANES,
    packed_size,
    pack,
    recurrent_inputs,
    recurrent_forward,
    recurrent_backward,
    recurrent_weight_gradients,
    dense_forward,
    dense_backward,
    adam,
};

}  // namespace KISSIPO_ISA

// The table of kernels of one instruction set.
#include "operands.h"

namespace KISSIPO_ISA {

void recurrent_forward(const Layer*);
void recurrent_backward(const Layer*);
void dense_forward(const Dense*);
void dense_backward(const Dense*);
void adam(const Adam*);
void word_vectors(const WordVectors*);
int64_t recurrent_net_forward(const RecurrentNet*);
int64_t recurrent_net_step(const RecurrentNet*);
void recurrent_net_backward(const RecurrentNet*);
void rmsprop(const RmsProp*);
void recurrent_infer(const Inference*);
int64_t packed_floats(const Layer*);

extern const Kernels kernels;
const Kernels kernels = {
    KISSIPO_NAME,
    UNIT_BLOCK,
    PACKED_VALUES,
    recurrent_forward,
    recurrent_backward,
    dense_forward,
    dense_backward,
    adam,
    word_vectors,
    recurrent_net_forward,
    recurrent_net_step,
    recurrent_net_backward,
    rmsprop,
    recurrent_infer,
    packed_floats,
};

}  // namespace KISSIPO_ISA

// The table of kernels of one instruction set.
#include "operands.h"

namespace KISSIPO_ISA {

void recurrent_forward(const Layer*);
void recurrent_backward(const Layer*);
void dense_forward(const Dense*);
void dense_backward(const Dense*);
void adam(const Adam*);
void word_vectors(const WordVectors*);

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
};

}  // namespace KISSIPO_ISA

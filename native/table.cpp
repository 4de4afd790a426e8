// The table of one instruction set.
#include "words.h"

namespace KISSIPO_ISA {

void recurrent_forward(const Layer*);
void recurrent_backward(const Layer*);
void dense_forward(const Dense*);
void dense_backward(const Dense*);
void adam(const Adam*);

extern const Kernels kernels;
const Kernels kernels = {
    KISSIPO_NAME,
    KISSIPO_LANES,
    WORD,
    recurrent_forward,
    recurrent_backward,
    dense_forward,
    dense_backward,
    adam,
};

}  // namespace KISSIPO_ISA

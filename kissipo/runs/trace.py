"""The Trace of the Python interface, which shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from kissipo.inspect.trace import Trace as PlainTrace
from kissipo.inspect.tracing import trace_module
from kissipo.report.notebook import MimeBundle, mime_bundle
from kissipo.report.plain_answer import trace_answer
from kissipo.runs.xray.page import page_of


class Trace(PlainTrace):
    """One sample on its path through all steps.

    `.save("trace")` writes it as files, `kissipo.save_page` as a page.
    """

    def to_html(self) -> str:
        """Returns a page that opens offline, with everything inside the net."""
        return page_of(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        name = self.name or "one example"
        return mime_bundle(
            f"Trace of {name}",
            trace_answer(self),
            page=self.to_html(),
            title=f"X-ray of {name}",
            place='Save it with kissipo.save_page(trace, "page.html").',
        )


def as_trace(plain: PlainTrace, *, name: str = "") -> Trace:
    """Returns a trace that shows itself."""
    return Trace(**{**vars(plain), "name": plain.name or name})


def trace(
    net: nn.Module,
    *inputs: object,
    loss: Callable[..., Tensor] | None = None,
    training: bool = False,
    name: str = "",
    **words: object,
) -> Trace:
    """Returns the trace of one sample (a batch of one) through any torch module.

    `.save(folder)` writes it as files, `kissipo.save_page` as a page.

    inputs, words:  the arguments of forward
    loss:           computes one number from the outputs; then every layer has a
                    gradient
    training:       use training mode; running statistics and random state are restored
    """
    return as_trace(
        trace_module.trace(net, *inputs, loss=loss, training=training, name=name, **words)
    )

"""The common base of RNN, LSTM and GRU: layers, directions, lengths, kernels.

A layer of kissipo is torch's layer of that name with the same parameters; only
`forward` differs. Each cell's own file defines one step in plain torch.

Kernels:  "fused": one compiled function computes all time steps.
          "torch": torch.nn's own kernel.
          "reference": the step of the cell is called for each time step.
          "auto": the fused kernel where it can be used and is faster, else torch's.
Autocast: Under torch.autocast("cpu", torch.bfloat16) the fused kernel multiplies in
          bfloat16 if the processor can, and stores the gates in bfloat16. Sums and cell
          states stay float32. y and the states have the dtype that torch returns: that
          of x for GRU, bfloat16 for the others.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from kissipo.core.errors import MachineError, ShapeError, TaskError
from kissipo.process.kernels.inference import Results as InferredResults
from kissipo.process.kernels.inference import run as run_inference
from kissipo.process.kernels.native import (
    BUILT,
    fallback_reason,
    forced_kernels,
    kernels,
)
from kissipo.process.kernels.recurrent import CELLS, LayerSpec, Results, run_layer
from kissipo.process.kernels.rows import SequenceRows, equal_lengths, packed_order, varied_lengths
from kissipo.process.kernels.rules import Call, why_torch

Kernel = Literal["auto", "fused", "torch", "reference"]
State = tuple[Tensor, ...]
Lengths = Tensor | list[int] | tuple[int, ...]


class Recurrent(nn.RNNBase):
    """The first base class of a layer; torch's class is the second one."""

    kernel: Kernel = "auto"
    used: str = ""  # the kernel of the last call and why
    _torch_call: "tuple[_Facts, int] | None" = None  # the last call, if torch computed it
    states: ClassVar[int] = 1
    step: ClassVar[Callable[..., State]]

    def __init__(self, *args: Any, kernel: Kernel = "auto", **options: Any) -> None:
        super().__init__(*args, **options)
        self.kernel = check_kernel(kernel)

    def choose(self, x: Tensor) -> tuple[Literal["fused", "torch", "reference"], str]:
        """Returns the kernel for this input, and the reason.

        Raises:   MachineError when the requested kernel cannot be used.
        """
        if self.kernel in ("torch", "reference"):
            return self.kernel, "requested"
        return _choice(self._facts(x), forced_kernels(), torch.get_num_threads())

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: object = None,
        lengths: Lengths | None = None,
        table: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """Computes the layer as torch.nn does, with two more options.

        lengths:  (batch), the length of each sequence; later steps are not read, and y
                  is 0 there
        table:    (token, feature); the input is then ids, (batch, time) or (time,
                  batch), and x is table[ids]. With many ids of few tokens the fused
                  kernel multiplies each row of the table once instead of each x.

        Raises:   ShapeError when x has no time axis or a wrong number of features, or
                  when lengths, states or ids do not fit.
        """
        x, table = (input, None) if table is None else self._tokens(input, table)
        if torch.compiler.is_compiling():
            return self._captured(x, hx, lengths)
        self._find_weights()
        is_traced = torch._C._dynamo.eval_frame.get_eval_frame_callback() not in (None, False)
        if hx is lengths is table is None and not is_traced:
            if (
                self._torch_call is not None
                and isinstance(x, Tensor)
                and self._torch_call == self._call(x)
            ):
                return self._again_by_torch(x)
            if not torch.is_grad_enabled():
                results = self._inferred(x)
                if results is not None:
                    return results
        read = _uncaptured(Recurrent._read) if is_traced else Recurrent._read
        return cast(tuple[Any, Any], read(self, x, hx, lengths, table))

    def _find_weights(self) -> None:
        """Reads the weights anew where others have taken their places.

        torch.func.functional_call puts them there for one call, and a parametrization
        computes them at each access.
        """
        names, parameters = self._flat_weights_names, self._parameters
        for name, weight in zip(names, self._flat_weights, strict=True):
            if parameters.get(name) is not weight:
                self._flat_weights = [getattr(self, name) for name in names]
                return

    def takes_ids(self, tokens: int, ids: int) -> bool:
        """Returns whether one product per token is faster than one per id."""
        return 16 * tokens <= ids and self.input_size >= 32

    def extra_repr(self) -> str:
        """Returns torch's text, with the kernel if it is not `auto`."""
        return super().extra_repr() + (f", kernel={self.kernel!r}" if self.kernel != "auto" else "")

    def _tokens(self, ids: Tensor | PackedSequence, table: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns ids and their table, or features and None if that is faster."""
        if isinstance(ids, PackedSequence) or ids.dim() != 2 or ids.dtype != torch.int64:
            got = "a PackedSequence"
            if not isinstance(ids, PackedSequence):
                got = f"shape {tuple(ids.shape)} of {ids.dtype}"
            raise ShapeError(
                "with a table the input must be (batch, time) or (time, batch) ids of torch.int64",
                got=got,
            )
        if table.dim() != 2 or table.shape[1] != self.input_size:
            raise ShapeError(
                f"table must be (token, {self.input_size})", got=f"shape {tuple(table.shape)}"
            )
        if torch.compiler.is_compiling():
            return functional.embedding(ids, table), None
        if ids.numel():
            minimum, maximum = ids.aminmax()
            if minimum < 0 or maximum >= len(table):
                raise ShapeError(
                    f"ids must be 0 to {len(table) - 1}, the rows of the table",
                    got=f"{minimum} to {maximum}",
                )
        is_faster = self.kernel == "fused" or self.takes_ids(len(table), ids.numel())
        if not is_faster or self.choose(table.new_empty((*ids.shape, 0)))[0] != "fused":
            return functional.embedding(ids, table), None
        return ids.contiguous(), table

    def _read(
        self,
        input: Tensor | PackedSequence,
        hx: object,
        lengths: Lengths | None,
        table: Tensor | None,
    ) -> tuple[object, object]:
        x = input.data if isinstance(input, PackedSequence) else input
        kernel, why = self.choose(x if table is None else table.new_empty((*x.shape, 0)))
        self.__dict__["used"] = f"{kernel}: {why}"  # Module.__setattr__ takes microseconds
        self.__dict__["_torch_call"] = None
        if kernel == "torch":
            results = self._by_torch(input, hx, lengths)
            if isinstance(input, Tensor) and input.dim() == 3 and not self.proj_size:
                self.__dict__["_torch_call"] = self._call(input)  # torch has checked it
            return results
        if isinstance(input, PackedSequence):
            order, back = input.sorted_indices, input.unsorted_indices
            rows = packed_order(input)
            y, states = self._run_layers(x, rows, self._initial(hx, rows.batch, order), kernel)
            return PackedSequence(y, input.batch_sizes, order, back), self._final_state(
                states, back
            )
        if table is None:
            self._check(x)
        is_single = table is None and x.dim() == 2
        if is_single:
            x, hx = (
                x.unsqueeze(0 if self.batch_first else 1),
                each_state(hx, lambda state: state.unsqueeze(1)),
            )
        steps, batch = x.shape[:2][::-1] if self.batch_first else x.shape[:2]
        if not steps or not batch:
            return self._by_torch(input, hx, lengths)
        order = back = None
        if lengths is None:
            rows = equal_lengths(steps, batch, self.batch_first)
        else:
            rows, order, back = varied_lengths(
                _lengths_tensor(lengths, batch), steps, self.batch_first
            )
        y, states = self._run_layers(x, rows, self._initial(hx, batch, order), kernel, table)
        if is_single:
            y, states = (
                y.squeeze(0 if self.batch_first else 1),
                tuple(state.squeeze(1) for state in states),
            )
        return y, self._final_state(states, back)

    def __getstate__(self) -> dict[str, object]:
        """Leaves out the last call: on another machine its kernel is chosen anew."""
        state = cast(dict[str, object], super().__getstate__())
        return {**state, "_torch_call": None}

    def _call(self, x: Tensor) -> "tuple[_Facts, int]":
        """Returns what the choice of a kernel depends on, and the number of threads.

        The kernel is not chosen again for an equal call that torch computed. The choice
        takes a tenth of a short call.
        """
        return self._facts(x), torch.get_num_threads()

    def _facts(self, x: Tensor) -> "_Facts":
        autocast = torch.is_autocast_enabled("cpu")
        w_hh = self._flat_weights[1]
        assert w_hh is not None
        return _Facts(
            self.kernel,
            self.mode,
            self.input_size,
            self.hidden_size,
            self.proj_size,
            self.batch_first,
            w_hh.dtype,
            x.shape,
            x.dtype,
            "cpu" if x.is_cpu else x.device.type,
            torch.is_grad_enabled() and (x.requires_grad or w_hh.requires_grad),
            torch.get_autocast_dtype("cpu") if autocast else None,
            fallback_reason(),
        )

    def _inferred(self, x: Tensor | PackedSequence) -> InferredResults | None:
        """Computes all layers in one call; None where the general path is needed.

        The packed weights are kept, so that few rows are as fast as many.
        """
        if (
            not isinstance(x, Tensor)
            or x.dtype is not torch.float32
            or not (x.is_cpu and x.is_contiguous())
            or self.kernel not in ("auto", "fused")
            or (self.dropout and self.training)
            or torch.is_autocast_enabled("cpu")
            or fallback_reason()
        ):
            return None
        library = kernels()
        if library is None:
            return None
        results = run_inference(self, x, library)
        if results is not None:
            self.__dict__["_torch_call"] = None
            self.__dict__["used"] = f"fused: {library.name}"
        return results

    def _run_layers(
        self,
        x: Tensor,
        rows: SequenceRows,
        initial: tuple[Tensor | None, Tensor | None],
        kernel: str,
        table: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Computes all layers by the fused kernel or step by step."""
        library = kernels(bfloat16=torch.is_autocast_enabled("cpu"))
        count = 4 if self.bias else 2  # weights per direction
        missing: list[Tensor | None] = [None] * (4 - count)

        def by_steps(
            x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor | None
        ) -> Results:
            return reference(type(self), self.mode, rows, x, (h0, c0), weights)

        def by_one_hot(
            ids: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor | None
        ) -> Results:
            """Computes ids as one-hot rows, with the transposed table as W_ih."""
            transposed = [
                cast(Tensor, weight).T if position % 4 == 0 else weight
                for position, weight in enumerate(weights)
            ]
            w_ih = cast(Tensor, transposed[0])
            one_hot = functional.one_hot(ids, w_ih.shape[1]).to(w_ih.dtype)
            return by_steps(one_hot, h0, c0, *transposed)

        def compute(
            x: Tensor, h0: Tensor | None, c0: Tensor | None, tensors: list[Tensor]
        ) -> Results:
            weights = [
                weight
                for start in range(0, len(tensors), count)
                for weight in [*tensors[start : start + count], *missing]
            ]
            if kernel == "reference":
                return by_steps(x, h0, c0, *weights)
            assert library is not None
            features, tokens = x.shape[-1], 0
            plain: Callable[..., Results] = by_steps
            if x.dtype == torch.int64:
                assert table is not None
                for start in range(0, len(weights), 4):
                    w_ih, b_ih = cast(Tensor, weights[start]), weights[start + 2]
                    products = functional.linear(table, w_ih, b_ih).float()
                    weights[start], weights[start + 2] = products, None
                features, tokens, plain = 0, len(table), by_one_hot
            cell, directions = CELLS[self.mode], len(weights) // 4
            spec = LayerSpec(
                cell, features, self.hidden_size, directions, rows, library, plain, tokens
            )
            return run_layer(spec, x, h0, c0, weights)

        if kernel == "reference" or not torch.is_autocast_enabled("cpu"):
            return self._stack_layers(x, initial, compute)
        dtype = torch.bfloat16 if self.mode != "GRU" else x.dtype if table is None else table.dtype
        h0, c0 = (None if state is None else state.float() for state in initial)
        y, states = self._stack_layers(x.float() if table is None else x, (h0, c0), compute)
        return y.to(dtype), tuple(state.to(dtype) for state in states)

    def _stack_layers(
        self,
        x: Tensor,
        initial: tuple[Tensor | None, Tensor | None],
        compute: Callable[[Tensor, Tensor | None, Tensor | None, list[Tensor]], Results],
    ) -> tuple[Tensor, State]:
        """Returns y of the last layer and the final states of all layers.

        `compute` computes one layer.
        """
        directions = 2 if self.bidirectional else 1
        count = len(self._flat_weights) // self.num_layers
        flat = self._flat_weights
        if torch.compiler.is_compiling():  # the graph reads the parameters of each call
            flat = [getattr(self, name) for name in self._flat_weights_names]
        finals: list[State] = []
        for layer in range(self.num_layers):
            own = slice(layer * directions, (layer + 1) * directions)
            h0, c0 = (None if state is None else state[own] for state in initial)
            if layer and self.dropout and self.training:
                x = functional.dropout(x, self.dropout)
            weights = cast(list[Tensor], flat[layer * count : (layer + 1) * count])
            x, *final = compute(x, h0, c0, weights)
            finals.append(tuple(final[: self.states]))
        if len(finals) == 1:
            return x, finals[0]
        return x, tuple(torch.cat(states) for states in zip(*finals, strict=True))

    def _captured(
        self, input: Tensor | PackedSequence, hx: object, lengths: Lengths | None
    ) -> tuple[object, object]:
        """Computes the layer while torch.compile captures a graph.

        The graph gets one custom operator per layer, or torch's own layer where the
        kernels do not fit. Without `torch._dynamo.config.allow_rnn` Dynamo does not
        capture recurrent layers: the graph breaks, and the layer runs as usual.
        """
        if (
            isinstance(input, PackedSequence)
            or input.dim() != 3
            or lengths is not None
            or self.kernel in ("torch", "reference")
            or not BUILT
            or torch.is_autocast_enabled("cpu")
            or _why_unsupported(self._facts(input))
        ):
            return self._by_torch(input, hx, lengths)

        def compute(
            x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Tensor]
        ) -> Results:
            return cast(
                Results,
                torch.ops.kissipo.recurrent(x, h0, c0, weights, CELLS[self.mode], self.batch_first)[
                    :3
                ],
            )

        initial = self._initial(hx, input.shape[0 if self.batch_first else 1], None)
        y, states = self._stack_layers(input, initial, compute)
        return y, self._final_state(states, None)

    def _initial(
        self, hx: Any, batch: int, order: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        states = (hx,) if isinstance(hx, Tensor) else tuple(hx or ())
        expected = (self.num_layers * (2 if self.bidirectional else 1), batch, self.hidden_size)
        if states and (
            len(states) != self.states or any(state.shape != expected for state in states)
        ):
            count = "two initial states" if self.states == 2 else "an initial state"
            raise ShapeError(
                f"{type(self).__name__} takes {count} of shape {expected}",
                got=" and ".join(str(tuple(state.shape)) for state in states),
            )
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        h0, c0 = (*states, None, None)[:2]
        return h0, c0

    def _final_state(self, states: State, back: Tensor | None) -> object:
        if back is not None:
            states = tuple(state.index_select(1, back) for state in states)
        return states if self.states == 2 else states[0]

    def _by_torch(
        self, input: Tensor | PackedSequence, hx: object, lengths: Lengths | None
    ) -> tuple[Any, Any]:
        if lengths is None or isinstance(input, PackedSequence):
            return cast(tuple[Any, Any], super().forward(input, hx))
        steps = input.shape[1 if self.batch_first else 0]
        batch = input.shape[0 if self.batch_first else 1]
        packed = pack_padded_sequence(
            input,
            _lengths_tensor(lengths, batch),
            batch_first=self.batch_first,
            enforce_sorted=False,
        )
        y, states = super().forward(packed, hx)
        return pad_packed_sequence(y, batch_first=self.batch_first, total_length=steps)[0], states

    def _again_by_torch(self, x: Tensor) -> InferredResults:
        """Computes a call that is like the last one by torch's function.

        torch's layers check it first, which takes a third of a short call.
        """
        directions = 2 if self.bidirectional else 1
        batch = x.shape[0 if self.batch_first else 1]
        zeros = x.new_zeros(self.num_layers * directions, batch, self.hidden_size)
        weights = cast(list[Tensor], self._flat_weights)
        options = (
            *(self.bias, self.num_layers, self.dropout, self.training),
            *(self.bidirectional, self.batch_first),
        )
        if self.mode == "LSTM":
            y, *states = torch.lstm(x, (zeros, zeros), weights, *options)
            return y, (states[0], states[1])
        cell = {"GRU": torch.gru, "RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu}
        return cell[self.mode](x, zeros, weights, *options)

    def _check(self, x: Tensor) -> None:
        axes = "(batch, time, feature)" if self.batch_first else "(time, batch, feature)"
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__} takes {axes} or (time, feature) "
                f"with {self.input_size} features",
                got=f"shape {tuple(x.shape)}",
            )


class _Facts(NamedTuple):
    """What the choice of a kernel depends on, but for the machine.

    shape, dtype, device:  of the input
    is_learning:           whether gradients will be asked for
    autocast:              the dtype of autocast; None outside
    fallback:              why torch's own must be used now, whatever the layer is
    """

    kernel: Kernel
    mode: str
    features: int
    units: int
    projections: int
    batch_first: bool
    weights: torch.dtype
    shape: torch.Size
    dtype: torch.dtype
    device: str
    is_learning: bool
    autocast: torch.dtype | None
    fallback: str


@lru_cache(maxsize=4096)
def _choice(facts: _Facts, forced: str, threads: int) -> tuple[Literal["fused", "torch"], str]:
    """Returns the kernel and the reason. It is kept, as finding it takes longer than a
    short call.

    forced, threads:  for which instruction set and number of threads it holds
    """
    library = kernels(bfloat16=facts.autocast is not None)
    why_not = _why_unsupported(facts) or ("" if library else _why_missing())
    if not why_not and facts.kernel == "auto":
        why_not = _why_slower(facts)
    if library and not why_not:
        return "fused", library.name
    if facts.kernel == "fused":
        raise MachineError(
            f"the fused kernel cannot be used: {why_not}",
            do="Use kernel='auto' or kernel='torch'",
        )
    return "torch", why_not


def _why_unsupported(facts: _Facts) -> str:
    if facts.projections:
        return "torch's kernel computes projections"
    if facts.device != "cpu":
        return f"torch's kernel is used on {facts.device}"
    if facts.autocast not in (None, torch.bfloat16):
        return f"torch's kernel is used under autocast to {facts.autocast}"
    supported = (torch.float32, torch.bfloat16) if facts.autocast else (torch.float32,)
    if facts.dtype not in supported or facts.weights != torch.float32:
        return f"the input is {facts.dtype}, but the fused kernel needs torch.float32"
    return facts.fallback


def _why_slower(facts: _Facts) -> str:
    """Returns why torch's kernel is faster, by the rules of this machine."""
    if len(facts.shape) != 3:
        return ""
    batch, steps, _ = facts.shape
    if not facts.batch_first:
        batch, steps = steps, batch
    return why_torch(
        facts.mode[:4].rstrip("_"),
        facts.is_learning,
        Call(batch, steps, facts.features, facts.units),
        bfloat16=facts.autocast is not None,
    )


def _why_missing() -> str:
    if forced := forced_kernels():
        type_of = "" if kernels() is None else ", which cannot multiply bfloat16"
        return f"KISSIPO_KERNELS is {forced}{type_of}"
    if kernels() is not None:
        return "torch's kernel is used under autocast: this processor cannot multiply bfloat16"
    return "it was not built, because there was no C++ compiler during installation"


@cache
def _uncaptured(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function, excluded from Dynamo, which could not capture it anyway."""
    return cast(Callable[..., Any], torch.compiler.disable(function))


def check_kernel(kernel: Kernel) -> Kernel:
    """Returns the name of a kernel.

    Raises:   TaskError for an unknown name.
    """
    if kernel not in get_args(Kernel):
        raise TaskError(f"kernel must be one of {', '.join(get_args(Kernel))}", got=repr(kernel))
    return kernel


def reference(
    cell: type[Recurrent],
    mode: str,
    rows: SequenceRows,
    x: Tensor,
    initial: tuple[Tensor | None, Tensor | None],
    weights: tuple[Tensor | None, ...],
) -> Results:
    """Computes one layer step by step in plain torch: the reference of the kernels.

    In step t the first sequences have a row, because the longest come first; the states
    of the shorter ones stay as they are.
    """
    flat = x.reshape(-1, x.shape[-1])
    positions = [rows.tensor_rows(t) for t in range(rows.steps)]
    ys, finals = [], []
    for direction in range(len(weights) // 4):
        w_ih, w_hh, b_ih, b_hh = weights[4 * direction : 4 * direction + 4]
        assert w_hh is not None
        zeros = x.new_zeros(rows.batch, w_hh.shape[1])
        states = tuple(
            zeros if state is None else state[direction] for state in initial[: cell.states]
        )
        outputs: dict[int, Tensor] = {}
        for t in reversed(range(rows.steps)) if direction else range(rows.steps):
            active = len(positions[t])
            steps = flat[positions[t]]
            options = {"relu": True} if mode == "RNN_RELU" else {}
            new = cell.step(
                steps, tuple(state[:active] for state in states), w_ih, w_hh, b_ih, b_hh, **options
            )
            states = tuple(
                torch.cat([changed, state[active:]])
                for changed, state in zip(new, states, strict=True)
            )
            outputs[t] = new[0]
        ys.append(torch.cat([outputs[t] for t in range(rows.steps)]))
        finals.append(states)
    y = torch.cat(ys, dim=1)
    y = (
        x.new_zeros(len(flat), y.shape[1])
        .index_copy(0, torch.cat(positions), y)
        .view(*x.shape[:-1], y.shape[1])
    )
    final = [torch.stack(states) for states in zip(*finals, strict=True)]
    return (y, final[0], final[1] if cell.states == 2 else x.new_empty(0))


def each_state(hx: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Applies a function to each state: one tensor, two of an LSTM, or None."""
    if hx is None or isinstance(hx, Tensor):
        return None if hx is None else change(hx)
    return tuple(change(state) for state in hx)


def _lengths_tensor(lengths: Lengths, batch: int) -> Tensor:
    tensor = torch.as_tensor(lengths, dtype=torch.int64, device="cpu")
    if tensor.shape != (batch,):
        raise ShapeError(
            f"lengths must have one number for each of {batch} sequences",
            got=f"shape {tuple(tensor.shape)}",
        )
    return tensor

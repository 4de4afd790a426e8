"""What RNN, LSTM and GRU share: layers on each other, both directions, lengths, and which kernel does the sums.

A layer of kissipo is torch's layer of that name with the same parameters; only `forward` goes another way. What the cell does in one
step stands in the cell's own file, in plain torch.

Kernels:  "fused" the whole loop over time in one compiled function; "torch" torch.nn's own; "reference" the cell's step, called step
          by step; "auto" the fused one where it can be used and is faster, else torch's.
Autocast: under torch.autocast("cpu", torch.bfloat16) the fused kernel multiplies in bfloat16 where the processor can, and keeps the
          gates so; sums and cells stay float32. y and the states come back as torch gives them there: of GRU as x came, of others
          in bfloat16.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from kissipo.core.errors import MachineError, ShapeError, TaskError
from kissipo.process.kernels.native import BUILT, Kernels, fallback_reason, kernels
from kissipo.process.kernels.recurrent import CELLS, LayerSpec, Results, run_layer
from kissipo.process.kernels.rows import SequenceRows, equal_lengths, packed_order, varied_lengths

Kernel = Literal["auto", "fused", "torch", "reference"]
State = tuple[Tensor, ...]
Lengths = Tensor | list[int] | tuple[int, ...]
# With up to so many weights few rows are better off with the fused kernel, too.
_WORTH_LAYING_OUT = {"LSTM": 300_000, "GRU": 100_000, "RNN_TANH": 60_000, "RNN_RELU": 60_000}


class Recurrent(nn.RNNBase):
    """Stands before torch's class in the bases of a cell's layer."""

    kernel: Kernel = "auto"
    used: str = ""  # the kernel of the last call and why
    states: ClassVar[int] = 1
    step: ClassVar[Callable[..., State]]

    def __init__(self, *args: Any, kernel: Kernel = "auto", **words: Any) -> None:
        super().__init__(*args, **words)
        self.kernel = check_kernel(kernel)

    def choose(self, x: Tensor) -> tuple[Literal["fused", "torch", "reference"], str]:
        """The kernel for this input, and why.

        Raises:   MachineError when the kernel that was asked for cannot be used.
        """
        if self.kernel in ("torch", "reference"):
            return self.kernel, "asked for"
        found = _kernels_now()
        why_not = self._why_not_for(x) or ("" if found else _why_none())
        if not why_not and self.kernel == "auto":
            why_not = self._why_slower(x)
        if found and not why_not:
            return "fused", found.name
        if self.kernel == "fused":
            raise MachineError(
                f"the fused kernel cannot be used: {why_not}",
                do="Leave kernel='auto', or use 'torch'",
            )
        return "torch", why_not

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Lengths | None = None,
        table: Tensor | None = None,
    ) -> tuple[Any, Any]:
        """As torch.nn's layer; `lengths` (batch) says how long each sequence is: what is behind it is not read, and is 0 in y.

        With `table` (token, feature) the input are ids, (batch, time) or (time, batch), and x is table[ids]. Where there are many ids of
        few tokens the fused kernel multiplies each row of the table once instead of each x.

        Raises:   ShapeError when x has no time axis or other features, or lengths, states or ids do not fit.
        """
        given, table = (input, None) if table is None else self._tokens(input, table)
        if torch.compiler.is_compiling():
            return self._captured(given, hx, lengths)
        followed = torch._C._dynamo.eval_frame.get_eval_frame_callback() not in (None, False)
        read = _uncaptured(Recurrent._read) if followed else Recurrent._read
        return cast(tuple[Any, Any], read(self, given, hx, lengths, table))

    def takes_ids(self, tokens: int, ids: int) -> bool:
        """Whether a table of so many tokens is better multiplied once than the features of so many ids (measured)."""
        return 16 * tokens <= ids and self.input_size >= 32

    def extra_repr(self) -> str:
        """As torch's, with the kernel where it is not `auto`."""
        return super().extra_repr() + (f", kernel={self.kernel!r}" if self.kernel != "auto" else "")

    def _tokens(self, ids: Tensor | PackedSequence, table: Tensor) -> tuple[Tensor, Tensor | None]:
        """The ids and their table, or the features of the ids where that is the better way."""
        if isinstance(ids, PackedSequence) or ids.dim() != 2 or ids.dtype != torch.int64:
            given = (
                "a PackedSequence"
                if isinstance(ids, PackedSequence)
                else f"shape {tuple(ids.shape)} of {ids.dtype}"
            )
            raise ShapeError(
                "with a table the input is (batch, time) or (time, batch) ids of torch.int64",
                given=given,
            )
        if table.dim() != 2 or table.shape[1] != self.input_size:
            raise ShapeError(
                f"table must be (token, {self.input_size})", given=f"shape {tuple(table.shape)}"
            )
        if torch.compiler.is_compiling():
            return functional.embedding(ids, table), None
        if ids.numel():
            least, most = ids.aminmax()
            if least < 0 or most >= len(table):
                raise ShapeError(
                    f"ids must be 0 to {len(table) - 1}, the rows of the table",
                    given=f"{least} to {most}",
                )
        pays = self.kernel == "fused" or self.takes_ids(len(table), ids.numel())
        if not pays or self.choose(table.new_empty((*ids.shape, 0)))[0] != "fused":
            return functional.embedding(ids, table), None
        return ids.contiguous(), table

    def _read(
        self, input: Tensor | PackedSequence, hx: Any, lengths: Lengths | None, table: Tensor | None
    ) -> tuple[Any, Any]:
        x = input.data if isinstance(input, PackedSequence) else input
        kernel, why = self.choose(x if table is None else table.new_empty((*x.shape, 0)))
        self.__dict__["used"] = f"{kernel}: {why}"  # the way of Module takes microseconds
        if kernel == "torch":
            return self._by_torch(input, hx, lengths)
        if isinstance(input, PackedSequence):
            order, back = input.sorted_indices, input.unsorted_indices
            rows = packed_order(input)
            y, states = self._layers(x, rows, self._initial(hx, rows.batch, order), kernel)
            return PackedSequence(y, input.batch_sizes, order, back), self._given(states, back)
        if table is None:
            self._check(x)
        alone = table is None and x.dim() == 2
        if alone:
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
            rows, order, back = varied_lengths(_one_each(lengths, batch), steps, self.batch_first)
        y, states = self._layers(x, rows, self._initial(hx, batch, order), kernel, table)
        if alone:
            y, states = (
                y.squeeze(0 if self.batch_first else 1),
                tuple(state.squeeze(1) for state in states),
            )
        return y, self._given(states, back)

    def _why_not_for(self, x: Tensor) -> str:
        if self.proj_size:
            return "projections are left to torch"
        if x.device.type != "cpu":
            return f"on {x.device.type} torch's own is used"
        halves = torch.is_autocast_enabled("cpu")
        if halves and torch.get_autocast_dtype("cpu") != torch.bfloat16:
            return f"under autocast to {torch.get_autocast_dtype('cpu')} torch's own is used"
        taken = (torch.float32, torch.bfloat16) if halves else (torch.float32,)
        if x.dtype not in taken or self.weight_hh_l0.dtype != torch.float32:
            return f"numbers are {x.dtype}, the fused kernel takes torch.float32"
        return fallback_reason()

    def _why_slower(self, x: Tensor) -> str:
        """Shapes at which torch's own was measured to be faster (benchmarks/recurrent.py --grid)."""
        if x.dim() != 3 or torch.is_autocast_enabled("cpu"):
            return ""
        steps, batch = x.shape[:2][::-1] if self.batch_first else x.shape[:2]
        inputs, states = (0 if each is None else each.numel() for each in self._flat_weights[:2])
        lstm = self.mode == "LSTM"
        few = steps == 1 or batch * steps <= (40 if lstm else 8)
        if few and inputs + states > _WORTH_LAYING_OUT[self.mode]:
            return "so few rows are not worth laying out the weights anew"
        if lstm and batch < 4 and states > 256_000:
            return "few rows and many weights are better shared out by units than by rows"
        if batch * steps >= 64 and self.hidden_size <= 4 and self.input_size >= 128:
            return "so few units leave most of a vector empty"
        return ""

    def _layers(
        self,
        x: Tensor,
        rows: SequenceRows,
        initial: tuple[Tensor | None, Tensor | None],
        kernel: str,
        table: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """All layers, by the fused kernel or step by step."""
        found = _kernels_now()

        def compute(
            x: Tensor, h0: Tensor | None, c0: Tensor | None, given: list[Tensor]
        ) -> Results:
            weights = [
                each
                for at in range(0, len(given), many)
                for each in [*given[at : at + many], *missing]
            ]

            def plain(
                x: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor | None
            ) -> Results:
                return reference(type(self), self.mode, rows, x, (h0, c0), weights)

            if kernel == "reference":
                return plain(x, h0, c0, *weights)
            assert found is not None
            cell, directions = CELLS[self.mode], len(weights) // 4
            if x.dtype == torch.int64:
                assert table is not None
                for at in range(0, len(weights), 4):
                    w_ih, b_ih = cast(Tensor, weights[at]), weights[at + 2]
                    weights[at], weights[at + 2] = (
                        functional.linear(table, w_ih, b_ih).float(),
                        None,
                    )
                spec = LayerSpec(
                    cell, 0, self.hidden_size, directions, rows, found, by_ones, len(table)
                )
            else:
                spec = LayerSpec(
                    cell, x.shape[-1], self.hidden_size, directions, rows, found, plain
                )
            return run_layer(spec, x, h0, c0, weights)

        def by_ones(
            ids: Tensor, h0: Tensor | None, c0: Tensor | None, *weights: Tensor | None
        ) -> Results:
            """Ids as columns of ones and zeros, which a transposed table turns into its rows."""
            turned = [
                cast(Tensor, each).T if at % 4 == 0 else each for at, each in enumerate(weights)
            ]
            ones = functional.one_hot(ids, turned[0].shape[1]).to(turned[0].dtype)  # type: ignore[union-attr]
            return reference(type(self), self.mode, rows, ones, (h0, c0), tuple(turned))

        many = 4 if self.bias else 2
        missing: list[Tensor | None] = [None] * (4 - many)
        if kernel == "reference" or not torch.is_autocast_enabled("cpu"):
            return self._one_on_the_other(x, initial, compute)
        given = torch.bfloat16 if self.mode != "GRU" else x.dtype if table is None else table.dtype
        h0, c0 = (None if state is None else state.float() for state in initial)
        y, states = self._one_on_the_other(x.float() if table is None else x, (h0, c0), compute)
        return y.to(given), tuple(state.to(given) for state in states)

    def _one_on_the_other(
        self,
        x: Tensor,
        initial: tuple[Tensor | None, Tensor | None],
        compute: Callable[[Tensor, Tensor | None, Tensor | None, list[Tensor]], Results],
    ) -> tuple[Tensor, State]:
        """The last layer's y and the last states of all layers; `compute` does one layer."""
        directions, many = (
            (2 if self.bidirectional else 1),
            len(self._flat_weights) // self.num_layers,
        )
        finals: list[State] = []
        for layer in range(self.num_layers):
            here = slice(layer * directions, (layer + 1) * directions)
            h0, c0 = (None if state is None else state[here] for state in initial)
            if layer and self.dropout and self.training:
                x = functional.dropout(x, self.dropout)
            weights = cast(list[Tensor], self._flat_weights[layer * many : (layer + 1) * many])
            x, *final = compute(x, h0, c0, weights)
            finals.append(tuple(final[: self.states]))
        return x, finals[0] if len(finals) == 1 else tuple(
            torch.cat(each) for each in zip(*finals, strict=True)
        )

    def _captured(
        self, input: Tensor | PackedSequence, hx: Any, lengths: Lengths | None
    ) -> tuple[Any, Any]:
        """While torch.compile captures a graph: an opaque node a layer, or torch's own where the kernels do not fit.

        Dynamo takes no layer that is a torch.nn.RNN, GRU or LSTM unless `torch._dynamo.config.allow_rnn` is set: it cuts the graph
        there, and the layer runs as it always does.
        """
        if (
            isinstance(input, PackedSequence)
            or input.dim() != 3
            or lengths is not None
            or self.kernel in ("torch", "reference")
            or not BUILT
            or torch.is_autocast_enabled("cpu")
            or self._why_not_for(input)
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
        y, states = self._one_on_the_other(input, initial, compute)
        return y, self._given(states, None)

    def _initial(
        self, hx: Any, batch: int, order: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        states = (hx,) if isinstance(hx, Tensor) else tuple(hx or ())
        expected = (self.num_layers * (2 if self.bidirectional else 1), batch, self.hidden_size)
        if states and (
            len(states) != self.states or any(state.shape != expected for state in states)
        ):
            raise ShapeError(
                f"{type(self).__name__} takes {'two initial states' if self.states == 2 else 'an initial state'} of shape {expected}",
                given=" and ".join(str(tuple(state.shape)) for state in states),
            )
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        h0, c0 = (*states, None, None)[:2]
        return h0, c0

    def _given(self, states: State, back: Tensor | None) -> Any:
        if back is not None:
            states = tuple(state.index_select(1, back) for state in states)
        return states if self.states == 2 else states[0]

    def _by_torch(
        self, input: Tensor | PackedSequence, hx: Any, lengths: Lengths | None
    ) -> tuple[Any, Any]:
        if lengths is None or isinstance(input, PackedSequence):
            return cast(tuple[Any, Any], super().forward(input, hx))
        steps = input.shape[1 if self.batch_first else 0]
        batch = input.shape[0 if self.batch_first else 1]
        packed = pack_padded_sequence(
            input, _one_each(lengths, batch), batch_first=self.batch_first, enforce_sorted=False
        )
        y, states = super().forward(packed, hx)
        return pad_packed_sequence(y, batch_first=self.batch_first, total_length=steps)[0], states

    def _check(self, x: Tensor) -> None:
        axes = "(batch, time, feature)" if self.batch_first else "(time, batch, feature)"
        if x.dim() not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__} takes {axes} or (time, feature) with {self.input_size} features",
                given=f"shape {tuple(x.shape)}",
            )


def _kernels_now() -> Kernels | None:
    """Under autocast those whose products take bfloat16."""
    return kernels(bfloat16=torch.is_autocast_enabled("cpu"))


def _why_none() -> str:
    if kernels() is not None:
        return "under autocast torch's own is used: this processor does not multiply bfloat16"
    return "it was not built, as there was no C++ compiler at install"


@cache
def _uncaptured(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its calls not followed by Dynamo: that would be in vain, and costs microseconds even where there is nothing to see."""
    return cast(Callable[..., Any], torch.compiler.disable(function))


def check_kernel(kernel: Kernel) -> Kernel:
    """The kernel, if there is one of that name.

    Raises:   TaskError when there is not.
    """
    if kernel not in get_args(Kernel):
        raise TaskError(f"kernel must be one of {', '.join(get_args(Kernel))}", given=repr(kernel))
    return kernel


def reference(
    cell: type[Recurrent],
    mode: str,
    rows: SequenceRows,
    x: Tensor,
    initial: tuple[Tensor | None, Tensor | None],
    weights: tuple[Tensor | None, ...],
) -> Results:
    """One layer step by step, in plain torch: what the kernels must equal.

    In step t the first sequences, those that are still going on, take their next row; the states of the others wait.
    """
    flat = x.reshape(-1, x.shape[-1])
    places = [rows.tensor_rows(t) for t in range(rows.steps)]
    ys, finals = [], []
    for direction in range(len(weights) // 4):
        w_ih, w_hh, b_ih, b_hh = weights[4 * direction : 4 * direction + 4]
        assert w_hh is not None
        none = x.new_zeros(rows.batch, w_hh.shape[1])
        states = tuple(
            none if state is None else state[direction] for state in initial[: cell.states]
        )
        outputs: dict[int, Tensor] = {}
        for t in reversed(range(rows.steps)) if direction else range(rows.steps):
            here = len(places[t])
            steps = flat[places[t]]
            words = {"relu": True} if mode == "RNN_RELU" else {}
            new = cell.step(
                steps, tuple(state[:here] for state in states), w_ih, w_hh, b_ih, b_hh, **words
            )
            states = tuple(
                torch.cat([now, state[here:]]) for now, state in zip(new, states, strict=True)
            )
            outputs[t] = new[0]
        ys.append(torch.cat([outputs[t] for t in range(rows.steps)]))
        finals.append(states)
    y = torch.cat(ys, dim=1)
    y = (
        x.new_zeros(len(flat), y.shape[1])
        .index_copy(0, torch.cat(places), y)
        .view(*x.shape[:-1], y.shape[1])
    )
    final = [torch.stack([states[at] for states in finals]) for at in range(cell.states)]
    return (y, final[0], final[1] if cell.states == 2 else x.new_empty(0))


def each_state(hx: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The states of a layer in the form in which torch gives them, each changed: a tensor, two of an LSTM, or None."""
    if hx is None or isinstance(hx, Tensor):
        return None if hx is None else change(hx)
    return tuple(change(state) for state in hx)


def _one_each(lengths: Lengths, batch: int) -> Tensor:
    each = torch.as_tensor(lengths, dtype=torch.int64, device="cpu")
    if each.shape != (batch,):
        raise ShapeError(
            f"lengths must be one number for each of {batch} sequences",
            given=f"shape {tuple(each.shape)}",
        )
    return each

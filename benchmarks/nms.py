"""How fast is non-maximum suppression? kissipo beside the lecture's loop and torch.

Question   How long does NMS take for the 10,647 candidates of YOLOv3 at 416x416 (13, 26
           and 52 cells, three anchor boxes each)?
Peers      (a) the loop of the lecture over lists; (b) the same with rows of torch
           tensors; (c) `suppress` of all candidates; (d) `suppress` of the 1,000 with
           the highest scores, which is what `kissipo` does.
Method     Random boxes around the centers of the cells, random scores, 3 classes, IoU
           0.5. All peers must keep the same boxes; (d) those of (a) on its 1,000. CPU
           seconds of one thread; the best of some repeats.
Run        python benchmarks/nms.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from kissipo.codec._boxes import pairwise_iou
from kissipo.output.decode.nms import suppress

GRIDS, ANCHORS, CLASSES, IOU, TOP_K = (13, 26, 52), 3, 3, 0.5, 1000


def candidates() -> tuple[Any, Any, Any]:
    generator, parts = np.random.default_rng(0), []
    for cells in GRIDS:
        rows, columns = np.mgrid[:cells, :cells]
        centers = (np.stack([columns, rows], axis=-1).reshape(-1, 1, 2) + 0.5) / cells
        centers = np.repeat(centers, ANCHORS, axis=1).reshape(-1, 2)
        centers = centers + generator.normal(0, 0.3 / cells, centers.shape)
        sides = generator.uniform(2, 6, centers.shape) / cells
        parts.append(np.concatenate([centers - sides / 2, centers + sides / 2], axis=1))
    boxes = np.concatenate(parts).astype(np.float32)
    scores = generator.random(len(boxes)).astype(np.float32)
    return boxes, scores, generator.integers(0, CLASSES, len(boxes))


def lecture(boxes: Any, scores: Any, labels: Any) -> list[int]:
    """B and S are lists; the chosen box leaves both."""
    b, s, names, left = boxes.tolist(), scores.tolist(), labels.tolist(), list(range(len(boxes)))
    positions = []
    while left:
        best = max(left, key=lambda number: s[number])
        positions.append(best)
        x1, y1, x2, y2 = b[best]
        remaining = []
        for number in left:
            if number == best:
                continue
            u1, v1, u2, v2 = b[number]
            across, down = min(x2, u2) - max(x1, u1), min(y2, v2) - max(y1, v1)
            shared = max(0.0, across) * max(0.0, down)
            whole = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared
            if names[number] != names[best] or shared / whole < IOU:
                remaining.append(number)
        left = remaining
    return positions


def torch_loop(boxes: Any, scores: Any, labels: Any) -> list[int]:
    rows, names = torch.from_numpy(boxes), torch.from_numpy(labels)
    left, positions = torch.from_numpy(scores).argsort(descending=True, stable=True), []
    while len(left):
        best, rest = left[0], left[1:]
        positions.append(int(best))
        iou = pairwise_iou(rows[best][None], rows[rest])[0]
        left = rest[(iou < IOU) | (names[rest] != names[best])]
    return positions


def ours(boxes: Any, scores: Any, labels: Any) -> list[int]:
    return suppress(boxes, scores, labels, iou_threshold=IOU).survivors


def seconds(function: Callable[..., Any], parts: Any, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function(*parts)
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    parts = candidates()
    first = np.argsort(-parts[1], kind="stable")[:TOP_K]
    cut = tuple(part[first] for part in parts)
    positions = lecture(*parts)
    assert positions == torch_loop(*parts) == ours(*parts)
    assert lecture(*cut) == ours(*cut)
    print(f"{len(parts[0]):,} candidates, {len(positions):,} kept; of the first {TOP_K:,}, "
          f"{len(ours(*cut)):,}")  # fmt: skip
    slow = seconds(lecture, parts, 1)
    rows = {
        "lecture's loop": slow,
        "torch, row by row": seconds(torch_loop, parts, repeats),
        "kissipo, all": seconds(ours, parts, repeats),
        f"lecture's loop, first {TOP_K:,}": seconds(lecture, cut, repeats),
        f"kissipo, first {TOP_K:,}": seconds(ours, cut, repeats),
    }
    for name, value in rows.items():
        print(f"{name:28} {1000 * value:10.1f} ms {slow / value:9.1f} times")


if __name__ == "__main__":
    main()

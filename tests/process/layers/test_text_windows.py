"""Windows of long texts: their pieces, and where the outputs of a piece come from."""

from __future__ import annotations

import torch

from kissipo.process.layers.text_windows import cut

CLS, SEP = 2, 3


def text_of(question: int, body: int, *, length: int) -> list[int]:
    """A question of pieces from 100 on, and a text of pieces from 200 on."""
    row = [CLS, *range(100, 100 + question), SEP, *range(200, 200 + body), SEP]
    return row + [0] * (length - len(row))


def test_windows_of_a_long_text_overlap_by_hand() -> None:
    ids = torch.tensor([text_of(2, 7, length=14)])
    windows = cut(ids, size=9, stride=2, end=SEP)
    assert windows.ids.tolist() == [
        [CLS, 100, 101, SEP, 200, 201, 202, 203, SEP],
        [CLS, 100, 101, SEP, 202, 203, 204, 205, SEP],
        [CLS, 100, 101, SEP, 204, 205, 206, SEP, 0],
    ]
    outputs = torch.arange(27.0).view(3, 9, 1)
    # 202 has a piece on both sides in the first window, 203 in the second one
    whole = windows.whole(outputs)[0, :, 0].tolist()
    assert whole == [0, 1, 2, 3, 4, 5, 6, 14, 15, 23, 24, 25, 0, 0]


def test_each_piece_has_the_outputs_of_the_window_with_the_largest_context() -> None:
    ids = torch.tensor([text_of(3, 50, length=70), text_of(1, 9, length=70)])
    windows = cut(ids, size=20, stride=5, end=SEP)
    assert windows.counts == (9, 1)
    names = windows.ids.float().unsqueeze(2)  # the output of a piece is its id
    whole = windows.whole(names)[..., 0].long()
    torch.testing.assert_close(whole, ids)
    place = torch.arange(windows.ids.numel()).view(*windows.ids.shape, 1).float()
    places = windows.whole(place)[0, :, 0].long()
    for step in range(5, 55):  # brute force over all windows
        contexts = {}
        for number, row in enumerate(windows.ids[:9].tolist()):
            body = [position for position, piece in enumerate(row) if piece >= 200]
            here = [position for position in body if row[position] == ids[0, step]]
            if here:
                contexts[number * 20 + here[0]] = min(here[0] - body[0], body[-1] - here[0])
        assert contexts[int(places[step])] == max(contexts.values())


def test_no_answer_has_the_lowest_outputs_of_all_windows() -> None:
    windows = cut(torch.tensor([text_of(1, 7, length=12)]), size=7, stride=2, end=SEP)
    outputs = torch.zeros(len(windows.ids), 7, 2)
    outputs[:, 0] = torch.tensor([[3.0, 1.0], [-1.0, 2.0], [0.5, 4.0]])
    assert windows.whole(outputs)[0, 0].tolist() == [-1.0, 2.0]


def test_short_text_is_read_as_it_is() -> None:
    ids = torch.tensor([text_of(1, 3, length=9), [0] * 9])
    windows = cut(ids, size=8, stride=4, end=SEP)
    assert windows.ids.tolist() == [ids[0, :8].tolist(), [0] * 8]
    outputs = torch.arange(16.0).view(2, 8, 1)
    assert windows.whole(outputs)[0, :, 0].tolist() == [*range(7), 0, 0]


def test_question_of_a_whole_window_is_truncated() -> None:
    windows = cut(torch.tensor([text_of(12, 10, length=25)]), size=10, stride=4, end=SEP)
    assert windows.ids[0].tolist() == [CLS, 100, 101, 102, SEP, 200, 201, 202, 203, SEP]
    assert windows.ids[-1, 5:].tolist() == [208, 209, SEP, 0, 0]

"""Texts in scripts without blanks between words are read by character."""

from __future__ import annotations

import numpy as np
import pytest

from kissipo.core.frame import Frame, strings
from kissipo.input.infer_types import guess_kinds

CLAUSES = {
    "Chinese": ["质量很好", "快递太慢了", "iPhone 手机壳", "颜色偏深", "客服OK", "下次还会买"],
    "traditional Chinese": ["品質很好", "快遞太慢了", "顏色偏深", "總的來說", "下次還會買"],
    "Japanese": ["とても良い", "配送が遅い", "カメラは最高", "また買います", "使いにくい"],
    "Thai": ["คุณภาพดีมาก", "ส่งช้ามาก", "สีสวย", "จะซื้ออีก"],
    "Khmer": ["គុណភាពល្អ", "ដឹកជញ្ជូនយឺត", "ពណ៌ស្អាត", "នឹងទិញម្តងទៀត"],
}


@pytest.mark.parametrize("script", CLAUSES)
@pytest.mark.parametrize("blank", ["", " ", "  ", "\u3000"])
def test_text_is_read_by_character_whatever_blanks_it_has(script: str, blank: str) -> None:
    rng = np.random.default_rng(0)
    texts = [blank.join(rng.choice(CLAUSES[script], 6)) + str(row) for row in range(60)]
    guess = guess_kinds(Frame((strings("review", texts),)), ["review"])[0]
    assert (guess.kind, guess.without_blanks) == ("characters", True)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        ([f"the camera is good number {row}" for row in range(60)], "text"),
        ([f"배송이 빠르고 품질이 좋아요 {row}" for row in range(60)], "text"),
        ([f"I love 寿司 and ramen in Tokyo {row}" for row in range(60)], "text"),
        (["北京", "上海", "广州"] * 20, "category"),
    ],
)
def test_texts_with_blanks_between_words_are_words(texts: list[str], kind: str) -> None:
    assert guess_kinds(Frame((strings("review", texts),)), ["review"])[0].kind == kind

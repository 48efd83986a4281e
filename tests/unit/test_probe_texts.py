"""What probes found is worded for whoever reads it."""

from __future__ import annotations

from django.utils.translation import override

from instances.probe_calls import Result
from instances.probe_texts import TEXTS, probe_text
from nodes.engine import EngineError

PARAMS = {"status": "7", "said": "", "seconds": 1, "reason": "EOF", "state": "SERVING"}


def test_every_code_has_words_in_both_languages() -> None:
    for code in TEXTS:
        with override("en"):
            english = probe_text(code, PARAMS)
        with override("zh-hans"):
            chinese = probe_text(code, PARAMS)
        assert english and "%(" not in english + chinese
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), (code, chinese)


def test_words() -> None:
    with override("zh-hans"):
        assert probe_text("exited", {"status": 1, "said": "no way"}) == "退出码 1 no way"
        assert probe_text("http_status", {"status": "503"}) == "HTTP 状态码 503"
    lost = Result.of_silent_node(EngineError("engine_timeout", "tcp://10.0.0.1 is silent"))
    with override("en"):
        told = probe_text(lost.code, lost.params)
    assert told.startswith("The node could not be reached: ") and "10.0.0.1" not in told

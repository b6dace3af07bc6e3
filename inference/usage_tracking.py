"""Usage tracking by libraries: off, unless the user has asked for it."""

import os
import sys
from pathlib import Path

VARIABLES = {
    "BENTOML_DO_NOT_TRACK": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What switches it off in BentoML and in the libraries of Hugging Face."""

# What BentoML 1.4.39 asks, once: its command has asked before it imports the service.
ASKED_BY_BENTOML = "bentoml._internal.utils.analytics.usage_stats"
# OpenVINO and NNCF go without it if it cannot be imported. No variable switches it off.
SENDER_OF_OPENVINO = "openvino_telemetry"
CONSENT_TO_OPENVINO = Path("intel", "openvino_telemetry")  # `opt_in_out --opt_in` writes it


def switch_off() -> None:
    """Switch it off in this process and its children; it has to be called before all imports.

    What the user has chosen wins: a variable that is set, and OpenVINO's own file of consent.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    if asked := sys.modules.get(ASKED_BY_BENTOML):
        asked.do_not_track.cache_clear()
    if not _consents_to_openvino():
        sys.modules[SENDER_OF_OPENVINO] = None  # type: ignore[assignment]  # cannot be imported


def _consents_to_openvino() -> bool:
    try:
        return (Path.home() / CONSENT_TO_OPENVINO).read_text(encoding="utf-8").strip() == "1"
    except (OSError, RuntimeError, UnicodeDecodeError):  # no such file, no home
        return False

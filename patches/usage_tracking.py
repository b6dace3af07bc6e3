"""Turn off usage tracking in BentoML, Hugging Face's libraries and OpenVINO by default."""

import os
import sys
from pathlib import Path

VARIABLES = {
    "BENTOML_DO_NOT_TRACK": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
# The `bentoml` command has read and cached BENTOML_DO_NOT_TRACK before it imports the service.
BENTOML_MODULE = "bentoml._internal.utils.analytics.usage_stats"
# OpenVINO and NNCF work without this module; no environment variable turns it off.
OPENVINO_MODULE = "openvino_telemetry"
OPENVINO_CONSENT = Path("intel", "openvino_telemetry")  # written by `opt_in_out --opt_in`


def disable_usage_tracking() -> None:
    """Disable tracking in this process and its children; call it before importing the libraries.

    The user's choice wins: a variable that is set, and OpenVINO's consent file.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    if module := sys.modules.get(BENTOML_MODULE):
        module.do_not_track.cache_clear()
    if not _has_openvino_consent():
        sys.modules[OPENVINO_MODULE] = None  # type: ignore[assignment]  # import fails from now on


def is_user_choice_respected() -> bool:
    """Return whether BentoML and OpenVINO do what the user has chosen, or else send nothing."""
    chosen = os.environ.get("BENTOML_DO_NOT_TRACK", "unset")
    module = sys.modules.get(BENTOML_MODULE)
    is_bentoml_right = module is None or module.do_not_track() == (chosen.lower() == "true")
    is_openvino_right = _has_openvino_consent() or sys.modules.get(OPENVINO_MODULE, ...) is None
    return chosen != "unset" and is_bentoml_right and is_openvino_right


def _has_openvino_consent() -> bool:
    try:
        return (Path.home() / OPENVINO_CONSENT).read_text(encoding="utf-8").strip() == "1"
    except (OSError, RuntimeError, UnicodeDecodeError):  # no such file, no home
        return False

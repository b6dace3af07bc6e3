"""Write dashboards, alert rules and contact points: `python -m grafana`."""

from collections.abc import Mapping
from pathlib import Path

from grafana import alerts, dashboards, notifications

FOLDER = Path(__file__).parent


def files() -> Mapping[Path, str]:
    """Return the content of generated files by their paths below `grafana/`."""
    return {
        Path("dashboards/service.json"): dashboards.to_json(dashboards.service()),
        Path("dashboards/quality.json"): dashboards.to_json(dashboards.quality()),
        Path("dashboards/operations.json"): dashboards.to_json(dashboards.operations()),
        Path("provisioning/alerting/rules.json"): alerts.to_json(),
        **{Path("notifications", name): text for name, text in notifications.files().items()},
    }


if __name__ == "__main__":
    for path, content in files().items():
        (FOLDER / path).write_text(content, encoding="utf-8")
        print(f"Wrote {path}")

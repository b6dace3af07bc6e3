"""The dashboards and alert rules, as code: `python -m grafana` writes what Grafana reads."""

"""The process that serves: supervision, port, open files. Nothing here knows HTTP or BentoML."""

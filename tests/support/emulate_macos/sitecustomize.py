"""Every Python process with this folder on its path behaves as on macOS, as far as possible."""

from tests.support.linux_only import remove_linux_features

remove_linux_features()

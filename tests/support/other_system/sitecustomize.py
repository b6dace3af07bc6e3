"""Every Python process that has this folder on its path works as on macOS, as far as it can."""

from tests.support.linux_only import take_away

take_away()

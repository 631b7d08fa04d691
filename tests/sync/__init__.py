"""What is proven of the sync, against the sandbox over a real socket."""

import pytest

pytest.register_assert_rewrite("tests.sync.checks")

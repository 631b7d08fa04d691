"""For developers: write the next migration from what the tables say and the newest migration does not.

python -m desktop.models.migrations.draft 0002_more_books "More books"

Draft `0001_first_books` again with the same command as long as it was never released. Read what comes out:
a renamed column looks like a dropped and an added one. Then add its name to `migrate.REVISIONS`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, LargeBinary
from sqlalchemy.types import TypeDecorator

from desktop.clock import SystemClock
from desktop.models.base import Id
from desktop.models.migrate import REVISIONS, SCRIPTS, migrate
from desktop.models.session import make_engine
from desktop.models.tables import Base

HEAD = '''"""{title}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


'''
FOOT = """

def downgrade() -> None:
    raise NotImplementedError("books only go forward; go back with the backup taken before the upgrade")
"""


def render_item(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Plain column types, so that a migration means the same for ever, whatever our own types become."""
    if kind != "type":
        return False
    if item is Id or getattr(item, "_variant_mapping", None):
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    if isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    if isinstance(item, (Boolean, LargeBinary)):
        return f"sa.{type(item).__name__}()"
    return False


def draft(revision: str, title: str) -> Path:
    """Write the migration file `revision` and return its path."""
    first = revision == REVISIONS[0]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'draft.db').as_posix()}"
        if not first:
            migrate(url, SystemClock(), backup_dir=Path(folder))
        engine = make_engine(url)
        with engine.connect() as connection:
            options = {"render_as_batch": not first, "render_item": render_item, "compare_type": True}
            context = MigrationContext.configure(connection, opts={**options, "target_metadata": Base.metadata})
            script = produce_migrations(context, Base.metadata)
            assert script.upgrade_ops is not None
            body = render_python_code(
                script.upgrade_ops, render_as_batch=not first, render_item=render_item, migration_context=context
            )
        engine.dispose()
    down = None if first else REVISIONS[-1]
    path = SCRIPTS / "versions" / f"m{revision}.py"
    text = HEAD.format(title=title, revision=revision, down=down)
    lines = [line for line in body.splitlines() if not line.strip().startswith("#")]
    path.write_text(text + "def upgrade() -> None:\n    " + "\n".join(lines).strip() + "\n" + FOOT, "utf-8")
    return path


if __name__ == "__main__":
    print(draft(sys.argv[1], sys.argv[2]).name)

"""Who works at the desks, and who of them is told of failures (C10, E10)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.errors import NotAllowed
from desktop.models.desk import User
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user, as shown in Settings > Team."""

    id: int
    account: str
    """The operating system's account name."""
    admin: bool


def me(session: Session, desk: Desk) -> UserRow:
    """The user of this desk; kept at the first call, the very first one as admin. Needs a write unit then."""
    user = session.scalars(select(User).where(User.account == desk.account)).one_or_none()
    if user is None:
        first = session.execute(select(func.count()).select_from(User)).scalar_one() == 0
        user = User(account=desk.account, admin=first, created_at=desk.clock.now())
        session.add(user)
        session.flush()
    return UserRow(user.id, user.account, user.admin)


def users(session: Session) -> list[UserRow]:
    """All users, in the order in which they came."""
    return [UserRow(user.id, user.account, user.admin) for user in session.scalars(select(User).order_by(User.id))]


def set_admin(session: Session, desk: Desk, user_id: int, admin: bool) -> None:
    """Give or take the role of admin. Raises NotAllowed for users who have it not, and for the last admin."""
    if not me(session, desk).admin:
        raise NotAllowed(tr("Only an admin can change who is admin."))
    user = session.get(User, user_id)
    if user is None:
        raise NotAllowed(tr("This user is no longer there."))
    if user.admin and not admin:
        admins = session.execute(select(func.count()).select_from(User).where(User.admin)).scalar_one()
        if admins == 1:
            raise NotAllowed(tr("Somebody must be admin: choose another one first."))
    user.admin = admin
    session.flush()

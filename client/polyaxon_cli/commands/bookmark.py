"""`polyaxon bookmark`: lists of what was bookmarked."""

from __future__ import annotations

import click

from polyaxon_cli.columns import BOOKMARKED
from polyaxon_cli.options import Group, page_option, page_params
from polyaxon_cli.session import Session, pass_session

__all__ = ["bookmark"]


@click.group(cls=Group)
@click.option("-u", "--username", help="Whose bookmarks; default: yours.")
@click.pass_context
def bookmark(ctx: click.Context, username: str | None) -> None:
    """List what was bookmarked."""
    ctx.meta["bookmarks.user"] = username


def _add_list(kind: str) -> None:
    @bookmark.command(kind, help=f"List bookmarked {kind}.")
    @page_option
    @pass_session
    @click.pass_context
    def list_(ctx: click.Context, session: Session, page: int) -> None:
        user = ctx.meta["bookmarks.user"] or session.user()
        answer = session.http.get(session.http.path("bookmarks", user, kind), page_params(page))
        rows = [row.get("content_object") or {} for row in answer.get("results") or []]
        shown = answer if session.as_json else {**answer, "results": rows}
        session.out.page(shown, BOOKMARKED[kind], title=f"Bookmarked {kind}", current=page)


for _kind in BOOKMARKED:
    _add_list(_kind)

"""Command and group classes, and the options that many commands share.

The project and the run may be named before or after the sub-command: `polyaxon group -g 3 get` and
`polyaxon group get -g 3` are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, TypeVar

import click

from polyaxon_cli.session import PAGE_SIZE, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

__all__ = [
    "Command",
    "Group",
    "confirm",
    "files_option",
    "lenient_option",
    "page_option",
    "page_params",
    "params_option",
    "project_option",
    "query_options",
    "run_option",
    "split_tags",
    "yes_option",
]

F = TypeVar("F", bound=Callable[..., Any])


def _session(ctx: click.Context) -> Session:
    return ctx.ensure_object(Session)


def _want_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _session(ctx).out.as_json = True


def _want_columns(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one column, such as id,last_status.", ctx=ctx)
    _session(ctx).out.columns = names


def _columns_option() -> click.Option:
    return click.Option(
        ["-o", "--output"],
        metavar="COLUMNS",
        expose_value=False,
        callback=_want_columns,
        help="Show these columns, such as id,last_status,params.lr.",
    )


def _json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_want_json,
        help="Print the server's answer as JSON.",
    )


class Command(click.Command):
    """A command that also takes `--json` and `-o` behind its name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [_json_option(), _columns_option()]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with `--json` there is JSON at its end, whatever it does."""
        result = super().invoke(ctx)
        _session(ctx).out.finish()
        return result


class Group(click.Group):
    """A group of such commands, which takes both options, too; `aliases` maps further names to commands."""

    command_class = Command

    def __init__(self, *args: Any, aliases: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [_json_option(), _columns_option()]
        self.aliases = aliases or {}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name or alias."""
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


def _keep_project(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).project_name = value


def _complete_projects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from polyaxon_cli.completion import complete_projects

    return complete_projects(ctx, param, incomplete)


def _complete_runs(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from polyaxon_cli.completion import complete_runs

        return complete_runs(kind)(ctx, param, incomplete)

    return complete


def project_option(*names: str) -> Callable[[F], F]:
    """`-p/--project` (or only the given names where `-p` means something else)."""
    return click.option(
        *(names or ("-p", "--project")),
        metavar="PROJECT",
        expose_value=False,
        callback=_keep_project,
        shell_complete=_complete_projects,
        help="Project as NAME, USER/NAME or USER.NAME; default: the one initialised in this folder.",
    )


def run_option(kind: str, *names: str) -> Callable[[F], F]:
    """The option that names a run of `kind` by its id."""

    def keep(ctx: click.Context, _: click.Parameter, value: int | None) -> None:
        if value is not None:
            _session(ctx).run_ids[kind] = value

    return click.option(
        *names,
        type=click.IntRange(min=1),
        metavar="ID",
        expose_value=False,
        callback=keep,
        shell_complete=_complete_runs(kind),
        help=f"Id of the {kind}; default: the last one seen in this folder.",
    )


page_option = click.option("--page", type=click.IntRange(min=1), default=1, help="Page of the list, from 1.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
files_option = click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    help="Polyaxonfile; later ones are merged over earlier ones.",
)
params_option = click.option(
    "-P", "--params", "params", multiple=True, metavar="NAME=VALUE", help="Set a parameter; may be repeated."
)

lenient_option = click.option(
    "--lenient", is_flag=True, help="Let names without a value be empty text in templates, as 0.6 did."
)


def query_options(function: F) -> F:
    """`-q/--query`, `-s/--sort` and `--page` of lists."""
    decorated = page_option(function)
    decorated = click.option("-s", "--sort", help="Fields to sort by, `-` first for descending.")(decorated)
    return click.option("-q", "--query", help="Filter, such as `status:running,metrics.loss:<0.1`.")(decorated)


def page_params(page: int) -> dict[str, int]:
    """Query of a page: nothing for the first, the offset for the others."""
    return {} if page == 1 else {"offset": PAGE_SIZE * (page - 1)}


def split_tags(text: str | None) -> list[str] | None:
    """Comma separated tags, trimmed, without empty ones; None when the option was not given."""
    return None if text is None else [tag.strip() for tag in text.split(",") if tag.strip()]


def confirm(question: str, *, yes: bool, refused: int = 0) -> None:
    """Ask, unless `yes`; an answer of no ends the command with the exit code `refused`."""
    if not yes and not click.confirm(question):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(refused)


def patch_of(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The given values of an update; options that were not given are left out."""
    return {name: value for name, value in pairs if value is not None}

"""RECONCILER_* in the environment -> what a user should know of them."""

from collections.abc import Iterator, Mapping

import click

from reconciler.cli.options import ENVIRONMENT_PREFIX
from reconciler.commands.terminal import Terminal
from reconciler.suggest import did_you_mean


def warn_of_misspelt(app: click.Group, environment: Mapping[str, str], terminal: Terminal) -> None:
    """Names each variable that is no flag's and looks like one; others are somebody else's."""
    given = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)}
    if not given:
        return
    known = set(_variables(app))
    asked = app.commands.get(click.get_current_context().invoked_subcommand or "")
    for name in given & _without(asked) - known:
        flag = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", "-")
        terminal.note(f"warning: {name} does nothing: --{flag} is for the command line alone")
        known.add(name)
    for name in sorted(given - known):
        # The prefix is alike in all of them.
        flags = [one.removeprefix(ENVIRONMENT_PREFIX) for one in known]
        close = did_you_mean(name.removeprefix(ENVIRONMENT_PREFIX), flags)
        if close:
            close = close.replace("`", f"`{ENVIRONMENT_PREFIX}", 1)
            terminal.note(f"warning: {name} is no flag's variable{close}")


def _without(command: click.Command | None) -> set[str]:
    """The names that variables of a command's flags without one would have: they mean the flag."""
    params = [] if command is None else command.params
    flags = [name for one in params if not one.envvar for name in one.opts]
    return {f"{ENVIRONMENT_PREFIX}{flag.strip('-').replace('-', '_').upper()}" for flag in flags}


def behind(error: click.ClickException) -> str | None:
    """The variable that a bad value comes from which nobody typed."""
    if isinstance(error, click.BadParameter) and error.param is not None and error.ctx is not None:
        source = error.ctx.get_parameter_source(error.param.name or "")
        if source is click.core.ParameterSource.ENVIRONMENT:
            return str(error.param.envvar)
    return None


def _variables(command: click.Command) -> Iterator[str]:
    yield from (str(parameter.envvar) for parameter in command.params if parameter.envvar)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _variables(each)

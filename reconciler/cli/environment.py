"""RECONCILER_* variables -> warnings about misspelt ones, and the source of a bad value."""

from collections.abc import Iterator, Mapping

import click

from reconciler.cli.options import ENVIRONMENT_PREFIX
from reconciler.commands.terminal import Terminal
from reconciler.wording import did_you_mean


def warn_of_misspelt(app: click.Group, environment: Mapping[str, str], terminal: Terminal) -> None:
    """Warns about each RECONCILER_* variable that resembles a flag's and has no effect.

    A variable that resembles no flag may belong to another program and gets no warning.
    """
    given = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)}
    if not given:
        return
    known = set(_variables(app))
    asked = app.commands.get(click.get_current_context().invoked_subcommand or "")
    for name in given & _without(asked) - known:
        flag = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", "-")
        terminal.note(
            f"warning: {name} has no effect: --{flag} can only be set on the command line"
        )
        # Otherwise the loop below could warn of the same name again.
        known.add(name)
    for name in sorted(given - known):
        # All of them share the prefix; with it, every name would be similar.
        flags = [one.removeprefix(ENVIRONMENT_PREFIX) for one in known]
        close = did_you_mean(name.removeprefix(ENVIRONMENT_PREFIX), flags)
        if close:
            close = close.replace("`", f"`{ENVIRONMENT_PREFIX}", 1)
            terminal.note(f"warning: {name} is not the variable of a flag{close}")


def _without(command: click.Command | None) -> set[str]:
    """The variable names that users might expect for a command's flags that have none."""
    params = [] if command is None else command.params
    flags = [name for one in params if not one.envvar for name in one.opts]
    return {f"{ENVIRONMENT_PREFIX}{flag.strip('-').replace('-', '_').upper()}" for flag in flags}


def behind(error: click.ClickException) -> str | None:
    """The environment variable that a bad value came from; None if it was typed."""
    if isinstance(error, click.BadParameter) and error.param is not None and error.ctx is not None:
        source = error.ctx.get_parameter_source(error.param.name or "")
        if source is click.core.ParameterSource.ENVIRONMENT:
            return str(error.param.envvar)
    return None


def _variables(command: click.Command) -> Iterator[str]:
    """The variables of a command's flags and of all commands below it."""
    yield from (str(parameter.envvar) for parameter in command.params if parameter.envvar)
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _variables(each)

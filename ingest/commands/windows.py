"""``ingest windows``: when each channel takes readings, as calendars."""

import datetime as dt

import click
from rich.columns import Columns
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ingest import clock
from ingest.calendar import (
    CalendarDay,
    Window,
    build_window,
    find_day,
    find_period,
    parse_period,
    render_calendar,
    render_period,
)
from ingest.commands.session import Session, as_json, make_console, pass_session, print_json

WEEKDAYS = {
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    "en": ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"),
}


@click.command()
@click.option("--month", help="YYYY-MM; without it the present month.")
@as_json
@pass_session
def windows(session: Session, month: str | None, as_json: bool) -> None:
    """Show on which days each channel takes readings."""
    now = clock.now()
    try:
        first = parse_period(month) if month else find_period(now, session.config.zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from None
    settings = session.config.settings
    for name, table in settings.windows.items():
        window = build_window(name, table, session.config.zone)
        channels = [one for one, channel in settings.channels.items() if channel.window == name]
        if as_json:
            print_rows(window, channels, first)
        else:
            print_window(session, window, channels, first, now)


def print_rows(window: Window, channels: list[str], first: dt.date) -> None:
    """Print one object per channel."""
    days = window.days_in(first.year, first.month)
    for channel in channels:
        print_json(
            {
                "channel": channel,
                "window": window.name,
                "month": render_period(first),
                "open_days": [day.isoformat() for day in days],
                "late": window.late,
            }
        )


def print_window(
    session: Session, window: Window, channels: list[str], first: dt.date, now: dt.datetime
) -> None:
    """Print a window's calendar beside the channels that keep it."""
    settings = session.config.settings
    names = Text("\n").join(
        Text(name, style="" if settings.channels[name].enabled else "dim") for name in channels
    )
    today = find_day(now, window.zone)
    grid = make_grid(window, first, today, settings.service.language)
    state = Text(describe_state(window, now))
    console = make_console()
    console.print(Columns([grid, Group(state, Text(), names)], padding=(0, 4)))
    console.print()


def make_grid(window: Window, first: dt.date, today: dt.date, language: str) -> Table:
    """Return a month as a grid: open days in brackets, so that it reads without colours too."""
    title = f"{window.name}  {render_period(first)}  ({window.zone.key})"
    grid = Table(title=title, box=None, title_justify="left", show_edge=False, padding=(0, 0))
    for weekday in WEEKDAYS[language]:
        grid.add_column(weekday, justify="center", min_width=4)
    for week in render_calendar(window, first.year, first.month, today):
        grid.add_row(*(make_cell(day) for day in week))
    return grid


def make_cell(day: CalendarDay | None) -> Text:
    """Return a day: ``[24]`` open, ``24`` shut; ``!`` differs from the rule; today is reversed."""
    if day is None:
        return Text()
    number = f"{day.day.day:>2}" if day.is_open else f"{day.day.day}"
    mark = "!" if day.is_exception else ""
    text = f"[{number}]{mark}" if day.is_open else f" {number:>2}{mark or ' '}"
    style = "bold green" if day.is_open else "dim"
    return Text(text, style=f"{style} reverse" if day.is_today else style)


def describe_state(window: Window, now: dt.datetime) -> str:
    """Say whether the window is open now, and until or from when it is not."""
    if closes_at := window.closes_at(now):
        return f"open now, until {closes_at:%d.%m.%Y %H:%M}"
    if window.is_open(now):
        return "always open"
    opens_at = window.next_opening(now)
    late = {"reject": "refused", "hold": "held", "next-period": "counted for the next period"}
    when = f"opens {opens_at:%d.%m.%Y %H:%M}" if opens_at else "does not open within two years"
    return f"shut now, {when}; readings are {late[window.late]}"

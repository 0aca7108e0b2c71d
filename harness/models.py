"""What to say of a model that does not exist: those that were meant, perhaps, and where all are.

Of a file of a user's own: what is wrong in it.
"""

from __future__ import annotations

from difflib import get_close_matches

from target.personality import models

MATCHES = 3


def unknown(name: str) -> str:
    """One sentence with the cure, for rig files and the command line."""
    *others, last = close_to(name) or [""]
    cure = f"use {', '.join(others)} or {last}" if others else f"use {last}"
    return f"there is no {name}: {f'{cure}; ' * bool(last)}`keyreel personality list` shows all"


def close_to(name: str) -> list[str]:
    """The models whose name is most like that one; a vendor may be left out or be wrong."""
    known = models()
    own = {model.partition("/")[2]: model for model in known}
    name = name.lower()
    short = name.partition("/")[2] or name
    if short in own:
        return [own[short]]
    within = [model for model in known if short and short in model]
    like = get_close_matches(name, known, MATCHES)
    like += [own[found] for found in get_close_matches(short, list(own), MATCHES)]
    return list(dict.fromkeys([*within, *like]))[:MATCHES]


def wrong_file(path: str) -> str:
    """What keeps a drive of that file from being made, in one sentence; "" if nothing does."""
    # Loaded here because few rigs need what comes with it.
    from target.medium.formats import FORMATS
    from target.personality import load
    from target.tape import commands
    from target.tape.drive import Drive

    try:
        model = load(path)
        for name in (model.media["native"], *model.media["read_write"], *model.media["read_only"]):
            assert FORMATS[name]
        Drive(model, "0000000000", commands.of(model))
    except KeyError as error:
        return f"{path}: there is no {error}: use a name as docs/adding-a-model.md has it"
    except (TypeError, ValueError) as error:
        return str(error) if str(error).startswith(path) else f"{path}: {error}"
    return ""

"""A stop is remembered, and comes before or after what happens whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scorehouse.stop import Stop


def test_a_stop_that_was_swallowed_comes_up_again() -> None:
    stop = Stop()
    stop.check()
    stop.is_asked = True
    with pytest.raises(KeyboardInterrupt):
        stop.check()


def test_what_happens_whole_ends_before_the_stop() -> None:
    stop = Stop()
    done: list[str] = []

    def whole() -> None:
        with stop.after():
            assert stop.waits
            stop.is_asked = True
            with stop.after():
                done.append("the inner one belongs to it")
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        whole()
    assert done == ["the inner one belongs to it", "all of it"]
    assert not stop.waits


def test_nothing_begins_after_a_stop() -> None:
    stop = Stop()
    stop.is_asked = True
    with pytest.raises(KeyboardInterrupt), stop.after():
        pytest.fail("it began")


def test_what_was_finished_is_told() -> None:
    stop = Stop()
    stop.tell_written("not watched.csv")
    assert stop.finished() == ""
    stop.is_watched = True
    stop.tell_written("a.csv")
    assert stop.finished() == "a.csv was written whole."
    stop.tell_kept("It is held.")
    stop.tell_written("b.csv")
    assert stop.finished() == "It is held. a.csv, b.csv were written whole."
    for name in "cd":
        stop.tell_written(name)
    assert stop.finished() == "It is held. 4 files were written whole."


def test_what_takes_long_is_interrupted_while_it_runs() -> None:
    stop = Stop()
    told: list[str] = []
    with stop.interrupting(lambda: told.append("query")):
        stop.interrupt()
    stop.interrupt()
    assert told == ["query"]


def test_what_a_stop_kept_from_being_cleared_up_is_cleared_up_at_the_end() -> None:
    stop = Stop()
    done: list[str] = []

    def clear() -> None:
        done.append("tried")
        if len(done) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), stop.owing(clear):
        pass
    stop.clear_up(None)
    stop.clear_up(None)
    assert done == ["tried", "tried"]


def test_what_a_stop_met_before_its_block_lets_go_before_others_clear_up() -> None:
    """A traceback holds it, and it may hold a database that they wait for."""
    stop = Stop()
    done: list[str] = []

    def holding() -> Iterator[None]:
        try:
            yield
        finally:
            done.append("let go")

    def begun() -> None:
        held = holding()
        next(held)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), stop.owing(lambda: done.append("cleared up")):
        begun()
    assert done == ["let go", "cleared up"]

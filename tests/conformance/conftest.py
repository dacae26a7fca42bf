import pytest
from desk import AFTER, at, opened, ticks


@pytest.fixture
def desk(tmp_path):
    """A client of a fresh venue, at 10:00 in a session."""
    with opened(tmp_path / "venue.log", at("10:00")) as desk:
        yield desk


@pytest.fixture
def morning(tmp_path):
    """A client of a fresh venue, an hour and a half before the session."""
    with opened(tmp_path / "venue.log", at("08:00")) as desk:
        yield desk


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """A client that only reads, at 14:00:00 in the session."""
    with opened(tmp_path_factory.mktemp("market") / "venue.log", at("14:00")) as desk:
        yield desk


@pytest.fixture(scope="session")
def hindsight(tmp_path_factory):
    """A client of the same market an evening later: it knows what the others have yet to see."""
    with opened(tmp_path_factory.mktemp("hindsight") / "venue.log", at("20:00", AFTER)) as desk:
        yield desk


@pytest.fixture(scope="session")
def path(hindsight):
    """All trades of AAPL in the session."""
    return ticks(hindsight)

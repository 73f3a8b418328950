"""Scripts that lead a real browser through the pages."""

from pathlib import Path

HERE = Path(__file__).parent
TOUR, WALK, APP = HERE / "tour.mjs", HERE / "walk.mjs", HERE / "app.mjs"
